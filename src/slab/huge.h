/* SPDX-License-Identifier: MIT */
/*
 * Blocks mapped directly: larger than a quarter of the range, or what nothing else can serve. A
 * table by address tells them from foreign pointers. Layer 1.
 *
 * Locks: slab_huge_lock, an OS lock: op is 0.
 */
#ifndef SHALE_SLAB_HUGE_H
#define SHALE_SLAB_HUGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/lock.h"

extern struct shale_lock slab_huge_lock;

/* Zeroed memory; NULL when there is none. alignment: a power of two; less than a page is a page. */
void *slab_huge_alloc(size_t size, size_t alignment);

/* Bytes of a direct block; 0 when the address is none. Cost: a lock and a look into the table. */
size_t slab_huge_size(const void *block);

/* Gives a direct block back; false when the address is none. */
bool slab_huge_free(void *block);

/* Resizes a direct block without copying; NULL: not possible, the block is as it was. */
void *slab_huge_resize(void *block, size_t size);

/* Bytes in direct blocks. */
size_t slab_huge_total(void);

#endif
