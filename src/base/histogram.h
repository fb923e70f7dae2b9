/* SPDX-License-Identifier: MIT */
/*
 * A histogram over all of uint64_t with a bounded relative error. Layer 0.
 *
 * Every power of two is cut into 32 buckets of one width; values below 64 have a bucket each:
 *
 *     value    0 .. 63 | 64,65 | 66,67 | ... | 126,127 | 128..131 | ...
 *     bucket   0 .. 63 |   64  |   65  | ... |    95   |    96    | ...      1920 buckets, 15 KiB
 *
 * A bucket is as wide as 1/32 of its lowest value at most and stands for its middle, so any value
 * read back differs from the one recorded by less than 1.6 %. min, max and count are exact.
 *
 * Writing: one thread per histogram, without locked instructions. Any thread may take a snapshot
 * meanwhile: each bucket is then as it was at some moment of the call and count is their sum, so
 * the snapshot agrees with itself; sum_of_values, min and max can be ahead of the buckets, or
 * behind, by what was recorded during the call. Memory that is all zero is an empty histogram.
 * Fork: no state of its own. Nothing is allocated.
 */
#ifndef SHALE_BASE_HISTOGRAM_H
#define SHALE_BASE_HISTOGRAM_H

#include <stdint.h>

#include "base/atomic.h"
#include "base/attributes.h"

enum {
    SHALE_HISTOGRAM_SUB_BITS = 5,
    SHALE_HISTOGRAM_SUB_BUCKETS = 1 << SHALE_HISTOGRAM_SUB_BITS,
    SHALE_HISTOGRAM_EXACT =
        2 * SHALE_HISTOGRAM_SUB_BUCKETS, /* values below have their own bucket */
    SHALE_HISTOGRAM_BUCKETS = (64 - SHALE_HISTOGRAM_SUB_BITS + 1) * SHALE_HISTOGRAM_SUB_BUCKETS,
};

struct shale_histogram {
    _Atomic uint64_t buckets[SHALE_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum;          /* of the values; stays at UINT64_MAX when it would pass it */
    _Atomic uint64_t max;          /* 0 when empty */
    _Atomic uint64_t min_inverted; /* ~min, so that zero means empty */
};

/* The bucket that counts a value. */
static SHALE_ALWAYS_INLINE unsigned shale_histogram_bucket(uint64_t value)
{
    if (value < SHALE_HISTOGRAM_EXACT)
        return (unsigned)value;
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - SHALE_HISTOGRAM_SUB_BITS;
    return shift * SHALE_HISTOGRAM_SUB_BUCKETS + (unsigned)(value >> shift);
}

/* Lowest and highest value of a bucket, both included. bucket < SHALE_HISTOGRAM_BUCKETS. */
SHALE_CONST uint64_t shale_histogram_bucket_low(unsigned bucket);
SHALE_CONST uint64_t shale_histogram_bucket_high(unsigned bucket);

/* Empties it. Threads: only the writer, with no snapshot running. */
void shale_histogram_reset(struct shale_histogram *histogram);

/* Counts a value. Threads: one writer. Signals: not in a handler that interrupts the writer. */
static SHALE_ALWAYS_INLINE void shale_histogram_record(struct shale_histogram *histogram,
                                                       uint64_t value)
{
    shale_atomic_add_single_writer(&histogram->buckets[shale_histogram_bucket(value)], 1);
    uint64_t sum;
    if (__builtin_add_overflow(shale_atomic_load_relaxed(&histogram->sum), value, &sum))
        sum = UINT64_MAX;
    shale_atomic_store_relaxed(&histogram->sum, sum);
    if (value > shale_atomic_load_relaxed(&histogram->max))
        shale_atomic_store_relaxed(&histogram->max, value);
    if (~value > shale_atomic_load_relaxed(&histogram->min_inverted))
        shale_atomic_store_relaxed(&histogram->min_inverted, ~value);
}

/* Copies from, which another thread may be writing, to into, which is the caller's. */
void shale_histogram_snapshot(const struct shale_histogram *from, struct shale_histogram *into);

/* Adds all of from to into. Threads: into is the caller's; from may be written meanwhile. */
void shale_histogram_merge(struct shale_histogram *into, const struct shale_histogram *from);

/*
 * Takes an earlier snapshot of the same histogram away: what was recorded in between. min and max
 * are then the bounds of the buckets left (error as above).
 */
void shale_histogram_subtract(struct shale_histogram *later, const struct shale_histogram *earlier);

/* The readers below are for snapshots, or for the writer's own histogram. All are 0 when empty. */
uint64_t shale_histogram_count(const struct shale_histogram *histogram);
uint64_t shale_histogram_min(const struct shale_histogram *histogram);
uint64_t shale_histogram_max(const struct shale_histogram *histogram);

/* Exact up to rounding, unless the sum stopped at UINT64_MAX: then a lower bound. */
double shale_histogram_mean(const struct shale_histogram *histogram);

/*
 * The value that percent of the recorded ones do not exceed (nearest rank), within 1.6 %.
 *
 * @param percent  0 to 100: 0 is the minimum, 100 the maximum, both exact. NaN counts as 0.
 * Cost: a pass over 1920 buckets.
 */
uint64_t shale_histogram_percentile(const struct shale_histogram *histogram, double percent);

/* How many recorded values are at most limit; exact when limit is the end of a bucket. */
uint64_t shale_histogram_count_at_most(const struct shale_histogram *histogram, uint64_t limit);

#endif
