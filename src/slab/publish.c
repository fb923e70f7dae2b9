/* SPDX-License-Identifier: MIT */
/* The engine's figures as <shale/stats.h> has them. Layer 1. */
#include "slab/survey.h"

#include <string.h>

#include "base/clock.h"

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0; /* approximate figures are of several moments */
}

void slab_publish_class(const struct slab_class_stats *class, struct shale_stats_class *out)
{
    *out = (struct shale_stats_class){
        .block_bytes = class->block_bytes,
        .allocs = class->allocs,
        .live_blocks = less(class->live, class->pending),
        .pending_blocks = class->pending < class->live ? class->pending : class->live,
        .free_blocks = less(class->linked, class->live),
        .untouched_blocks = less(class->capacity, class->linked),
        .slabs = class->slabs,
    };
}

void slab_publish_thread(const struct slab_thr *thr, struct shale_stats_thread *out)
{
    const struct slab_counters *counters = &thr->counters;
#define COUNTER(name) shale_atomic_load_relaxed(&counters->name)
    *out = (struct shale_stats_thread){
        .id = thr->id,
        .slabs = thr->owned,
        .slow_allocs = COUNTER(slow_allocs),
        .slow_frees = COUNTER(slow_frees),
        .slabs_taken = COUNTER(slabs_taken),
        .slabs_reused = COUNTER(slabs_reused),
        .slabs_released = COUNTER(slabs_released),
        .remote_frees = COUNTER(remote_frees),
        .remote_collected = COUNTER(collected),
        .lock_waits = COUNTER(lock_busy),
        .large_allocs = COUNTER(large_allocs),
        .large_frees = COUNTER(large_frees),
        .misuses = COUNTER(misuse),
    };
#undef COUNTER
}

/* The age is by the clock of this process: it is the same in all. */
void slab_publish_epoch(const struct slab_epoch_head *head, const struct slab_epoch_stats *stats,
                        struct shale_stats_epoch *out)
{
    *out = (struct shale_stats_epoch){
        .state = SLAB_EPOCH_ACTIVE,
        .live_blocks = stats->live_blocks,
        .live_bytes = stats->live_bytes,
        .region_bytes = stats->region_bytes,
        .used_bytes = stats->used_bytes,
        .free_bytes = stats->free_bytes,
        .pinning_blocks = stats->pinning_blocks,
        .pinning_bytes = stats->pinning_bytes,
        .pinned_slabs = stats->pinned_slabs,
        .pinned_bytes = stats->pinned_bytes,
    };
    if (head == NULL)
        return;
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    uint64_t label[SLAB_LABEL_WORDS];
    out->epoch = shale_atomic_load_relaxed(&head->id);
    out->state = word & 0xff;
    out->references = word >> 8;
    out->kind = shale_atomic_load_relaxed(&head->kind);
    out->age_ns = less(shale_clock_monotonic_ns(), shale_atomic_load_relaxed(&head->opened_ns));
    for (unsigned i = 0; i < SLAB_LABEL_WORDS; i++)
        label[i] = shale_atomic_load_relaxed(&head->label[i]);
    memcpy(out->label, label, sizeof out->label);
    out->label[sizeof out->label - 1] = '\0';
}

static void publish_slabs(const struct slab_stats *stats, struct shale_stats *out)
{
    for (unsigned i = 0; i < SLAB_CLASSES; i++) {
        struct shale_stats_class class;
        slab_publish_class(&stats->classes[i], &class);
        out->live_blocks += class.live_blocks;
        out->live_bytes += class.live_blocks * class.block_bytes;
        out->pending_bytes += class.pending_blocks * class.block_bytes;
        out->free_bytes += class.free_blocks * class.block_bytes;
        out->untouched_bytes += class.untouched_blocks * class.block_bytes;
        out->slabs += class.slabs;
        out->allocs += class.allocs;
    }
    out->empty_slab_bytes = stats->empty_bytes;
    out->orphan_slabs = stats->orphan_slabs;
}

static void publish_large(const struct slab_stats *stats, struct shale_stats *out)
{
    const struct slab_sums *sums = &stats->sums;
    out->large_blocks = stats->run_blocks + stats->large_blocks;
    out->large_bytes = stats->run_bytes + stats->large_bytes;
    out->direct_bytes = stats->direct_bytes;
    out->live_blocks += out->large_blocks + less(sums->direct_allocs, sums->direct_frees);
    out->live_bytes += out->large_bytes + out->direct_bytes;
    out->large_allocs = sums->large_allocs;
    out->large_frees = sums->large_frees;
    out->direct_allocs = sums->direct_allocs;
    out->allocs += sums->large_allocs + sums->direct_allocs;
    out->frees = less(out->allocs, out->live_blocks);
}

static void publish_memory(const struct slab_stats *stats, struct shale_stats *out)
{
    const struct slab_pool_counts *pool = &stats->pool;
    uint64_t epoch_units = stats->epoch_segments * SLAB_SEGMENT_UNITS;
    uint64_t clean_units = less(epoch_units, stats->used_units + stats->dirty_units);
    out->used_bytes = (stats->used_units << SLAB_UNIT_SHIFT) + stats->large_bytes;
    out->dirty_bytes =
        (stats->dirty_units << SLAB_UNIT_SHIFT) + (pool->segments_dirty << SLAB_SEGMENT_SHIFT);
    out->clean_bytes =
        (clean_units << SLAB_UNIT_SHIFT) + (pool->segments_clean << SLAB_SEGMENT_SHIFT);
    out->range_bytes = stats->range_bytes;
    out->segments_taken = pool->segments_taken;
    out->purges = pool->purges + stats->sums.unit_purges;
    out->purges_failed = pool->purges_failed + stats->sums.unit_purges_failed;
    out->purged_bytes = pool->purged_bytes;
}

static void publish_counters(const struct slab_sums *sums, struct shale_stats *out)
{
    out->slow_allocs = sums->slow_allocs;
    out->slow_frees = sums->slow_frees;
    out->new_block_steps = sums->linked;
    out->slabs_taken = sums->slabs_taken;
    out->slabs_reused = sums->slabs_reused;
    out->slabs_released = sums->slabs_released;
    out->slabs_orphaned = sums->orphaned;
    out->slabs_adopted = sums->adopted;
    out->remote_frees = sums->remote_frees;
    out->remote_batches = sums->flushes;
    out->messages_sent = sums->messages_sent;
    out->messages_forwarded = sums->forwarded;
    out->remote_collected = sums->collected;
    out->lock_waits = sums->lock_busy;
    out->visits = sums->visited;
    out->visits_deferred = sums->visits_deferred;
    out->range_grows = sums->frontier_moves;
    out->reclaims = sums->reclaims;
    out->out_of_memory = sums->out_of_memory;
    out->failed_allocs = sums->failed;
    out->stale_allocs = sums->stale;
    out->region_frees = sums->region_frees;
    out->misuses = sums->misuse;
    out->foreign_forwarded = sums->foreign_forwarded;
    out->foreign_ignored = sums->foreign_ignored;
}

void slab_publish(const struct slab_stats *stats, struct shale_stats *out)
{
    *out = (struct shale_stats)SHALE_STATS_INIT;
    out->exact = stats->is_exact;
    out->threads = stats->threads;
    out->epochs = stats->epochs;
    out->region_bytes = stats->region_bytes;
    publish_slabs(stats, out);
    publish_large(stats, out);
    publish_memory(stats, out);
    publish_counters(&stats->sums, out);
}
