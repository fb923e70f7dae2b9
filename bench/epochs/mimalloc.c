/* SPDX-License-Identifier: MIT */
/*
 * mimalloc's heaps, of whichever mimalloc is the process's malloc: the dynamic linker resolves the
 * weak names in what was preloaded.
 */
#include <stdbool.h>
#include <stddef.h>

#pragma weak mi_heap_new
#pragma weak mi_heap_destroy
#pragma weak mi_heap_malloc
#pragma weak mi_free
#pragma weak mi_collect
void *mi_heap_new(void);
void mi_heap_destroy(void *heap);
void *mi_heap_malloc(void *heap, size_t size);
void mi_free(void *block);
void mi_collect(bool force);

static inline void *scope_alloc(void *scope, size_t size)
{
    return mi_heap_malloc(scope, size);
}

#include "body.h"

static void start(void)
{
    if (!mi_heap_new)
        bench_die("find mimalloc in this process");
}

static void close_heap(void *scope, struct object *list)
{
    (void)list;
    mi_heap_destroy(scope);
}

static void free_one(void *scope, void *object)
{
    (void)scope;
    mi_free(object);
}

static void *open_heap(void)
{
    void *heap = mi_heap_new();
    if (heap == NULL)
        bench_die("make a heap");
    return heap;
}

static void purge(void)
{
    mi_collect(true);
}

const struct subject subject_mimalloc_heap = {.name = "mimalloc-heap",
                                              .allocator = "mimalloc",
                                              .start = start,
                                              .open = open_heap,
                                              .fill = fill,
                                              .close = close_heap,
                                              .alloc = alloc_one,
                                              .free = free_one,
                                              .purge = purge};
