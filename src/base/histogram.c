/* SPDX-License-Identifier: MIT */
/* Reading, merging and percentiles of log-bucket histograms. Layer 0. */
#include "base/histogram.h"

_Static_assert(SHALE_HISTOGRAM_BUCKETS == 1920, "the picture and the sizes in the header");

uint64_t shale_histogram_bucket_low(unsigned bucket)
{
    if (bucket < SHALE_HISTOGRAM_EXACT)
        return bucket;
    unsigned shift = bucket / SHALE_HISTOGRAM_SUB_BUCKETS - 1;
    uint64_t top = bucket % SHALE_HISTOGRAM_SUB_BUCKETS + SHALE_HISTOGRAM_SUB_BUCKETS;
    return top << shift;
}

uint64_t shale_histogram_bucket_high(unsigned bucket)
{
    if (bucket + 1 >= SHALE_HISTOGRAM_BUCKETS)
        return UINT64_MAX;
    return shale_histogram_bucket_low(bucket + 1) - 1;
}

static uint64_t bucket_middle(unsigned bucket)
{
    uint64_t low = shale_histogram_bucket_low(bucket);
    return low + (shale_histogram_bucket_high(bucket) - low) / 2;
}

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t bucket_count(const struct shale_histogram *histogram, unsigned bucket)
{
    return shale_atomic_load_relaxed(&histogram->buckets[bucket]);
}

void shale_histogram_reset(struct shale_histogram *histogram)
{
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i++)
        shale_atomic_store_relaxed(&histogram->buckets[i], 0);
    shale_atomic_store_relaxed(&histogram->sum, 0);
    shale_atomic_store_relaxed(&histogram->max, 0);
    shale_atomic_store_relaxed(&histogram->min_inverted, 0);
}

void shale_histogram_merge(struct shale_histogram *into, const struct shale_histogram *from)
{
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i++)
        shale_atomic_add_single_writer(&into->buckets[i], bucket_count(from, i));
    uint64_t sum = shale_atomic_load_relaxed(&from->sum);
    uint64_t max = shale_atomic_load_relaxed(&from->max);
    uint64_t min_inverted = shale_atomic_load_relaxed(&from->min_inverted);
    shale_atomic_store_relaxed(&into->sum,
                               saturating_add(shale_atomic_load_relaxed(&into->sum), sum));
    if (max > shale_atomic_load_relaxed(&into->max))
        shale_atomic_store_relaxed(&into->max, max);
    if (min_inverted > shale_atomic_load_relaxed(&into->min_inverted))
        shale_atomic_store_relaxed(&into->min_inverted, min_inverted);
}

void shale_histogram_snapshot(const struct shale_histogram *from, struct shale_histogram *into)
{
    shale_histogram_reset(into);
    shale_histogram_merge(into, from);
}

static void bounds_from_buckets(struct shale_histogram *histogram)
{
    unsigned first = 0;
    unsigned last = SHALE_HISTOGRAM_BUCKETS;
    while (first < last && bucket_count(histogram, first) == 0)
        first++;
    while (last > first && bucket_count(histogram, last - 1) == 0)
        last--;
    uint64_t min = shale_histogram_bucket_low(first);
    uint64_t max = last > first ? shale_histogram_bucket_high(last - 1) : 0;
    if (max > shale_atomic_load_relaxed(&histogram->max))
        max = shale_atomic_load_relaxed(&histogram->max);
    if (min < ~shale_atomic_load_relaxed(&histogram->min_inverted))
        min = ~shale_atomic_load_relaxed(&histogram->min_inverted);
    shale_atomic_store_relaxed(&histogram->min_inverted, last > first ? ~min : 0);
    shale_atomic_store_relaxed(&histogram->max, max);
}

void shale_histogram_subtract(struct shale_histogram *later, const struct shale_histogram *earlier)
{
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i++) {
        uint64_t left = bucket_count(later, i) - bucket_count(earlier, i);
        shale_atomic_store_relaxed(&later->buckets[i], left);
    }
    uint64_t sum = shale_atomic_load_relaxed(&later->sum);
    if (sum != UINT64_MAX)
        sum -= shale_atomic_load_relaxed(&earlier->sum);
    shale_atomic_store_relaxed(&later->sum, sum);
    bounds_from_buckets(later);
}

uint64_t shale_histogram_count(const struct shale_histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i++)
        count += bucket_count(histogram, i);
    return count;
}

uint64_t shale_histogram_min(const struct shale_histogram *histogram)
{
    uint64_t inverted = shale_atomic_load_relaxed(&histogram->min_inverted);
    /* Zero is "empty" or "only UINT64_MAX was recorded". */
    if (inverted == 0 && shale_atomic_load_relaxed(&histogram->max) == 0)
        return 0;
    return ~inverted;
}

uint64_t shale_histogram_max(const struct shale_histogram *histogram)
{
    return shale_atomic_load_relaxed(&histogram->max);
}

double shale_histogram_mean(const struct shale_histogram *histogram)
{
    uint64_t count = shale_histogram_count(histogram);
    if (count == 0)
        return 0.0;
    return (double)shale_atomic_load_relaxed(&histogram->sum) / (double)count;
}

/* The value of nearest rank, 1 to count. */
static uint64_t value_at_rank(const struct shale_histogram *histogram, uint64_t rank)
{
    uint64_t seen = 0;
    unsigned bucket = 0;
    for (; bucket < SHALE_HISTOGRAM_BUCKETS - 1; bucket++) {
        seen += bucket_count(histogram, bucket);
        if (seen >= rank)
            break;
    }
    uint64_t value = bucket_middle(bucket);
    uint64_t min = shale_histogram_min(histogram);
    uint64_t max = shale_histogram_max(histogram);
    if (value < min)
        return min;
    return value > max ? max : value;
}

/* ceil(count * percent / 100); a double alone cannot tell ranks apart above 2^53. */
static uint64_t rank_of(uint64_t count, double percent)
{
    long double exact = (long double)count * ((long double)percent / 100.0L);
    uint64_t rank = (uint64_t)exact;
    /* 99.9 has no exact double: a product a hair above a whole number is that number. */
    if (exact - (long double)rank > 1e-9L)
        rank++;
    return rank == 0 ? 1 : rank;
}

uint64_t shale_histogram_percentile(const struct shale_histogram *histogram, double percent)
{
    uint64_t count = shale_histogram_count(histogram);
    if (count == 0)
        return 0;
    if (percent >= 100.0)
        return shale_histogram_max(histogram);
    if (!(percent > 0.0))
        return shale_histogram_min(histogram);
    return value_at_rank(histogram, rank_of(count, percent));
}

uint64_t shale_histogram_count_at_most(const struct shale_histogram *histogram, uint64_t limit)
{
    uint64_t count = 0;
    unsigned end = shale_histogram_bucket(limit);
    for (unsigned i = 0; i <= end; i++)
        count += bucket_count(histogram, i);
    return count;
}
