/* SPDX-License-Identifier: MIT */
/* One run, with real programs of a few milliseconds. */
#include "measure/trial.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure/capture.h"
#include "test.h"

static const struct finder_allocator system_allocator = {.name = "system", .version = ""};

static struct trial_spec spec_of(const char *const *argv)
{
    return (struct trial_spec){
        .argv = argv,
        .allocator = &system_allocator,
        .ready_timeout_ms = 5000,
        .timeout_ms = 10000,
        .stop_grace_ms = 2000,
        .interval_ms = 5,
    };
}

static void assert_no_child_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void trial_command_yields_time_memory_and_proof(void **state)
{
    const char *const argv[] = {"sh", "-c", "sleep 0.2; echo figure 42", NULL};
    char reason[128];
    struct picker picker;
    assert_int_equal(picker_parse("n=figure ([0-9]+)", &picker, reason, sizeof reason), 0);
    struct trial_spec spec = spec_of(argv);
    spec.pickers = &picker;
    spec.picker_count = 1;
    struct trial_result result;
    struct trial_failure failure;
    assert_int_equal(trial_run(&spec, &result, &failure), 0);
    assert_true(result.values[FIGURE_WALL] >= 0.2);
    assert_true(result.values[FIGURE_CPU] < result.values[FIGURE_WALL]);
    assert_true(result.values[FIGURE_PEAK] > 1 << 20);
    assert_true(result.values[FIGURE_STEADY] > 1 << 20);
    assert_true(result.values[FIGURE_FAULTS_MINOR] > 0);
    assert_float_equal(result.values[FIGURE_FIXED], 42, 0);
    assert_string_equal(result.proof.allocator, "system");
    assert_string_equal(result.proof.verdict, "ACTIVE");
    assert_true(result.point_count > 3);
    assert_int_equal(result.processes_max, 2);
    picker_free(&picker);
    assert_no_child_left();
}

static void trial_children_that_outlive_the_program_are_ended(void **state)
{
    const char *const argv[] = {"sh", "-c", "sleep 1000 & sleep 0.01", NULL};
    struct trial_spec spec = spec_of(argv);
    struct trial_result result;
    struct trial_failure failure;
    alarm(30);
    assert_int_equal(trial_run(&spec, &result, &failure), 0);
    alarm(0);
    assert_no_child_left();
}

static void trial_wrong_allocator_is_no_figure(void **state)
{
    const struct finder_allocator wanted = {.name = "jemalloc", .version = "5.3.0"};
    const char *const argv[] = {"true", NULL};
    struct trial_spec spec = spec_of(argv);
    spec.allocator = &wanted;
    struct trial_result result = {.values = {77}};
    struct trial_failure failure;
    assert_true(trial_run(&spec, &result, &failure) < 0);
    assert_int_equal(failure.stage, TRIAL_LAUNCH);
    assert_int_equal(failure.launch.stage, LAUNCH_STAGE_PROOF);
    assert_string_equal(failure.proof.allocator, "system");
    assert_non_null(strstr(failure.text, "jemalloc was asked for and is not proven"));
    assert_float_equal(result.values[0], 77, 0);
    assert_no_child_left();
}

static void trial_server_is_read_in_its_phases(void **state)
{
    const char *const argv[] = {"sleep", "1000", NULL};
    const struct trial_phase phases[] = {{"named", "test -d /proc/$SHALE_PID"}};
    struct trial_spec spec = spec_of(argv);
    spec.load = "exit 0";
    spec.phases = phases;
    spec.phase_count = 1;
    spec.idle_s = 0.01;
    struct trial_result result;
    struct trial_failure failure;
    assert_int_equal(trial_run(&spec, &result, &failure), 0);
    for (size_t phase = 0; phase < 3; phase++)
        assert_true(result.values[FIGURE_FIXED + phase * FIGURE_PER_PHASE] > 100 * 1024);
    assert_true(isnan(result.values[FIGURE_FIXED + 3 * FIGURE_PER_PHASE]));
    assert_int_equal(result.killed, 0);
    assert_no_child_left();
}

static void capture_keeps_the_end_in_whole_lines(void **state)
{
    struct capture capture;
    assert_int_equal(capture_open(&capture), 0);
    assert_int_equal(write(capture.fd, "first line\rsecond\nthird\n\n", 25), 25);
    char *text = capture_text(&capture);
    assert_string_equal(text, "first line\nsecond\nthird\n\n");
    free(text);
    char tail[20];
    capture_tail(&capture, tail, sizeof tail);
    assert_string_equal(tail, "second\nthird");
    capture_close(&capture);
    capture_close(&capture);
    text = capture_text(&capture);
    assert_string_equal(text, "");
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(trial_command_yields_time_memory_and_proof),
    cmocka_unit_test(trial_children_that_outlive_the_program_are_ended),
    cmocka_unit_test(trial_wrong_allocator_is_no_figure),
    cmocka_unit_test(trial_server_is_read_in_its_phases),
    cmocka_unit_test(capture_keeps_the_end_in_whole_lines),
};

RUN_TESTS("measure_trial")
