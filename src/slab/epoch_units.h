/* SPDX-License-Identifier: MIT */
/*
 * Units and segments on behalf of an epoch. Layer 1.
 *
 * An epoch gets its first SLAB_NURSED units from segments that small epochs share, and whole
 * segments after that. What it takes is charged to its account and to the account's parents. The
 * eternal epoch has neither.
 */
#ifndef SHALE_SLAB_EPOCH_UNITS_H
#define SHALE_SLAB_EPOCH_UNITS_H

#include "slab/unit.h"

/*
 * Takes neighbouring units, as slab_units_take.
 * @return also SLAB_STALE, SLAB_OVER_QUOTA. Locks: tries the epoch's; op is 1.
 */
SHALE_NODISCARD enum slab_step slab_epoch_take_units(uint64_t id, unsigned half, uint32_t count,
                                                     uint32_t align, struct slab_run *run,
                                                     struct slab_growth *grow);

/* Locks the epoch if it can be allocated from. SLAB_DONE, SLAB_BUSY, SLAB_STALE. op is 1. */
SHALE_NODISCARD enum slab_step slab_epoch_lock_active(uint64_t id);

/* Gives them back. The last ones of a closed epoch end it. Locks: the caller holds the epoch's. */
void slab_epoch_give_units(struct slab_epoch *epoch, uint32_t unit, uint32_t count);

/* Takes neighbouring segments for one block, as slab_pool_take. Locks: as slab_epoch_take_units. */
SHALE_NODISCARD enum slab_step slab_epoch_take_segments(uint64_t id, uint32_t count, uint32_t align,
                                                        uint32_t *segment,
                                                        struct slab_growth *grow);

/* One try to free a block of segments, not of the eternal epoch. As slab_large_free. */
SHALE_NODISCARD enum slab_step slab_epoch_free_segments(uint32_t slot, uint32_t unit,
                                                        size_t *bytes);

/*
 * A slice of giving everything back, live or not: nobody knows it any more.
 * @return SLAB_DONE, or SLAB_BUSY: more is left, or a lock was taken. Locks: the epoch's, held.
 */
SHALE_NODISCARD enum slab_step slab_epoch_give_all(struct slab_epoch *epoch);

/*
 * An epoch that is still charged to an account is charged to nobody from here on.
 * @return SLAB_DONE or SLAB_BUSY. op is 1.
 */
SHALE_NODISCARD enum slab_step slab_epoch_drop_account(uint64_t id, struct slab_account *account);

/* Units that slabs, blocks and chunks of the epoch have. Locks: the epoch's, or a hint. */
uint64_t slab_epoch_live_units(const struct slab_epoch *epoch);

#endif
