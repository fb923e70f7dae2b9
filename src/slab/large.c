/* SPDX-License-Identifier: MIT */
/* Runs of units and of segments. Layer 1. */
#include "slab/large.h"

#include "slab/epoch_units.h"
#include "slab/secure.h"

static size_t ceil_shift(size_t size, unsigned shift)
{
    return (size >> shift) + ((size & ((1ull << shift) - 1)) != 0);
}

static size_t at_least_one(size_t count)
{
    return count == 0 ? 1 : count;
}

/* What a block takes with the guard behind it: in plain malloc's epoch only (secure.h). */
static size_t with_guard(uint64_t epoch, size_t size)
{
    return SLAB_SECURE && epoch == 0 ? size + SLAB_GUARD_BYTES : size;
}

static bool is_guarded(uint32_t unit)
{
    return SLAB_SECURE && slab_unit_at(unit)->epoch == 0;
}

static char *end_of(uint32_t unit)
{
    return slab_unit_address(unit) + ((size_t)slab_hot_at(unit)->capacity << SLAB_UNIT_SHIFT);
}

/* Before the block is anybody else's; a free that comes too late is found out afterwards. */
static void wipe(uint32_t unit)
{
    if (is_guarded(unit))
        slab_secure_wipe_large(slab_unit_address(unit), end_of(unit));
}

static bool is_run(const struct slab_large *large)
{
    return large->size <= SLAB_RUN_MAX && large->alignment < SLAB_SEGMENT_SIZE;
}

static void mark(uint32_t slot, uint32_t unit, uint32_t count, enum slab_unit_state state)
{
    slab_hot_at(unit)->size = count;
    slab_hot_at(unit)->capacity = count;
    slab_unit_at(unit)->epoch = (uint16_t)slot;
    /* Relaxed: another thread learns the block's address from this one, and with it the state. */
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, state);
}

/* Where addresses are scarce, no room is left between blocks. */
static enum slab_step take_units(const struct slab_large *large, uint32_t count,
                                 struct slab_run *run, struct slab_growth *grow)
{
    uint32_t align = (uint32_t)at_least_one(large->alignment >> SLAB_UNIT_SHIFT);
    if (large->growing && !slab_range.on_demand)
        return slab_units_take_roomy(&slab_epoch_eternal, count, run, grow);
    return slab_epoch_take_units(large->epoch, 0, count, align, run, grow);
}

static enum slab_step alloc_units(struct slab_large *large, struct slab_growth *grow)
{
    struct slab_run run;
    size_t size = with_guard(large->epoch, large->size);
    uint32_t count = (uint32_t)at_least_one(ceil_shift(size, SLAB_UNIT_SHIFT));
    enum slab_step step = take_units(large, count, &run, grow);
    if (step != SLAB_DONE)
        return step;
    mark(slab_slot_of(large->epoch), run.unit, count, SLAB_UNIT_RUN);
    large->block = slab_unit_address(run.unit);
    large->zero = run.zero;
    return SLAB_DONE;
}

/*
 * What the block covers of each segment is in use and dirty; the rest stays as it is, and is not
 * counted in its usable size.
 */
static bool use_segments(uint32_t segment, uint32_t count, size_t size)
{
    bool zero = true;
    size_t units = at_least_one(ceil_shift(size, SLAB_UNIT_SHIFT));
    slab_hot_at(segment * SLAB_SEGMENT_UNITS)->capacity = (uint32_t)units;
    for (uint32_t i = 0; i < count; i++) {
        struct slab_seg *seg = slab_seg_at(segment + i);
        uint32_t covered = units >= SLAB_SEGMENT_UNITS ? UINT32_MAX : (1u << units) - 1;
        zero = zero && (seg->clean & covered) == covered;
        slab_seg_soil(seg, covered);
        units -= units >= SLAB_SEGMENT_UNITS ? SLAB_SEGMENT_UNITS : units;
    }
    return zero;
}

static enum slab_step alloc_segments(struct slab_large *large, struct slab_growth *grow)
{
    size_t size = with_guard(large->epoch, large->size);
    size_t count = at_least_one(ceil_shift(size, SLAB_SEGMENT_SHIFT));
    size_t align = at_least_one(large->alignment >> SLAB_SEGMENT_SHIFT);
    uint32_t segment = SLAB_NONE;
    if (count >= slab_range.segments || align >= slab_range.segments)
        return SLAB_NO_MEMORY;
    enum slab_step step =
        slab_epoch_take_segments(large->epoch, (uint32_t)count, (uint32_t)align, &segment, grow);
    if (step != SLAB_DONE)
        return step;
    mark(slab_slot_of(large->epoch), segment * SLAB_SEGMENT_UNITS, (uint32_t)count,
         SLAB_UNIT_LARGE);
    large->block = slab_segment_address(segment);
    large->zero = use_segments(segment, (uint32_t)count, size);
    return SLAB_DONE;
}

enum slab_step slab_large_alloc(struct slab_thr *thr, struct slab_large *large,
                                struct slab_growth *grow)
{
    enum slab_step step = is_run(large) ? alloc_units(large, grow) : alloc_segments(large, grow);
    if (step == SLAB_DONE && SLAB_SECURE && large->epoch == 0)
        slab_secure_guard_end(end_of(slab_index_of(large->block)));
    if (step == SLAB_DONE)
        SLAB_COUNT(thr, large_allocs, 1);
    return step;
}

static bool close_block(uint32_t unit, uint8_t state)
{
    /* ORDER LARGE1 acquire <-> acquire in close_block() [large.c]. Of two frees one gets the block.
     * Test large_double_free_counted. */
    return shale_atomic_cas_acquire(&slab_unit_at(unit)->state, &state, SLAB_UNIT_CLOSED);
}

static void end_block(uint32_t unit, enum slab_unit_state state)
{
    shale_atomic_store_relaxed(&slab_unit_at(unit)->state, state);
}

static enum slab_step free_units(uint32_t unit, size_t *bytes)
{
    uint32_t slot = slab_unit_at(unit)->epoch;
    struct slab_epoch *epoch = slab_epoch_of(slot);
    enum slab_step step = SLAB_NO_MEMORY;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    /* A discard may have come first, and another epoch may have the unit by now. */
    if (slab_unit_at(unit)->epoch == slot && close_block(unit, SLAB_UNIT_RUN)) {
        end_block(unit, SLAB_UNIT_FREE);
        *bytes = (size_t)slab_hot_at(unit)->size << SLAB_UNIT_SHIFT;
        slab_epoch_give_units(epoch, unit, slab_hot_at(unit)->size);
        step = SLAB_DONE;
    }
    shale_lock_release(&epoch->lock);
    return step;
}

static enum slab_step free_segments(uint32_t unit, size_t *bytes)
{
    uint32_t slot = slab_unit_at(unit)->epoch;
    uint32_t count = slab_hot_at(unit)->size;
    if (slot != 0)
        return slab_epoch_free_segments(slot, unit, bytes);
    if (!close_block(unit, SLAB_UNIT_LARGE))
        return SLAB_NO_MEMORY;
    end_block(unit, SLAB_UNIT_FREE);
    if (slab_pool_give(unit / SLAB_SEGMENT_UNITS, count) == SLAB_BUSY) {
        end_block(unit, SLAB_UNIT_LARGE);
        return SLAB_BUSY;
    }
    *bytes = (size_t)count << SLAB_SEGMENT_SHIFT;
    return SLAB_DONE;
}

enum slab_step slab_large_free(struct slab_thr *thr, uint32_t unit, size_t *bytes)
{
    enum slab_step step;
    *bytes = 0;
    wipe(unit);
    if (slab_unit_state_of(unit) == SLAB_UNIT_RUN)
        step = free_units(unit, bytes);
    else
        step = free_segments(unit, bytes);
    if (step == SLAB_DONE)
        SLAB_COUNT(thr, large_frees, 1);
    return step;
}

size_t slab_large_size(uint32_t unit)
{
    size_t size = (size_t)slab_hot_at(unit)->capacity << SLAB_UNIT_SHIFT;
    return is_guarded(unit) ? size - SLAB_GUARD_BYTES : size;
}

static enum slab_step resize_units(uint32_t unit, size_t size)
{
    struct slab_epoch *epoch = slab_epoch_of(slab_unit_at(unit)->epoch);
    struct slab_hot *hot = slab_hot_at(unit);
    uint32_t count = (uint32_t)at_least_one(ceil_shift(size, SLAB_UNIT_SHIFT));
    if (count == hot->size)
        return SLAB_DONE;
    if (slab_unit_at(unit)->epoch != 0)
        return SLAB_NO_MEMORY; /* its account would have to be asked */
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    enum slab_step step = SLAB_DONE;
    if (count < hot->size)
        slab_units_give(epoch, unit + count, hot->size - count);
    else if (!slab_units_extend(epoch, unit, hot->size, count - hot->size))
        step = SLAB_NO_MEMORY;
    if (step == SLAB_DONE)
        hot->size = hot->capacity = count;
    shale_lock_release(&epoch->lock);
    return step;
}

static enum slab_step resize_segments(uint32_t unit, size_t size)
{
    struct slab_hot *hot = slab_hot_at(unit);
    uint32_t segment = unit / SLAB_SEGMENT_UNITS;
    size_t count = at_least_one(ceil_shift(size, SLAB_SEGMENT_SHIFT));
    enum slab_step step = SLAB_DONE;
    if (count >= slab_range.segments || (slab_unit_at(unit)->epoch != 0 && count != hot->size))
        return SLAB_NO_MEMORY;
    if (count < hot->size)
        step = slab_pool_give(segment + (uint32_t)count, hot->size - (uint32_t)count);
    else if (count > hot->size)
        step = slab_pool_extend(segment, hot->size, (uint32_t)count - hot->size);
    if (step != SLAB_DONE)
        return step;
    hot->size = (uint32_t)count;
    (void)use_segments(segment, (uint32_t)count, size);
    return SLAB_DONE;
}

enum slab_step slab_large_resize(struct slab_thr *thr, uint32_t unit, size_t size)
{
    (void)thr;
    if (is_guarded(unit)) /* the guard would have to move */
        return size <= slab_large_size(unit) && size > slab_large_size(unit) - SLAB_UNIT_SIZE
                   ? SLAB_DONE
                   : SLAB_NO_MEMORY;
    return slab_unit_state_of(unit) == SLAB_UNIT_RUN ? resize_units(unit, size)
                                                     : resize_segments(unit, size);
}
