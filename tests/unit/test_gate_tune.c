/* SPDX-License-Identifier: MIT */
/* Settings and their combinations; which of them is best; requests with variables before them. */
#include "gate/tune.h"

#include <math.h>

#include "measure/request.h"
#include "test.h"

/* ---------------------------------------------------------------------------------- settings */

static struct setting parsed(const char *text)
{
    struct setting setting;
    assert_true(setting_parse(text, &setting));
    return setting;
}

static void settings_every_one_of_the_table_is_a_setting(void **state)
{
    static const char *const allocators[] = {"mimalloc", "jemalloc", "tcmalloc", "system", "shale"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(allocators); i++) {
        struct setting all[RACERS_MAX];
        struct setting remedies[RACERS_MAX];
        size_t count = settings_of(allocators[i], false, all, RACERS_MAX);
        assert_true(count >= 2);
        assert_true(settings_of(allocators[i], true, remedies, RACERS_MAX) < count);
        for (size_t j = 0; j < count; j++) {
            parsed(all[j].text);
            assert_true(all[j].name[0] != '\0');
        }
    }
    struct setting none[1];
    assert_int_equal(settings_of("nosuch", false, none, 1), 0);
}

static void settings_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "A", "=1", "1A=2", "A=1 B", "A-B=1", "A=1 B=2 C=3 D=4 E=5 F=6"};
    struct setting setting;
    char lengthy[SETTING_TEXT_MAX + 3];
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(bad); i++)
        assert_false(setting_parse(bad[i], &setting));
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[1] = '=';
    lengthy[sizeof lengthy - 1] = '\0';
    assert_false(setting_parse(lengthy, &setting));
}

static void check_combined(const char *left, const char *right, const char *expected)
{
    struct setting a = parsed(left);
    struct setting b = parsed(right);
    struct setting made;
    assert_int_equal(setting_combine(&a, &b, &made), expected != NULL);
    if (expected)
        assert_string_equal(made.text, expected);
}

static void settings_combine_unless_both_set_the_same(void **state)
{
    check_combined("A=1", "B=2", "A=1 B=2");
    check_combined("A=1 C=3", "B=2", "A=1 C=3 B=2");
    check_combined("A=1", "A=2", NULL);
    check_combined("A=1 B=2", "B=2", NULL);
    check_combined("MALLOC_CONF=narenas:2", "MALLOC_CONF=thp:always,x:1",
                   "MALLOC_CONF=narenas:2,thp:always,x:1");
    check_combined("MALLOC_CONF=a:1,narenas:2", "B=1 MALLOC_CONF=thp:always",
                   "MALLOC_CONF=a:1,narenas:2,thp:always B=1");
    check_combined("MALLOC_CONF=x:0,narenas:2", "MALLOC_CONF=x:1", NULL);
    check_combined("MALLOC_CONF=narenas:2", "MALLOC_CONF=narenas_x:2",
                   "MALLOC_CONF=narenas:2,narenas_x:2");
    check_combined("A=1 B=2 C=3", "D=1 E=2 F=3", "A=1 B=2 C=3 D=1 E=2 F=3");
    check_combined("A=1 B=2 C=3 G=1", "D=1 E=2 F=3", NULL);
}

/* ----------------------------------------------------------------------------------- requests */

static void request_with_variables_is_taken_apart(void **state)
{
    static struct request request;
    assert_true(request_parse("A=1  B_2=x,y mimalloc@2.0.9", &request));
    assert_string_equal(request.allocator, "mimalloc@2.0.9");
    assert_string_equal(request.setting.name, "A=1 B_2=x,y");
    assert_string_equal(request.setting.environment[0], "A=1");
    assert_string_equal(request.setting.environment[1], "B_2=x,y");
    assert_null(request.setting.environment[2]);
    assert_true(request_parse("./folder=a/lib with blanks.so", &request));
    assert_string_equal(request.allocator, "./folder=a/lib with blanks.so");
    assert_null(request.setting.name);
    assert_null(request.setting.environment);
    assert_true(request_parse("A=1", &request));
    assert_string_equal(request.allocator, "");
    assert_false(request_parse("A=1 B=1 C=1 D=1 E=1 F=1 G=1 H=1 I=1 system", &request));
}

/* ------------------------------------------------------------------------------------ judging */

static void add(struct tune_result *result, double latency, double rss, double width)
{
    struct tune_entry *entry = &result->entries[result->count++];
    *entry = (struct tune_entry){
        .outcome = TUNE_BEATEN,
        .scores = {{latency, latency - width, latency + width}, {rss, rss - width, rss + width}},
    };
    snprintf(entry->setting.text, sizeof entry->setting.text, "S=%zu", result->count - 1);
}

static struct tune_result *start(void)
{
    struct tune_result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    add(result, 0, 0, 0);
    return result;
}

static void tune_the_best_is_better_than_none(void **state)
{
    struct tune_result *result = start();
    add(result, -0.20, 0.30, 0.02);
    add(result, 0.30, -0.20, 0.02);
    add(result, -0.10, -0.10, 0.02);
    add(result, -0.05, -0.10, 0.02);
    tune_judge(result, TUNE_BOTH);
    assert_int_equal(result->best, 3);
    static const enum tune_outcome both[] = {TUNE_BEATEN, TUNE_FRONT, TUNE_FRONT, TUNE_FRONT,
                                             TUNE_BEATEN};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(both); i++)
        assert_int_equal(result->entries[i].outcome, both[i]);
    assert_non_null(strstr(result->advice, "S=3: latency -10.0 % (-12.0 to -8.0), RSS -10.0 %"));
    tune_judge(result, TUNE_LATENCY);
    assert_int_equal(result->best, 1);
    tune_judge(result, TUNE_RSS);
    assert_int_equal(result->best, 2);
    free(result);
}

static void tune_what_is_not_shown_is_not_claimed(void **state)
{
    struct tune_result *result = start();
    add(result, -0.03, -0.03, 0.04);
    tune_judge(result, TUNE_BOTH);
    assert_int_equal(result->best, TUNE_NOTHING);
    assert_int_equal(result->entries[0].outcome, TUNE_FRONT);
    assert_int_equal(result->entries[1].outcome, TUNE_FRONT);
    assert_non_null(strstr(result->advice, "no setting is shown"));
    free(result);
}

static void tune_a_trade_is_called_one(void **state)
{
    struct tune_result *result = start();
    add(result, -0.20, 0.30, 0.02);
    tune_judge(result, TUNE_BOTH);
    assert_int_equal(result->best, TUNE_NOTHING);
    assert_int_equal(result->entries[0].outcome, TUNE_FRONT);
    assert_int_equal(result->entries[1].outcome, TUNE_FRONT);
    assert_non_null(strstr(result->advice, "trades memory for time"));
    free(result);
}

static void tune_failed_and_screened_take_no_part(void **state)
{
    struct tune_result *result = start();
    add(result, -0.9, -0.9, 0);
    add(result, -0.9, -0.9, 0);
    add(result, -0.1, -0.1, 0.01);
    result->entries[1].outcome = TUNE_FAILED;
    result->entries[2].outcome = TUNE_SCREENED;
    tune_judge(result, TUNE_BOTH);
    assert_int_equal(result->best, 3);
    assert_int_equal(result->entries[1].outcome, TUNE_FAILED);
    assert_int_equal(result->entries[2].outcome, TUNE_SCREENED);
    free(result);
}

static void tune_an_axis_that_was_not_measured_decides_nothing(void **state)
{
    struct tune_result *result = start();
    add(result, -0.1, NAN, 0.01);
    add(result, -0.2, NAN, 0.01);
    tune_judge(result, TUNE_BOTH);
    assert_int_equal(result->best, 2);
    tune_judge(result, TUNE_RSS);
    assert_int_equal(result->best, TUNE_NOTHING);
    free(result);
}

/* ------------------------------------------------------------------------------------- scores */

enum { PAIRS = 12 };

static void tune_scores_are_means_over_their_figures(void **state)
{
    static struct gate_plan plan;
    static struct comparison_set set;
    static struct compare_pair pairs[PAIRS];
    struct tune_score scores[TUNE_AXES];
    gate_plan_defaults(&plan);
    figures_list(NULL, 0, NULL, 0, &set.figures);
    set.comparison_count = 1;
    set.comparisons[0] = (struct compare_comparison){.arm = 1, .pairs = pairs};
    set.pairs = PAIRS;
    for (size_t i = 0; i < PAIRS; i++)
        for (size_t figure = 0; figure < FIGURES_MAX; figure++)
            pairs[i].baseline.values[figure] = pairs[i].candidate.values[figure] = 100;
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i].candidate.values[FIGURE_WALL] = 80;
        pairs[i].candidate.values[FIGURE_PEAK] = 121;
    }
    tune_score(&plan, &set, 0, STATS_ALPHA, scores);
    assert_float_equal(scores[TUNE_AXIS_LATENCY].value, -0.20, 1e-9);
    assert_float_equal(scores[TUNE_AXIS_RSS].value, 0.10, 1e-9); /* with a steady RSS of 1.0 */
    pairs[3].candidate.values[FIGURE_STEADY] = NAN;
    tune_score(&plan, &set, 0, STATS_ALPHA, scores);
    assert_float_equal(scores[TUNE_AXIS_RSS].value, 0.21, 1e-9);
    pairs[3].candidate.values[FIGURE_PEAK] = NAN;
    tune_score(&plan, &set, 0, STATS_ALPHA, scores);
    assert_true(isnan(scores[TUNE_AXIS_RSS].value));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(settings_every_one_of_the_table_is_a_setting),
    cmocka_unit_test(settings_that_are_none_are_refused),
    cmocka_unit_test(settings_combine_unless_both_set_the_same),
    cmocka_unit_test(request_with_variables_is_taken_apart),
    cmocka_unit_test(tune_the_best_is_better_than_none),
    cmocka_unit_test(tune_what_is_not_shown_is_not_claimed),
    cmocka_unit_test(tune_a_trade_is_called_one),
    cmocka_unit_test(tune_failed_and_screened_take_no_part),
    cmocka_unit_test(tune_an_axis_that_was_not_measured_decides_nothing),
    cmocka_unit_test(tune_scores_are_means_over_their_figures),
};

RUN_TESTS("gate_tune")
