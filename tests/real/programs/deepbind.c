/* SPDX-License-Identifier: MIT */
/*
 * With -DPLUGIN a library that makes blocks; else a program that opens it with RTLD_DEEPBIND, so
 * that its malloc is the C library's, and reallocates and frees what it made. Prints "well".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *make(size_t size);
void unmake(char *block);

#ifdef PLUGIN
char *make(size_t size)
{
    return memset(malloc(size), 7, size);
}

void unmake(char *block)
{
    free(block);
}
#else
int main(int argc, char **argv)
{
    void *library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_DEEPBIND);
    if (library == NULL)
        return 2;
    char *(*made)(size_t) = (char *(*)(size_t))dlsym(library, "make");
    void (*unmade)(char *) = (void (*)(char *))dlsym(library, "unmake");
    for (size_t i = 1; i < 100000; i++) {
        char *theirs = made(i % 5000 + 1);
        char *ours = malloc(i % 3000);
        if (malloc_usable_size(theirs) < i % 5000 + 1)
            return 3;
        if (i % 3 == 0) {
            unmade(theirs);
        } else {
            theirs = realloc(theirs, i % 7000 + 1);
            if (theirs == NULL || theirs[0] != 7)
                return 4;
            free(theirs);
        }
        free(ours);
    }
    puts("well");
    return 0;
}
#endif
