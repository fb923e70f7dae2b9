/* SPDX-License-Identifier: MIT */
/*
 * An event count: threads wait for a condition that others make true without a lock. Layer 4.
 *
 *     maker                                   waiter
 *     make it true                            waiters + 1, heavy fence
 *     light fence, look at waiters            look at the condition
 *     if any: sequence + 1, futex wake        if not yet: futex wait while sequence is unchanged
 *
 * A maker pays a load (and a fence where membarrier is missing). A waiter spins a while first.
 * Where the heavy fence is refused (a seccomp filter that came later) waiters look again every
 * millisecond.
 */
#ifndef SHALE_COLLECTIONS_EVENTCOUNT_H
#define SHALE_COLLECTIONS_EVENTCOUNT_H

#include <limits.h>
#include <stdint.h>

#include "base/membarrier.h"
#include "collections/point.h"

struct eventcount {
    _Atomic uint32_t waiters;  /* threads that may sleep */
    _Atomic uint32_t sequence; /* the futex: moves on with each wake */
};

enum { EVENTCOUNT_ALL = INT_MAX };

/* Wakes up to `count` threads that sleep. */
void eventcount_wake(struct eventcount *events, int count);

/* After the condition was made true for `count` waiters. */
static inline void eventcount_notify(struct eventcount *events, int count)
{
    /* ORDER FENCE1 seq_cst <-> seq_cst in shale_heavy_fence() [base/membarrier.c]. What was made,
     * then the look at waiters; they count themselves, then look at what was made. Without it a
     * thread sleeps beside an item. Test ring_blocking_pairs_lose_no_wake. */
    shale_light_fence();
    COLL_POINT();
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&events->waiters) != 0))
        eventcount_wake(events, count);
}

/*
 * Calls attempt(argument) until it returns something else than `again`, sleeping in between.
 *
 * @param timeout_ns  0: tries once more; SHALE_FOREVER: waits without end.
 * @return what attempt returned; SHALE_ETIMEOUT.
 */
int eventcount_await(struct eventcount *events, uint64_t timeout_ns, int (*attempt)(void *argument),
                     void *argument, int again);

#endif
