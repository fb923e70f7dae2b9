/* SPDX-License-Identifier: MIT */
/*
 * The program's own tests under both sides. Layer 5.
 *
 * The unit is a test where the command prints how many passed and failed, else a run of the
 * command. Tests that fail under the baseline as often are the program's; what the candidate adds
 * is judged. A signal is a crash, and a crash that the baseline does not have is NO-GO whatever the
 * share.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate_internal.h"
#include "gate/judge.h"
#include "measure/bench_execute.h"

struct tally {
    double passed, failed; /* tests, or runs */
    int crashes;
    char first_reason[256]; /* of the first run that failed */
};

/* A command by sh under the arm's allocator; with its output, to count tests. */
static int run_command(struct gate *gate, const struct arm *arm, struct bench_outcome *outcome)
{
    const char *const argv[] = {"/bin/sh", "-c", gate->plan->smoke.command, NULL};
    const struct bench_order order = {
        .argv = argv,
        .environment = arm->environment ? arm->environment : gate->trial.environment,
        .allocator = &arm->allocator,
        .keep_output = true,
        .keep_failed_output = true,
        .timeout_s = gate->trial.timeout_ms / 1000,
        .cancel = gate->order->cancel,
    };
    return bench_execute(&order, outcome);
}

/* How many tests the output counts; a whole run where it counts none. */
static void count_tests(const struct gate_plan *plan, const struct bench_outcome *outcome,
                        struct tally *tally)
{
    double passed = 0;
    double failed = 0;
    const char *output = outcome->output ? outcome->output : "";
    bool counted = plan->smoke.has_passed && picker_find(&plan->smoke.passed, output, &passed);
    counted |= plan->smoke.has_failed && picker_find(&plan->smoke.failed, output, &failed);
    if (counted && outcome->reason[0] && failed == 0)
        failed = 1; /* it failed, whatever it counted */
    if (!counted && outcome->reason[0])
        failed = 1;
    else if (!counted)
        passed = 1;
    tally->passed += passed;
    tally->failed += failed;
}

static void count_run(const struct gate_plan *plan, const struct bench_outcome *outcome,
                      struct tally *tally)
{
    count_tests(plan, outcome, tally);
    tally->crashes += strncmp(outcome->reason, "ended by SIG", 12) == 0;
    if (outcome->reason[0] && !tally->first_reason[0])
        snprintf(tally->first_reason, sizeof tally->first_reason, "%s", outcome->reason);
}

/* Without a test command the program itself is the test: its run, with its load. */
static int run_program(struct gate *gate, const struct arm *arm, struct bench_outcome *outcome)
{
    struct trial_failure failure;
    struct trial_result *scratch = malloc(sizeof *scratch);
    *outcome = (struct bench_outcome){0};
    if (!scratch)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    int error = arm_run(arm, &gate->trial, scratch, &failure);
    free(scratch);
    if (error && failure.stage == TRIAL_CANCELLED)
        return SHALE_ECANCELED;
    if (error)
        snprintf(outcome->reason, sizeof outcome->reason, "%.250s", failure.text);
    return SHALE_OK;
}

static int run_side(struct gate *gate, size_t side, struct tally *tally)
{
    const struct arm *arm = &gate->arms[side];
    *tally = (struct tally){0};
    for (int i = 0; i < gate->plan->smoke.runs; i++) {
        struct bench_outcome outcome;
        gate_tell(gate, GATE_SMOKE, NAN, "run %d of %d: %s", i + 1, gate->plan->smoke.runs,
                  arm->label);
        int error = gate->plan->smoke.command ? run_command(gate, arm, &outcome)
                                              : run_program(gate, arm, &outcome);
        if (error == SHALE_ECANCELED)
            return error;
        if (error && !outcome.reason[0])
            return gate_fail(gate, error, "cannot run the tests under %s: %s", arm->label,
                             shale_strerror(error));
        count_run(gate->plan, &outcome, tally);
        free(outcome.output);
    }
    return SHALE_OK;
}

static double failed_share(const struct tally *tally)
{
    return tally->failed / (tally->passed + tally->failed);
}

static void judge_tests(const struct gate *gate, const struct tally tally[GATE_SIDES],
                        struct gate_phase_result *result)
{
    const struct gate_limit *limit = &gate->plan->limits.tests;
    const struct tally *candidate = &tally[GATE_CANDIDATE];
    double excess = fmax(0, failed_share(candidate) - failed_share(&tally[GATE_BASELINE]));
    enum gate_verdict verdict = gate_judge_value(excess, limit);
    if (verdict == GATE_GO && tally[GATE_BASELINE].failed > 0)
        verdict = GATE_CONDITIONAL;
    struct gate_finding *finding = gate_find(
        result, verdict, "tests", "tests",
        "%.0f of %.0f failed under the candidate, %.0f of %.0f under the baseline%s%.200s",
        candidate->failed, candidate->passed + candidate->failed, tally[GATE_BASELINE].failed,
        tally[GATE_BASELINE].passed + tally[GATE_BASELINE].failed,
        candidate->first_reason[0] ? "; the first: " : "", candidate->first_reason);
    finding->unit = GATE_SHARE;
    finding->value = excess;
    finding->warn = limit->warn;
    finding->fail = limit->fail;
}

/* Of n runs without one, 1 - (1 - p)^n < 0.95 for a rate p of crashes: what was not excluded. */
static void say_what_it_certifies(const struct gate_plan *plan, int crashes,
                                  struct gate_phase_result *result)
{
    int used = 0;
    double rate = -expm1(log(0.05) / plan->smoke.runs);
    if (!plan->smoke.command)
        used = snprintf(
            result->note, sizeof result->note,
            "No test command in the plan (phases.smoke.command): the program itself was run.");
    if (crashes == 0 && plan->smoke.runs > 1)
        snprintf(result->note + used, sizeof result->note - (size_t)used,
                 "%sNo crash in %d runs: a rate of more than 1 in %.0f is excluded at 95 %%.",
                 used > 0 ? " " : "", plan->smoke.runs, floor(1 / rate));
}

int gate_phase_smoke(struct gate *gate, struct gate_phase_result *result)
{
    struct tally tally[GATE_SIDES];
    for (size_t side = 0; side < GATE_SIDES; side++) {
        int error = run_side(gate, side, &tally[side]);
        if (error)
            return error;
    }
    judge_tests(gate, tally, result);
    int crashes = tally[GATE_CANDIDATE].crashes;
    if (crashes > 0) {
        bool both = tally[GATE_BASELINE].crashes > 0;
        gate_find(result, both ? GATE_CONDITIONAL : GATE_NO_GO, "crashes", "crashes",
                  "%d of %d runs under the candidate: %.250s%s", crashes, gate->plan->smoke.runs,
                  tally[GATE_CANDIDATE].first_reason, both ? "; the baseline crashes too" : "")
            ->value = crashes;
    }
    say_what_it_certifies(gate->plan, crashes, result);
    return SHALE_OK;
}
