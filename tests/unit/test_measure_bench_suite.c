/* SPDX-License-Identifier: MIT */
/* The order of the runs, labels, malloc-bench's output, the recipes, and the reports. */
#include "measure/bench_report.h"
#include "measure/bench_suite.h"
#include "test.h"

enum { ALLOCATORS = 3, ROUNDS = 2 };

static void turn_each_allocator_once_and_none_always_first(void **state)
{
    unsigned first[ALLOCATORS] = {0};
    for (size_t round = 0; round < ALLOCATORS; round++) {
        unsigned seen = 0;
        for (size_t step = 0; step < ALLOCATORS; step++)
            seen |= 1U << bench_suite_turn(round, 4, step, ALLOCATORS);
        assert_int_equal(seen, (1U << ALLOCATORS) - 1);
        first[bench_suite_turn(round, 4, 0, ALLOCATORS)]++;
    }
    for (size_t i = 0; i < ALLOCATORS; i++)
        assert_int_equal(first[i], 1);
}

static void label_has_the_version_only_where_names_meet(void **state)
{
    const struct finder_allocator found[] = {{.name = "system", .version = "2.36"},
                                             {.name = "mimalloc", .version = "3.6.0"},
                                             {.name = "mimalloc", .version = "2.0.9"},
                                             {.name = "mimalloc", .version = "2.0.9"},
                                             {.name = "unknown", .version = ""}};
    const char *const expected[] = {"system", "mimalloc@3.6.0", "mimalloc@2.0.9",
                                    "mimalloc@2.0.9#2", "unknown"};
    struct bench_allocator allocators[5] = {0};
    for (size_t i = 0; i < 5; i++)
        allocators[i].found = &found[i];
    bench_suite_label(allocators, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(allocators[i].label, expected[i]);
}

static const char good_output[] = "{\"workload\": \"w\", \"operations\": 7, \"threads\": 2, "
                                  "\"figures\": {\"time_ns\": 1.5, \"rss_peak_kib\": 3}, "
                                  "\"notes\": {\"cores\": 1}}";

static void parse_of_figures_keeps_their_order_and_the_lead(void **state)
{
    struct bench_results results;
    bench_results_init(&results, 1, 1);
    assert_int_equal(bench_suite_parse(good_output, &results, 0, 0, 0), 0);
    assert_int_equal(results.row_count, 5);
    assert_string_equal(results.rows[0].figure, "time_ns");
    assert_true(results.rows[0].lead && !results.rows[1].lead);
    assert_true(results.rows[2].note && results.rows[3].note);
    assert_true(bench_results_row(&results, 0, "operations")->values[0] == 7);
    assert_true(bench_results_row(&results, 0, "threads")->values[0] == 2);
    bench_results_free(&results);
}

static void parse_of_anything_else_is_refused(void **state)
{
    static const char *const outputs[] = {
        "",
        "{",
        "[]",
        "{\"figures\": {}, \"notes\": {}, \"operations\": 1}",
        "{\"figures\": {\"a_ns\": \"b\"}, \"notes\": {}, \"operations\": 1}",
        "{\"figures\": {\"a_ns\": 1}, \"notes\": {}}",
        "{\"figures\": {\"a_ns\": 1}, \"operations\": 1}",
    };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        struct bench_results results;
        bench_results_init(&results, 1, 1);
        assert_int_equal(bench_suite_parse(outputs[i], &results, 0, 0, 0), SHALE_EFORMAT);
        bench_results_free(&results);
    }
}

static void recipes_have_distinct_names_and_a_package(void **state)
{
    size_t count = 0;
    for (const struct bench_program *one = bench_programs; one->name; one++, count++) {
        assert_non_null(one->argv[0]);
        assert_non_null(one->package);
        assert_true(strlen(one->summary) > 10);
        for (const struct bench_program *other = bench_programs; other < one; other++)
            assert_string_not_equal(one->name, other->name);
    }
    assert_true(count >= 12);
}

static struct bench_cases three_cases(void)
{
    static const char *const names[] = {"churn-a", "churn-b", "fork"};
    struct bench_cases cases = {calloc(3, sizeof *cases.items), 3};
    for (size_t i = 0; i < 3; i++) {
        cases.items[i].suite = "malloc";
        cases.items[i].name = strdup(names[i]);
        cases.items[i].summary = strdup("a case");
    }
    return cases;
}

static void select_by_pattern_keeps_the_order(void **state)
{
    struct bench_cases cases = three_cases();
    const char *const patterns[] = {"fork", "*-a", NULL};
    assert_null(bench_cases_select(&cases, patterns));
    assert_int_equal(cases.count, 2);
    assert_string_equal(cases.items[0].name, "churn-a");
    assert_string_equal(cases.items[1].name, "fork");
    bench_cases_free(&cases);
}

static void select_by_a_pattern_that_fits_nothing_names_it(void **state)
{
    struct bench_cases cases = three_cases();
    const char *const patterns[] = {"fork", "spoon", NULL};
    assert_string_equal(bench_cases_select(&cases, patterns), "spoon");
    assert_int_equal(cases.count, 3);
    bench_cases_free(&cases);
}

/* Two allocators, two rounds; the second case failed under the second allocator. */
struct fixture {
    struct bench_suite suite;
    struct bench_allocator allocators[2];
    struct finder_allocator found[2];
    struct bench_report report;
};

static void make_report(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .found = {{.name = "system", .version = "2.36"},
                  {.name = "fast", .version = "1", .path = "/x/libfast.so"}},
        .suite = {.cases = three_cases(), .allocator_count = 2, .rounds = ROUNDS},
        .report = {.command = "shale bench", .started = "2000-01-01T00:00:00Z"},
    };
    struct bench_results *results = &fixture->suite.results;
    fixture->suite.settings.seed = 1;
    fixture->suite.allocators = fixture->allocators;
    fixture->report.suite = &fixture->suite;
    fixture->report.machine.thp = "never";
    for (size_t i = 0; i < 2; i++)
        fixture->allocators[i].found = &fixture->found[i];
    bench_suite_label(fixture->allocators, 2);
    bench_results_init(results, 2, ROUNDS);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(bench_results_add(results, 0, "time_ns", false, i, round,
                                               i ? 25000 + (double)round : 50000),
                             0);
        assert_int_equal(bench_results_add(results, 1, "time_ns", false, 0, round, 3), 0);
    }
    assert_int_equal(bench_results_fail(results, 1, 1, 0, "ended by SIGSEGV"), 0);
}

static void free_report(struct fixture *fixture)
{
    bench_results_free(&fixture->suite.results);
    bench_cases_free(&fixture->suite.cases);
}

static char *write_to_text(void (*write)(const struct bench_report *report, FILE *out),
                           const struct bench_report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write(report, out);
    fclose(out);
    return text;
}

static void text_of_a_report_marks_the_best_and_failures(void **state)
{
    struct fixture fixture;
    make_report(&fixture);
    char *text = write_to_text(bench_report_text, &fixture.report);
    assert_non_null(strstr(text, "churn-a time [us]"));
    assert_non_null(strstr(text, "25.0*"));
    assert_null(strstr(text, "50.0*"));
    assert_non_null(strstr(text, "failed"));
    assert_non_null(strstr(text, "churn-b under fast, round 1: ended by SIGSEGV"));
    free(text);
    free_report(&fixture);
}

static void text_with_our_own_allocator_shows_its_ratio_to_the_best_other(void **state)
{
    struct fixture fixture;
    make_report(&fixture);
    fixture.found[1].name = "shale";
    char *text = write_to_text(bench_report_text, &fixture.report);
    assert_non_null(strstr(text, "    shale/best\n"));
    assert_non_null(strstr(text, "        0.50 \n"));
    free(text);
    fixture.found[1].name = "fast";
    text = write_to_text(bench_report_text, &fixture.report);
    assert_null(strstr(text, "shale/best"));
    free(text);
    free_report(&fixture);
}

static void csv_of_a_report_leaves_out_what_failed(void **state)
{
    struct fixture fixture;
    make_report(&fixture);
    char *text = write_to_text(bench_report_csv, &fixture.report);
    assert_non_null(strstr(text, "\nmalloc,churn-a,time_ns,0,fast,1,2,25001,\""));
    assert_null(strstr(text, "churn-b,time_ns,0,fast"));
    free(text);
    free_report(&fixture);
}

static void plot_data_of_a_report_has_ratios_and_gaps(void **state)
{
    struct fixture fixture;
    make_report(&fixture);
    char *text = write_to_text(bench_report_plot_data, &fixture.report);
    assert_non_null(strstr(text, "\nworkload \"system\" \"fast\"\n\"churn-a\" 1 0.50001\n"));
    assert_non_null(strstr(text, "\n\"churn-b\" 1 ?\n"));
    free(text);
    free_report(&fixture);
}

static void json_of_a_report_has_nulls_for_gaps(void **state)
{
    struct fixture fixture;
    make_report(&fixture);
    json_t *json = bench_report_json(&fixture.report);
    const json_t *item = json_array_get(json_object_get(json, "cases"), 1);
    const json_t *figure = json_array_get(json_object_get(item, "figures"), 0);
    const json_t *result = json_array_get(json_object_get(figure, "results"), 1);
    assert_true(json_is_null(json_object_get(result, "median")));
    assert_true(json_is_null(json_array_get(json_object_get(result, "samples"), 0)));
    assert_string_equal(json_string_value(json_object_get(result, "allocator")), "fast");
    assert_int_equal(json_array_size(json_object_get(json, "failures")), 1);
    json_decref(json);
    free_report(&fixture);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(turn_each_allocator_once_and_none_always_first),
    cmocka_unit_test(label_has_the_version_only_where_names_meet),
    cmocka_unit_test(parse_of_figures_keeps_their_order_and_the_lead),
    cmocka_unit_test(parse_of_anything_else_is_refused),
    cmocka_unit_test(recipes_have_distinct_names_and_a_package),
    cmocka_unit_test(select_by_pattern_keeps_the_order),
    cmocka_unit_test(select_by_a_pattern_that_fits_nothing_names_it),
    cmocka_unit_test(text_of_a_report_marks_the_best_and_failures),
    cmocka_unit_test(text_with_our_own_allocator_shows_its_ratio_to_the_best_other),
    cmocka_unit_test(csv_of_a_report_leaves_out_what_failed),
    cmocka_unit_test(plot_data_of_a_report_has_ratios_and_gaps),
    cmocka_unit_test(json_of_a_report_has_nulls_for_gaps),
};

RUN_TESTS("measure_bench_suite")
