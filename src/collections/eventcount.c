/* SPDX-License-Identifier: MIT */
/* Event counts over a futex. Layer 4. */
#define _GNU_SOURCE
#include "collections/eventcount.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <shale/collections.h>
#include <shale/error.h>

#include "base/clock.h"

enum {
    SPINS = SHALE_COLLECTIONS_TEST ? 2 : 100,
    NS_PER_S = 1000000000,
    UNFENCED_SLEEP_NS = 1000000
};

void eventcount_wake(struct eventcount *events, int count)
{
    int saved = errno;
    /* ORDER EVENT1 release -> acquire in sleep_unless() [eventcount.c]. Publishes what was made:
     * who reads the new number sees it, and who read the old one does not sleep. Without it a
     * waiter could take the new number and miss the item. Test ring_blocking_pairs_lose_no_wake. */
    shale_atomic_fetch_add_release(&events->sequence, 1);
    syscall(SYS_futex, &events->sequence, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
    errno = saved;
}

static uint64_t left_ns(uint64_t deadline_ns)
{
    if (deadline_ns == SHALE_FOREVER)
        return SHALE_FOREVER;
    uint64_t now = shale_clock_monotonic_ns();
    return now >= deadline_ns ? 0 : deadline_ns - now;
}

static void sleep_while(struct eventcount *events, uint32_t sequence, uint64_t most_ns)
{
    if (COLL_SLEEP(&events->sequence, sequence))
        return;
    int saved = errno;
    struct timespec span = {.tv_sec = (time_t)(most_ns / NS_PER_S),
                            .tv_nsec = (long)(most_ns % NS_PER_S)};
    syscall(SYS_futex, &events->sequence, FUTEX_WAIT_PRIVATE, sequence,
            most_ns == SHALE_FOREVER ? NULL : &span, NULL, 0);
    errno = saved;
}

/* One look at the condition with this thread counted as a waiter, and a sleep if it is not met. */
static int sleep_unless(struct eventcount *events, uint64_t deadline_ns,
                        int (*attempt)(void *argument), void *argument, int again)
{
    int early = COLL_BUG(FENCE) ? attempt(argument) : 0;
    COLL_POINT();
    shale_atomic_fetch_add_relaxed(&events->waiters, 1);
    /* ORDER EVENT1 acquire <- release in eventcount_wake() [eventcount.c]. The condition is looked
     * at no earlier than the number is read. Without it an item and its wake can both be missed.
     * Test ring_blocking_pairs_lose_no_wake. */
    uint32_t sequence = shale_atomic_load_acquire(&events->sequence);
    /* ORDER FENCE1 seq_cst <-> seq_cst in shale_light_fence() [base/membarrier.h]. Counted first,
     * then looked; makers make, then look at the count. Without it a thread sleeps beside an
     * item. Test ring_blocking_pairs_lose_no_wake. */
    bool fenced = shale_heavy_fence() == 0;
    COLL_POINT();
    int result = COLL_BUG(FENCE) ? early : attempt(argument);
    uint64_t most_ns = left_ns(deadline_ns);
    if (result == again && most_ns != 0) {
        if (!fenced && most_ns > UNFENCED_SLEEP_NS)
            most_ns = UNFENCED_SLEEP_NS;
        sleep_while(events, sequence, most_ns);
    }
    shale_atomic_fetch_sub_relaxed(&events->waiters, 1);
    return result;
}

int eventcount_await(struct eventcount *events, uint64_t timeout_ns, int (*attempt)(void *argument),
                     void *argument, int again)
{
    uint64_t now = shale_clock_monotonic_ns();
    uint64_t deadline_ns = timeout_ns < SHALE_FOREVER - now ? now + timeout_ns : SHALE_FOREVER;
    int result = attempt(argument);
    for (int i = 0; timeout_ns != 0 && result == again && i < SPINS; i++) {
        shale_cpu_relax();
        result = attempt(argument);
    }
    while (result == again && left_ns(deadline_ns) != 0)
        result = sleep_unless(events, deadline_ns, attempt, argument, again);
    if (result == again)
        result = attempt(argument); /* what came while the time ran out */
    return result == again ? SHALE_ETIMEOUT : result;
}
