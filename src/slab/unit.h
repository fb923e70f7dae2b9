/* SPDX-License-Identifier: MIT */
/*
 * Runs of units in the segments of an epoch. Layer 1.
 *
 * An epoch keeps its segments on one list per length of their longest free run, so the tightest
 * segment that can serve a run is found without a search.
 */
#ifndef SHALE_SLAB_UNIT_H
#define SHALE_SLAB_UNIT_H

#include "slab/epoch.h"
#include "slab/pool.h"

struct slab_run {
    uint32_t unit; /* first */
    bool zero;     /* every unit reads as zero */
};

/*
 * Takes `count` neighbouring units of one segment.
 *
 * @param count  1 to SLAB_SEGMENT_UNITS.
 * @param align  units: the first index is a multiple of it; a power of two up to the segment.
 * @param grow   gets what to pass to slab_pool_grow on SLAB_GROW.
 * Locks: tries the epoch's; op is 1. The units' metadata is left to the caller.
 */
SHALE_NODISCARD enum slab_step slab_units_take(struct slab_epoch *epoch, unsigned half,
                                               uint32_t count, uint32_t align, struct slab_run *run,
                                               struct slab_growth *grow);

/*
 * As slab_units_take, for a block that is growing and will want the units behind: where many of
 * them are free, if need be in a segment that is new. Small pages.
 */
SHALE_NODISCARD enum slab_step slab_units_take_roomy(struct slab_epoch *epoch, uint32_t count,
                                                     struct slab_run *run,
                                                     struct slab_growth *grow);

/*
 * Units that are going to be written: no longer clean. Those that a purge had made so are regretted
 * (keep.h). Locks: the one that guards the segment.
 */
void slab_seg_soil(struct slab_seg *seg, uint32_t mask);

/* As slab_units_take. Locks: the caller holds the epoch's. */
SHALE_NODISCARD enum slab_step slab_units_take_locked(struct slab_epoch *epoch, unsigned half,
                                                      uint32_t count, uint32_t align,
                                                      struct slab_run *run,
                                                      struct slab_growth *grow);

/*
 * Gives a whole segment back, whatever of it is in use. False: the pool was busy, the segment is
 * the epoch's and empty. Locks: the caller holds the epoch's.
 */
SHALE_NODISCARD bool slab_units_empty(struct slab_epoch *epoch, uint32_t segment);

/* Gives units back, whose metadata says FREE already. Locks: the caller holds the epoch's. */
void slab_units_give(struct slab_epoch *epoch, uint32_t unit, uint32_t count);

/* Takes the units behind a run too, when they are free. Locks: the caller holds the epoch's. */
bool slab_units_extend(struct slab_epoch *epoch, uint32_t unit, uint32_t count, uint32_t more);

/*
 * Takes neighbouring free units that are resident, for them to be given back to the system.
 * @return SLAB_DONE, SLAB_BUSY, or SLAB_NO_MEMORY: none found in small-page segments.
 * Locks: tries the epoch's; op is 1.
 */
SHALE_NODISCARD enum slab_step slab_units_take_dirty(struct slab_epoch *epoch, uint32_t *unit,
                                                     uint32_t *count);

/* Gives them back, zero if they were purged. SLAB_DONE or SLAB_BUSY. Locks: as above. */
SHALE_NODISCARD enum slab_step slab_units_give_purged(struct slab_epoch *epoch, uint32_t unit,
                                                      uint32_t count, bool purged);

/* Returns segments without a used unit to the pool. Locks: the caller holds the epoch's. */
void slab_units_trim(struct slab_epoch *epoch);

/* For rebuild.c: empties all lists and counts; lists a segment with these units in use. */
void slab_units_forget(struct slab_epoch *epoch);
void slab_units_remember(struct slab_epoch *epoch, uint32_t segment, uint32_t used);

/* Tests: 0, or the number of the rule that does not hold. Locks: the caller holds the epoch's. */
int slab_units_validate(const struct slab_epoch *epoch);

#endif
