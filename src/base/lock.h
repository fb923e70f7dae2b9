/* SPDX-License-Identifier: MIT */
/*
 * Locks with ranks: a word and a futex, no malloc, checked order in debug builds. Layer 0.
 *
 * A thread may wait for a lock only when its rank is higher than that of every lock the thread
 * holds, so no cycle of waiting threads can exist. shale_lock_try never waits and is free of that
 * rule. Builds with SHALE_CHECKS report by SHALE_ASSERT: a wrong order, waiting for a lock that the
 * thread holds, releasing one that it does not hold.
 *
 * Not recursive, not fair, not robust. A static lock needs no initialisation; zero is a free lock
 * of rank 0. In a child after fork only shale_lock_reset may touch a lock that the forking thread
 * did not hold.
 */
#ifndef SHALE_BASE_LOCK_H
#define SHALE_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

/* Every rank of the project, in the order of waiting: the outermost first. Gaps are for growth. */
enum shale_lock_rank {
    SHALE_RANK_OUTERMOST = 0,
    SHALE_RANK_FORK_HOOKS = 100,      /* base/thread.c: the list of fork hooks */
    SHALE_RANK_SMR = 700,             /* smr/thread.c: domains, slots, the threads' tables */
    SHALE_RANK_SMR_CHECK = 710,       /* smr/check.c: the nodes in limbo */
    SHALE_RANK_ALLOC_STATS = 800,     /* alloc/stats.c: the records of all threads */
    SHALE_RANK_SLAB_VISIT = 840,      /* slab/bias.c: who visits other threads' heaps */
    SHALE_RANK_SLAB_GATE = 841,       /* slab/thread.c: registration of threads */
    SHALE_RANK_SLAB_LATE = 842,       /* slab/late.c: the heap of threads that have none */
    SHALE_RANK_SLAB_HUGE = 843,       /* slab/huge.c: the table of direct mappings */
    SHALE_RANK_SLAB_FRONTIER = 844,   /* slab/range.c: what of the range is accessible */
    SHALE_RANK_SLAB_INTERNAL = 845,   /* slab: epochs and the pool; only ever tried */
    SHALE_RANK_PROFILE_THREADS = 880, /* profile/recorder.c: the threads' records */
    SHALE_RANK_PROFILE_MODULES = 881, /* profile/modules.c: the mappings that are known */
    SHALE_RANK_PROFILE_SITES = 882,   /* profile/sites.c: the stacks */
    SHALE_RANK_PROFILE_IMAGE = 883,   /* profile/image.c: the file grows */
    SHALE_RANK_CLOCK = 900,           /* base/clock.c: calibration */
    SHALE_RANK_INNERMOST = 1000,
};

struct shale_lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and perhaps awaited */
    uint32_t rank;
};

#define SHALE_LOCK_INIT(lock_rank)                                                                 \
    {                                                                                              \
        .word = 0, .rank = (lock_rank)                                                             \
    }

/* Waits for the lock. Cost: one compare-and-swap when it is free. Signals: never in a handler. */
void shale_lock_acquire(struct shale_lock *lock);

/* Takes the lock if it is free. Signals: allowed, as long as the handler releases it itself. */
SHALE_NODISCARD bool shale_lock_try(struct shale_lock *lock);

/* Releases a lock that the calling thread holds. */
void shale_lock_release(struct shale_lock *lock);

/* Makes a lock free whoever held it: in a child after fork. */
void shale_lock_reset(struct shale_lock *lock);

/* True when some thread holds it: a hint, out of date when it returns. */
bool shale_lock_is_held(const struct shale_lock *lock);

/* Locks the calling thread holds; 0 in builds without SHALE_CHECKS. For assertions and tests. */
unsigned shale_lock_held_count(void);

#endif
