/* SPDX-License-Identifier: MIT */
/*
 * Region epochs: blocks one behind the other, whatever their size. Layer 1.
 *
 *     | bits: one per 16 B of the chunk | block | block |   block   | free ...           |
 *       1 where a block starts or the last one ends    bump ^         bump_end ^
 *
 * Each thread has one chunk of an epoch at a time: a unit first, then SLAB_WIDE_UNITS. The bits
 * tell where a block ends: at the next set bit. Freeing gives nothing back, except that the
 * thread's last block may be taken back. Blocks that do not fit a chunk are runs of units or
 * segments of the epoch, and those are freed like any.
 */
#ifndef SHALE_SLAB_REGION_H
#define SHALE_SLAB_REGION_H

#include "slab/slow.h"
#include "slab/thread.h"

enum {
    SLAB_REGION_MAX = 32768, /* bytes: above, a block is a run of units */
};

/* The bits of a chunk. */
static SHALE_ALWAYS_INLINE _Atomic uint64_t *slab_region_bits(uint32_t chunk)
{
    return (_Atomic uint64_t *)(void *)slab_unit_address(chunk);
}

/* Where one block ends, or the next one starts. Only the chunk's thread writes its bits. */
static SHALE_ALWAYS_INLINE void slab_region_mark(uint32_t chunk, const char *place)
{
    uint64_t index = (uint64_t)(place - slab_unit_address(chunk)) / 16;
    _Atomic uint64_t *word = &slab_region_bits(chunk)[index / 64];
    shale_atomic_store_relaxed(word, shale_atomic_load_relaxed(word) | 1ull << (index % 64));
}

/* The next block of a chunk; NULL: it does not fit. Size: at most SLAB_REGION_MAX. */
static SHALE_ALWAYS_INLINE void *slab_region_bump(struct slab_cache *cache, size_t size)
{
    size_t bytes = size == 0 ? 16 : (size + 15) & ~(size_t)15;
    char *block = cache->bump;
    if (SHALE_UNLIKELY(bytes > (size_t)(cache->bump_end - block)))
        return NULL;
    cache->bump = block + bytes;
    slab_region_mark(cache->chunk, cache->bump);
    return block;
}

/* A block when the chunk is full, or with an alignment. NULL with errno. */
void *slab_region_alloc(uint64_t epoch, size_t size, size_t alignment, uint32_t old);

/* Counts, or takes the thread's last block back. Locks: the biased lock. */
void slab_region_free(struct slab_thr *thr, void *block, uint32_t chunk);

/* Bytes of a block in a chunk of which `unit` is a unit. */
size_t slab_region_usable(const void *block, uint32_t unit);

#endif
