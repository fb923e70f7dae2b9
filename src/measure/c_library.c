/* SPDX-License-Identifier: MIT */
/* Makes the C library serve where another allocator would: see c_library.h. Layer 4. */
#define _GNU_SOURCE
#include "measure/c_library.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char variable[] = "LD_PRELOAD=";

/* To be freed; NULL when it cannot be told. */
static char *c_library_path(void)
{
    Dl_info info;
    /* In a cast of its own: a function's address is no object pointer to ISO C. */
    void *function = (void *)(uintptr_t)gnu_get_libc_version; // NOLINT(performance-no-int-to-ptr)
    if (!dladdr(function, &info) || !info.dli_fname)
        return NULL;
    return realpath(info.dli_fname, NULL);
}

/* A copy of the additions with the C++ library in LD_PRELOAD as the last; NULL without memory. */
static const char **with_cxx_library(const char *const *environment)
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

bool c_library_insist(struct c_library_help *help, const char **preload,
                      const char *const **environment)
{
    if (!help->preload) {
        *preload = help->preload = c_library_path();
        return help->preload != NULL;
    }
    if (help->environment)
        return false;
    help->environment = with_cxx_library(*environment);
    if (help->environment)
        *environment = help->environment;
    return help->environment != NULL;
}

void c_library_release(struct c_library_help *help)
{
    size_t count = 0;
    while (help->environment && help->environment[count])
        count++;
    if (count > 0)
        free((void *)help->environment[count - 1]); /* the one that was added */
    free(help->environment);
    free(help->preload);
    *help = (struct c_library_help){NULL};
}
