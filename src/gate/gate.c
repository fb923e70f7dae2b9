/* SPDX-License-Identifier: MIT */
/* Runs the phases and judges: see gate.h. Layer 5. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "gate/gate_internal.h"
#include "measure/duration.h"

static double now_s(void)
{
    return (double)shale_clock_monotonic_ns() / 1e9;
}

const char *gate_phase_name(enum gate_phase phase)
{
    static const char *const names[] = {"start", "smoke", "leaks", "stress", "benchmark", "soak"};
    return names[phase];
}

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {"GO", "CONDITIONAL GO", "INCONCLUSIVE", "NO-GO"};
    return names[verdict];
}

enum gate_verdict gate_phase_verdict(const struct gate_phase_result *phase)
{
    enum gate_verdict worst = GATE_GO;
    for (size_t i = 0; i < phase->count; i++)
        if (phase->findings[i].verdict > worst)
            worst = phase->findings[i].verdict;
    return worst;
}

/* -------------------------------------------------------------------------- for the phases */

struct gate_finding *gate_find(struct gate_phase_result *result, enum gate_verdict verdict,
                               const char *metric, const char *title, const char *format, ...)
{
    size_t index = result->count < GATE_FINDINGS_MAX ? result->count++ : GATE_FINDINGS_MAX - 1;
    struct gate_finding *finding = &result->findings[index];
    *finding = (struct gate_finding){
        .verdict = verdict,
        .unit = GATE_COUNT,
        .value = NAN,
        .low = NAN,
        .high = NAN,
        .warn = NAN,
        .fail = NAN,
    };
    snprintf(finding->metric, sizeof finding->metric, "%s", metric);
    snprintf(finding->title, sizeof finding->title, "%s", title);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    return finding;
}

void gate_find_failed_run(struct gate_phase_result *result, const struct trial_failure *failure,
                          const char *label, const char *what)
{
    gate_find(result, GATE_NO_GO, "runs", "runs", "%s under %s: %.400s", what, label,
              failure->text);
}

int gate_fail(struct gate *gate, int error, const char *format, ...)
{
    va_list arguments;
    gate->failure->error = error;
    va_start(arguments, format);
    vsnprintf(gate->failure->text, sizeof gate->failure->text, format, arguments);
    va_end(arguments);
    return error;
}

int gate_fail_baseline(struct gate *gate, const struct trial_failure *failure, int error,
                       const char *what)
{
    snprintf(gate->failure->remedy, sizeof gate->failure->remedy, "%s", failure->remedy);
    snprintf(gate->failure->output, sizeof gate->failure->output, "%s", failure->output);
    return gate_fail(gate, error, "%s under the baseline, %s: %s", what,
                     gate->arms[GATE_BASELINE].label, failure->text);
}

void gate_tell(struct gate *gate, enum gate_phase phase, double left_s, const char *format, ...)
{
    char what[256];
    va_list arguments;
    if (!gate->order->progress)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    struct gate_progress progress = {phase, what, left_s, left_s};
    for (size_t later = phase + 1; later < GATE_PHASES; later++)
        if (!gate->result->phases[later].done)
            progress.all_left_s += gate->estimates[later];
    gate->order->progress(&progress, gate->order->context);
}

bool gate_is_cancelled(const struct gate *gate)
{
    return gate->order->cancel && *gate->order->cancel;
}

/* --------------------------------------------------------------------------------- start */

/*
 * A candidate that is there but can never serve this program - it is static, or of another C
 * library - is judged, and not an error of ours.
 */
static int find_arms(struct gate *gate)
{
    const struct gate_side *sides[] = {&gate->plan->baseline, &gate->plan->candidate};
    for (size_t i = 0; i < GATE_SIDES; i++) {
        char reason[1536];
        int error = arm_find(&gate->arms[i], sides[i]->allocator, &sides[i]->setting, &gate->trial,
                             reason, sizeof reason);
        if (error == SHALE_ENOTSUP && i == GATE_CANDIDATE) {
            snprintf(gate->unusable, sizeof gate->unusable, "%.500s", reason);
        } else if (error) {
            gate->failure->missing_tool = true;
            return gate_fail(gate, error, "cannot use '%s': %s", sides[i]->allocator, reason);
        }
    }
    return SHALE_OK;
}

static void find_proof(struct gate *gate, struct gate_phase_result *result, size_t side)
{
    const struct arm *arm = &gate->arms[side];
    gate_find(result, GATE_GO, side == GATE_BASELINE ? "baseline_proof" : "candidate_proof",
              side == GATE_BASELINE ? "baseline" : "candidate",
              "%s serves malloc from %s, proven before main%s%s", arm->label, arm->proof.object,
              arm->note[0] ? ". " : "", arm->note);
}

/* One run of each side: that it runs at all, is proven, and how long it takes. */
static int start(struct gate *gate, struct gate_phase_result *result)
{
    struct trial_failure failure;
    if (gate->unusable[0]) {
        gate_find(result, GATE_NO_GO, "candidate_proof", "candidate",
                  "it cannot become active: %.460s", gate->unusable);
        return SHALE_OK;
    }
    for (size_t i = 0; i < GATE_SIDES; i++) {
        double began_s = now_s();
        gate_tell(gate, GATE_START, NAN, "first run of %s", gate->arms[i].label);
        int error = arm_warm_up(&gate->arms[i], &gate->trial, &failure);
        gate->run_s = fmax(gate->run_s, now_s() - began_s);
        if (failure.stage == TRIAL_CANCELLED && error)
            return SHALE_ECANCELED;
        if (error && i == GATE_BASELINE)
            return gate_fail_baseline(gate, &failure, error, "the first run");
        if (error) {
            gate_find_failed_run(result, &failure, gate->arms[i].label, "the first run");
            return SHALE_OK;
        }
        find_proof(gate, result, i);
    }
    return SHALE_OK;
}

/* ---------------------------------------------------------------------------- all phases */

static void estimate(struct gate *gate)
{
    const struct gate_plan *plan = gate->plan;
    double run_s = gate->run_s;
    enum { MEMCHECK_SLOWDOWN = 40 };
    double *estimates = gate->estimates;
    estimates[GATE_SMOKE] = 2 * plan->smoke.runs * run_s; /* its command may take longer */
    estimates[GATE_LEAKS] = MEMCHECK_SLOWDOWN * run_s;
    estimates[GATE_STRESS] = 2 * plan->stress_cycles * run_s;
    estimates[GATE_BENCHMARK] = gate_estimate_benchmark(gate);
    estimates[GATE_SOAK] = plan->soak_s;
    for (size_t i = 0; i < GATE_PHASES; i++)
        if (plan->skip[i] || gate->result->phases[i].done)
            estimates[i] = 0;
    if (gate->order->estimated)
        gate->order->estimated(estimates, gate->order->context);
}

static int run_phase(struct gate *gate, enum gate_phase phase, gate_phase_fn *run)
{
    struct gate_phase_result *result = &gate->result->phases[phase];
    double began_s = now_s();
    if (result->done && phase != GATE_START)
        return SHALE_OK;
    json_decref(result->samples);
    *result = (struct gate_phase_result){.phase = phase};
    if (gate->plan->skip[phase]) {
        snprintf(result->skipped, sizeof result->skipped, "the plan skips it");
        result->done = true;
        return SHALE_OK;
    }
    int error = run(gate, result);
    if (!error && gate_is_cancelled(gate))
        error = SHALE_ECANCELED;
    result->elapsed_s = now_s() - began_s;
    result->done = !error;
    if (!error && gate->order->phase_done)
        gate->order->phase_done(gate->result, phase, gate->order->context);
    return error;
}

/* The finding that decides, and the verdict it gives. */
static void judge(struct gate_result *result)
{
    result->verdict = GATE_GO;
    snprintf(result->reason, sizeof result->reason, "every finding is inside its limit");
    for (size_t i = 0; i < GATE_PHASES; i++)
        for (size_t j = 0; j < result->phases[i].count; j++) {
            const struct gate_finding *finding = &result->phases[i].findings[j];
            if (finding->verdict <= result->verdict)
                continue;
            result->verdict = finding->verdict;
            snprintf(result->reason, sizeof result->reason, "%s, %s: %.380s",
                     gate_phase_name((enum gate_phase)i), finding->title, finding->text);
        }
}

/* The setting that came out best; NULL when none passes. */
static const struct gate_remedy_result *best_remedy(const struct gate_result *result)
{
    const struct gate_remedy_result *best = NULL;
    for (size_t i = 0; i < result->remedy_count; i++)
        if (result->remedies[i].verdict <= GATE_CONDITIONAL &&
            (!best || result->remedies[i].verdict < best->verdict))
            best = &result->remedies[i];
    return best;
}

/* A setting that passes turns NO-GO into a condition: that setting. */
static void judge_remedies(struct gate_result *result)
{
    char failed[sizeof result->reason];
    const struct gate_remedy_result *best = best_remedy(result);
    if (result->verdict != GATE_NO_GO || !best)
        return;
    snprintf(failed, sizeof failed, "%s", result->reason);
    result->verdict = GATE_CONDITIONAL;
    snprintf(result->reason, sizeof result->reason, "with %.100s only; without: %.380s",
             best->setting, failed);
}

static int run_phases(struct gate *gate)
{
    static gate_phase_fn *const phases[] = {
        [GATE_START] = start,
        [GATE_SMOKE] = gate_phase_smoke,
        [GATE_LEAKS] = gate_phase_leaks,
        [GATE_STRESS] = gate_phase_stress,
        [GATE_BENCHMARK] = gate_phase_benchmark,
        [GATE_SOAK] = gate_phase_soak,
    };
    for (size_t phase = 0; phase < GATE_PHASES; phase++) {
        int error = run_phase(gate, (enum gate_phase)phase, phases[phase]);
        if (error)
            return error;
        if (phase != GATE_START)
            continue;
        if (gate_phase_verdict(&gate->result->phases[GATE_START]) != GATE_GO)
            return SHALE_OK; /* nothing further can be said of a candidate that does not run */
        estimate(gate);
    }
    return gate_try_remedies(gate);
}

static void take_time(struct gate_result *result)
{
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(result->taken, sizeof result->taken, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int gate_run(const struct gate_order *order, struct gate_result *result,
             struct gate_failure *failure)
{
    struct gate gate = {
        .order = order,
        .plan = order->plan,
        .result = result,
        .failure = failure,
        .trial = order->plan->trial,
        .started_s = now_s(),
    };
    *failure = (struct gate_failure){0};
    gate.trial.cancel = order->cancel;
    gate.trial.argv = gate.trial.argv ? gate.trial.argv : order->plan->baseline.setting.argv;
    for (size_t i = 0; i < GATE_PHASES; i++)
        result->phases[i].phase = (enum gate_phase)i;
    take_time(result);
    machine_read(&result->machine);
    int error = find_arms(&gate);
    if (!error)
        error = run_phases(&gate);
    if (!error) {
        judge(result);
        judge_remedies(result);
        result->baseline = arm_json(&gate.arms[GATE_BASELINE]);
        result->candidate = arm_json(&gate.arms[GATE_CANDIDATE]);
    }
    result->elapsed_s = now_s() - gate.started_s;
    for (size_t i = 0; i < GATE_SIDES; i++)
        arm_free(&gate.arms[i]);
    return error;
}

void gate_result_free(struct gate_result *result)
{
    for (size_t i = 0; i < GATE_PHASES; i++)
        json_decref(result->phases[i].samples);
    json_decref(result->baseline);
    json_decref(result->candidate);
}
