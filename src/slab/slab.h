/* SPDX-License-Identifier: MIT */
/*
 * The life of a slab in its owner's hands. Layer 1.
 *
 *     taken -> CURRENT -> FULL -> PARTIAL -> CURRENT ...       EMPTY -> CURRENT (any class)
 *                           |        |                           ^
 *                           +--------+--- all blocks back -------+--> released to the epoch
 *
 * frees is counted by free() itself; the three counters replace a `used` count at the same cost and
 * give exact statistics. `trigger` is the value of frees that brings free() here (what is stored
 * is how many are left to it, see slab_frees):
 *
 *   CURRENT  UINT64_MAX: nothing to do, the slab is in use
 *   FULL     frees + worth: enough blocks came back that taking it up again pays
 *   PARTIAL  allocs: the last block came back
 *   EMPTY    frees + 1: nothing can come back; it is a misuse
 *
 * Blocks that others free arrive in steps and can jump over a trigger, so everything that changes
 * frees outside free() ends in slab_reclassify.
 *
 * Locks: all of it runs under the biased lock of the owner.
 */
#ifndef SHALE_SLAB_SLAB_H
#define SHALE_SLAB_SLAB_H

#include "slab/epoch.h"
#include "slab/pool.h"
#include "slab/thread.h"

/*
 * Puts up to 4 KiB of blocks never used so far on the free list, or blocks whose pages were given
 * back. False when there are none.
 */
bool slab_link_more(struct slab_thr *thr, struct slab_hot *hot);

/*
 * Puts a chain of `count` blocks that came back on the free list and counts it. A chain that is
 * shorter than it says, or a circle, has blocks that were freed twice: it is followed no farther.
 * @param tail  its last block; NULL: not known, and searched for if the free list is not empty.
 */
void slab_take_back(struct slab_hot *hot, struct slab_block *chain, struct slab_block *tail,
                    uint32_t count);

/* Makes an unused slab of `class` of units that the thread just got for an epoch. */
void slab_make(struct slab_thr *thr, uint32_t slot, uint32_t unit, unsigned class, bool zero);

/* Moves a parked slab to where its counters say. BROKEN when they cannot be right. */
void slab_reclassify(struct slab_thr *thr, struct slab_hot *hot);

/* Parks a current slab that has free blocks: used by whoever tidies up. */
void slab_park(struct slab_thr *thr, struct slab_hot *hot);

/* Makes a slab, or slab_hot_empty, the current one of a class. */
void slab_set_current(struct slab_cache *cache, unsigned class, struct slab_hot *hot);

/* Takes the slab up as the current one of its class; it is on no list. */
void slab_make_current(struct slab_thr *thr, struct slab_hot *hot);

/*
 * Parks the current slab of a class, which has no free block.
 * @return false when blocks came back meanwhile: it has free ones again and stays current.
 */
bool slab_park_full(struct slab_thr *thr, struct slab_hot *hot);

/* Takes the longest parked slab with free blocks off its list; NULL without one. */
struct slab_hot *slab_unpark(struct slab_thr *thr, const struct slab_cache *cache, unsigned class);

/* An empty slab of the eternal epoch of the class, or one made into it when `any`; on no list. NULL
 * without one. */
struct slab_hot *slab_take_empty(struct slab_thr *thr, unsigned class, bool any);

/*
 * Takes a slab of the class from the cache's epoch; *hot is on no list.
 * @param half  where from if there is a choice: 0 small pages, 1 huge ones.
 */
SHALE_NODISCARD enum slab_step slab_take(struct slab_thr *thr, struct slab_cache *cache,
                                         unsigned class, unsigned half, struct slab_hot **hot,
                                         struct slab_growth *grow);

/* Gives the units that a cache took ahead back to its epoch. Locks: the epoch's, held. */
void slab_give_spares(struct slab_cache *cache);

/* Gives empty slabs back to the epoch until `keep` are left. False when the lock was busy. */
bool slab_release_empties(struct slab_thr *thr, uint32_t keep);

/* Takes a parked or current slab off whatever list it is on. */
void slab_detach(struct slab_thr *thr, struct slab_hot *hot);

/*
 * Ends a slab, live blocks or not: what others know of it, by address or by generation, is stale.
 * Its units stay in use. Locks: the epoch's, held; it is on no list.
 */
void slab_discard(struct slab_epoch *epoch, struct slab_hot *hot);

/* Gives a slab without a live block back; it is on no list. Locks: the epoch's, held. */
void slab_release_locked(struct slab_epoch *epoch, struct slab_hot *hot);

#endif
