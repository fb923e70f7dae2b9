/* SPDX-License-Identifier: MIT */
/*
 * RSS over time: a thread that reads a process tree at an interval. Layer 4.
 *
 * Every tick reads statm of each process. From time to time it also reads status (VmHWM) and
 * smaps_rollup, for which the kernel walks the page tables and keeps page faults waiting: every
 * 100 ms, or so rarely that it takes at most 1 % of the time. The thread's own CPU time is counted
 * and reported, so that a user sees what watching costs.
 *
 * States: idle -> sampler_start -> running -> sampler_stop -> idle. The lock guards `stopping`
 * alone; the samples belong to the thread until sampler_stop has joined it.
 */
#ifndef SHALE_MEASURE_SAMPLER_H
#define SHALE_MEASURE_SAMPLER_H

#include <pthread.h>
#include <stddef.h>

#include "measure/procfs.h"

enum { SAMPLER_STEADY_MIN = 3 };

struct sampler_point {
    int64_t at_ns; /* since the start */
    uint64_t rss_bytes;
    uint64_t pss_bytes;       /* 0 where smaps_rollup was not read at this point */
    uint64_t anon_huge_bytes; /* likewise */
    bool has_rollup;
};

struct sampler {
    pid_t root;
    int interval_ms;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    int64_t started_ns;
    struct sampler_point *points;
    size_t count, capacity;
    size_t stride; /* every stride-th tick is kept: doubled, and the half dropped, when full */
    size_t ticks;
    uint64_t peak_bytes; /* the highest sum of RSS over the tree, or VmHWM of its processes */
    unsigned processes_max;
    int64_t cost_ns; /* CPU time of the thread */
};

/*
 * Starts to sample `root` every interval_ms; with interval_ms 0 nothing is sampled.
 *
 * @return  0, SHALE_ENOMEM.
 * Ownership: sampler_free in every case.
 */
SHALE_NODISCARD int sampler_start(struct sampler *sampler, pid_t root, int interval_ms);

/* Ends the thread; from then on the points may be read. */
void sampler_stop(struct sampler *sampler);

void sampler_free(struct sampler *sampler);

/*
 * Medians over the second half of the time that was sampled: what the process settles at.
 *
 * @param steady  gets the medians; has_rollup says whether PSS and huge pages were read too.
 * @return  how many points there were; below SAMPLER_STEADY_MIN nothing is stored.
 */
size_t sampler_steady(const struct sampler *sampler, struct sampler_point *steady);

#endif
