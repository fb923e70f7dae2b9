/* SPDX-License-Identifier: MIT */
/*
 * Latency of single calls: every malloc, every free and every timer's floor in a histogram.
 *
 * The floor is the difference of two readings of the counter with nothing in between, taken once
 * per malloc, so it meets the same interrupts. Its median is subtracted from each percentile; its
 * own percentiles stand in the notes.
 */
#ifndef BENCH_MALLOC_LATENCY_H
#define BENCH_MALLOC_LATENCY_H

#include "base/clock.h"
#include "base/histogram.h"

#include "bench.h"

/* In ticks. mallocs and floor are written by one thread, frees by one, maybe another. */
struct latency {
    struct shale_histogram mallocs;
    struct shale_histogram floor;
    _Alignas(64) struct shale_histogram frees;
};

struct latency *latency_new(void);

/* Figures malloc_p50_ns .. free_p9999_ns, and the floor's in the notes. */
void latency_report(const struct latency *latency, struct bench *bench);

static inline void *latency_malloc(struct latency *latency, size_t size)
{
    uint64_t start = shale_clock_ticks();
    uint64_t again = shale_clock_ticks();
    void *block = malloc(size);
    uint64_t end = shale_clock_ticks();
    shale_histogram_record(&latency->floor, again - start);
    shale_histogram_record(&latency->mallocs, end - again);
    return block;
}

/* Reads the first word before the timer starts: the miss on a block made elsewhere is no cost of
 * free. */
static inline void latency_free(struct latency *latency, void *block)
{
    (void)*(volatile uint64_t *)block;
    uint64_t start = shale_clock_ticks();
    free(block);
    shale_histogram_record(&latency->frees, shale_clock_ticks() - start);
}

#endif
