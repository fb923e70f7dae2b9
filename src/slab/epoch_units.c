/* SPDX-License-Identifier: MIT */
/* The nursery, blocks of segments, and accounts. Layer 1. */
#include "slab/epoch_units.h"

#include <shale/epoch.h>

#include "slab/class.h"
#include "slab/close.h"
#include "slab/tag.h"

enum { SEGMENTS_AT_ONCE = 64 }; /* given back in one hold of the epoch's lock */

/* ---- accounts ---------------------------------------------------------------------------------
 */

static void discharge(struct slab_account *from, const struct slab_account *end, uint64_t units)
{
    for (struct slab_account *a = from; a != end; a = a->parent)
        shale_atomic_fetch_sub_relaxed(&a->used, units);
}

/* All of the chain, or none of it. */
static bool charge(struct slab_account *account, uint64_t units)
{
    for (struct slab_account *a = account; a != NULL; a = a->parent) {
        uint64_t used = shale_atomic_fetch_add_relaxed(&a->used, units) + units;
        if (a->limit != 0 && used > a->limit) {
            discharge(account, a->parent, units);
            return false;
        }
    }
    return true;
}

enum slab_step slab_epoch_lock_active(uint64_t id)
{
    const struct slab_epoch_head *head = slab_head_at(slab_slot_of(id));
    struct slab_epoch *epoch = slab_epoch_at(slab_slot_of(id));
    if (!slab_epoch_exists(id))
        return SLAB_STALE;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    if (shale_atomic_load_relaxed(&head->id) == id && slab_state_of(head) == SLAB_EPOCH_ACTIVE) {
        epoch->id = id;
        return SLAB_DONE;
    }
    shale_lock_release(&epoch->lock);
    return SLAB_STALE;
}

/* ---- units ------------------------------------------------------------------------------------
 */

static bool is_nursed(uint32_t unit)
{
    return slab_seg_at(unit / SLAB_SEGMENT_UNITS)->epoch == SLAB_NURSERY_ID;
}

static struct slab_epoch_head *head_of(const struct slab_epoch *epoch)
{
    return slab_head_at(slab_slot_of(epoch->id));
}

static bool has_handles(const struct slab_epoch *epoch)
{
    return (head_of(epoch)->flags & SHALE_EPOCH_HANDLES) != 0;
}

/* Stays with the epoch, for its next need or its end. */
static void free_nursed(struct slab_epoch *epoch, uint32_t unit)
{
    for (unsigned i = 0; i < SLAB_NURSED; i++)
        if (epoch->nursed[i] == unit)
            epoch->nursed_used &= ~(1u << i);
}

/* One that the epoch has and does not use, or a new one of the nursery. */
static enum slab_step take_nursed(struct slab_epoch *epoch, struct slab_run *run,
                                  struct slab_growth *grow)
{
    unsigned i = 0;
    while (i < SLAB_NURSED && epoch->nursed[i] != SLAB_NONE &&
           ((epoch->nursed_used >> i & 1) != 0 ||
            (has_handles(epoch) && slab_is_spent(epoch->nursed[i]))))
        i++;
    if (i == SLAB_NURSED)
        return SLAB_NO_MEMORY;
    if (epoch->nursed[i] == SLAB_NONE) {
        enum slab_step step = slab_units_take(&slab_epoch_nursery, 0, 1, 1, run, grow);
        if (step != SLAB_DONE)
            return step;
        epoch->nursed[i] = run->unit;
    }
    *run = (struct slab_run){epoch->nursed[i], run->unit == epoch->nursed[i] && run->zero};
    epoch->nursed_used |= 1u << i;
    return SLAB_DONE;
}

static enum slab_step take_locked(struct slab_epoch *epoch, unsigned half, uint32_t count,
                                  uint32_t align, struct slab_run *run, struct slab_growth *grow)
{
    if (count == 1 && align == 1 && epoch->segments == 0) {
        run->unit = SLAB_NONE;
        enum slab_step step = take_nursed(epoch, run, grow);
        if (step != SLAB_NO_MEMORY)
            return step;
    }
    return slab_units_take_locked(epoch, half, count, align, run, grow);
}

/*
 * Units whose lives with handles are used up stay with the epoch, unused, until it ends; others
 * get them then.
 */
static enum slab_step take_unspent(struct slab_epoch *epoch, unsigned half, uint32_t count,
                                   uint32_t align, struct slab_run *run, struct slab_growth *grow)
{
    for (;;) {
        enum slab_step step = take_locked(epoch, half, count, align, run, grow);
        if (step != SLAB_DONE || !has_handles(epoch) || !slab_is_spent(run->unit))
            return step;
        if (is_nursed(run->unit))
            free_nursed(epoch, run->unit);
        else
            epoch->spent_units += count;
    }
}

enum slab_step slab_epoch_take_units(uint64_t id, unsigned half, uint32_t count, uint32_t align,
                                     struct slab_run *run, struct slab_growth *grow)
{
    if (id == 0)
        return slab_units_take(&slab_epoch_eternal, half, count, align, run, grow);
    struct slab_epoch *epoch = slab_epoch_at(slab_slot_of(id));
    enum slab_step step = slab_epoch_lock_active(id);
    if (step != SLAB_DONE)
        return step;
    struct slab_account *account = slab_head_at(slab_slot_of(id))->account;
    if (charge(account, count)) {
        step = take_unspent(epoch, half, count, align, run, grow);
        if (step != SLAB_DONE)
            discharge(account, NULL, count);
    } else {
        step = SLAB_OVER_QUOTA;
    }
    shale_lock_release(&epoch->lock);
    return step;
}

uint64_t slab_epoch_live_units(const struct slab_epoch *epoch)
{
    return shale_atomic_load_relaxed(&epoch->used_units) - epoch->purging_units -
           epoch->spent_units + (uint32_t)__builtin_popcount(epoch->nursed_used) +
           (uint64_t)epoch->large_segments * SLAB_SEGMENT_UNITS;
}

static void gave(struct slab_epoch *epoch, uint64_t units)
{
    discharge(head_of(epoch)->account, NULL, units);
    if (slab_epoch_live_units(epoch) == 0)
        slab_close_emptied(head_of(epoch));
}

void slab_epoch_give_units(struct slab_epoch *epoch, uint32_t unit, uint32_t count)
{
    if (epoch == &slab_epoch_eternal) {
        slab_units_give(epoch, unit, count);
        return;
    }
    if (is_nursed(unit))
        free_nursed(epoch, unit);
    else
        slab_units_give(epoch, unit, count);
    gave(epoch, count);
}

/* ---- segments ---------------------------------------------------------------------------------
 */

static void link_large(struct slab_epoch *epoch, uint32_t segment, uint32_t count)
{
    struct slab_seg *seg = slab_seg_at(segment);
    seg->epoch = epoch->id;
    seg->prev = SLAB_NONE;
    seg->next = epoch->large;
    if (epoch->large != SLAB_NONE)
        slab_seg_at(epoch->large)->prev = segment;
    epoch->large = segment;
    epoch->large_segments += count;
}

static void unlink_large(struct slab_epoch *epoch, uint32_t segment, uint32_t count)
{
    struct slab_seg *seg = slab_seg_at(segment);
    if (seg->prev != SLAB_NONE)
        slab_seg_at(seg->prev)->next = seg->next;
    else
        epoch->large = seg->next;
    if (seg->next != SLAB_NONE)
        slab_seg_at(seg->next)->prev = seg->prev;
    epoch->large_segments -= count;
}

enum slab_step slab_epoch_take_segments(uint64_t id, uint32_t count, uint32_t align,
                                        uint32_t *segment, struct slab_growth *grow)
{
    if (id == 0)
        return slab_pool_take(0, count, align, SLAB_SEG_LARGE, segment, grow);
    struct slab_epoch *epoch = slab_epoch_at(slab_slot_of(id));
    uint64_t units = (uint64_t)count * SLAB_SEGMENT_UNITS;
    enum slab_step step = slab_epoch_lock_active(id);
    if (step != SLAB_DONE)
        return step;
    struct slab_account *account = slab_head_at(slab_slot_of(id))->account;
    if (charge(account, units)) {
        step = slab_pool_take(0, count, align, SLAB_SEG_LARGE, segment, grow);
        if (step == SLAB_DONE)
            link_large(epoch, *segment, count);
        else
            discharge(account, NULL, units);
    } else {
        step = SLAB_OVER_QUOTA;
    }
    shale_lock_release(&epoch->lock);
    return step;
}

/* Locks: the epoch's. */
static enum slab_step give_segments(struct slab_epoch *epoch, uint32_t unit)
{
    uint32_t segment = unit / SLAB_SEGMENT_UNITS;
    uint32_t count = slab_hot_at(unit)->size;
    unlink_large(epoch, segment, count);
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, SLAB_UNIT_FREE);
    if (slab_pool_give(segment, count) == SLAB_DONE)
        return SLAB_DONE;
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, SLAB_UNIT_LARGE);
    link_large(epoch, segment, count);
    return SLAB_BUSY;
}

enum slab_step slab_epoch_free_segments(uint32_t slot, uint32_t unit, size_t *bytes)
{
    struct slab_epoch *epoch = slab_epoch_at(slot);
    enum slab_step step = SLAB_NO_MEMORY;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    uint32_t count = slab_hot_at(unit)->size;
    if (slab_unit_at(unit)->epoch == slot && slab_unit_state_of(unit) == SLAB_UNIT_LARGE)
        step = give_segments(epoch, unit);
    if (step == SLAB_DONE) {
        *bytes = (size_t)count << SLAB_SEGMENT_SHIFT;
        gave(epoch, (uint64_t)count * SLAB_SEGMENT_UNITS);
    }
    shale_lock_release(&epoch->lock);
    return step;
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void forget_unit(struct slab_epoch *epoch, uint32_t unit)
{
    struct slab_unit *entry = slab_unit_at(unit);
    if (slab_unit_state_of(unit) == SLAB_UNIT_FREE)
        return;
    if (slab_is_tagged(unit))
        slab_tag_end_life(unit);
    if (slab_unit_state_of(unit) == SLAB_UNIT_SLAB)
        epoch->past_allocs[entry->class] += slab_hot_at(unit)->allocs;
    slab_set_owner(unit, SLAB_NONE);
    shale_atomic_add_single_writer(&entry->generation, 1);
    shale_atomic_store_relaxed(&entry->state, SLAB_UNIT_FREE);
}

static bool give_segment(struct slab_epoch *epoch, uint32_t segment)
{
    uint32_t unit = segment * SLAB_SEGMENT_UNITS;
    uint32_t used = (uint32_t)__builtin_popcount(slab_seg_at(segment)->used);
    for (uint32_t i = 0; i < SLAB_SEGMENT_UNITS; i++)
        forget_unit(epoch, unit + i);
    bool given = slab_units_empty(epoch, segment);
    discharge(head_of(epoch)->account, NULL, used);
    return given;
}

static enum slab_step give_own(struct slab_epoch *epoch)
{
    int left = SEGMENTS_AT_ONCE;
    discharge(head_of(epoch)->account, NULL, -(uint64_t)epoch->spent_units); /* never charged */
    epoch->spent_units = 0;
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        while (epoch->listed[half] != 0) {
            unsigned length = (unsigned)__builtin_ctzll(epoch->listed[half]);
            if (left-- == 0 || !give_segment(epoch, epoch->runs[half][length]))
                return SLAB_BUSY;
        }
    }
    return SLAB_DONE;
}

static enum slab_step give_large(struct slab_epoch *epoch)
{
    while (epoch->large != SLAB_NONE) {
        uint32_t unit = epoch->large * SLAB_SEGMENT_UNITS;
        uint64_t units = (uint64_t)slab_hot_at(unit)->size * SLAB_SEGMENT_UNITS;
        if (give_segments(epoch, unit) == SLAB_BUSY)
            return SLAB_BUSY;
        discharge(head_of(epoch)->account, NULL, units);
    }
    return SLAB_DONE;
}

static enum slab_step give_nursed(struct slab_epoch *epoch)
{
    if (epoch->nursed[0] == SLAB_NONE)
        return SLAB_DONE;
    if (!slab_internal_try(&slab_epoch_nursery.lock))
        return SLAB_BUSY;
    for (unsigned i = 0; i < SLAB_NURSED && epoch->nursed[i] != SLAB_NONE; i++) {
        forget_unit(epoch, epoch->nursed[i]);
        slab_units_give(&slab_epoch_nursery, epoch->nursed[i], 1);
        epoch->nursed[i] = SLAB_NONE;
    }
    shale_lock_release(&slab_epoch_nursery.lock);
    discharge(head_of(epoch)->account, NULL, (uint32_t)__builtin_popcount(epoch->nursed_used));
    epoch->nursed_used = 0;
    return SLAB_DONE;
}

enum slab_step slab_epoch_give_all(struct slab_epoch *epoch)
{
    if (epoch->purging_units != 0)
        return SLAB_BUSY; /* they come back first */
    enum slab_step step = give_own(epoch);
    if (step == SLAB_DONE)
        step = give_large(epoch);
    return step == SLAB_DONE ? give_nursed(epoch) : step;
}

enum slab_step slab_epoch_drop_account(uint64_t id, struct slab_account *account)
{
    struct slab_epoch_head *head = slab_head_at(slab_slot_of(id));
    struct slab_epoch *epoch = slab_epoch_at(slab_slot_of(id));
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    if (shale_atomic_load_relaxed(&head->id) == id && head->account == account) {
        discharge(account, NULL, slab_epoch_live_units(epoch));
        head->account = NULL;
    }
    shale_lock_release(&epoch->lock);
    return SLAB_DONE;
}
