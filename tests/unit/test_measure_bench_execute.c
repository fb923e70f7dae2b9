/* SPDX-License-Identifier: MIT */
/* One run of a program to its end, however it ends. */
#include "measure/bench_execute.h"
#include "test.h"

static struct bench_outcome run_shell(const char *script, bool keep_output)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct bench_order order = {.argv = argv, .keep_output = keep_output, .timeout_s = 1};
    struct bench_outcome outcome;
    assert_int_equal(bench_execute(&order, &outcome), 0);
    return outcome;
}

static void execute_program_that_ends_well_gives_output_and_figures(void **state)
{
    struct bench_outcome outcome = run_shell("echo one; echo two; i=0; while [ $i -lt 20000 ]; do "
                                             "i=$((i + 1)); done",
                                             true);
    assert_string_equal(outcome.reason, "");
    assert_string_equal(outcome.output, "one\ntwo\n");
    assert_true(outcome.wall_s > 0 && outcome.cpu_s > 0 && outcome.rss_peak_kib > 100);
    free(outcome.output);
}

static void execute_without_keeping_output_gives_none(void **state)
{
    struct bench_outcome outcome = run_shell("echo one", false);
    assert_string_equal(outcome.reason, "");
    assert_null(outcome.output);
}

static void execute_program_that_fails_gives_status_and_its_last_words(void **state)
{
    struct bench_outcome outcome = run_shell("echo first >&2; echo 'no input' >&2; exit 3", true);
    assert_string_equal(outcome.reason, "ended with status 3: no input");
    assert_null(outcome.output);
    outcome = run_shell("exit 1", true);
    assert_string_equal(outcome.reason, "ended with status 1");
}

static void execute_program_that_is_killed_gives_the_signal(void **state)
{
    struct bench_outcome outcome = run_shell("kill -ABRT $$", true);
    assert_string_equal(outcome.reason, "ended by SIGABRT");
}

static void execute_program_that_does_not_end_is_ended(void **state)
{
    struct bench_outcome outcome = run_shell("exec sleep 100", true);
    assert_string_equal(outcome.reason, "did not end within 1 s");
}

static void execute_missing_program_is_an_error_in_words(void **state)
{
    const char *argv[] = {"/nonexistent/program", NULL};
    const struct bench_order order = {.argv = argv, .timeout_s = 1};
    struct bench_outcome outcome;
    assert_int_equal(bench_execute(&order, &outcome), SHALE_ENOENT);
    assert_true(outcome.reason[0] != 0);
}

static void execute_when_cancelled_returns_at_once(void **state)
{
    static const volatile sig_atomic_t cancelled = 1;
    const char *argv[] = {"sleep", "100", NULL};
    const struct bench_order order = {.argv = argv, .timeout_s = 100, .cancel = &cancelled};
    struct bench_outcome outcome;
    assert_int_equal(bench_execute(&order, &outcome), SHALE_ECANCELED);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(execute_program_that_ends_well_gives_output_and_figures),
    cmocka_unit_test(execute_without_keeping_output_gives_none),
    cmocka_unit_test(execute_program_that_fails_gives_status_and_its_last_words),
    cmocka_unit_test(execute_program_that_is_killed_gives_the_signal),
    cmocka_unit_test(execute_program_that_does_not_end_is_ended),
    cmocka_unit_test(execute_missing_program_is_an_error_in_words),
    cmocka_unit_test(execute_when_cancelled_returns_at_once),
};

RUN_TESTS("measure_bench_execute")
