/* SPDX-License-Identifier: MIT */
/*
 * Hours under load: does memory creep up, does anything crash or hang? Layer 5.
 *
 * The slope of RSS is Theil-Sen's over the lowest readings of twelve blocks, its interval is
 * Kendall's, the limit is bytes per hour. The interval is as wide as the soak is short: what it
 * could and could not exclude is said, and one hour will seldom certify 1 MB per hour.
 *
 * Only the candidate is soaked. Where it grows beyond the limit the baseline gets the same time, to
 * tell the program's growth from the allocator's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/gate_internal.h"
#include "gate/judge.h"
#include "measure/duration.h"
#include "measure/trend.h"

enum { SECONDS_PER_HOUR = 3600, POINTS_PER_SOAK = 4000, INTERVAL_MAX_MS = 1000 };

struct soak {
    struct trend_point points[TRIAL_POINTS_MAX]; /* hours, bytes */
    size_t count;
    size_t runs;
    struct trend trend;
    bool has_trend;
};

static double now_s(void)
{
    return (double)shale_clock_monotonic_ns() / 1e9;
}

/* ---------------------------------------------------------------------------- the two kinds */

/* One server, and its load over and over by sh until the time is up. */
static int soak_server(struct gate *gate, const struct arm *arm, struct soak *soak,
                       struct trial_failure *failure)
{
    struct trial_spec spec = gate->trial;
    double seconds = gate->plan->soak_s;
    size_t size = strlen(gate->trial.load) + 160;
    char *load = malloc(size);
    struct trial_result *result = malloc(sizeof *result);
    int error = SHALE_ENOMEM;
    if (load && result) {
        /* In a subshell, so that an `exit` in the load ends one round and not the soak. */
        snprintf(load, size,
                 "end=$(($(date +%%s) + %.0f)); while :; do (%s\n) || exit; "
                 "[ \"$(date +%%s)\" -lt \"$end\" ] || break; done",
                 ceil(seconds), gate->trial.load);
        spec.load = load;
        spec.phase_count = 0;
        spec.idle_s = 0;
        spec.picker_count = 0;
        spec.points_max = TRIAL_POINTS_MAX - 1;
        spec.interval_ms =
            (int)fmin(INTERVAL_MAX_MS, fmax(spec.interval_ms, 1000 * seconds / POINTS_PER_SOAK));
        spec.timeout_ms = (int)fmin(INT32_MAX, spec.timeout_ms + 1000 * seconds);
        error = arm_run(arm, &spec, result, failure);
    } else {
        gate_fail(gate, error, "out of memory");
    }
    for (size_t i = 0; !error && result && i < result->point_count; i++)
        soak->points[soak->count++] = (struct trend_point){
            result->points[i].at_s / SECONDS_PER_HOUR, result->points[i].rss_bytes};
    soak->runs = 1;
    free(load);
    free(result);
    return error;
}

/* A program that ends is run again until the time is up; its points are the runs' peaks. */
static int soak_program(struct gate *gate, const struct arm *arm, struct soak *soak,
                        struct trial_failure *failure)
{
    double began_s = now_s();
    double end_s = began_s + gate->plan->soak_s;
    struct trial_result *result = malloc(sizeof *result);
    if (!result)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    int error = SHALE_OK;
    while (!error && (soak->runs == 0 || now_s() < end_s)) {
        gate_tell(gate, GATE_SOAK, end_s - now_s(), "run %zu: %s", soak->runs + 1, arm->label);
        error = arm_run(arm, &gate->trial, result, failure);
        if (error)
            break;
        soak->runs++;
        if (soak->count == TRIAL_POINTS_MAX) { /* every second one goes */
            for (size_t i = 0; 2 * i < soak->count; i++)
                soak->points[i] = soak->points[2 * i];
            soak->count /= 2;
        }
        if (isfinite(result->values[FIGURE_PEAK]))
            soak->points[soak->count++] = (struct trend_point){
                (now_s() - began_s) / SECONDS_PER_HOUR, result->values[FIGURE_PEAK]};
    }
    free(result);
    return error;
}

static int soak_side(struct gate *gate, size_t side, struct soak *soak,
                     struct trial_failure *failure)
{
    const struct arm *arm = &gate->arms[side];
    memset(soak, 0, sizeof *soak);
    gate_tell(gate, GATE_SOAK, gate->plan->soak_s, "%s", arm->label);
    int error = gate->trial.load ? soak_server(gate, arm, soak, failure)
                                 : soak_program(gate, arm, soak, failure);
    if (!error)
        soak->has_trend =
            trend_of_what_stays(soak->points, soak->count, STATS_ALPHA, &soak->trend) == SHALE_OK;
    return error;
}

/* -------------------------------------------------------------------------------- judging */

static void judge_growth(struct gate *gate, const struct soak *soak,
                         struct gate_phase_result *result)
{
    double allowed = gate->plan->limits.growth_bytes_per_hour;
    char lasted[32];
    duration_text(gate->plan->soak_s, lasted, sizeof lasted);
    if (!soak->has_trend) {
        gate_find(result, GATE_CONDITIONAL, "growth", "growth of RSS",
                  "%zu readings in %s are too few for a slope; soak for longer", soak->count,
                  lasted);
        return;
    }
    const struct trend *trend = &soak->trend;
    struct gate_limit limit = {allowed, allowed};
    enum gate_verdict verdict = gate_judge_interval(trend->low, trend->high, &limit);
    struct gate_finding *finding =
        gate_find(result, verdict, "growth", "growth of RSS",
                  "%+.2f MB per hour (%+.2f to %+.2f) over %s; %s", trend->slope / 1e6,
                  trend->low / 1e6, trend->high / 1e6, lasted,
                  verdict == GATE_GO      ? "inside the limit"
                  : verdict == GATE_NO_GO ? "beyond the limit"
                                          : "growth beyond the limit could not be excluded");
    finding->unit = GATE_BYTES_PER_HOUR;
    finding->value = trend->slope;
    finding->low = trend->low;
    finding->high = trend->high;
    finding->warn = finding->fail = allowed;
}

/* The candidate grows: so does the baseline? Then it is the program. */
static int ask_baseline(struct gate *gate, struct soak *soak, struct gate_phase_result *result)
{
    struct trial_failure failure = {0};
    struct gate_finding *growth = &result->findings[result->count - 1];
    int error = soak_side(gate, GATE_BASELINE, soak, &failure);
    if (error && failure.stage == TRIAL_CANCELLED)
        return SHALE_ECANCELED;
    if (error)
        return gate->failure->error ? error : gate_fail_baseline(gate, &failure, error, "the soak");
    size_t used = strlen(growth->text);
    snprintf(growth->text + used, sizeof growth->text - used,
             "; the baseline %+.2f MB per hour (%+.2f to %+.2f)", soak->trend.slope / 1e6,
             soak->trend.low / 1e6, soak->trend.high / 1e6);
    if (soak->has_trend && soak->trend.high >= growth->low)
        growth->verdict = GATE_CONDITIONAL;
    return SHALE_OK;
}

static json_t *points_json(const struct soak *soak)
{
    json_t *points = json_array();
    for (size_t i = 0; i < soak->count; i++)
        json_array_append_new(
            points, json_pack("[f, f]", soak->points[i].x * SECONDS_PER_HOUR, soak->points[i].y));
    return points;
}

static void say_what_it_certifies(struct gate *gate, const struct soak *soak,
                                  struct gate_phase_result *result)
{
    double allowed = gate->plan->limits.growth_bytes_per_hour;
    if (!soak->has_trend)
        return;
    double width = (soak->trend.high - soak->trend.low) / 2;
    char lasted[32];
    duration_text(gate->plan->soak_s, lasted, sizeof lasted);
    snprintf(result->note, sizeof result->note,
             "A soak of %s tells growth to within %.2f MB per hour here; the limit is %.2f.%s",
             lasted, width / 1e6, allowed / 1e6,
             width > allowed ? " It is too short to certify the limit." : "");
}

int gate_phase_soak(struct gate *gate, struct gate_phase_result *result)
{
    struct trial_failure failure = {0};
    struct soak *soak = malloc(sizeof *soak);
    if (!soak)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    int error = soak_side(gate, GATE_CANDIDATE, soak, &failure);
    if (error && failure.stage == TRIAL_CANCELLED) {
        error = SHALE_ECANCELED;
    } else if (error && !gate->failure->error) {
        gate_find_failed_run(result, &failure, gate->arms[GATE_CANDIDATE].label, "the soak");
        error = SHALE_OK;
    } else if (!error) {
        gate_find(result, GATE_GO, "runs", "runs", "%s", "no crash and no hang");
        judge_growth(gate, soak, result);
        say_what_it_certifies(gate, soak, result);
        result->samples = json_pack("{s:o}", "candidate_rss_bytes", points_json(soak));
        if (gate_phase_verdict(result) == GATE_NO_GO)
            error = ask_baseline(gate, soak, result);
    }
    free(soak);
    return error;
}
