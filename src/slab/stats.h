/* SPDX-License-Identifier: MIT */
/*
 * What the engine can say about itself: exact where all threads stand still, approximate otherwise.
 * The fast paths count nothing but each slab's allocs and frees. Layer 1.
 */
#ifndef SHALE_SLAB_STATS_H
#define SHALE_SLAB_STATS_H

#include "slab/class.h"
#include "slab/pool.h"
#include "slab/thread.h"

struct slab_class_stats {
    uint32_t block_bytes;
    uint64_t allocs;  /* ever */
    uint64_t live;    /* blocks handed out and not known to be back */
    uint64_t pending; /* of those: in others' batches, and in messages where these are followed */
    uint64_t slabs;
    uint64_t linked;   /* blocks of those slabs that were ever put on a free list */
    uint64_t capacity; /* blocks of those slabs */
};

/* What one slot has. */
struct slab_epoch_stats {
    uint64_t live_blocks;
    uint64_t live_bytes;
    uint64_t region_bytes;
    uint64_t used_bytes;
    uint64_t free_bytes;
    uint64_t pinning_blocks;
    uint64_t pinning_bytes;
    uint64_t pinned_slabs;
    uint64_t pinned_bytes;
};

/* The sums of the threads' counters (thread.h). */
struct slab_sums {
#define SLAB_SUM_FIELD(name) uint64_t name;
    SLAB_COUNTERS(SLAB_SUM_FIELD)
    SLAB_TOTALS(SLAB_SUM_FIELD)
#undef SLAB_SUM_FIELD
};

/* struct slab_pool_tally as plain numbers. */
struct slab_pool_counts {
    uint64_t segments_used;
    uint64_t segments_dirty;
    uint64_t segments_clean;
    uint64_t segments_taken;
    uint64_t purged_bytes; /* of free units too */
    uint64_t purges;
    uint64_t purges_failed;
};

struct slab_stats {
    struct slab_class_stats classes[SLAB_CLASSES];
    uint64_t epochs;       /* open or closing, beside the eternal one */
    uint64_t region_bytes; /* chunks of region epochs */
    uint64_t run_blocks;   /* blocks of units, in use */
    uint64_t run_bytes;
    uint64_t large_blocks; /* blocks of segments, in use */
    uint64_t large_bytes;
    uint64_t direct_bytes; /* mapped directly */
    uint64_t orphan_slabs;
    uint64_t empty_slabs; /* kept by threads */
    uint64_t empty_bytes;
    uint64_t threads;
    uint64_t epoch_segments; /* of units, of all epochs */
    uint64_t used_units;
    uint64_t dirty_units; /* free, but resident */
    uint64_t range_bytes;
    uint64_t reservation; /* its address, and bytes with the metadata: for maps and smaps */
    uint64_t reserved_bytes;
    struct slab_pool_counts pool;
    struct slab_sums sums;
    bool is_exact;
};

/*
 * Keeps everybody outside and adds everything up.
 * @return 0; SHALE_EBUSY: a thread did not stop within 100 ms; SHALE_ENOMEM. Cost: O(slabs).
 */
SHALE_NODISCARD int slab_stats_exact(struct slab_stats *stats);

/* Adds up without stopping anybody. */
void slab_stats_approximate(struct slab_stats *stats);

struct slab_source;

/* Either, with every live thread and epoch shown to the functions of `to`: only they are used. */
SHALE_NODISCARD int slab_stats_take(struct slab_stats *stats, bool exact,
                                    const struct slab_source *to);

/* Sums the counters alone, without stopping anybody. */
void slab_stats_sum(struct slab_sums *sums);

#endif
