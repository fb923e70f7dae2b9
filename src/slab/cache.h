/* SPDX-License-Identifier: MIT */
/*
 * What threads have of epochs other than the eternal one. Layer 1.
 *
 *     recent[slot % 64] -- id equal? --> cache          directory[slot / 256][slot % 256] --> cache
 *
 * A cache belongs to one thread for its whole life and is on that thread's list and on its epoch's.
 * It is made under the epoch's lock while the epoch is ACTIVE: who closes the epoch and then takes
 * that lock finds every cache there will ever be. It goes only under its thread's biased lock, and
 * its entries in `recent` and the directory go with it: the block could become the cache of another
 * epoch, and an entry left behind would match again (tests/models/cache.pml).
 */
#ifndef SHALE_SLAB_CACHE_H
#define SHALE_SLAB_CACHE_H

#include "slab/epoch.h"
#include "slab/pool.h"
#include "slab/thread.h"

/* What becomes of the slabs of a cache. */
enum slab_detach {
    SLAB_DETACH_LEAVE,   /* they become orphans: exit, drain, and discard while references last */
    SLAB_DETACH_DISCARD, /* nothing in them is live from now on */
};

/* The cache of a slot; there is one. */
static SHALE_ALWAYS_INLINE struct slab_cache *slab_cache_at(struct slab_thr *thr, uint32_t slot)
{
    return thr->directory[slot / SLAB_CHUNK][slot % SLAB_CHUNK];
}

/* The cache of an epoch; NULL without one. */
struct slab_cache *slab_cache_find(struct slab_thr *thr, uint64_t epoch);

/*
 * Finds or makes the cache of an epoch, and puts it into `recent`.
 * @return SLAB_DONE, SLAB_STALE, or what the blocks it takes came to. Locks: the biased lock.
 */
SHALE_NODISCARD enum slab_step slab_cache_attach(struct slab_thr *thr, uint64_t epoch,
                                                 struct slab_cache **cache,
                                                 struct slab_growth *grow);

/*
 * A slice of taking a cache away.
 * @return SLAB_DONE: it is gone; SLAB_BUSY: call again. Locks: the thread's biased lock.
 */
SHALE_NODISCARD enum slab_step slab_cache_detach(struct slab_thr *thr, struct slab_cache *cache,
                                                 enum slab_detach how);

/* Any slab that a cache has; NULL without one. `from`: 0 first, saves looking twice. */
struct slab_hot *slab_cache_any(const struct slab_cache *cache, unsigned *from);

/* Gives the directory's chunks back: the thread has no cache left. Locks: the biased lock. */
void slab_cache_free_directory(struct slab_thr *thr);

#endif
