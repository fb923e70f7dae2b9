/* SPDX-License-Identifier: MIT */
/*
 * The engine as a general-purpose allocator: what malloc and its family are made of. Layer 1.
 *
 * All of it may be called from any thread, at any time after the program's start, also before main,
 * in thread-exit destructors, between fork's handlers, and from a signal handler (one that
 * interrupted the allocator itself is served more slowly). errno: allocations set ENOMEM when they
 * return NULL and keep errno otherwise; slab_free keeps it.
 *
 * Pointers that the engine did not hand out go to the allocator behind it, if somebody said which
 * that is (foreign.h); else slab_free ignores and counts them, the others return 0 or NULL.
 * slab_owns tells.
 */
#ifndef SHALE_SLAB_MALLOC_H
#define SHALE_SLAB_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/*
 * A block of at least size bytes, aligned to 16. Size 0 gives a block of its own.
 * @return NULL with ENOMEM. Cost: about 20 instructions; see fast.h.
 */
void *slab_malloc(size_t size) SHALE_MALLOC;

/* count * size zeroed bytes; NULL with ENOMEM also when the product overflows. */
void *slab_calloc(size_t count, size_t size) SHALE_MALLOC;

/*
 * Resizes a block: where it is when the size class stays or what lies behind it is free, by moving
 * its pages when it is large, else by copying.
 *
 * @param block  NULL: as slab_malloc.
 * @return the block, or NULL with ENOMEM; then the old one is untouched. Size 0 gives a minimal
 *         block (free it); what realloc(p, 0) means is for the caller to decide.
 */
void *slab_realloc(void *block, size_t size);

/* A block at a multiple of alignment, a power of two. NULL with ENOMEM, or EINVAL if it is none. */
void *slab_aligned(size_t alignment, size_t size) SHALE_MALLOC;

/* Gives a block back; NULL does nothing. */
void slab_free(void *block);

/* Bytes that may be used, at least what was asked for; 0 for NULL and foreign pointers. */
size_t slab_usable_size(const void *block);

/* True for an address inside a block or a free place of the engine. Cost: a few instructions. */
bool slab_owns(const void *address);

/*
 * Tidies all threads and gives unused memory back to the system, up to max_bytes.
 * @return the bytes given back.
 */
size_t slab_give_back(size_t max_bytes);

#endif
