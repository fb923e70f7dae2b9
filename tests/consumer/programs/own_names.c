/* Names that the library uses inside, as a program's own: they must not meet. */
#include <shale/shale.h>
#include <stdio.h>
int shale_bump_alloc = 1, backend_proof = 2, shale_os_map = 3, stats_count_alloc = 4;
const char *backend_version(void)
{
    return "mine";
}
int main(void)
{
    struct shale_system info = SHALE_SYSTEM_INIT;
    int error = shale_system_info(&info);
    puts(backend_version());
    return error || shale_bump_alloc + backend_proof + shale_os_map + stats_count_alloc != 10;
}
