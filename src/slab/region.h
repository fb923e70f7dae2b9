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
    SLAB_REGION_MAX = 32768,   /* bytes: above, a block is a run of units */
    SLAB_REGION_MARKED = 1024, /* bytes that a word of bits stands for */
};

/* The bits of a chunk. */
static SHALE_ALWAYS_INLINE _Atomic uint64_t *slab_region_bits(uint32_t chunk)
{
    return (_Atomic uint64_t *)(void *)slab_unit_address(chunk);
}

/*
 * Marks cache->bump: there one block ends, and the next one starts. Only the chunk's thread writes
 * its bits. Every word begins with 1 KiB of blocks, as the chunk does, so no index is needed.
 *
 * The word being filled is kept beside the chunk's: a load that now and then hits the store before
 * it costs more than all the rest of an allocation.
 */
static SHALE_ALWAYS_INLINE void slab_region_mark_end(struct slab_cache *cache)
{
    uintptr_t place = (uintptr_t)cache->bump;
    uint64_t word = cache->mark & -(uint64_t)(place >> 10 == cache->marked >> 10);
    cache->mark = word |= 1ull << (place / 16 % 64);
    cache->marked = place;
    shale_atomic_store_relaxed(
        (_Atomic uint64_t *)(cache->marks + (place >> 10) * sizeof(uint64_t)), word);
}

/* The words of bits that a block skips. */
static SHALE_ALWAYS_INLINE void slab_region_clear(const struct slab_cache *cache, uintptr_t from,
                                                  uintptr_t to)
{
    for (uintptr_t word = (from >> 10) + 1; word < to >> 10; word++)
        shale_atomic_store_relaxed((_Atomic uint64_t *)(cache->marks + word * sizeof(uint64_t)), 0);
}

/* The next block of a chunk; NULL: it does not fit. Size: at most SLAB_REGION_MAX. */
static SHALE_ALWAYS_INLINE void *slab_region_bump(struct slab_cache *cache, size_t size)
{
    char *block = cache->bump;
    uintptr_t next = (uintptr_t)block + ((size + (size == 0) + 15) & ~(size_t)15);
    if (SHALE_UNLIKELY(next > (uintptr_t)cache->bump_end))
        return NULL;
    cache->bump = block + (next - (uintptr_t)block);
    if (size > SLAB_REGION_MARKED)
        slab_region_clear(cache, (uintptr_t)block, next);
    slab_region_mark_end(cache);
    return block;
}

/* A block when the chunk is full, or with an alignment. NULL with errno. */
void *slab_region_alloc(uint64_t epoch, size_t size, size_t alignment, uint32_t old);

/* Counts, or takes the thread's last block back. Locks: the biased lock. */
void slab_region_free(struct slab_thr *thr, void *block, uint32_t chunk);

/* Bytes of a block in a chunk of which `unit` is a unit. */
size_t slab_region_usable(const void *block, uint32_t unit);

#endif
