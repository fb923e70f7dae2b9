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

/* ----------------------------------------------------------------- readings that hang together */

enum { READINGS = 480, SOAKS = 4000 };

static double normal(void)
{
    return sqrt(-2 * log(1 - drand48())) * cos(2 * M_PI * drand48());
}

/*
 * RSS over eight hours, in megabytes and hours: a slope, caches that fill in the first minutes,
 * and on top of it what is in use just then: an AR(1) process of that spread, never below zero.
 */
static void simulate_soak(struct trend_point *points, double slope, double spread, double phi)
{
    double state = normal();
    for (size_t i = 0; i < READINGS; i++) {
        double hours = 8.0 * (double)i / READINGS;
        state = phi * state + sqrt(1 - phi * phi) * normal();
        points[i] = (struct trend_point){hours, 100 - 20 * exp(-hours / 0.05) + slope * hours +
                                                    spread * fabs(state)};
    }
}

struct soak_rates {
    double rising, beyond; /* the interval lies above zero; above 1 MB per hour */
    double inside;         /* its upper end is below 1 MB per hour */
};

static struct soak_rates soak_rates(double slope, double spread, double phi)
{
    struct trend_point points[READINGS];
    struct soak_rates rates = {0};
    for (size_t i = 0; i < SOAKS; i++) {
        struct trend trend;
        simulate_soak(points, slope, spread, phi);
        assert_int_equal(trend_of_what_stays(points, READINGS, 0.05, &trend), 0);
        rates.rising += (trend.low > 0) / (double)SOAKS;
        rates.beyond += (trend.low > 1) / (double)SOAKS;
        rates.inside += (trend.high < 1) / (double)SOAKS;
    }
    print_message("# slope %.1f MB/h, spread %.0f MB, phi %.2f: rising %.1f %%, beyond 1 MB/h %.1f "
                  "%%, inside %.1f %%\n",
                  slope, spread, phi, 100 * rates.rising, 100 * rates.beyond, 100 * rates.inside);
    return rates;
}

/* A reading a minute: dependence of up to half an hour leaves the blocks of 36 minutes alone. */
static void soak_without_growth_is_seldom_called_rising(void **state)
{
    static const double phis[] = {0, 0.5, 0.9, 0.97};
    srand48(20241121);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(phis); i++) {
        struct soak_rates rates = soak_rates(0, 2, phis[i]);
        assert_true(rates.rising <= (phis[i] <= 0.9 ? 0.045 : 0.10)); /* one-sided 2.5 % */
        assert_true(rates.beyond <= 0.01);
        assert_true(rates.inside >= 0.95);
    }
}

static void soak_of_two_megabytes_an_hour_is_beyond_one(void **state)
{
    static const double phis[] = {0, 0.5, 0.9, 0.97};
    srand48(20241121);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(phis); i++) {
        struct soak_rates rates = soak_rates(2, 2, phis[i]);
        assert_true(rates.inside == 0);
        assert_true(rates.beyond >= 0.95);
    }
    struct soak_rates limit = soak_rates(1, 2, 0.9); /* on the limit: a false alarm */
    assert_true(limit.beyond <= 0.045);
}

/* What cannot be told stays open, and is seldom taken for less than it is. */
static void soak_that_is_too_noisy_stays_open(void **state)
{
    srand48(20241121);
    struct soak_rates rates = soak_rates(2, 100, 0.97);
    assert_true(rates.inside <= 0.05);
    assert_true(rates.beyond <= 0.5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(trend_every_row_of_the_table_agrees),
    cmocka_unit_test(trend_false_alarms_stay_below_alpha),
    cmocka_unit_test(trend_bad_series_are_refused),
    cmocka_unit_test(blocks_hold_the_lowest_point_of_each_part),
    cmocka_unit_test(blocks_without_points_are_left_out),
    cmocka_unit_test(soak_without_growth_is_seldom_called_rising),
    cmocka_unit_test(soak_of_two_megabytes_an_hour_is_beyond_one),
    cmocka_unit_test(soak_that_is_too_noisy_stays_open),
};

RUN_TESTS("measure_trend")
