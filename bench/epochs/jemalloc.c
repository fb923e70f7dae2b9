/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's arenas with a cache each, as its manual has it for arenas that are reset: the cache is
 * flushed first. Resolved as mimalloc.c does.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#pragma weak mallctl
#pragma weak mallctlnametomib
#pragma weak mallctlbymib
#pragma weak mallocx
#pragma weak dallocx
int mallctl(const char *name, void *old, size_t *old_size, void *value, size_t size);
int mallctlnametomib(const char *name, size_t *mib, size_t *length);
int mallctlbymib(const size_t *mib, size_t length, void *old, size_t *old_size, void *value,
                 size_t size);
void *mallocx(size_t size, int flags);
void dallocx(void *block, int flags);

/* As MALLOCX_ARENA and MALLOCX_TCACHE make it. */
struct arena {
    int flags;
    unsigned index;
    unsigned cache;
};

static inline void *scope_alloc(void *scope, size_t size)
{
    return mallocx(size, ((const struct arena *)scope)->flags);
}

#include "body.h"

static size_t flush_mib[2], reset_mib[3], destroy_mib[3];

static void find(const char *name, size_t *mib, size_t length)
{
    if (mallctlnametomib(name, mib, &length) != 0)
        bench_die(name);
}

static void start(void)
{
    if (!mallctl)
        bench_die("find jemalloc in this process");
    find("tcache.flush", flush_mib, 2);
    find("arena.0.reset", reset_mib, 3);
    find("arena.0.destroy", destroy_mib, 3);
}

static void *open_arena(void)
{
    struct arena *arena = malloc(sizeof *arena);
    size_t size = sizeof(unsigned);
    if (!arena || mallctl("arenas.create", &arena->index, &size, NULL, 0) != 0 ||
        mallctl("tcache.create", &arena->cache, &size, NULL, 0) != 0)
        bench_die("make an arena");
    arena->flags = (int)((arena->index + 1) << 20 | (arena->cache + 2) << 8);
    return arena;
}

static void on_arena(size_t *mib, const struct arena *arena)
{
    mib[1] = arena->index;
    if (mallctlbymib(mib, 3, NULL, NULL, NULL, 0) != 0)
        bench_die("end an arena's blocks");
}

static void flush(struct arena *arena)
{
    if (mallctlbymib(flush_mib, 2, NULL, NULL, &arena->cache, sizeof arena->cache) != 0)
        bench_die("flush a cache");
}

static void *reset(void *scope, struct object *list)
{
    (void)list;
    flush(scope);
    on_arena(reset_mib, scope);
    return scope;
}

static void close_arena(void *scope, struct object *list)
{
    struct arena *arena = scope;
    (void)list;
    if (mallctl("tcache.destroy", NULL, NULL, &arena->cache, sizeof arena->cache) != 0)
        bench_die("end a cache");
    on_arena(destroy_mib, arena);
    free(arena);
}

static void free_one(void *scope, void *object)
{
    dallocx(object, ((const struct arena *)scope)->flags);
}

static void purge(void)
{
    (void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
}

const struct subject subject_jemalloc_arena = {.name = "jemalloc-arena",
                                               .allocator = "jemalloc",
                                               .scopes_max = 4000, /* a cache index has 12 bits */
                                               .start = start,
                                               .open = open_arena,
                                               .fill = fill,
                                               .close = close_arena,
                                               .again = reset,
                                               .alloc = alloc_one,
                                               .free = free_one,
                                               .purge = purge};
