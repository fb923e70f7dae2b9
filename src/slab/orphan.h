/* SPDX-License-Identifier: MIT */
/*
 * Slabs whose owner is gone. Layer 1.
 *
 * An orphan's rem word holds ORPHAN and the number of live blocks, counting down. Three things can
 * happen to it, and each is one compare-and-swap on that word, so exactly one does:
 *
 *   a free that leaves live blocks    ORPHAN | live -> ORPHAN | live - n
 *   the free that leaves none         ORPHAN | n    -> DEAD: who did it owns the slab, buries it
 *   adoption by a thread in need      ORPHAN | live -> 0, for live > 0 only
 *
 * Comparing a count with numbers in the hot line after the fact would let two claim the slab, or
 * one claim its next life (tests/models/orphan.pml).
 *
 * Orphans of an epoch and class are on a doubly linked list under the epoch's lock. Who owns a DEAD
 * slab and finds that lock taken leaves the slab on the epoch's `dead` stack, which is only pushed
 * to and taken whole: no ABA.
 */
#ifndef SHALE_SLAB_ORPHAN_H
#define SHALE_SLAB_ORPHAN_H

#include "slab/slab.h"

/*
 * Leaves a slab to nobody; when nothing in it is live it is released.
 * Locks: the biased lock of `thr`, its owner so far, and the epoch's lock. The slab is on no list.
 */
void slab_make_orphan(struct slab_thr *thr, struct slab_hot *hot);

/* The owner leaves a slab for good: released if nothing is live, else an orphan. Locks: as above.
 */
void slab_leave_behind(struct slab_thr *thr, struct slab_hot *hot);

/* An orphan of the cache's epoch and the class that is worth it becomes the thread's, on no list.
 * NULL without one. */
struct slab_hot *slab_adopt(struct slab_thr *thr, const struct slab_cache *cache, unsigned class);

/* Releases a DEAD slab that the caller owns, or leaves that to who next has the epoch's lock. */
void slab_bury(uint32_t unit);

/*
 * Ends up to max orphans of a discarded epoch, live blocks or not.
 * @return false: there are more. Locks: the epoch's, held.
 */
SHALE_NODISCARD bool slab_discard_orphans(struct slab_epoch *epoch, uint32_t max);

/* Releases what slab_bury left. Locks: the epoch's, held. */
void slab_bury_left(struct slab_epoch *epoch);

/* For rebuild.c: empties all lists; lists an orphan. Locks: nobody is in here. */
void slab_orphans_forget(struct slab_epoch *epoch);
void slab_orphan_remember(struct slab_epoch *epoch, struct slab_hot *hot);

#endif
