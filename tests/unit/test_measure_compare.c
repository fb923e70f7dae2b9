/* SPDX-License-Identifier: MIT */
/* How pairs are read: verdicts, Holm's family, zeros and missing figures, sentences, warnings. */
#include "measure/compare.h"
#include "measure/compare_report.h"

#include <math.h>

#include "test.h"

enum { PAIRS = 10 };

/* A comparison of two allocators with an A/A check; every figure of every run is 1. */
static struct comparison_set *make_set(size_t pairs)
{
    struct comparison_set *set = calloc(1, sizeof *set);
    assert_non_null(set);
    figures_list(NULL, 0, NULL, 0, &set->figures);
    set->arm_count = 2;
    snprintf(set->arms[0].label, sizeof set->arms[0].label, "old");
    snprintf(set->arms[1].label, sizeof set->arms[1].label, "new");
    set->comparison_count = 2;
    set->comparisons[0].arm = 1;
    set->comparisons[1].is_aa = true;
    set->aa = 1;
    set->pairs = pairs;
    for (size_t i = 0; i < 2; i++) {
        set->comparisons[i].pairs = calloc(pairs, sizeof(struct compare_pair));
        assert_non_null(set->comparisons[i].pairs);
        for (size_t pair = 0; pair < pairs; pair++)
            for (size_t figure = 0; figure < FIGURES_MAX; figure++) {
                set->comparisons[i].pairs[pair].baseline.values[figure] = 1;
                set->comparisons[i].pairs[pair].candidate.values[figure] = 1;
            }
    }
    return set;
}

static void free_set(struct comparison_set *set)
{
    compare_free(set);
    free(set);
}

/* The candidate's figure becomes about `ratio` of the baseline's, with a little spread. */
static void scale(struct comparison_set *set, size_t comparison, size_t figure, double ratio)
{
    for (size_t pair = 0; pair < set->pairs; pair++)
        set->comparisons[comparison].pairs[pair].candidate.values[figure] =
            ratio * (1 + 0.001 * (double)pair);
}

static const struct compare_reading *read_figure(struct comparison_set *set, size_t figure)
{
    compare_analyse(set);
    return &set->comparisons[0].readings[figure];
}

static char *sentences(const struct comparison_set *set)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    assert_non_null(memory);
    compare_write_sentences(&(struct compare_report){.set = set}, memory);
    fclose(memory);
    return text;
}

static void analysis_a_clear_change_is_shown(void **state)
{
    struct comparison_set *set = make_set(PAIRS);
    scale(set, 0, FIGURE_WALL, 0.8);
    scale(set, 0, FIGURE_PEAK, 2.5);
    const struct compare_reading *wall = read_figure(set, FIGURE_WALL);
    assert_int_equal(wall->verdict, COMPARE_LOWER);
    assert_float_equal(exp(wall->stats.estimate), 0.8036, 1e-3);
    assert_int_equal(set->comparisons[0].readings[FIGURE_PEAK].verdict, COMPARE_HIGHER);
    assert_int_equal(set->comparisons[0].readings[FIGURE_CPU].verdict, COMPARE_NO_DIFFERENCE);
    assert_true(set->aa_quiet);
    char *text = sentences(set);
    assert_non_null(strstr(text, "Against old, new has wall time 20 % lower (19."));
    assert_non_null(strstr(text, "peak RSS 2.51 times as high"));
    assert_non_null(strstr(text, "no difference shown in user+sys time, steady RSS"));
    assert_non_null(strstr(text, "largest drops shown against old: wall time with new (20 %)"));
    assert_null(strstr(text, "equal"));
    free(text);
    free_set(set);
}

/* 6 pairs give p = 0.031 at best: enough alone, not after Holm over four figures. */
static void analysis_holm_makes_a_lone_figure_unsure(void **state)
{
    struct comparison_set *set = make_set(6);
    scale(set, 0, FIGURE_WALL, 0.8);
    scale(set, 0, FIGURE_SYSTEM, 0.8);
    const struct compare_reading *wall = read_figure(set, FIGURE_WALL);
    assert_int_equal(compare_family_size(set, 0), 4);
    assert_int_equal(wall->verdict, COMPARE_UNSURE_LOWER);
    assert_float_equal(wall->adjusted_p, 4 * 0.03125, 1e-12);
    /* A figure that explains is read alone. */
    assert_int_equal(set->comparisons[0].readings[FIGURE_SYSTEM].verdict, COMPARE_LOWER);
    assert_true(isnan(set->comparisons[0].readings[FIGURE_SYSTEM].adjusted_p));
    char text[512];
    compare_pairs_warning(set, text, sizeof text);
    assert_non_null(strstr(text, "none after Holm's adjustment over 4 figures. Use --pairs 8"));
    free_set(set);
}

static void analysis_few_pairs_claim_nothing(void **state)
{
    struct comparison_set *set = make_set(5);
    scale(set, 0, FIGURE_WALL, 0.1);
    scale(set, 1, FIGURE_WALL, 0.1);
    assert_int_equal(read_figure(set, FIGURE_WALL)->verdict, COMPARE_TOO_FEW);
    assert_true(set->aa_quiet);
    char text[512];
    compare_pairs_warning(set, text, sizeof text);
    assert_non_null(strstr(text, "5 pairs can show nothing at 95 %"));
    set->pairs = 6;
    free_set(set);
}

static void analysis_zero_on_one_side_is_not_comparable(void **state)
{
    struct comparison_set *set = make_set(PAIRS);
    for (size_t pair = 0; pair < PAIRS; pair++) {
        set->comparisons[0].pairs[pair].baseline.values[FIGURE_HUGE] = 0;
        set->comparisons[0].pairs[pair].baseline.values[FIGURE_FAULTS_MAJOR] = 0;
        set->comparisons[0].pairs[pair].candidate.values[FIGURE_FAULTS_MAJOR] = 0;
    }
    const struct compare_reading *huge = read_figure(set, FIGURE_HUGE);
    assert_int_equal(huge->verdict, COMPARE_NOT_COMPARABLE);
    assert_true(huge->baseline_median == 0 && huge->candidate_median == 1);
    assert_int_equal(set->comparisons[0].readings[FIGURE_FAULTS_MAJOR].verdict,
                     COMPARE_NO_DIFFERENCE);
    free_set(set);
}

static void analysis_missing_values_leave_their_pair_out(void **state)
{
    struct comparison_set *set = make_set(PAIRS);
    set->comparisons[0].pairs[3].candidate.values[FIGURE_STEADY] = NAN;
    assert_int_equal(read_figure(set, FIGURE_STEADY)->stats.pairs, PAIRS - 1);
    for (size_t pair = 0; pair < PAIRS; pair++)
        set->comparisons[0].pairs[pair].candidate.values[FIGURE_STEADY] = NAN;
    assert_int_equal(read_figure(set, FIGURE_STEADY)->verdict, COMPARE_NOT_COMPARABLE);
    assert_int_equal(compare_family_size(set, 0), 3);
    free_set(set);
}

static void analysis_a_baseline_unlike_itself_is_flagged(void **state)
{
    struct comparison_set *set = make_set(PAIRS);
    scale(set, 1, FIGURE_WALL, 1.195);
    compare_analyse(set);
    assert_false(set->aa_quiet);
    char *text = sentences(set);
    assert_non_null(
        strstr(text, "A/A check FAILED: old differs from itself: wall time 20 % higher"));
    free(text);
    free_set(set);
}

static void figures_phases_and_pickers_follow_the_fixed(void **state)
{
    const char *const phases[] = {"loaded", "flushed"};
    const char *const pickers[] = {"rps"};
    struct figure_list list;
    figures_list(phases, 2, pickers, 1, &list);
    assert_int_equal(list.count, FIGURE_FIXED + 2 * FIGURE_PER_PHASE + 1);
    assert_string_equal(list.items[FIGURE_WALL].name, "load_wall_s");
    assert_false(list.items[FIGURE_STEADY].shown);
    assert_string_equal(list.items[FIGURE_FIXED].name, "rss_loaded_bytes");
    assert_string_equal(list.items[FIGURE_FIXED + FIGURE_PER_PHASE].title, "RSS flushed");
    assert_string_equal(list.items[list.count - 1].name, "rps");
    for (size_t i = 0; i < list.count; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(list.items[i].name, list.items[j].name);
}

static void figure_format_keeps_units_readable(void **state)
{
    const struct {
        enum figure_unit unit;
        double value;
        const char *text;
    } cases[] = {
        {FIGURE_SECONDS, 0.0123, "12.30 ms"},
        {FIGURE_SECONDS, 1.5, "1.500 s"},
        {FIGURE_SECONDS, 61, "61.0 s"},
        {FIGURE_BYTES, 512, "512 B"},
        {FIGURE_BYTES, 3.5 * 1048576, "3.5 MiB"},
        {FIGURE_COUNT, 1234, "1234"},
        {FIGURE_PLAIN, 0.25, "0.25"},
        {FIGURE_SECONDS, NAN, "-"},
    };
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(cases); i++) {
        char text[32];
        figure_format(cases[i].unit, cases[i].value, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(analysis_a_clear_change_is_shown),
    cmocka_unit_test(analysis_holm_makes_a_lone_figure_unsure),
    cmocka_unit_test(analysis_few_pairs_claim_nothing),
    cmocka_unit_test(analysis_zero_on_one_side_is_not_comparable),
    cmocka_unit_test(analysis_missing_values_leave_their_pair_out),
    cmocka_unit_test(analysis_a_baseline_unlike_itself_is_flagged),
    cmocka_unit_test(figures_phases_and_pickers_follow_the_fixed),
    cmocka_unit_test(figure_format_keeps_units_readable),
};

RUN_TESTS("measure_compare")
