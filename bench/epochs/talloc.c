/* SPDX-License-Identifier: MIT */
/* Samba's talloc: a context, whose children end with it. */
#include <talloc.h>

static inline void *scope_alloc(void *scope, size_t size)
{
    return talloc_size(scope, size);
}

#include "body.h"

#define STRINGIFY(x)          #x
#define VERSION(major, minor) STRINGIFY(major) "." STRINGIFY(minor)

static void *open_context(void)
{
    void *context = talloc_new(NULL);
    if (context == NULL)
        bench_die("make a context");
    return context;
}

static void close_context(void *scope, struct object *list)
{
    (void)list;
    (void)talloc_free(scope);
}

static void *free_children(void *scope, struct object *list)
{
    (void)list;
    talloc_free_children(scope);
    return scope;
}

static void free_one(void *scope, void *object)
{
    (void)scope;
    (void)talloc_free(object);
}

const struct subject subject_talloc = {
    .name = "talloc",
    .allocator = "-",
    .version = VERSION(TALLOC_VERSION_MAJOR, TALLOC_VERSION_MINOR),
    .open = open_context,
    .fill = fill,
    .close = close_context,
    .again = free_children,
    .alloc = alloc_one,
    .free = free_one,
};
