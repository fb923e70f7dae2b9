/* SPDX-License-Identifier: MIT */
/*
 * The shared side of an epoch: its segments and the slabs without an owner. Layer 1.
 *
 * Slot 0 is the eternal epoch, the one of plain malloc; its id is 0. An id is a sequence number
 * << 16 | slot and is never used twice.
 *
 * Locks: `lock` is an internal lock: taken with op == 1 and only ever tried (slab_internal_try).
 */
#ifndef SHALE_SLAB_EPOCH_H
#define SHALE_SLAB_EPOCH_H

#include "base/lock.h"
#include "slab/layout.h"

enum { SLAB_RUN_LISTS = SLAB_SEGMENT_UNITS + 1 };

struct slab_epoch {
    struct shale_lock lock;
    uint64_t id;
    uint64_t listed[SLAB_HALVES];               /* bit n: runs[half][n] is not empty */
    uint32_t runs[SLAB_HALVES][SLAB_RUN_LISTS]; /* segments by longest free run */
    uint32_t segments;                          /* that the epoch has */
    _Atomic uint32_t used_units;
    uint32_t purging_units;                 /* of the used ones: on their way to the system */
    _Atomic uint32_t dirty_units;           /* free ones that are resident */
    uint64_t purged_bytes;                  /* of free units */
    _Atomic uint32_t orphans[SLAB_CLASSES]; /* first; read without the lock as a hint */
    uint32_t orphans_last[SLAB_CLASSES];
    uint64_t past_allocs[SLAB_CLASSES]; /* of released slabs */
    _Atomic uint32_t dead; /* stack of DEAD slabs nobody had the lock for: pushed without it */
};

extern struct slab_epoch slab_epoch_eternal;

static SHALE_ALWAYS_INLINE struct slab_epoch *slab_epoch_of(uint32_t slot)
{
    (void)slot;
    return &slab_epoch_eternal;
}

/* Tries an internal lock for about a hundred nanoseconds. Locks: op is 1. */
SHALE_NODISCARD bool slab_internal_try(struct shale_lock *lock);

#endif
