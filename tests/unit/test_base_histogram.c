/* SPDX-License-Identifier: MIT */
/* Log-bucket histogram: the error bound over all magnitudes, percentiles, merge, snapshots. */
#include <pthread.h>

#include "base/histogram.h"

#include "test.h"

static struct shale_histogram histogram;
static struct shale_histogram other;

static int empty_both(void **state)
{
    shale_histogram_reset(&histogram);
    shale_histogram_reset(&other);
    return 0;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* |read back - recorded| / recorded of one value alone in its bucket's middle */
static void check_error(uint64_t value)
{
    unsigned bucket = shale_histogram_bucket(value);
    uint64_t low = shale_histogram_bucket_low(bucket);
    uint64_t high = shale_histogram_bucket_high(bucket);
    assert_true(bucket < SHALE_HISTOGRAM_BUCKETS);
    assert_true(low <= value && value <= high);
    uint64_t whole = low + (high - low) / 2;
    long double middle = whole;
    long double error = middle > value ? middle - value : value - middle;
    assert_true(error <= 0.016L * value);
}

static void bucket_every_magnitude_error_is_below_1_6_percent(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t base = 1ULL << bit;
        check_error(base - 1);
        check_error(base);
        check_error(base + 1);
        for (int i = 0; i < 2000; i++)
            check_error(base | (next_random(&seed) & (base - 1)));
    }
    check_error(UINT64_MAX);
}

static void bucket_all_buckets_tile_the_range(void **state)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(shale_histogram_bucket_low(i), next);
        assert_int_equal(shale_histogram_bucket(next), i);
        assert_int_equal(shale_histogram_bucket(shale_histogram_bucket_high(i)), i);
        next = shale_histogram_bucket_high(i) + 1;
    }
    assert_int_equal(next, 0); /* wrapped: the last bucket ends at UINT64_MAX */
}

static void read_empty_histogram_is_all_zero(void **state)
{
    assert_int_equal(shale_histogram_count(&histogram), 0);
    assert_int_equal(shale_histogram_min(&histogram), 0);
    assert_int_equal(shale_histogram_max(&histogram), 0);
    assert_int_equal(shale_histogram_percentile(&histogram, 50.0), 0);
    assert_true(shale_histogram_mean(&histogram) == 0.0);
}

static void record_extremes_min_and_max_are_exact(void **state)
{
    shale_histogram_record(&histogram, UINT64_MAX);
    assert_true(shale_histogram_min(&histogram) == UINT64_MAX);
    shale_histogram_record(&histogram, 1234567);
    assert_int_equal(shale_histogram_min(&histogram), 1234567);
    shale_histogram_record(&histogram, 0);
    assert_int_equal(shale_histogram_min(&histogram), 0);
    assert_true(shale_histogram_max(&histogram) == UINT64_MAX);
    assert_int_equal(shale_histogram_count(&histogram), 3);
}

static void mean_sum_beyond_range_stays_at_the_end(void **state)
{
    shale_histogram_record(&histogram, UINT64_MAX);
    shale_histogram_record(&histogram, UINT64_MAX);
    assert_true(shale_histogram_mean(&histogram) == (double)UINT64_MAX / 2);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Against the nearest rank of the sorted values themselves. */
static void percentile_random_values_match_sorted_ranks(void **state)
{
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    static const double percents[] = {0.01, 1, 10, 50, 90, 95, 99, 99.9, 99.99};
    uint64_t seed = 42;
    for (int i = 0; i < COUNT; i++) {
        values[i] = next_random(&seed) >> (next_random(&seed) % 60);
        shale_histogram_record(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare_u64);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(percents); i++) {
        uint64_t rank = (uint64_t)(percents[i] * COUNT / 100.0 + 0.9999);
        long double exact = values[rank - 1];
        long double got = shale_histogram_percentile(&histogram, percents[i]);
        assert_true((got > exact ? got - exact : exact - got) <= 0.03L * exact);
    }
    assert_int_equal(shale_histogram_percentile(&histogram, 0.0), values[0]);
    assert_int_equal(shale_histogram_percentile(&histogram, 100.0), values[COUNT - 1]);
}

static void percentile_small_values_are_exact(void **state)
{
    for (uint64_t value = 1; value <= 50; value++)
        shale_histogram_record(&histogram, value);
    assert_int_equal(shale_histogram_percentile(&histogram, 50.0), 25);
    assert_int_equal(shale_histogram_percentile(&histogram, 98.0), 49);
    assert_int_equal(shale_histogram_percentile(&histogram, 98.1), 50);
    assert_int_equal(shale_histogram_percentile(&histogram, -1.0), 1);
    assert_int_equal(shale_histogram_percentile(&histogram, 1e300), 50);
    assert_int_equal(shale_histogram_percentile(&histogram, 0.0 / 0.0), 1);
    assert_true(shale_histogram_mean(&histogram) == 25.5);
}

static void merge_two_histograms_equals_one_of_both(void **state)
{
    static struct shale_histogram both;
    shale_histogram_reset(&both);
    for (uint64_t i = 0; i < 1000; i++) {
        shale_histogram_record(i % 2 ? &histogram : &other, i * i);
        shale_histogram_record(&both, i * i);
    }
    shale_histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &both, sizeof both);
}

static void merge_empty_changes_nothing(void **state)
{
    shale_histogram_record(&histogram, 77);
    shale_histogram_merge(&histogram, &other);
    assert_int_equal(shale_histogram_min(&histogram), 77);
    assert_int_equal(shale_histogram_max(&histogram), 77);
    assert_int_equal(shale_histogram_count(&histogram), 1);
}

static void subtract_earlier_snapshot_leaves_the_span(void **state)
{
    shale_histogram_record(&histogram, 5);
    shale_histogram_record(&histogram, 1000000);
    shale_histogram_snapshot(&histogram, &other);
    for (int i = 0; i < 3; i++)
        shale_histogram_record(&histogram, 40);
    shale_histogram_subtract(&histogram, &other);
    assert_int_equal(shale_histogram_count(&histogram), 3);
    assert_int_equal(shale_histogram_min(&histogram), 40);
    assert_int_equal(shale_histogram_max(&histogram), 40);
    assert_true(shale_histogram_mean(&histogram) == 40.0);
}

static void subtract_itself_leaves_an_empty_one(void **state)
{
    shale_histogram_record(&histogram, 5);
    shale_histogram_snapshot(&histogram, &other);
    shale_histogram_subtract(&histogram, &other);
    assert_int_equal(shale_histogram_count(&histogram), 0);
    assert_int_equal(shale_histogram_min(&histogram), 0);
    assert_int_equal(shale_histogram_max(&histogram), 0);
}

static void count_at_most_bucket_end_is_exact(void **state)
{
    for (uint64_t value = 0; value < 1024; value++)
        shale_histogram_record(&histogram, value);
    assert_int_equal(shale_histogram_count_at_most(&histogram, 0), 1);
    assert_int_equal(shale_histogram_count_at_most(&histogram, 63), 64);
    assert_int_equal(shale_histogram_count_at_most(&histogram, 511), 512);
    assert_int_equal(shale_histogram_count_at_most(&histogram, UINT64_MAX), 1024);
}

enum { WRITES = 200000 };

static void *write_values(void *argument)
{
    for (uint64_t i = 1; i <= WRITES; i++)
        shale_histogram_record(argument, i);
    return NULL;
}

static void snapshot_while_writing_is_monotonic_and_loses_nothing(void **state)
{
    pthread_t writer;
    uint64_t last = 0;
    assert_int_equal(pthread_create(&writer, NULL, write_values, &histogram), 0);
    while (last < WRITES) {
        shale_histogram_snapshot(&histogram, &other);
        uint64_t count = shale_histogram_count(&other);
        assert_true(count >= last);
        assert_true(shale_histogram_percentile(&other, 99.0) <= WRITES);
        last = count;
    }
    pthread_join(writer, NULL);
    assert_int_equal(shale_histogram_max(&histogram), WRITES);
    assert_int_equal(shale_histogram_count(&histogram), WRITES);
}

#define CASE(function) cmocka_unit_test_setup(function, empty_both)
static const struct CMUnitTest tests[] = {
    CASE(bucket_every_magnitude_error_is_below_1_6_percent),
    CASE(bucket_all_buckets_tile_the_range),
    CASE(read_empty_histogram_is_all_zero),
    CASE(record_extremes_min_and_max_are_exact),
    CASE(mean_sum_beyond_range_stays_at_the_end),
    CASE(percentile_random_values_match_sorted_ranks),
    CASE(percentile_small_values_are_exact),
    CASE(merge_two_histograms_equals_one_of_both),
    CASE(merge_empty_changes_nothing),
    CASE(subtract_earlier_snapshot_leaves_the_span),
    CASE(subtract_itself_leaves_an_empty_one),
    CASE(count_at_most_bucket_end_is_exact),
    CASE(snapshot_while_writing_is_monotonic_and_loses_nothing),
};

RUN_TESTS("base_histogram")
