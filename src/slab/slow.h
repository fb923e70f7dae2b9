/* SPDX-License-Identifier: MIT */
/* Slow allocation, as the other entry points use it. Layer 1. */
#ifndef SHALE_SLAB_SLOW_H
#define SHALE_SLAB_SLOW_H

#include "slab/large.h"
#include "slab/secure.h"
#include "slab/thread.h"

struct slab_request {
    uint64_t epoch; /* id */
    unsigned class;
    unsigned tries;
    bool reclaimed;          /* everything was tidied and purged for it */
    enum slab_step result;   /* of the last try */
    struct slab_large large; /* size; results: block, zero */
};

/*
 * A block of request->class. `thr` is entered (slab_resume, slab_begin); it is left on return.
 * @return false: no memory.
 */
bool slab_alloc_class(struct slab_thr *thr, struct slab_request *request);

/* A block above SLAB_CLASS_MAX or with an alignment above a unit; NULL with ENOMEM, ESTALE. */
void *slab_alloc_large(uint64_t epoch, size_t size, size_t alignment, bool *zero);

/* As slab_alloc_large, in the eternal epoch, for a block that realloc moves because it grows. */
void *slab_alloc_growing(size_t size);

/* Sets errno by how a request ended; returns NULL. */
void *slab_refuse(const struct slab_request *request);

/*
 * Runs a step until it is done or hopeless. op is 1 before, 0 after: the heap is finished with.
 * @return false: request->result says why.
 */
bool slab_run(struct slab_thr *thr, struct slab_request *request,
              enum slab_step (*step)(struct slab_thr *, struct slab_request *,
                                     struct slab_growth *));

/* Makes a slab with free blocks the current one of a class of a cache. Locks: the biased lock. */
SHALE_NODISCARD enum slab_step slab_ready(struct slab_thr *thr, struct slab_cache *cache,
                                          unsigned class, struct slab_hot **hot,
                                          struct slab_growth *grow);

/* The next free block of a slab that has one, and no tags. */
static SHALE_ALWAYS_INLINE void *slab_pop(struct slab_hot *hot)
{
    struct slab_block *block = hot->free;
    slab_unlink(hot, block);
    return block;
}

/*
 * The next block that was never used, from behind those that were. What lives and ends together
 * mostly fills new slabs, and a block that is not linked first is written once less.
 * @return it, not yet counted in allocs; NULL: there is none, or others have freed blocks of the
 *         slab, which go first. Locks: the biased lock.
 */
static SHALE_ALWAYS_INLINE struct slab_block *slab_take_fresh(struct slab_hot *hot)
{
    if (SHALE_UNLIKELY(
            SLAB_SECURE || hot->linked == hot->capacity ||
            shale_atomic_load_relaxed(&slab_rem_at(hot->unit)->word) >> SLAB_REM_COUNT_SHIFT != 0))
        return NULL;
    char *block = slab_unit_address(hot->unit) + (uint64_t)hot->linked * hot->size;
    hot->linked++;
    return (struct slab_block *)(void *)block;
}

/* Frees a block of the thread's own slab. Locks: the biased lock. */
void slab_free_own(struct slab_thr *thr, void *address, uint32_t unit);

/* Frees a block of any slab. Locks: the biased lock. */
void slab_free_live(struct slab_thr *thr, void *address, uint32_t unit);

#endif
