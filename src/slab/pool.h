/* SPDX-License-Identifier: MIT */
/*
 * Segments nobody uses, dirty or clean, and blocks made of whole segments. Layer 1.
 *
 * A segment that comes back is DIRTY (its pages are resident: the next user pays no fault) until a
 * purge makes it CLEAN (reads as zero, not resident). Segments beyond `fresh` were never used.
 *
 * Locks: the pool's lock is internal and ranks below an epoch's: it may be tried while one is held.
 */
#ifndef SHALE_SLAB_POOL_H
#define SHALE_SLAB_POOL_H

#include "slab/layout.h"

/* What a step of the slow path came to. */
enum slab_step {
    SLAB_DONE,
    SLAB_BUSY, /* an internal lock was taken: op = 0, wait, start again */
    SLAB_GROW, /* the frontier must move first: op = 0, slab_pool_grow, start again */
    SLAB_NO_MEMORY,
    SLAB_STALE,      /* the epoch is closed, or never was */
    SLAB_OVER_QUOTA, /* of the epoch's account */
};

/* What the pool has and did, in segments but for purged_bytes. Written under its lock. */
struct slab_pool_tally {
    uint32_t fresh[SLAB_HALVES]; /* never used from here on */
    _Atomic uint32_t used;
    _Atomic uint32_t large; /* of the used ones: in blocks of segments */
    _Atomic uint32_t dirty;
    _Atomic uint32_t clean;
    _Atomic uint64_t taken; /* ever */
    _Atomic uint64_t purged_bytes;
    _Atomic uint64_t purges;
    _Atomic uint64_t purges_failed;
};

extern struct slab_pool_tally slab_pool_tally;

/* Once, after slab_range_start. */
void slab_pool_start(void);

/*
 * Takes `count` neighbouring segments, preferably from `half`.
 *
 * @param align    segments: the address is a multiple of so many; a power of two.
 * @param segment  gets the first; state is `state`, `clean` tells which units are zero.
 * @param grow     gets what to pass to slab_pool_grow on SLAB_GROW.
 * Locks: tries the pool's; op is 1.
 */
struct slab_growth {
    unsigned half;
    uint32_t segment;
};
SHALE_NODISCARD enum slab_step slab_pool_take(unsigned half, uint32_t count, uint32_t align,
                                              enum slab_seg_state state, uint32_t *segment,
                                              struct slab_growth *grow);

/* Moves a frontier as slab_pool_take asked for. op is 0. SHALE_ENOMEM. */
SHALE_NODISCARD int slab_pool_grow(const struct slab_growth *grow);

/* Gives segments back; `clean` of each tells what is zero. SLAB_DONE or SLAB_BUSY. op is 1. */
SHALE_NODISCARD enum slab_step slab_pool_give(uint32_t segment, uint32_t count);

/*
 * Takes the segments behind a block of segments as well, if they are free.
 * @return SLAB_DONE, SLAB_BUSY, or SLAB_NO_MEMORY: they are not (nothing is tried to make them so).
 */
SHALE_NODISCARD enum slab_step slab_pool_extend(uint32_t segment, uint32_t count, uint32_t more);

/* Dirty segments, and those in blocks of segments. Hints: no lock. */
uint32_t slab_pool_dirty(void);
uint32_t slab_pool_large(void);

/*
 * Gives up to max_bytes of dirty segments back to the system.
 *
 * @return bytes given back.
 * Locks: op is 0 at the call and while the system works, 1 around the lists. The caller's thread
 * structure is `thr`.
 */
struct slab_thr;
uint64_t slab_pool_purge(struct slab_thr *thr, uint64_t max_bytes);

/* Segments of a half that were ever used end here. For statistics and validators. */
uint32_t slab_pool_fresh(unsigned half);

/* The lock, for fork and validators. */
struct shale_lock *slab_pool_lock(void);

/*
 * For rebuild.c: empties all lists and counts but what was ever used; puts a segment on a list of
 * free ones; counts used ones. Locks: nobody is in here.
 */
void slab_pool_forget(void);
void slab_pool_remember_free(uint32_t segment);
void slab_pool_remember_used(uint32_t count, enum slab_seg_state state);

/* Tests: walks everything; 0 or the number of the rule that does not hold. */
int slab_pool_validate(void);

#endif
