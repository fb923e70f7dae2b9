/* SPDX-License-Identifier: MIT */
/*
 * What the engine can say about itself: exact where all threads stand still, sums of single-writer
 * counters otherwise. The fast paths count nothing but each slab's allocs and frees. Layer 1.
 */
#ifndef SHALE_SLAB_STATS_H
#define SHALE_SLAB_STATS_H

#include "slab/class.h"
#include "slab/pool.h"
#include "slab/thread.h"

struct slab_class_stats {
    uint32_t block_bytes;
    uint64_t allocs; /* ever */
    uint64_t live;   /* blocks handed out and not known to be back: batches count as live */
    uint64_t slabs;
    uint64_t linked;   /* blocks of those slabs that were ever put on a free list */
    uint64_t capacity; /* blocks of those slabs */
};

struct slab_stats {
    struct slab_class_stats classes[SLAB_CLASSES];
    uint64_t run_blocks; /* blocks of units, in use */
    uint64_t run_bytes;
    uint64_t large_blocks; /* blocks of segments, in use */
    uint64_t large_bytes;
    uint64_t direct_bytes; /* mapped directly */
    uint64_t orphan_slabs;
    uint64_t empty_slabs; /* kept by threads */
    uint64_t threads;
    uint64_t epoch_segments;
    uint64_t used_units;
    uint64_t dirty_units; /* free, but resident */
    struct slab_pool_counts pool;
};

/* The sums of the threads' counters (thread.h). */
struct slab_sums {
#define SLAB_SUM_FIELD(name) uint64_t name;
    SLAB_COUNTERS(SLAB_SUM_FIELD)
#undef SLAB_SUM_FIELD
};

/* All of it, exact. SHALE_EBUSY when a thread did not stop within 100 ms. Cost: O(slabs). */
SHALE_NODISCARD int slab_stats_exact(struct slab_stats *stats);

/* Sums the threads' counters without stopping anybody. */
void slab_stats_sum(struct slab_sums *sums);

#endif
