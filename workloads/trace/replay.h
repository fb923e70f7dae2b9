/* SPDX-License-Identifier: MIT */
/* Does again what a trace says, with the malloc of this process. */
#ifndef WORKLOADS_TRACE_REPLAY_H
#define WORKLOADS_TRACE_REPLAY_H

#include "read.h"

enum { SAMPLES_MAX = 10000 };

struct replay_options {
    int repeat;      /* times, each with nothing left of the one before */
    int samples;     /* points of the curve of the last time */
    bool one_thread; /* all of it in one, instead of in as many as were recorded */
};

struct replay_sample {
    size_t step;
    uint64_t live_bytes; /* asked for and not freed */
    uint64_t live_blocks;
    uint64_t rss_bytes; /* of the whole process */
};

struct replay_result {
    double seconds; /* of all times */
    uint64_t operations;
    uint64_t failed;    /* allocations that gave NULL */
    uint64_t corrupted; /* blocks that did not hold what was written to them */
    uint64_t live_bytes_max, usable_bytes_max;
    uint64_t rss_before_bytes; /* of tables; no block is there yet */
    uint64_t rss_peak_bytes;   /* seen at a sample */
    uint64_t rss_end_bytes;    /* with what the trace leaves */
    uint64_t rss_freed_bytes;  /* after that was freed too */
    struct replay_sample samples[SAMPLES_MAX];
    size_t sample_count;
};

/*
 * Replays. The order of the steps is the trace's, also between threads: the one whose step is next
 * runs, the others wait. Blocks are written to, and looked at when they are freed.
 *
 * False with the reason: threads or tables could not be made.
 */
bool replay_run(const struct steps *steps, const struct replay_options *options,
                struct replay_result *result, char *reason, size_t reason_size);

#endif
