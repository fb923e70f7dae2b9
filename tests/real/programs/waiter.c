/* SPDX-License-Identifier: MIT */
/* Allocates, opens the plugins it is given ("deep:FILE" with a scope of its own, "new:FILE" in a
 * namespace of its own), calls them, says "ready" and waits until its standard input ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef RTLD_DEEPBIND /* musl */
#define RTLD_DEEPBIND             0
#define LM_ID_NEWLM               0
#define dlmopen(space, name, how) dlopen(name, how)
#endif

static int open_plugin(const char *name)
{
    void *handle;
    if (strncmp(name, "deep:", 5) == 0)
        handle = dlopen(name + 5, RTLD_NOW | RTLD_DEEPBIND);
    else if (strncmp(name, "new:", 4) == 0)
        handle = dlmopen(LM_ID_NEWLM, name + 4, RTLD_NOW);
    else
        handle = dlopen(name, RTLD_NOW);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    void *symbol = dlsym(handle, "plugin_use");
    void (*use)(void);
    memcpy(&use, &symbol, sizeof symbol);
    use();
    return 0;
}

int main(int argc, char **argv)
{
    char byte;
    void *block = malloc(100);
    char *copy = strdup("text");
#ifdef TAKE_ADDRESS
    void *(*volatile allocate)(size_t) = malloc;
    free(allocate(100));
#endif
#ifdef USE_PVALLOC
    void *pages = pvalloc(100);
    printf("%p\n", pages);
#endif
    int failed = 0;
    for (int i = 1; i < argc && !failed; i++)
        failed = open_plugin(argv[i]);
    puts(failed ? "failed" : "ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    free(copy);
    free(block);
    return failed;
}
