/* SPDX-License-Identifier: MIT */
/* Clocks: the counter against the monotonic clock, the fallback, conversion, the test source. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"

#include "test.h"

static void sleep_ms(long ms)
{
    struct timespec rest = {.tv_nsec = ms * 1000000};
    nanosleep(&rest, NULL);
}

/* A span measured by ticks is the span of the monotonic clock, within 0.1 % and its readings. */
static void check_span(void)
{
    uint64_t outer_start = shale_clock_monotonic_ns();
    uint64_t ticks_start = shale_clock_ticks();
    uint64_t inner_start = shale_clock_monotonic_ns();
    sleep_ms(50);
    uint64_t inner_end = shale_clock_monotonic_ns();
    uint64_t ticks_end = shale_clock_ticks();
    uint64_t outer_end = shale_clock_monotonic_ns();
    uint64_t span = shale_clock_ticks_to_ns(ticks_end - ticks_start);
    uint64_t slack = span / 1000 + 1000;
    assert_true(span + slack >= inner_end - inner_start);
    assert_true(span <= outer_end - outer_start + slack);
}

static void ticks_span_agrees_with_the_monotonic_clock(void **state)
{
    shale_clock_start();
    check_span();
}

static void ticks_fallback_agrees_too_and_says_so(void **state)
{
    struct shale_clock_info info;
    shale_clock_restart(true);
    check_span();
    shale_clock_describe(&info);
    assert_int_equal(info.source, SHALE_CLOCK_MONOTONIC);
    assert_true(info.ticks_per_second == 1e9);
    assert_int_equal(shale_clock_ticks_to_ns(12345), 12345);
    shale_clock_restart(false);
}

static void describe_source_has_rate_and_reason(void **state)
{
    struct shale_clock_info info;
    shale_clock_start();
    shale_clock_describe(&info);
    assert_true(info.source == SHALE_CLOCK_CYCLES || info.source == SHALE_CLOCK_MONOTONIC);
    assert_true(info.ticks_per_second >= 1e6 && info.ticks_per_second <= 1.6e10);
    assert_non_null(info.reason);
}

static void ticks_one_thread_never_go_back_much(void **state)
{
    uint64_t last = shale_clock_ticks();
    for (int i = 0; i < 100000; i++) {
        uint64_t now = shale_clock_ticks();
        assert_true(now + shale_clock_ns_to_ticks(10000) >= last);
        last = now;
    }
}

static void conversion_there_and_back_is_within_a_tick(void **state)
{
    uint64_t century_ns = 100ULL * 366 * 86400 * 1000000000ULL;
    for (uint64_t ns = 1000; ns < century_ns; ns *= 7) {
        uint64_t back = shale_clock_ticks_to_ns(shale_clock_ns_to_ticks(ns));
        assert_true(back <= ns);
        /* one tick of rounding, and the rate's 32 fractional bits */
        assert_true(ns - back <= 1000 + ns / 100000000);
    }
    assert_int_equal(shale_clock_ticks_to_ns(0), 0);
}

static uint64_t test_time;

static uint64_t read_test_time(void)
{
    return test_time;
}

static void test_source_everything_reads_it(void **state)
{
    struct shale_clock_info info;
    shale_clock_set_test_source(read_test_time);
    test_time = 1234;
    assert_int_equal(shale_clock_ticks(), 1234);
    assert_int_equal(shale_clock_monotonic_ns(), 1234);
    assert_int_equal(shale_clock_ticks_to_ns(5000), 5000);
    assert_int_equal(shale_clock_ns_to_ticks(5000), 5000);
    shale_clock_describe(&info);
    assert_int_equal(info.source, SHALE_CLOCK_TEST);
    shale_clock_set_test_source(NULL);
    check_span();
}

static void floor_is_ordered_and_short(void **state)
{
    struct shale_clock_floor floor;
    shale_clock_measure_floor(&floor);
    assert_true(floor.min_ns <= floor.median_ns);
    assert_true(floor.median_ns <= floor.p99_ns);
    assert_true(floor.median_ns < 100000);
}

static void wall_clock_is_after_2020(void **state)
{
    assert_true(shale_clock_wall_ns() > 1577836800ULL * 1000000000ULL);
}

static void *convert(void *result)
{
    shale_clock_start();
    *(uint64_t *)result = shale_clock_ticks_to_ns(1000000);
    return NULL;
}

static void calibration_by_many_threads_gives_one_rate(void **state)
{
    pthread_t threads[4];
    uint64_t results[4];
    shale_clock_restart(false); /* uncalibrated again */
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, convert, &results[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < 4; i++)
        assert_int_equal(results[i], results[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ticks_span_agrees_with_the_monotonic_clock),
    cmocka_unit_test(ticks_fallback_agrees_too_and_says_so),
    cmocka_unit_test(describe_source_has_rate_and_reason),
    cmocka_unit_test(ticks_one_thread_never_go_back_much),
    cmocka_unit_test(conversion_there_and_back_is_within_a_tick),
    cmocka_unit_test(test_source_everything_reads_it),
    cmocka_unit_test(floor_is_ordered_and_short),
    cmocka_unit_test(wall_clock_is_after_2020),
    cmocka_unit_test(calibration_by_many_threads_gives_one_rate),
};

RUN_TESTS("base_clock")
