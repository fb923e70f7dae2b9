/* SPDX-License-Identifier: MIT */
/* The walk. Layer 1. */
#include "slab/survey.h"

#include <string.h>

#include <shale/error.h>

#include "slab/epoch.h"
#include "slab/late.h"

enum {
    SETTLE_TRIES = 4,      /* of a segment whose slabs change hands while it is read */
    SPARSE_SHARE = 8,      /* a slab with no more live blocks than 1/8 of the touched ones pins */
    SEGS_AT_ONCE = 32,     /* 2 KiB */
    MESSAGES_MAX = 1 << 20 /* of one thread */
};

/* One segment's metadata. `again` is read last: a unit that differs in it changed hands. */
struct view {
    struct slab_unit units[SLAB_SEGMENT_UNITS];
    struct slab_hot hots[SLAB_SEGMENT_UNITS];
    struct slab_rem rems[SLAB_SEGMENT_UNITS];
    struct slab_unit again[SLAB_SEGMENT_UNITS];
};

struct walk {
    const struct slab_source *source;
    struct slab_stats *stats;
    struct slab_range range;
    struct slab_pool_tally tally;
};

static int fetch(const struct walk *walk, uint64_t address, void *out, size_t size)
{
    return walk->source->read(walk->source->context, address, out, size);
}

static uint32_t units_of_size(uint32_t size)
{
    return size > SLAB_ONE_UNIT_MAX ? SLAB_WIDE_UNITS : 1;
}

static uint64_t at(const void *table, uint64_t index, size_t size)
{
    return (uint64_t)(uintptr_t)table + index * size;
}

/* ---- slabs and large blocks -------------------------------------------------------------------
 */

/* Allocs and frees may be of two moments: the difference is held between none and all. */
static struct slab_epoch_stats *slot_of(const struct walk *walk, uint32_t slot)
{
    static struct slab_epoch_stats ignored; /* of readers that do not ask */
    return slot < walk->source->slot_count ? &walk->source->slots[slot] : &ignored;
}

/* What a slab of an epoch has, and what its few live blocks keep. */
static void count_slab_of_epoch(struct slab_epoch_stats *stats, const struct slab_hot *hot,
                                uint64_t live)
{
    uint64_t linked = hot->linked;
    stats->live_blocks += live;
    stats->live_bytes += live * hot->size;
    stats->free_bytes += (linked - live) * hot->size;
    stats->used_bytes += (uint64_t)units_of_size(hot->size) << SLAB_UNIT_SHIFT;
    if (live == 0 || live > linked / SPARSE_SHARE || hot->list == SLAB_LIST_CURRENT)
        return;
    stats->pinning_blocks += live;
    stats->pinning_bytes += live * hot->size;
    stats->pinned_slabs++;
    stats->pinned_bytes += (linked - live) * hot->size;
}

static void count_slab(const struct walk *walk, const struct slab_hot *hot, uint64_t word,
                       uint32_t slot)
{
    struct slab_stats *stats = walk->stats;
    if (hot->class >= SLAB_CLASSES || hot->linked > hot->capacity)
        return;
    struct slab_class_stats *class = &stats->classes[hot->class];
    uint64_t live = hot->allocs > slab_frees(hot) ? hot->allocs - slab_frees(hot) : 0;
    uint64_t count = word >> SLAB_REM_COUNT_SHIFT;
    if ((word & SLAB_REM_ORPHAN) != 0)
        live = count;
    else
        live = live > count ? live - count : 0;
    stats->orphan_slabs += (word & SLAB_REM_ORPHAN) != 0;
    class->allocs += hot->allocs;
    live = live > hot->linked ? hot->linked : live;
    class->live += live;
    if (walk->source->slots != NULL)
        count_slab_of_epoch(slot_of(walk, slot), hot, live);
    class->linked += hot->linked;
    class->capacity += hot->capacity;
    class->slabs++;
    if (hot->list == SLAB_LIST_EMPTY) {
        stats->empty_slabs++;
        stats->empty_bytes += (uint64_t)hot->capacity * hot->size;
    }
}

/* A block above 64 KiB, or a chunk of a region. */
static void count_block_of_epoch(const struct walk *walk, uint32_t slot, bool region,
                                 uint64_t bytes)
{
    struct slab_epoch_stats *stats = slot_of(walk, slot);
    if (walk->source->slots == NULL)
        return;
    stats->used_bytes += bytes;
    if (region) {
        stats->region_bytes += bytes;
    } else {
        stats->live_blocks++;
        stats->live_bytes += bytes;
    }
}

static void count_unit(struct walk *walk, const struct view *view, uint32_t i)
{
    struct slab_stats *stats = walk->stats;
    const struct slab_hot *hot = &view->hots[i];
    uint32_t slot = view->units[i].epoch;
    switch ((enum slab_unit_state)shale_atomic_load_relaxed(&view->units[i].state)) {
    case SLAB_UNIT_SLAB:
        count_slab(walk, hot, shale_atomic_load_relaxed(&view->rems[i].word), slot);
        break;
    case SLAB_UNIT_RUN:
        stats->run_blocks++;
        stats->run_bytes += (uint64_t)hot->size << SLAB_UNIT_SHIFT;
        count_block_of_epoch(walk, slot, false, (uint64_t)hot->size << SLAB_UNIT_SHIFT);
        break;
    case SLAB_UNIT_LARGE:
        stats->large_blocks++;
        stats->large_bytes += (uint64_t)hot->size << SLAB_SEGMENT_SHIFT;
        count_block_of_epoch(walk, slot, false, (uint64_t)hot->size << SLAB_SEGMENT_SHIFT);
        break;
    case SLAB_UNIT_REGION:
        stats->region_bytes += (uint64_t)hot->size << SLAB_UNIT_SHIFT;
        count_block_of_epoch(walk, slot, true, (uint64_t)hot->size << SLAB_UNIT_SHIFT);
        break;
    case SLAB_UNIT_SPARE:
        if (walk->source->slots != NULL)
            slot_of(walk, slot)->used_bytes += SLAB_UNIT_SIZE;
        break;
    case SLAB_UNIT_FREE:
    case SLAB_UNIT_INNER:
    case SLAB_UNIT_CLOSED:
        break;
    }
}

static int fetch_view(const struct walk *walk, uint64_t unit, uint32_t count, struct view *view)
{
    const struct slab_range *range = &walk->range;
    uint64_t units = at(range->units, unit, sizeof(struct slab_unit));
    int error = fetch(walk, units, view->units, count * sizeof(struct slab_unit));
    if (error == 0)
        error = fetch(walk, at(range->hots, unit, sizeof(struct slab_hot)), view->hots,
                      count * sizeof(struct slab_hot));
    if (error == 0)
        error = fetch(walk, at(range->rems, unit, sizeof(struct slab_rem)), view->rems,
                      count * sizeof(struct slab_rem));
    if (error == 0)
        error = fetch(walk, units, view->again, count * sizeof(struct slab_unit));
    return error;
}

static bool same_life(const struct slab_unit *one, const struct slab_unit *other)
{
    return shale_atomic_load_relaxed(&one->generation) ==
               shale_atomic_load_relaxed(&other->generation) &&
           shale_atomic_load_relaxed(&one->state) == shale_atomic_load_relaxed(&other->state) &&
           one->class == other->class && one->epoch == other->epoch;
}

static bool settled(const struct view *view, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!same_life(&view->units[i], &view->again[i]))
            return false;
    return true;
}

/*
 * The first `count` units of a segment. The generation of a unit works as a sequence lock does: a
 * slab that was given away between the two looks is looked at again, or passed over at last.
 */
static int count_units(struct walk *walk, uint32_t segment, uint32_t count)
{
    struct view view;
    uint64_t unit = (uint64_t)segment * SLAB_SEGMENT_UNITS;
    for (int i = 0; i < SETTLE_TRIES; i++) {
        int error = fetch_view(walk, unit, count, &view);
        if (error != 0)
            return error;
        if (settled(&view, count))
            break;
    }
    for (uint32_t i = 0; i < count; i++)
        if (same_life(&view.units[i], &view.again[i]))
            count_unit(walk, &view, i);
    return 0;
}

static int count_segment(struct walk *walk, uint32_t segment, const struct slab_seg *seg)
{
    struct slab_stats *stats = walk->stats;
    if (seg->state == SLAB_SEG_LARGE)
        return count_units(walk, segment, 1);
    if (seg->state != SLAB_SEG_UNITS)
        return 0;
    stats->epoch_segments++;
    stats->used_units += (uint32_t)__builtin_popcount(seg->used);
    stats->dirty_units += (uint32_t)__builtin_popcount(~seg->used & ~seg->clean);
    return count_units(walk, segment, SLAB_SEGMENT_UNITS);
}

static int count_segments(struct walk *walk, uint32_t from, uint32_t end)
{
    struct slab_seg segs[SEGS_AT_ONCE];
    for (; from < end; from += SEGS_AT_ONCE) {
        uint32_t count = end - from < SEGS_AT_ONCE ? end - from : SEGS_AT_ONCE;
        int error = fetch(walk, at(walk->range.segs, from, sizeof(struct slab_seg)), segs,
                          count * sizeof(struct slab_seg));
        for (uint32_t i = 0; i < count && error == 0; i++)
            error = count_segment(walk, from + i, &segs[i]);
        if (error != 0)
            return error;
    }
    return 0;
}

/* ---- threads ----------------------------------------------------------------------------------
 */

/* The class of the slab that a unit belongs to, or SLAB_CLASSES. */
static unsigned class_of_unit(const struct walk *walk, uint64_t unit)
{
    struct slab_unit entry;
    if (unit >= walk->range.size >> SLAB_UNIT_SHIFT ||
        fetch(walk, at(walk->range.units, unit, sizeof entry), &entry, sizeof entry) != 0)
        return SLAB_CLASSES;
    return entry.class < SLAB_CLASSES ? entry.class : SLAB_CLASSES;
}

static void count_pending(struct walk *walk, uint64_t unit, uint64_t count)
{
    unsigned class = class_of_unit(walk, unit);
    if (class < SLAB_CLASSES)
        walk->stats->classes[class].pending += count;
}

/* Messages: word 1 of the first block of each is count << 48 | next (remote.c). */
static void count_messages(struct walk *walk, uint64_t message)
{
    uint64_t words[2];
    for (int i = 0; i < MESSAGES_MAX && message != 0; i++) {
        uint64_t offset = message - (uint64_t)(uintptr_t)walk->range.base;
        if (offset >= walk->range.size || fetch(walk, message, words, sizeof words) != 0)
            return;
        uint64_t count = words[1] >> SLAB_REM_COUNT_SHIFT;
        if (count == 0 || count > SLAB_UNIT_SIZE / 16)
            return; /* collected meanwhile, and used for something else */
        count_pending(walk, offset >> SLAB_UNIT_SHIFT, count);
        message = words[1] & SLAB_INBOX_ADDRESS;
    }
}

static void count_thread(struct walk *walk, const struct slab_thr *thr)
{
    struct slab_stats *stats = walk->stats;
#define SLAB_ADD(name) stats->sums.name += shale_atomic_load_relaxed(&thr->counters.name);
    SLAB_COUNTERS(SLAB_ADD)
#undef SLAB_ADD
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        stats->classes[class].allocs += thr->past_allocs[class];
    for (unsigned i = 0; i < SLAB_BATCHES; i++)
        if (thr->batches[i].count != 0)
            count_pending(walk, thr->batches[i].unit, thr->batches[i].count);
    if (walk->source->follow) {
        count_messages(walk, (uint64_t)(uintptr_t)thr->messages);
        uint64_t inbox = shale_atomic_load_relaxed(&thr->inbox);
        if (inbox != SLAB_INBOX_CLOSED)
            count_messages(walk, inbox & SLAB_INBOX_ADDRESS);
    }
    if (shale_atomic_load_relaxed(&thr->state) != SLAB_THR_LIVE || thr->id == SLAB_LATE)
        return;
    stats->threads++;
    if (walk->source->thread != NULL)
        walk->source->thread(walk->source->thread_context, thr);
}

static int count_threads(struct walk *walk)
{
    struct slab_thr thr;
    uint32_t end;
    int error = fetch(walk, walk->source->map->thr_end, &end, sizeof end);
    if (error != 0)
        return error;
    if (end > walk->range.threads)
        return SHALE_EFORMAT;
    for (uint32_t id = 1; id < end && error == 0; id++) {
        error = fetch(walk, at(walk->range.thrs, id, SLAB_THR_SIZE), &thr, sizeof thr);
        if (error == 0)
            count_thread(walk, &thr);
    }
    return error;
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static int count_epoch(const struct walk *walk, uint64_t address)
{
    uint64_t past_allocs[SLAB_CLASSES];
    int error = fetch(walk, address + offsetof(struct slab_epoch, past_allocs), past_allocs,
                      sizeof past_allocs);
    for (unsigned class = 0; class < SLAB_CLASSES && error == 0; class ++)
        walk->stats->classes[class].allocs += past_allocs[class];
    return error;
}

static void show_epoch(const struct walk *walk, const struct slab_epoch_head *head, uint32_t slot)
{
    if (walk->source->epoch != NULL)
        walk->source->epoch(walk->source->epoch_context, head, slot_of(walk, slot));
}

/* The eternal epoch, and every slot that somebody has. */
static int count_epochs(const struct walk *walk)
{
    struct slab_epoch_head head;
    uint32_t slots;
    int error = fetch(walk, walk->source->map->slots, &slots, sizeof slots);
    if (error == 0)
        error = count_epoch(walk, walk->source->map->eternal);
    if (error == 0)
        show_epoch(walk, NULL, 0);
    if (error == 0 && slots > walk->range.slots)
        error = SHALE_EFORMAT;
    for (uint32_t slot = 1; slot < slots && error == 0; slot++) {
        error = fetch(walk, at(walk->range.heads, slot, SLAB_HEAD_SIZE), &head, sizeof head);
        if (error != 0 || shale_atomic_load_relaxed(&head.id) == 0)
            continue;
        walk->stats->epochs++;
        show_epoch(walk, &head, slot);
        error = count_epoch(walk, at(walk->range.epochs, slot, SLAB_EPOCH_SIZE));
    }
    return error;
}

static int count_totals(const struct walk *walk)
{
    struct slab_totals totals;
    struct slab_stats *stats = walk->stats;
    int error = fetch(walk, walk->source->map->totals, &totals, sizeof totals);
    if (error != 0)
        return error;
#define SLAB_COPY(name) stats->sums.name = shale_atomic_load_relaxed(&totals.name);
    SLAB_TOTALS(SLAB_COPY)
#undef SLAB_COPY
    stats->direct_bytes = stats->sums.direct_bytes;
    return 0;
}

static void count_pool(const struct walk *walk)
{
    const struct slab_pool_tally *tally = &walk->tally;
    struct slab_pool_counts *counts = &walk->stats->pool;
    counts->segments_used = shale_atomic_load_relaxed(&tally->used);
    counts->segments_dirty = shale_atomic_load_relaxed(&tally->dirty);
    counts->segments_clean = shale_atomic_load_relaxed(&tally->clean);
    counts->segments_taken = shale_atomic_load_relaxed(&tally->taken);
    counts->purged_bytes =
        shale_atomic_load_relaxed(&tally->purged_bytes) + walk->stats->sums.unit_purged_bytes;
    counts->purges = shale_atomic_load_relaxed(&tally->purges);
    counts->purges_failed = shale_atomic_load_relaxed(&tally->purges_failed);
}

/* What is copied must lie in the range that is said to be reserved. */
static bool plausible(const struct walk *walk)
{
    const struct slab_range *range = &walk->range;
    if (range->size > SLAB_RANGE_MAX || range->segments != range->size >> SLAB_SEGMENT_SHIFT)
        return false;
    for (unsigned half = 0; half < SLAB_HALVES; half++)
        if (range->first[half] > walk->tally.fresh[half] ||
            walk->tally.fresh[half] > range->end[half] || range->end[half] > range->segments)
            return false;
    return true;
}

static int count_range(struct walk *walk)
{
    int error = 0;
    for (unsigned half = 0; half < SLAB_HALVES && error == 0; half++)
        error = count_segments(walk, walk->range.first[half], walk->tally.fresh[half]);
    if (error == 0)
        error = count_threads(walk);
    return error != 0 ? error : count_epochs(walk);
}

int slab_survey(const struct slab_source *source, struct slab_stats *stats)
{
    struct walk walk = {.source = source, .stats = stats};
    memset(stats, 0, sizeof *stats);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        stats->classes[class].block_bytes = slab_class_size(class);
    int error = fetch(&walk, source->map->range, &walk.range, sizeof walk.range);
    if (error == 0)
        error = fetch(&walk, source->map->tally, &walk.tally, sizeof walk.tally);
    if (error == 0)
        error = count_totals(&walk);
    if (error != 0 || walk.range.base == NULL)
        return error;
    if (!plausible(&walk))
        return SHALE_EFORMAT;
    stats->range_bytes = walk.range.size;
    stats->reservation = (uint64_t)(uintptr_t)walk.range.reservation;
    stats->reserved_bytes = walk.range.reserved;
    count_pool(&walk);
    return count_range(&walk);
}
