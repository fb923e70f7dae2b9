/* SPDX-License-Identifier: MIT */
/* The scheduler of pct.h: a baton that goes from thread to thread over futexes. */
#define _GNU_SOURCE
#include "pct.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAIN = PCT_THREADS_MAX };

static struct {
    struct pct_run run;
    _Atomic unsigned baton[PCT_THREADS_MAX + 1]; /* 1: this thread (the last: main) may go on */
    int64_t priority[PCT_THREADS_MAX];
    bool finished[PCT_THREADS_MAX];
    int64_t lowest;
    unsigned step;
    unsigned change[PCT_CHANGES_MAX];
    _Atomic bool stuck;
    bool ending;
    unsigned pool;
    pthread_t threads[PCT_THREADS_MAX];
} state;

static _Thread_local unsigned own = MAIN;
static _Thread_local bool on;

static void wait_for_baton(unsigned thread)
{
    while (atomic_exchange(&state.baton[thread], 0) == 0)
        syscall(SYS_futex, &state.baton[thread], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void give_baton(unsigned thread)
{
    atomic_store(&state.baton[thread], 1);
    syscall(SYS_futex, &state.baton[thread], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* The unfinished thread of the highest priority; MAIN when all have finished. */
static unsigned next_thread(void)
{
    unsigned best = MAIN;
    for (unsigned i = 0; i < state.run.threads; i++)
        if (!state.finished[i] && (best == MAIN || state.priority[i] > state.priority[best]))
            best = i;
    return best;
}

static void hand_over(void)
{
    unsigned next = next_thread();
    if (next == own)
        return;
    give_baton(next);
    wait_for_baton(own);
}

static void free_all(void)
{
    if (state.run.stuck)
        state.run.stuck();
    atomic_store(&state.stuck, true);
    for (unsigned i = 0; i < state.run.threads; i++)
        if (i != own && !state.finished[i])
            give_baton(i);
}

static bool is_change_point(void)
{
    for (unsigned i = 0; i < state.run.changes; i++)
        if (state.change[i] == state.step)
            return true;
    return false;
}

static void step(bool demoted)
{
    if (!on || atomic_load(&state.stuck))
        return;
    if (++state.step > state.run.steps_most) {
        free_all();
        return;
    }
    if (demoted || is_change_point())
        state.priority[own] = --state.lowest;
    hand_over();
}

void pct_point(void)
{
    step(false);
}

void pct_spin(void)
{
    step(true);
}

bool pct_is_stuck(void)
{
    return atomic_load(&state.stuck);
}

bool pct_is_on(void)
{
    return on;
}

static _Atomic unsigned running;

static void finish(void)
{
    if (atomic_load(&state.stuck)) {
        if (atomic_fetch_sub(&running, 1) == 1)
            give_baton(MAIN);
        return;
    }
    state.finished[own] = true;
    atomic_fetch_sub(&running, 1);
    give_baton(next_thread());
}

static void *worker(void *number)
{
    own = (unsigned)(uintptr_t)number;
    for (;;) {
        wait_for_baton(own);
        if (state.ending)
            return NULL;
        on = true;
        state.run.body(own, state.run.argument);
        on = false;
        finish();
    }
}

static void grow_pool(unsigned threads)
{
    for (; state.pool < threads; state.pool++)
        if (pthread_create(&state.threads[state.pool], NULL, worker,
                           (void *)(uintptr_t)state.pool) != 0)
            abort();
}

static void draw(uint64_t seed)
{
    uint64_t random = seed * 2 + 1;
    pct_random(&random);
    for (unsigned i = 0; i < state.run.threads; i++)
        state.priority[i] = (int64_t)(pct_random(&random) >> 2);
    for (unsigned i = 0; i < state.run.changes; i++)
        state.change[i] = 1 + pct_below(&random, state.run.steps);
}

bool pct_run(const struct pct_run *run)
{
    if (run->threads > PCT_THREADS_MAX || run->changes > PCT_CHANGES_MAX)
        abort();
    grow_pool(run->threads);
    state.run = *run;
    memset(state.finished, 0, sizeof state.finished);
    state.lowest = 0;
    state.step = 0;
    atomic_store(&state.stuck, false);
    atomic_store(&running, run->threads);
    draw(run->seed);
    give_baton(next_thread());
    wait_for_baton(MAIN);
    return !atomic_load(&state.stuck);
}

void pct_end(void)
{
    state.ending = true;
    for (unsigned i = 0; i < state.pool; i++)
        give_baton(i);
    for (unsigned i = 0; i < state.pool; i++)
        pthread_join(state.threads[i], NULL);
    state.ending = false;
    state.pool = 0;
}
