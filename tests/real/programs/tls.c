/* SPDX-License-Identifier: MIT */
/*
 * With -DBYTES a library with that much initial-exec thread-local storage; else a program that
 * opens libraries and prints how many the static space had room for.
 */
#include <dlfcn.h>
#include <stdio.h>

#ifdef BYTES
__thread char storage[BYTES] __attribute__((tls_model("initial-exec")));
char *mine(void);
char *mine(void)
{
    return storage;
}
#else
int main(int argc, char **argv)
{
    int opened = 0;
    for (int i = 1; i < argc; i++)
        opened += dlopen(argv[i], RTLD_NOW) != NULL;
    printf("%d\n", opened);
    return 0;
}
#endif
