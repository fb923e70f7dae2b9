/* SPDX-License-Identifier: MIT */
/*
 * Blocks that the engine did not hand out: what becomes of them in free, realloc and the like.
 * Layer 1.
 *
 * Where the engine is the process's malloc it can meet blocks of the allocator behind it: from
 * before a late load, or from code that calls that allocator by another name. Such a call goes to
 * that allocator whole. Where there is none, a free is ignored and counted, and the others fail.
 */
#ifndef SHALE_SLAB_FOREIGN_H
#define SHALE_SLAB_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

/* The allocator behind the engine; usable_size may be NULL. */
struct slab_next {
    void (*free)(void *block);
    void *(*realloc)(void *block, size_t size);
    size_t (*usable_size)(void *block);
};

/*
 * Says who finds the next allocator, at the first foreign pointer and every later one: NULL is an
 * answer. The engine asks with no lock held; what is called may allocate.
 * Threads: before a second one exists.
 */
void slab_foreign_set_finder(const struct slab_next *(*find)(void));

/* As free, realloc and malloc_usable_size, of a block that is not the engine's and not NULL. */
void slab_foreign_free(void *block);
void *slab_foreign_realloc(void *block, size_t size);
size_t slab_foreign_usable_size(const void *block);

/* Calls handed on, and calls that nobody took. */
uint64_t slab_foreign_forwarded(void);
uint64_t slab_foreign_ignored(void);

#endif
