/* SPDX-License-Identifier: MIT */
/* The thread that reads a process tree at an interval: see sampler.h. Layer 4. */
#include "measure/sampler.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "measure/stats.h"

enum {
    POINTS_MAX = 4096,
    ROLLUP_EVERY_NS = 100 * 1000 * 1000,
    ROLLUP_SHARE = 100, /* one rollup costs at most 1/100 of the time until the next */
};

static int64_t now_ns(void)
{
    return (int64_t)shale_clock_monotonic_ns();
}

static int64_t thread_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000000000LL + used.tv_nsec;
}

/* Every second point goes, and from now on every second tick. */
static void halve(struct sampler *sampler)
{
    size_t kept = 0;
    for (size_t i = 0; i < sampler->count; i += 2)
        sampler->points[kept++] = sampler->points[i];
    sampler->count = kept;
    sampler->stride *= 2;
}

static void keep_point(struct sampler *sampler, int64_t at_ns, const struct procfs_figures *figures)
{
    if (sampler->ticks++ % sampler->stride != 0 && !figures->has_rollup)
        return;
    if (sampler->count == POINTS_MAX)
        halve(sampler);
    sampler->points[sampler->count++] = (struct sampler_point){
        .at_ns = at_ns,
        .rss_bytes = figures->rss_bytes,
        .pss_bytes = figures->pss_bytes,
        .anon_huge_bytes = figures->anon_huge_bytes,
        .has_rollup = figures->has_rollup,
    };
}

static void note_peak(struct sampler *sampler, const struct procfs_figures *figures)
{
    if (figures->rss_bytes > sampler->peak_bytes)
        sampler->peak_bytes = figures->rss_bytes;
    /* Of a single process the kernel's own high-water mark is exact; a sum of marks is not. */
    if (figures->processes == 1 && figures->peak_bytes > sampler->peak_bytes)
        sampler->peak_bytes = figures->peak_bytes;
    if (figures->processes > sampler->processes_max)
        sampler->processes_max = figures->processes;
}

/* Waits for the next tick; true when it is time to end. */
static bool wait_tick(struct sampler *sampler, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    pthread_mutex_lock(&sampler->lock);
    int timed_out = 0;
    while (!sampler->stopping && !timed_out)
        timed_out = pthread_cond_timedwait(&sampler->wake, &sampler->lock, &until);
    bool stopping = sampler->stopping;
    pthread_mutex_unlock(&sampler->lock);
    return stopping;
}

static void *sample(void *argument)
{
    struct sampler *sampler = argument;
    int64_t interval_ns = sampler->interval_ms * 1000000LL;
    int64_t next_rollup_ns = sampler->started_ns;
    int64_t tick_ns = sampler->started_ns;
    do {
        int64_t began_ns = now_ns();
        bool rollup = began_ns >= next_rollup_ns;
        struct procfs_figures figures;
        if (procfs_read_tree(sampler->root, rollup ? PROCFS_ROLLUP : PROCFS_RSS, &figures) == 0) {
            note_peak(sampler, &figures);
            keep_point(sampler, began_ns - sampler->started_ns, &figures);
        }
        int64_t took_ns = now_ns() - began_ns;
        if (rollup)
            next_rollup_ns =
                began_ns + (took_ns * ROLLUP_SHARE > ROLLUP_EVERY_NS ? took_ns * ROLLUP_SHARE
                                                                     : ROLLUP_EVERY_NS);
        tick_ns += interval_ns;
        if (tick_ns < began_ns + took_ns)
            tick_ns = began_ns + took_ns + interval_ns;
    } while (!wait_tick(sampler, tick_ns));
    sampler->cost_ns = thread_cpu_ns();
    return NULL;
}

/* Signals are for the thread that waits for the processes. */
static int start_thread(struct sampler *sampler)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&sampler->thread, NULL, sample, sampler);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? SHALE_ENOMEM : SHALE_OK;
}

int sampler_start(struct sampler *sampler, pid_t root, int interval_ms)
{
    *sampler = (struct sampler){
        .root = root,
        .interval_ms = interval_ms,
        .stride = 1,
        .started_ns = now_ns(),
    };
    if (interval_ms == 0)
        return SHALE_OK;
    sampler->points = calloc(POINTS_MAX, sizeof *sampler->points);
    if (!sampler->points)
        return SHALE_ENOMEM;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sampler->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&sampler->lock, NULL);
    int error = start_thread(sampler);
    sampler->running = !error;
    return error;
}

void sampler_stop(struct sampler *sampler)
{
    if (!sampler->running)
        return;
    pthread_mutex_lock(&sampler->lock);
    sampler->stopping = true;
    pthread_cond_signal(&sampler->wake);
    pthread_mutex_unlock(&sampler->lock);
    pthread_join(sampler->thread, NULL);
    pthread_cond_destroy(&sampler->wake);
    pthread_mutex_destroy(&sampler->lock);
    sampler->running = false;
}

void sampler_free(struct sampler *sampler)
{
    sampler_stop(sampler);
    free(sampler->points);
    sampler->points = NULL;
    sampler->count = 0;
}

/* The median of one field of the points from `first` on; rollup_only leaves out the others. */
static uint64_t median_of(const struct sampler *sampler, size_t first, size_t offset,
                          bool rollup_only, double *scratch)
{
    size_t used = 0;
    for (size_t i = first; i < sampler->count; i++)
        if (!rollup_only || sampler->points[i].has_rollup)
            scratch[used++] =
                (double)*(const uint64_t *)((const char *)&sampler->points[i] + offset);
    return used ? (uint64_t)stats_median(scratch, used) : 0;
}

size_t sampler_steady(const struct sampler *sampler, struct sampler_point *steady)
{
    if (sampler->count == 0)
        return 0;
    size_t first = 0;
    int64_t half_ns = sampler->points[sampler->count - 1].at_ns / 2;
    while (sampler->points[first].at_ns < half_ns)
        first++;
    size_t count = sampler->count - first;
    double *scratch = calloc(count, sizeof *scratch);
    if (count < SAMPLER_STEADY_MIN || !scratch) {
        free(scratch);
        return count < SAMPLER_STEADY_MIN ? count : 0;
    }
    struct sampler_point result = {.at_ns = sampler->points[first].at_ns};
    for (size_t i = first; i < sampler->count; i++)
        result.has_rollup |= sampler->points[i].has_rollup;
    result.rss_bytes =
        median_of(sampler, first, offsetof(struct sampler_point, rss_bytes), false, scratch);
    result.pss_bytes =
        median_of(sampler, first, offsetof(struct sampler_point, pss_bytes), true, scratch);
    result.anon_huge_bytes =
        median_of(sampler, first, offsetof(struct sampler_point, anon_huge_bytes), true, scratch);
    free(scratch);
    *steady = result;
    return count;
}
