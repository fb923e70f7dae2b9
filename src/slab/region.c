/* SPDX-License-Identifier: MIT */
/* Chunks of region epochs. Layer 1. */
#include "slab/region.h"

#include <errno.h>

#include "slab/cache.h"
#include "slab/epoch_units.h"
#include "slab/late.h"

enum { BITS_PER_WORD = 64 };

static uint32_t chunk_units(uint32_t chunk)
{
    return slab_hot_at(chunk)->size;
}

/* Bytes at the head of a chunk that the bits take. */
static size_t bits_bytes(uint32_t units)
{
    return (size_t)units * SLAB_UNIT_SIZE / 16 / 8;
}

/* The bits are written as blocks are placed, a word before its second one is looked at. */
static void make_chunk(struct slab_cache *cache, uint32_t unit, uint32_t units)
{
    char *start = slab_unit_address(unit);
    size_t bits = bits_bytes(units);
    slab_hot_at(unit)->size = units;
    slab_unit_at(unit)->epoch = (uint16_t)cache->slot;
    for (uint32_t i = 1; i < units; i++) {
        slab_set_inner(unit + i, i);
    }
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, SLAB_UNIT_REGION);
    cache->chunk = unit;
    cache->marks = (uintptr_t)start - ((uintptr_t)start >> 10) * sizeof(uint64_t);
    cache->bump = start + bits;
    cache->bump_end = start + (uint64_t)units * SLAB_UNIT_SIZE - 16; /* the last end has a bit */
    cache->marked = 0;
    slab_region_mark_end(cache);
}

static size_t padding(const char *place, size_t alignment)
{
    return alignment <= 16 ? 0 : (size_t)(-(uintptr_t)place & (alignment - 1));
}

static bool fits(const struct slab_cache *cache, const struct slab_large *wanted)
{
    return cache->bump != NULL && wanted->size + padding(cache->bump, wanted->alignment) + 16 <=
                                      (size_t)(cache->bump_end - cache->bump);
}

/* A thread's first chunk is small: a unit of the nursery, which many a small epoch gets by with. */
static enum slab_step take_chunk(struct slab_cache *cache, const struct slab_large *wanted,
                                 struct slab_growth *grow)
{
    struct slab_run run;
    size_t room = SLAB_UNIT_SIZE - bits_bytes(1);
    bool small = cache->chunks == 0 && wanted->size + wanted->alignment + 16 <= room / 2;
    uint32_t units = small ? 1 : SLAB_WIDE_UNITS;
    enum slab_step step = slab_epoch_take_units(cache->epoch, 0, units, 1, &run, grow);
    if (step == SLAB_DONE && small)
        cache->chunks++;
    if (step == SLAB_DONE)
        make_chunk(cache, run.unit, units);
    return step;
}

static enum slab_step region_step(struct slab_thr *thr, struct slab_request *request,
                                  struct slab_growth *grow)
{
    struct slab_cache *cache;
    struct slab_large *wanted = &request->large;
    enum slab_step step = slab_cache_attach(thr, request->epoch, &cache, grow);
    if (step == SLAB_DONE && !fits(cache, wanted))
        step = take_chunk(cache, wanted, grow);
    if (step != SLAB_DONE)
        return step;
    if (padding(cache->bump, wanted->alignment) != 0) {
        cache->bump += padding(cache->bump, wanted->alignment);
        slab_region_mark_end(cache);
    }
    wanted->block = slab_region_bump(cache, wanted->size);
    return SLAB_DONE;
}

void *slab_region_alloc(uint64_t epoch, size_t size, size_t alignment, uint32_t old)
{
    struct slab_request request = {.epoch = epoch, .large = {.size = size, .alignment = alignment}};
    struct slab_thr *thr = slab_resume(old);
    if (thr == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    SLAB_COUNT(thr, slow_allocs, 1);
    return slab_run(thr, &request, region_step) ? request.large.block : slab_refuse(&request);
}

/* The first set bit above `index`; the end of the chunk without one. */
static size_t next_mark(uint32_t chunk, size_t index)
{
    _Atomic uint64_t *bits = slab_region_bits(chunk);
    size_t end = (size_t)chunk_units(chunk) * SLAB_UNIT_SIZE / 16;
    for (index++; index < end; index = (index / BITS_PER_WORD + 1) * BITS_PER_WORD) {
        uint64_t word = shale_atomic_load_relaxed(&bits[index / BITS_PER_WORD]);
        word >>= index % BITS_PER_WORD;
        if (word != 0)
            return index + (size_t)__builtin_ctzll(word);
    }
    return end;
}

size_t slab_region_usable(const void *block, uint32_t unit)
{
    uint32_t chunk = slab_first_unit(unit);
    size_t index = (size_t)((const char *)block - slab_unit_address(chunk)) / 16;
    return (next_mark(chunk, index) - index) * 16;
}

/* Back to a block's start, which is marked; the mark at its end goes. */
static void take_back(struct slab_cache *cache, char *block)
{
    _Atomic uint64_t *bits = slab_region_bits(cache->chunk);
    uint64_t end = (uint64_t)(cache->bump - slab_unit_address(cache->chunk)) / 16;
    uint64_t start = (uint64_t)(block - slab_unit_address(cache->chunk)) / 16;
    uint64_t word = shale_atomic_load_relaxed(&bits[end / BITS_PER_WORD]);
    shale_atomic_store_relaxed(&bits[end / BITS_PER_WORD], word & ~(1ull << (end % BITS_PER_WORD)));
    cache->bump = block;
    cache->marked = (uintptr_t)block;
    cache->mark = shale_atomic_load_relaxed(&bits[start / BITS_PER_WORD]);
}

void slab_region_free(struct slab_thr *thr, void *block, uint32_t chunk)
{
    uint32_t slot = slab_unit_at(chunk)->epoch;
    struct slab_cache **chunks = thr->directory[slot / SLAB_CHUNK];
    struct slab_cache *cache = chunks == NULL ? NULL : chunks[slot % SLAB_CHUNK];
    SLAB_COUNT(thr, region_frees, 1);
    if (cache == NULL || !cache->region || cache->chunk != chunk ||
        (char *)block + slab_region_usable(block, chunk) != cache->bump)
        return;
    take_back(cache, block);
}
