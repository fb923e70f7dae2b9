/* SPDX-License-Identifier: MIT */
/* Slopes and intervals against tables/trend.csv (made by tables/make-trend-table with scipy). */
#include "measure/trend.h"

#include <math.h>
#include <stdbool.h>

#include "test.h"

static bool check_row(FILE *file)
{
    static char line[1 << 14];
    if (!fgets(line, sizeof line, file))
        return false;
    struct trend_point points[TREND_POINTS_MAX];
    double figures[3];
    char *rest = line;
    size_t n = strtoul(rest, &rest, 10);
    for (size_t i = 0; i < 3; i++)
        figures[i] = strtod(rest + 1, &rest);
    for (size_t i = 0; i < n; i++) {
        points[i].x = strtod(rest + 1, &rest);
        points[i].y = strtod(rest + 1, &rest);
    }
    struct trend trend;
    assert_int_equal(trend_of(points, n, 0.05, &trend), 0);
    assert_float_equal(trend.slope, figures[0], 1e-9);
    assert_float_equal(trend.low, figures[1], 1e-9);
    assert_float_equal(trend.high, figures[2], 1e-9);
    assert_true(trend.confidence >= 0.95);
    return true;
}

static void trend_every_row_of_the_table_agrees(void **state)
{
    FILE *file = fopen(TEST_TABLES "/trend.csv", "r");
    assert_non_null(file);
    while (fgetc(file) != '\n')
        ; /* the line that names the versions */
    size_t rows = 0;
    while (check_row(file))
        rows++;
    fclose(file);
    assert_int_equal(rows, 27);
}

/* Noise without a trend: the interval leaves out zero in at most 5 % of the series. */
static void trend_false_alarms_stay_below_alpha(void **state)
{
    enum { SERIES = 4000 };
    size_t alarms = 0;
    srand48(20241121);
    for (size_t series = 0; series < SERIES; series++) {
        struct trend_point points[TREND_BLOCKS];
        struct trend trend;
        for (size_t i = 0; i < TREND_BLOCKS; i++)
            points[i] = (struct trend_point){(double)i, -log(drand48())}; /* skewed upwards */
        assert_int_equal(trend_of(points, TREND_BLOCKS, 0.05, &trend), 0);
        alarms += trend.low > 0 || trend.high < 0;
    }
    print_message("# seed 20241121: %zu of %d alarms\n", alarms, SERIES);
    assert_true(alarms <= SERIES * 6 / 100);
    assert_true(alarms >= SERIES * 2 / 100);
}

static void trend_bad_series_are_refused(void **state)
{
    struct trend_point points[TREND_POINTS_MAX + 1] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}};
    struct trend trend;
    assert_int_equal(trend_of(points, TREND_POINTS_MIN, 0.05, &trend), 0);
    assert_float_equal(trend.slope, 1, 1e-15);
    assert_int_equal(trend_of(points, TREND_POINTS_MIN - 1, 0.05, &trend), SHALE_EINVAL);
    assert_int_equal(trend_of(points, TREND_POINTS_MAX + 1, 0.05, &trend), SHALE_EINVAL);
    points[2].x = 1;
    assert_int_equal(trend_of(points, TREND_POINTS_MIN, 0.05, &trend), SHALE_EINVAL);
    points[2].x = NAN;
    assert_int_equal(trend_of(points, TREND_POINTS_MIN, 0.05, &trend), SHALE_EINVAL);
}

static void blocks_hold_the_lowest_point_of_each_part(void **state)
{
    struct trend_point points[120];
    struct trend_point blocks[TREND_BLOCKS];
    for (size_t i = 0; i < 120; i++)
        points[i] = (struct trend_point){(double)i, 100 + (double)i - (i % 10 == 7 ? 50 : 0)};
    assert_int_equal(trend_block_minima(points, 120, blocks), TREND_BLOCKS);
    for (size_t i = 0; i < TREND_BLOCKS; i++)
        assert_float_equal(blocks[i].x, 10 * (double)i + 7, 0);
}

/* Nothing was read in the middle of the time. */
static void blocks_without_points_are_left_out(void **state)
{
    const struct trend_point points[] = {{0, 5}, {1, 4}, {119, 6}, {120, 7}};
    struct trend_point blocks[TREND_BLOCKS];
    assert_int_equal(trend_block_minima(points, 4, blocks), 2);
    assert_float_equal(blocks[0].y, 4, 0);
    assert_float_equal(blocks[1].y, 6, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(trend_every_row_of_the_table_agrees),
    cmocka_unit_test(trend_false_alarms_stay_below_alpha),
    cmocka_unit_test(trend_bad_series_are_refused),
    cmocka_unit_test(blocks_hold_the_lowest_point_of_each_part),
    cmocka_unit_test(blocks_without_points_are_left_out),
};

RUN_TESTS("measure_trend")
