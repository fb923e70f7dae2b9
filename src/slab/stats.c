/* SPDX-License-Identifier: MIT */
/* Statistics by walking the segments while everybody stands still. Layer 1. */
#include "slab/stats.h"

#include <string.h>

#include "slab/epoch.h"
#include "slab/huge.h"
#include "slab/stop.h"

static void count_slab(struct slab_stats *stats, const struct slab_hot *hot)
{
    struct slab_class_stats *class = &stats->classes[hot->class];
    uint64_t word = shale_atomic_load_relaxed(&slab_rem_at(hot->unit)->word);
    uint64_t live = hot->allocs - hot->frees;
    if ((word & SLAB_REM_ORPHAN) != 0) {
        live = word >> SLAB_REM_COUNT_SHIFT;
        stats->orphan_slabs++;
    } else {
        live -= word >> SLAB_REM_COUNT_SHIFT;
    }
    class->allocs += hot->allocs;
    class->live += live;
    class->linked += hot->linked;
    class->capacity += hot->capacity;
    class->slabs++;
    stats->empty_slabs += hot->list == SLAB_LIST_EMPTY;
}

static void count_unit(struct slab_stats *stats, uint32_t unit)
{
    const struct slab_hot *hot = slab_hot_at(unit);
    switch (slab_unit_state_of(unit)) {
    case SLAB_UNIT_SLAB:
        count_slab(stats, hot);
        break;
    case SLAB_UNIT_RUN:
        stats->run_blocks++;
        stats->run_bytes += (uint64_t)hot->size << SLAB_UNIT_SHIFT;
        break;
    case SLAB_UNIT_LARGE:
        stats->large_blocks++;
        stats->large_bytes += (uint64_t)hot->size << SLAB_SEGMENT_SHIFT;
        break;
    case SLAB_UNIT_FREE:
    case SLAB_UNIT_REGION:
    case SLAB_UNIT_INNER:
    case SLAB_UNIT_CLOSED:
        break;
    }
}

static void count_segment(struct slab_stats *stats, uint32_t segment)
{
    uint32_t unit = segment * SLAB_SEGMENT_UNITS;
    if (slab_seg_at(segment)->state == SLAB_SEG_LARGE)
        count_unit(stats, unit);
    else if (slab_seg_at(segment)->state == SLAB_SEG_UNITS)
        for (uint32_t i = 0; i < SLAB_SEGMENT_UNITS; i++)
            count_unit(stats, unit + i);
}

static void count_threads(struct slab_stats *stats)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = 1; id < end; id++) {
        const struct slab_thr *thr = slab_thr_at(id);
        stats->threads += shale_atomic_load_relaxed(&thr->state) == SLAB_THR_LIVE;
        for (unsigned class = 0; class < SLAB_CLASSES; class ++)
            stats->classes[class].allocs += thr->past_allocs[class];
    }
}

static int look(void *argument)
{
    struct slab_stats *stats = argument;
    memset(stats, 0, sizeof(*stats));
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        stats->classes[class].block_bytes = slab_class_sizes[class];
        stats->classes[class].allocs = slab_epoch_eternal.past_allocs[class];
    }
    for (unsigned half = 0; half < SLAB_HALVES; half++)
        for (uint32_t s = slab_range.first[half]; s < slab_pool_fresh(half); s++)
            count_segment(stats, s);
    count_threads(stats);
    stats->direct_bytes = slab_huge_total();
    stats->epoch_segments = slab_epoch_eternal.segments;
    stats->used_units = shale_atomic_load_relaxed(&slab_epoch_eternal.used_units);
    slab_pool_count(&stats->pool);
    stats->pool.purged_bytes += slab_epoch_eternal.purged_bytes;
    stats->dirty_units = shale_atomic_load_relaxed(&slab_epoch_eternal.dirty_units);
    return 0;
}

int slab_stats_exact(struct slab_stats *stats)
{
    return slab_with_all_stopped(look, stats);
}

void slab_stats_sum(struct slab_sums *sums)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    memset(sums, 0, sizeof(*sums));
    for (uint32_t id = 1; id < end; id++) {
        const struct slab_counters *counters = &slab_thr_at(id)->counters;
#define SLAB_ADD(name) sums->name += shale_atomic_load_relaxed(&counters->name);
        SLAB_COUNTERS(SLAB_ADD)
#undef SLAB_ADD
    }
}
