/* Prints what serves the front door, and the object that serves malloc. With USE_INLINE the program
 * itself calls the backend, and so links it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <shale/shale.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
#ifdef USE_INLINE
    void *block = shale_alloc(10);
    if (!block)
        return 2;
    shale_free(block);
#endif
    struct shale_system info = SHALE_SYSTEM_INIT;
    Dl_info malloc_from;
    if (shale_system_info(&info) != 0 || !dladdr(dlsym(RTLD_DEFAULT, "malloc"), &malloc_from))
        return 1;
    printf("%s %s verified=%u serving=%s malloc=%s\n", info.backend, info.backend_version,
           info.verified, info.serving, malloc_from.dli_fname);
    return 0;
}
