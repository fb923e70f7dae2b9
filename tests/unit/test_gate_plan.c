/* SPDX-License-Identifier: MIT */
/* Plan files: what they say comes through, what they say wrong is named, the example reads back. */
#include "gate/plan.h"

#include <math.h>
#include <unistd.h>

#include <shale/error.h>

#include "test.h"

static char path[] = "/tmp/shale-plan.XXXXXX";

static int make_path(void **state)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return close(fd);
}

static int remove_path(void **state)
{
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int load(const char *text, struct gate_plan *plan, char *reason)
{
    write_file(text);
    return gate_plan_load(path, plan, reason, 1024);
}

static void plan_whole_file_comes_through(void **state)
{
    static struct gate_plan plan;
    char reason[1024];
    assert_int_equal(load("version: 1\n"
                          "program:\n"
                          "  command: [server, --port, '7001']\n"
                          "  environment: [A=1]\n"
                          "  ready: TCP:7001\n"
                          "  load: bench -n 5\n"
                          "  then: [{name: flushed, command: flush}]\n"
                          "  idle: 2s\n"
                          "  timeout: 1m\n"
                          "  metrics: [{name: rps, pattern: '([0-9]+) rps', "
                          "higher_is_better: true},\n"
                          "            {name: frag, pattern: 'frag ([0-9.]+)', "
                          "kind: fragmentation}]\n"
                          "baseline: {allocator: system}\n"
                          "candidate: {allocator: mimalloc@3, name: tuned, environment: [B=2]}\n"
                          "phases:\n"
                          "  smoke: {command: make check, runs: 7, passed: '([0-9]+) ok'}\n"
                          "  leaks: {skip: true}\n"
                          "  stress: {cycles: 9}\n"
                          "  benchmark: {pairs: 16, remedies: false}\n"
                          "  soak: {duration: 8h}\n"
                          "limits:\n"
                          "  performance: {warn: 1, fail: 5}\n"
                          "  fragmentation: {fail: 30}\n"
                          "  growth_mb_per_hour: 2\n",
                          &plan, reason),
                     0);
    assert_string_equal(reason, "");
    assert_string_equal(plan.trial.argv[2], "7001");
    assert_null(plan.trial.argv[3]);
    assert_string_equal(plan.trial.environment[0], "A=1");
    assert_int_equal(plan.trial.ready.kind, READY_TCP);
    assert_string_equal(plan.trial.phases[0].name, "flushed");
    assert_float_equal(plan.trial.idle_s, 2, 0);
    assert_int_equal(plan.trial.timeout_ms, 60000);
    assert_int_equal(plan.trial.picker_count, 2);
    assert_true(plan.metrics[0].higher_is_better && plan.metrics[0].kind == GATE_PERFORMANCE);
    assert_int_equal(plan.metrics[1].kind, GATE_FRAGMENTATION);
    assert_string_equal(plan.candidate.allocator, "mimalloc@3");
    assert_string_equal(plan.candidate.setting.name, "tuned");
    assert_string_equal(plan.candidate.setting.environment[0], "B=2");
    assert_int_equal(plan.smoke.runs, 7);
    assert_true(plan.smoke.has_passed && !plan.smoke.has_failed);
    assert_true(plan.skip[GATE_LEAKS] && !plan.skip[GATE_SOAK]);
    assert_int_equal(plan.stress_cycles, 9);
    assert_int_equal(plan.pairs_max, 16);
    assert_false(plan.remedies);
    assert_float_equal(plan.soak_s, 8 * 3600, 0);
    assert_float_equal(plan.limits.performance.fail, 0.05, 1e-12);
    assert_float_equal(plan.limits.fragmentation.warn, 0.15, 1e-12);
    assert_float_equal(plan.limits.fragmentation.fail, 0.30, 1e-12);
    assert_float_equal(plan.limits.memory.fail, 0.20, 1e-12);
    assert_float_equal(plan.limits.growth_bytes_per_hour, 2e6, 1e-6);
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), 0);
    gate_plan_free(&plan);
}

static void plan_mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"", "there is no plan"},
        {"# nothing\n", "there is no plan"},
        {"version: 2\n", "version 2 is not known"},
        {"program: {command: [a]}\n", "version"},
        {"version: 1\nprogramme: {}\n", "programme"},
        {"version: 1\nlimits: {memory: {wran: 1}}\n", "wran"},
        {"version: 1\nlimits: {memory: {warn: much}}\n", "much"},
        {"version: 1\nprogram: {timeout: soon}\n", "'soon' is no time"},
        {"version: 1\nprogram: {ready: 'TCP:x'}\n", "ready"},
        {"version: 1\nprogram: {metrics: [{name: a, pattern: '('}]}\n", "a:"},
        {"version: 1\nprogram: {metrics: [{name: a, pattern: b, kind: speed}]}\n", "speed"},
        {"version: 1\nprogram: {then: [{name: No, command: b}]}\n", "'No' is no name"},
        {"version: [1\n", "line"},
        {"\x01\x02\xff garbage", ""},
    };
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(wrong); i++) {
        static struct gate_plan plan;
        char reason[1024];
        assert_int_equal(load(wrong[i].text, &plan, reason), SHALE_EFORMAT);
        if (!strstr(reason, wrong[i].says) || !reason[0])
            fail_msg("of '%s' it says '%s', not '%s'", wrong[i].text, reason, wrong[i].says);
        gate_plan_free(&plan);
    }
}

static void plan_missing_file_and_folder_are_told_apart(void **state)
{
    static struct gate_plan plan;
    char reason[1024];
    assert_int_equal(gate_plan_load("/nonexistent", &plan, reason, sizeof reason), SHALE_ENOENT);
    gate_plan_free(&plan);
    assert_int_equal(gate_plan_load("/tmp", &plan, reason, sizeof reason), SHALE_EIO);
    gate_plan_free(&plan);
}

static void plan_senseless_values_are_refused(void **state)
{
    static const char *const program[] = {"true", NULL};
    static struct gate_plan plan;
    char reason[1024];
    gate_plan_defaults(&plan);
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    plan.trial.argv = program;
    plan.baseline.allocator = "system";
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    assert_non_null(strstr(reason, "candidate"));
    plan.candidate.allocator = "jemalloc";
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), 0);
    plan.trial.load = "load";
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    plan.trial.load = NULL;
    plan.pairs_max = 5;
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    plan.pairs_max = 6;
    plan.limits.memory.fail = 0.05;
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    plan.limits.memory.fail = NAN;
    assert_int_equal(gate_plan_check(&plan, reason, sizeof reason), SHALE_EINVAL);
    gate_plan_free(&plan);
}

/* What --init writes is a plan, and the one it was written from. */
static void plan_example_reads_back(void **state)
{
    static struct gate_plan plan, read;
    char reason[1024];
    assert_int_equal(load("version: 1\nprogram: {command: ['it''s', 'a b'], ready: TCP:7, load: "
                          "'echo \"x\"', then: [{name: f, command: g}]}\n"
                          "baseline: {allocator: system}\ncandidate: {allocator: ./x.so}\n",
                          &plan, reason),
                     0);
    FILE *file = fopen(path, "w");
    gate_plan_write_example(&plan, file);
    fclose(file);
    if (gate_plan_load(path, &read, reason, sizeof reason) != 0)
        fail_msg("%s", reason);
    assert_string_equal(read.trial.argv[0], "it's");
    assert_string_equal(read.trial.argv[1], "a b");
    assert_string_equal(read.trial.load, "echo \"x\"");
    assert_string_equal(read.trial.phases[0].command, "g");
    assert_string_equal(read.candidate.allocator, "./x.so");
    assert_int_equal(read.pairs_max, plan.pairs_max);
    assert_float_equal(read.soak_s, plan.soak_s, 0);
    assert_float_equal(read.limits.performance.warn, plan.limits.performance.warn, 1e-12);
    assert_true(isinf(read.limits.fragmentation.fail));
    gate_plan_free(&plan);
    gate_plan_free(&read);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(plan_whole_file_comes_through),
    cmocka_unit_test(plan_mistakes_are_named),
    cmocka_unit_test(plan_missing_file_and_folder_are_told_apart),
    cmocka_unit_test(plan_senseless_values_are_refused),
    cmocka_unit_test(plan_example_reads_back),
};

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("gate_plan", tests, make_path, remove_path);
}
