/* SPDX-License-Identifier: MIT */
/*
 * The plainest arena: chunks of 64 KiB from malloc, kept by a free list of the process; a pointer
 * that moves. What a program would write for itself: one thread, no size, no single free.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { CHUNK = 65536 };

struct chunk {
    struct chunk *next;
    _Alignas(16) char bytes[];
};

struct arena {
    char *at;
    char *end;
    struct chunk *chunks;
};

static struct chunk *spare;

static void *next_chunk(struct arena *arena, size_t size);

static inline void *scope_alloc(void *scope, size_t size)
{
    struct arena *arena = scope;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > (size_t)(arena->end - arena->at))
        return next_chunk(arena, rounded);
    char *object = arena->at;
    arena->at += rounded;
    return object;
}

#include "body.h"

static void *next_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = spare;
    if (chunk != NULL)
        spare = chunk->next;
    else if (size > CHUNK - sizeof *chunk || (chunk = aligned_alloc(4096, CHUNK)) == NULL)
        return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->at = chunk->bytes + size;
    arena->end = (char *)chunk + CHUNK;
    return chunk->bytes;
}

static void *open_arena(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        bench_die("make an arena");
    return arena;
}

static void *reset(void *scope, struct object *list)
{
    struct arena *arena = scope;
    (void)list;
    for (struct chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        chunk->next = spare;
        spare = chunk;
    }
    *arena = (struct arena){NULL, NULL, NULL};
    return arena;
}

static void close_arena(void *scope, struct object *list)
{
    free(reset(scope, list));
}

static void purge(void)
{
    for (struct chunk *next; spare != NULL; spare = next) {
        next = spare->next;
        free(spare);
    }
}

const struct subject subject_bump = {.name = "bump",
                                     .allocator = "-",
                                     .open = open_arena,
                                     .fill = fill,
                                     .close = close_arena,
                                     .again = reset,
                                     .alloc = alloc_one,
                                     .purge = purge};
