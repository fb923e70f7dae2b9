/* SPDX-License-Identifier: MIT */
/* The process's malloc without any scope: the objects are freed one by one. */
#include <stdlib.h>

static inline void *scope_alloc(void *scope, size_t size)
{
    (void)scope;
    return malloc(size);
}

#include "body.h"

static void *open_nothing(void)
{
    return NULL;
}

static void free_list(void *scope, struct object *list)
{
    (void)scope;
    for (struct object *next; list != NULL; list = next) {
        next = list->next;
        free(list);
    }
}

static void free_one(void *scope, void *object)
{
    (void)scope;
    free(object);
}

const struct subject subject_malloc = {.name = "malloc",
                                       .allocator = "*",
                                       .open = open_nothing,
                                       .fill = fill,
                                       .close = free_list,
                                       .alloc = alloc_one,
                                       .free = free_one};
