/* SPDX-License-Identifier: MIT */
/*
 * crossbeam-epoch, from the library that `./x bench` has cargo build beside this program; without
 * cargo, or without the registry, the subject is left out.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "subject.h"

static void (*run_guards)(uint64_t count);
static void (*run_hops)(struct node *_Atomic *head, uint64_t count);
static void (*run_retires)(struct node *nodes, uint64_t count);

static void *open_beside(void)
{
    char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    char *end = strrchr(path, '/') + 1;
    snprintf(end, (size_t)(path + sizeof path - end), "crossbeam/release/libsmr_crossbeam.so");
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static bool start(void)
{
    void *library = open_beside();
    if (!library)
        return false;
    *(void **)&run_guards = dlsym(library, "crossbeam_guards");
    *(void **)&run_hops = dlsym(library, "crossbeam_hops");
    *(void **)&run_retires = dlsym(library, "crossbeam_retires");
    return run_guards && run_hops && run_retires;
}

static void nothing(void)
{
}

static void guards(uint64_t count)
{
    run_guards(count);
}

static void hops(struct node *_Atomic *head, uint64_t count)
{
    run_hops(head, count);
}

static void retires(struct node *nodes, uint64_t count)
{
    run_retires(nodes, count);
}

const struct subject subject_crossbeam = {"crossbeam", start, nothing, nothing,
                                          guards,      hops,  retires, NULL};
