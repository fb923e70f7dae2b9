/* SPDX-License-Identifier: MIT */
/*
 * The loops of a subject, to be included after `scope_alloc(scope, size)` was defined, inline.
 */
#include "../malloc/bench.h"
#include "subject.h"

static struct object *fill(void *scope, const uint16_t *sizes, size_t count)
{
    struct object *list = NULL;
    for (size_t i = 0; i < count; i++) {
        struct object *object = scope_alloc(scope, sizes[i]);
        if (object == NULL)
            bench_die("allocate");
        object->next = list;
        list = object;
    }
    return list;
}

static void *alloc_one(void *scope, size_t size)
{
    return scope_alloc(scope, size);
}
