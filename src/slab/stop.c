/* SPDX-License-Identifier: MIT */
/* Holding everybody. Layer 1. */
#include "slab/stop.h"

#include <shale/error.h>

#include "base/clock.h"
#include "slab/late.h"
#include "slab/range.h"

enum { PATIENCE_NS = 100000000 };

static uint32_t held_end; /* ids below were looked at; visit lock */

unsigned slab_stop_all(uint64_t patience)
{
    uint64_t end = shale_clock_monotonic_ns() + patience;
    unsigned missed = 0;
    held_end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = SLAB_LATE + 1; id < held_end; id++) {
        struct slab_thr *thr = slab_thr_at(id);
        uint64_t now = shale_clock_monotonic_ns();
        if (thr == slab_self)
            continue;
        enum slab_visit result = slab_hold(thr, now < end ? end - now : 0);
        thr->held = result == SLAB_VISITED;
        missed += result == SLAB_DEFERRED;
    }
    return missed;
}

void slab_continue_all(void)
{
    for (uint32_t id = SLAB_LATE + 1; id < held_end; id++) {
        struct slab_thr *thr = slab_thr_at(id);
        if (thr->held)
            slab_let_go(thr, 0);
        thr->held = false;
    }
}

int slab_with_all_stopped(int (*look)(void *argument), void *argument)
{
    sigset_t saved[3];
    struct slab_thr *self = slab_begin();
    if (self == NULL)
        return SHALE_ENOMEM;
    slab_finish(self);
    slab_os_lock(&slab_visit_lock, &saved[0]);
    slab_os_lock(&slab_gate, &saved[1]);
    slab_os_lock(&slab_late_lock, &saved[2]);
    int result = SHALE_EBUSY;
    if (slab_stop_all(PATIENCE_NS) == 0) {
        if (slab_self != &slab_thr_gone)
            slab_enter(slab_self);
        result = look(argument);
        if (slab_self != &slab_thr_gone)
            slab_leave(slab_self);
    }
    slab_continue_all();
    slab_os_unlock(&slab_late_lock, &saved[2]);
    slab_os_unlock(&slab_gate, &saved[1]);
    slab_os_unlock(&slab_visit_lock, &saved[0]);
    return result;
}
