/* SPDX-License-Identifier: MIT */
/*
 * The statistics against tables/stats.csv (made by tables/make-stats-table with scipy), and the
 * false alarms and the power of the whole method on simulated machines.
 */
#include "measure/stats.h"

#include <math.h>
#include <stdbool.h>

#include <shale/error.h>

#include "test.h"

/* --------------------------------------------------------------------------- the table */

struct table_row {
    size_t n;
    double p, estimate, low, high;
    double differences[64];
};

static bool read_row(FILE *file, struct table_row *row)
{
    static char line[1 << 14];
    if (!fgets(line, sizeof line, file))
        return false;
    char *rest = line;
    double figures[5];
    for (size_t i = 0; i < 5; i++, rest++)
        figures[i] = strtod(rest, &rest);
    *row =
        (struct table_row){(size_t)figures[0], figures[1], figures[2], figures[3], figures[4], {0}};
    assert_in_range(row->n, 1, SHALE_ARRAY_LENGTH(row->differences));
    for (size_t i = 0; i < row->n; i++, rest++)
        row->differences[i] = strtod(rest, &rest);
    return true;
}

static void check_row(const struct table_row *row)
{
    struct stats_paired got;
    assert_int_equal(stats_paired(row->differences, row->n, &got), 0);
    assert_float_equal(got.p, row->p, 1e-12);
    assert_float_equal(got.estimate, row->estimate, 1e-12);
    if (!isnan(row->low)) {
        assert_float_equal(got.low, row->low, 1e-12);
        assert_float_equal(got.high, row->high, 1e-12);
    }
}

static void stats_every_row_of_the_table_agrees(void **state)
{
    FILE *file = fopen(TEST_TABLES "/stats.csv", "r");
    assert_non_null(file);
    while (fgetc(file) != '\n')
        ; /* the line that names the versions */
    struct table_row row;
    size_t rows = 0;
    for (; read_row(file, &row); rows++)
        check_row(&row);
    fclose(file);
    assert_int_equal(rows, 72);
}

/* --------------------------------------------------------------------------- edge cases */

static void stats_five_pairs_give_no_95_percent(void **state)
{
    const double differences[] = {0.1, 0.11, 0.12, 0.13, 0.14};
    struct stats_paired got;
    assert_int_equal(stats_paired(differences, 5, &got), 0);
    assert_float_equal(got.confidence, 1 - 2.0 / 32, 1e-15);
    assert_float_equal(got.p, 0.0625, 1e-15);
    assert_true(isinf(got.mde));
}

static void stats_confidence_is_at_least_95_percent(void **state)
{
    double differences[STATS_EXACT_MAX];
    for (size_t n = STATS_PAIRS_MIN; n <= STATS_EXACT_MAX; n++) {
        for (size_t i = 0; i < n; i++)
            differences[i] = (double)(i * i);
        struct stats_paired got;
        assert_int_equal(stats_paired(differences, n, &got), 0);
        assert_true(got.confidence >= 0.95 && got.confidence < 0.98);
    }
}

static void stats_a_smaller_alpha_gives_a_wider_interval(void **state)
{
    double differences[40];
    for (size_t n = 10; n <= 40; n += 10) {
        struct stats_paired wide, narrow;
        for (size_t i = 0; i < n; i++)
            differences[i] = 0.01 * (double)((i * 7) % n);
        assert_int_equal(stats_paired_at(differences, n, 0.01, &wide), 0);
        assert_int_equal(stats_paired_at(differences, n, 0.05, &narrow), 0);
        assert_true(wide.low < narrow.low && wide.high > narrow.high);
        assert_true(wide.confidence >= 0.99 && narrow.confidence >= 0.95);
        assert_true(narrow.confidence < 0.99);
    }
    assert_int_equal(stats_paired_at(differences, 10, 0, &(struct stats_paired){0}), SHALE_EINVAL);
    /* 2 / 2^8 = 0.0078: eight pairs cannot reach 0.5 %. */
    struct stats_paired few;
    assert_int_equal(stats_paired_at(differences, 8, 0.005, &few), 0);
    assert_true(isinf(few.mde) && few.confidence < 0.995);
}

static void stats_all_zero_is_one_and_no_difference(void **state)
{
    const double differences[8] = {0};
    struct stats_paired got;
    assert_int_equal(stats_paired(differences, 8, &got), 0);
    assert_true(got.p == 1 && got.low == 0 && got.high == 0 && got.mde == 0);
}

static void stats_bad_input_is_refused(void **state)
{
    const double bad[] = {0.1, INFINITY};
    const double nan_too[] = {NAN};
    struct stats_paired got = {.pairs = 77};
    assert_int_equal(stats_paired(bad, 0, &got), SHALE_EINVAL);
    assert_int_equal(stats_paired(bad, 2, &got), SHALE_EINVAL);
    assert_int_equal(stats_paired(nan_too, 1, &got), SHALE_EINVAL);
    assert_int_equal(stats_paired(bad, STATS_PAIRS_MAX + 1, &got), SHALE_EINVAL);
    assert_int_equal(got.pairs, 77);
}

static void stats_thousand_pairs_are_fine(void **state)
{
    static double differences[STATS_PAIRS_MAX];
    for (size_t i = 0; i < STATS_PAIRS_MAX; i++)
        differences[i] = (double)((i * 7919) % STATS_PAIRS_MAX) / STATS_PAIRS_MAX;
    struct stats_paired got;
    assert_int_equal(stats_paired(differences, STATS_PAIRS_MAX, &got), 0);
    assert_float_equal(got.estimate, 0.5, 0.01);
    assert_true(got.low < 0.5 && got.high > 0.495 && got.p < 1e-9);
}

static void holm_textbook_values_come_out(void **state)
{
    const double p[] = {0.01, 0.04, 0.03, 0.005};
    double adjusted[4];
    stats_holm(p, 4, adjusted);
    assert_float_equal(adjusted[0], 0.03, 1e-15);
    assert_float_equal(adjusted[1], 0.06, 1e-15);
    assert_float_equal(adjusted[2], 0.06, 1e-15);
    assert_float_equal(adjusted[3], 0.02, 1e-15);
}

static void holm_untested_rows_are_no_members(void **state)
{
    double p[] = {0.02, NAN, 0.02};
    stats_holm(p, 3, p);
    assert_float_equal(p[0], 0.04, 1e-15);
    assert_true(isnan(p[1]));
    assert_float_equal(p[2], 0.04, 1e-15);
}

static void pairs_needed_match_the_smallest_p(void **state)
{
    assert_int_equal(stats_pairs_needed(1), 6);
    assert_int_equal(stats_pairs_needed(10), 9);
    assert_float_equal(stats_smallest_p(6), 0.03125, 0);
}

/* ------------------------------------------------------------------- simulated machines */

enum { SIMULATIONS = 2000, SEED = 20240607 };

static uint64_t random_state = SEED;

/* splitmix64 */
static uint64_t random_bits(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static double random_unit(void)
{
    return ((double)(random_bits() >> 11) + 0.5) / 9007199254740992.0;
}

static double random_normal(void)
{
    return sqrt(-2 * log(random_unit())) * cos(2 * acos(-1) * random_unit());
}

/* The log of one run's time on a machine that drifts by 10 % over `runs` runs and has spikes. */
static double simulated_run(size_t index, size_t runs)
{
    double drift = 0.10 * (double)index / (double)(runs - 1);
    double spike = random_unit() < 0.05 ? log(1.3) : 0;
    return log1p(drift) + 0.02 * random_normal() + spike;
}

typedef void simulate_fn(double *differences, size_t pairs, double effect);

/* Runs in the order A B, B A, A B, ...: what compare does. */
static void simulate_abba(double *differences, size_t pairs, double effect)
{
    for (size_t pair = 0; pair < pairs; pair++) {
        double first = simulated_run(2 * pair, 2 * pairs);
        double second = simulated_run(2 * pair + 1, 2 * pairs);
        differences[pair] = effect + (pair % 2 ? first - second : second - first);
    }
}

/* All runs of A, then all runs of B: what most people do. */
static void simulate_blocks(double *differences, size_t pairs, double effect)
{
    for (size_t pair = 0; pair < pairs; pair++)
        differences[pair] = -simulated_run(pair, 2 * pairs);
    for (size_t pair = 0; pair < pairs; pair++)
        differences[pair] += effect + simulated_run(pairs + pair, 2 * pairs);
}

struct simulation_result {
    double shown;  /* share of comparisons whose p is at most 5 % and whose interval excludes 0 */
    double missed; /* share of intervals that miss the effect */
    double mde;    /* median of the minimum detectable effects */
};

static struct simulation_result simulate(simulate_fn *simulate_one, size_t pairs, double effect)
{
    static double differences[STATS_PAIRS_MAX];
    static double mdes[SIMULATIONS];
    struct simulation_result result = {0};
    for (size_t i = 0; i < SIMULATIONS; i++) {
        struct stats_paired got;
        simulate_one(differences, pairs, effect);
        assert_int_equal(stats_paired(differences, pairs, &got), 0);
        result.shown += got.p <= STATS_ALPHA && (got.low > 0 || got.high < 0);
        result.missed += got.low > effect || got.high < effect;
        mdes[i] = got.mde;
    }
    result.shown /= SIMULATIONS;
    result.missed /= SIMULATIONS;
    result.mde = stats_median(mdes, SIMULATIONS);
    return result;
}

static void simulation_abba_keeps_false_alarms_at_five_percent(void **state)
{
    print_message("# seed %d, %d comparisons each, drift 10 %%, noise 2 %%, 5 %% spikes of x1.3\n",
                  SEED, SIMULATIONS);
    const size_t pairs[] = {6, 10, 16, 24, 40};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(pairs); i++) {
        struct simulation_result got = simulate(simulate_abba, pairs[i], 0);
        print_message("# ABBA, %zu pairs: %.1f %% of A/A differences significant\n", pairs[i],
                      100 * got.shown);
        assert_true(got.shown <= 0.065);
        assert_true(got.missed <= 0.065);
    }
}

static void simulation_blocks_take_drift_for_a_difference(void **state)
{
    struct simulation_result got = simulate(simulate_blocks, 16, 0);
    print_message("# blocks, 16 pairs: %.1f %% of A/A differences significant\n", 100 * got.shown);
    assert_true(got.shown >= 0.5);
}

static void simulation_intervals_cover_a_real_effect(void **state)
{
    struct simulation_result got = simulate(simulate_abba, 10, log(1.05));
    print_message("# a true +5 %%, 10 pairs: missed by %.1f %% of intervals, shown by %.1f %%\n",
                  100 * got.missed, 100 * got.shown);
    assert_true(got.missed <= 0.065);
}

static void simulation_the_mde_is_shown_about_four_of_five_times(void **state)
{
    /* 78 to 80 % without spikes; with them 67 % at 10 pairs. */
    const size_t pairs[] = {10, 16, 24};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(pairs); i++) {
        double mde = simulate(simulate_abba, pairs[i], 0).mde;
        struct simulation_result got = simulate(simulate_abba, pairs[i], mde);
        print_message("# %zu pairs: an effect of one MDE (%.1f %%) is shown by %.0f %%\n", pairs[i],
                      100 * expm1(mde), 100 * got.shown);
        assert_true(got.shown >= 0.62 && got.shown <= 0.90);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(stats_every_row_of_the_table_agrees),
    cmocka_unit_test(stats_five_pairs_give_no_95_percent),
    cmocka_unit_test(stats_confidence_is_at_least_95_percent),
    cmocka_unit_test(stats_a_smaller_alpha_gives_a_wider_interval),
    cmocka_unit_test(stats_all_zero_is_one_and_no_difference),
    cmocka_unit_test(stats_bad_input_is_refused),
    cmocka_unit_test(stats_thousand_pairs_are_fine),
    cmocka_unit_test(holm_textbook_values_come_out),
    cmocka_unit_test(holm_untested_rows_are_no_members),
    cmocka_unit_test(pairs_needed_match_the_smallest_p),
    cmocka_unit_test(simulation_abba_keeps_false_alarms_at_five_percent),
    cmocka_unit_test(simulation_blocks_take_drift_for_a_difference),
    cmocka_unit_test(simulation_intervals_cover_a_real_effect),
    cmocka_unit_test(simulation_the_mde_is_shown_about_four_of_five_times),
};

RUN_TESTS("measure_stats")
