/* SPDX-License-Identifier: MIT */
/* Lists from states. Layer 1. */
#include "slab/rebuild.h"

#include <string.h>

#include "slab/bias.h"
#include "slab/class.h"
#include "slab/epoch.h"
#include "slab/orphan.h"
#include "slab/pool.h"
#include "slab/slab.h"
#include "slab/unit.h"

static void set_free(uint32_t unit)
{
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, SLAB_UNIT_FREE);
}

/* A slab that belongs to nobody: dead, an orphan, or lost. False: dead, its units are free. */
static bool keep_ownerless(uint32_t unit)
{
    uint64_t word = shale_atomic_load_relaxed(&slab_rem_at(unit)->word);
    if ((word & SLAB_REM_DEAD) != 0) {
        shale_atomic_add_single_writer(&slab_unit_at(unit)->generation, 1);
        shale_atomic_store_relaxed(&slab_rem_at(unit)->word, 0);
        return false;
    }
    if ((word & SLAB_REM_ORPHAN) != 0)
        slab_orphan_remember(&slab_epoch_eternal, slab_hot_at(unit));
    return true;
}

/* Units from this one on that are in use together; 0: it is free. */
static uint32_t units_in_use(uint32_t unit)
{
    switch (slab_unit_state_of(unit)) {
    case SLAB_UNIT_SLAB:
        if (slab_owner_of(unit) == SLAB_NONE && !keep_ownerless(unit))
            return 0;
        return slab_class_units(slab_unit_at(unit)->class);
    case SLAB_UNIT_RUN:
        return slab_hot_at(unit)->size;
    case SLAB_UNIT_FREE:
    case SLAB_UNIT_INNER:
    case SLAB_UNIT_SPARE:
    case SLAB_UNIT_LARGE:
    case SLAB_UNIT_CLOSED:
    case SLAB_UNIT_REGION: /* not of the eternal epoch */
        break;
    }
    return 0;
}

/* The bits of a segment of units; what is in no slab and no run is free. */
static uint32_t used_units(uint32_t segment)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < SLAB_SEGMENT_UNITS;) {
        uint32_t unit = segment * SLAB_SEGMENT_UNITS + i;
        uint32_t count = units_in_use(unit);
        if (count == 0) {
            set_free(unit);
            i++;
        }
        for (; count > 0 && i < SLAB_SEGMENT_UNITS; count--, i++)
            used |= 1u << i;
    }
    return used;
}

/* Segments from this one on that are one block; 0: none is. */
static uint32_t segments_in_block(uint32_t segment)
{
    uint32_t unit = segment * SLAB_SEGMENT_UNITS;
    if (slab_seg_at(segment)->state != SLAB_SEG_LARGE ||
        slab_unit_state_of(unit) != SLAB_UNIT_LARGE)
        return 0;
    return slab_hot_at(unit)->size;
}

/* Returns how many segments are done. */
static uint32_t rebuild_segment(uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    uint32_t block = segments_in_block(segment);
    if (block != 0) {
        slab_pool_remember_used(block, SLAB_SEG_LARGE);
        return block;
    }
    if (seg->state == SLAB_SEG_PURGING)
        return 1; /* between two lists: lost */
    if (seg->state == SLAB_SEG_UNITS && seg->epoch != slab_epoch_eternal.id) {
        slab_pool_remember_used(1, SLAB_SEG_UNITS);
        return 1;
    }
    uint32_t used = seg->state == SLAB_SEG_FREE ? 0 : used_units(segment);
    seg->clean &= ~used;
    if (used == 0) {
        slab_pool_remember_free(segment);
    } else {
        slab_pool_remember_used(1, SLAB_SEG_UNITS);
        slab_units_remember(&slab_epoch_eternal, segment, used);
    }
    return 1;
}

void slab_rebuild(void)
{
    slab_pool_forget();
    slab_units_forget(&slab_epoch_eternal);
    slab_orphans_forget(&slab_epoch_eternal);
    for (unsigned half = 0; half < SLAB_HALVES; half++)
        for (uint32_t s = slab_range.first[half]; s < slab_pool_fresh(half);)
            s += rebuild_segment(s);
}

/* What a slab without an owner needs is its word; nobody looks at the list it was on. */
static void disown_slabs(uint32_t owner)
{
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        uint32_t end = slab_pool_fresh(half) * SLAB_SEGMENT_UNITS;
        for (uint32_t u = slab_range.first[half] * SLAB_SEGMENT_UNITS; u < end; u++)
            if (slab_owner_of(u) == owner && slab_unit_at(u)->epoch == 0)
                slab_set_owner(u, SLAB_NONE);
    }
}

void slab_abandon(struct slab_thr *thr)
{
    struct slab_cache *cache = &thr->main;
    disown_slabs(thr->id);
    memset(cache->partial, 0, sizeof(cache->partial));
    memset(cache->partial_last, 0, sizeof(cache->partial_last));
    cache->full = SLAB_NONE;
    memset(thr->batches, 0, sizeof(thr->batches));
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        slab_set_current(cache, class, &slab_hot_empty);
    thr->empties = thr->owned = 0;
    thr->messages = NULL;
    thr->tidy_again = false;
    shale_atomic_store_relaxed(&thr->inbox, 0);
    if (thr != slab_self)
        slab_leave(thr);
}
