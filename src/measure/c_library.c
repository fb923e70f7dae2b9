/* SPDX-License-Identifier: MIT */
/* What makes the C library serve a program that is linked with another allocator. Layer 4. */
#define _GNU_SOURCE
#include "measure/c_library.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char variable[] = "LD_PRELOAD=";

char *c_library_path(void)
{
    Dl_info info;
    /* In a cast of its own: a function's address is no object pointer to ISO C. */
    void *function = (void *)(uintptr_t)gnu_get_libc_version; // NOLINT(performance-no-int-to-ptr)
    if (!dladdr(function, &info) || !info.dli_fname)
        return NULL;
    return realpath(info.dli_fname, NULL);
}

const char **c_library_with_cxx(const char *const *environment)
{
    const char *there = getenv("LD_PRELOAD");
    char *entry = NULL;
    size_t count = 0;
    for (; environment && environment[count]; count++)
        if (strncmp(environment[count], variable, sizeof variable - 1) == 0)
            there = environment[count] + sizeof variable - 1;
    const char **made = calloc(count + 2, sizeof *made);
    if (!made)
        return NULL;
    if (asprintf(&entry, "%slibstdc++.so.6%s%s", variable, there ? ":" : "", there ? there : "") <
        0) {
        free(made);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        made[i] = environment[i];
    made[count] = entry;
    return made;
}

void c_library_free_environment(const char **environment)
{
    size_t count = 0;
    while (environment && environment[count])
        count++;
    if (count > 0)
        free((void *)environment[count - 1]); /* the one that was added */
    free(environment);
}
