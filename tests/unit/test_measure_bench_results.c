/* SPDX-License-Identifier: MIT */
/* The benchmark's table: medians, ratios by round, the best, ties, geometric means. */
#include <math.h>

#include "measure/bench_results.h"
#include "test.h"

enum { SYSTEM, FAST, BROKEN, ALLOCATORS, ROUNDS = 5 };

static struct bench_results results;

static int setup(void **state)
{
    bench_results_init(&results, ALLOCATORS, ROUNDS);
    return 0;
}

static int teardown(void **state)
{
    bench_results_free(&results);
    return 0;
}

static const struct bench_row *add_rounds(size_t case_index, const char *figure, size_t allocator,
                                          const double *values)
{
    for (size_t round = 0; round < ROUNDS; round++)
        assert_int_equal(
            bench_results_add(&results, case_index, figure, false, allocator, round, values[round]),
            0);
    for (size_t i = 0; i < results.row_count; i++)
        if (results.rows[i].case_index == case_index)
            return &results.rows[i];
    return NULL;
}

static void summary_of_rounds_has_median_and_quartiles(void **state)
{
    const double values[ROUNDS] = {5, 1, 2, 100, 3};
    const struct bench_row *row = add_rounds(0, "time_ns", SYSTEM, values);
    struct bench_summary summary = bench_row_summary(&results, row, SYSTEM);
    assert_int_equal(summary.count, ROUNDS);
    assert_true(summary.median == 3 && summary.q1 == 2 && summary.q3 == 5);
    assert_true(summary.min == 1 && summary.max == 100);
    assert_true(bench_summary_spread(&summary) == 1.0);
}

static void summary_without_values_is_empty(void **state)
{
    const double values[ROUNDS] = {5, 1, 2, 100, 3};
    const struct bench_row *row = add_rounds(0, "time_ns", SYSTEM, values);
    struct bench_summary summary = bench_row_summary(&results, row, BROKEN);
    assert_int_equal(summary.count, 0);
    assert_true(isnan(summary.median));
    assert_true(isnan(bench_summary_spread(&summary)));
}

/* A machine that gets slower by half from round to round: each round's ratio is still 2. */
static void ratio_under_drift_is_taken_within_rounds(void **state)
{
    const double slow[ROUNDS] = {20, 30, 45, 67.5, 101.25};
    const double fast[ROUNDS] = {10, 15, 22.5, 33.75, 50.625};
    add_rounds(0, "time_ns", SYSTEM, slow);
    const struct bench_row *row = add_rounds(0, "time_ns", FAST, fast);
    struct bench_summary ratio = bench_row_ratio(&results, row, SYSTEM, FAST);
    assert_true(ratio.min == 2 && ratio.max == 2 && ratio.count == ROUNDS);
    assert_false(bench_row_tie(&results, row, SYSTEM, FAST));
    assert_int_equal(bench_row_best(&results, row, BENCH_NONE), FAST);
    assert_int_equal(bench_row_best(&results, row, FAST), SYSTEM);
}

static void tie_within_the_spread_is_called_one(void **state)
{
    const double one[ROUNDS] = {10, 11, 10, 12, 10};
    const double other[ROUNDS] = {11, 10, 11, 11, 10.5};
    add_rounds(0, "time_ns", SYSTEM, one);
    const struct bench_row *row = add_rounds(0, "time_ns", FAST, other);
    assert_true(bench_row_tie(&results, row, SYSTEM, FAST));
    assert_true(bench_row_tie(&results, row, FAST, FAST));
    assert_false(bench_row_tie(&results, row, BROKEN, FAST));
}

static void best_of_a_row_without_values_is_none(void **state)
{
    assert_int_equal(bench_results_add(&results, 0, "time_ns", false, FAST, 0, 1), 0);
    assert_int_equal(bench_row_best(&results, &results.rows[0], FAST), BENCH_NONE);
}

static bool is_lead(const struct bench_row *row, const void *context)
{
    return row->lead;
}

static void geomean_of_leads_leaves_out_notes_and_gaps(void **state)
{
    const double one[ROUNDS] = {1, 1, 1, 1, 1}, two[ROUNDS] = {2, 2, 2, 2, 2};
    const double eight[ROUNDS] = {8, 8, 8, 8, 8};
    size_t count;
    assert_int_equal(bench_results_add(&results, 0, "cores", true, FAST, 0, 1000), 0);
    add_rounds(0, "time_ns", SYSTEM, one);
    add_rounds(0, "time_ns", FAST, two);
    add_rounds(0, "other_ns", FAST, eight);
    add_rounds(1, "time_ns", SYSTEM, one);
    add_rounds(1, "time_ns", FAST, eight);
    add_rounds(2, "time_ns", FAST, eight); /* system gave nothing */
    double mean = bench_results_geomean(&results, is_lead, NULL, FAST, SYSTEM, &count);
    assert_int_equal(count, 2);
    assert_true(fabs(mean - 4) < 1e-12);
    mean = bench_results_geomean(&results, is_lead, NULL, BROKEN, SYSTEM, &count);
    assert_int_equal(count, 0);
    assert_true(isnan(mean));
}

static void add_out_of_range_is_refused(void **state)
{
    assert_int_equal(bench_results_add(&results, 0, "a_ns", false, ALLOCATORS, 0, 1), SHALE_EINVAL);
    assert_int_equal(bench_results_add(&results, 0, "a_ns", false, 0, ROUNDS, 1), SHALE_EINVAL);
    assert_int_equal(bench_results_add(&results, 0, "a_ns", false, 0, 0, NAN), SHALE_EINVAL);
    assert_int_equal(bench_results_add(&results, 0, "a_ns", false, 0, 0, INFINITY), SHALE_EINVAL);
    assert_int_equal(results.row_count, 0);
}

static void failure_of_a_run_is_found_again(void **state)
{
    assert_int_equal(bench_results_fail(&results, 3, BROKEN, 1, "ended by SIGSEGV"), 0);
    const struct bench_failure *failure = bench_results_failure(&results, 3, BROKEN);
    assert_non_null(failure);
    assert_string_equal(failure->reason, "ended by SIGSEGV");
    assert_null(bench_results_failure(&results, 3, FAST));
    assert_null(bench_results_failure(&results, 2, BROKEN));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void add_note(size_t case_index, const char *name, double value)
{
    assert_int_equal(bench_results_add(&results, case_index, name, true, SYSTEM, 0, value), 0);
}

static void cpu_share_counts_runs_of_one_thread_only(void **state)
{
    assert_int_equal(bench_results_cpu_share(&results).count, 0);
    add_note(0, "cores", 0.5);
    add_note(0, "threads", 1);
    add_note(1, "cores", 1.9);
    add_note(1, "threads", 2);
    add_note(2, "cores", 1);
    add_note(2, "threads", 1);
    add_note(3, "cores", 0.1);
    struct bench_summary share = bench_results_cpu_share(&results);
    assert_int_equal(share.count, 2);
    assert_true(share.min == 0.5 && share.max == 1);
}

static const struct CMUnitTest tests[] = {
    CASE(summary_of_rounds_has_median_and_quartiles),
    CASE(summary_without_values_is_empty),
    CASE(ratio_under_drift_is_taken_within_rounds),
    CASE(tie_within_the_spread_is_called_one),
    CASE(best_of_a_row_without_values_is_none),
    CASE(geomean_of_leads_leaves_out_notes_and_gaps),
    CASE(add_out_of_range_is_refused),
    CASE(failure_of_a_run_is_found_again),
    CASE(cpu_share_counts_runs_of_one_thread_only),
};

RUN_TESTS("measure_bench_results")
