/* SPDX-License-Identifier: MIT */
/*
 * The load again and again on one server, or the program again and again: does all of it succeed,
 * and does memory stay where it is? Layer 5.
 *
 * Of a server RSS is read after each load. The first loads fill caches; from the third on the slope
 * over the loads is judged: beyond STRESS_GROWTH of its memory per load, and beyond the baseline's,
 * it is growth without a bound in sight. A program that ends has no growth; there the runs' peaks
 * are judged in the same way, which shows what a data directory that fills up does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate/gate_internal.h"
#include "gate/judge.h"
#include "measure/trend.h"

#define STRESS_GROWTH 0.01 /* of the median RSS, per load */

enum { FILLING = 2 }; /* loads that only fill */

struct growth {
    double bytes[FIGURE_PHASES_MAX]; /* RSS after each load */
    size_t count;
    struct trend trend; /* shares of the median per load */
    bool has_trend;
};

static void find_trend(struct growth *growth)
{
    double sorted[FIGURE_PHASES_MAX];
    struct trend_point points[FIGURE_PHASES_MAX];
    size_t count = 0;
    for (size_t i = FILLING; i < growth->count; i++)
        sorted[count++] = growth->bytes[i];
    double median = count > 0 ? stats_median(sorted, count) : NAN;
    for (size_t i = 0; i < count; i++)
        points[i] = (struct trend_point){(double)i, growth->bytes[FILLING + i] / median};
    growth->has_trend = trend_of(points, count, STATS_ALPHA, &growth->trend) == SHALE_OK;
}

/* ----------------------------------------------------------------------------- the loads */

/* One server, loaded `cycles` times. */
static int load_server(struct gate *gate, const struct arm *arm, struct growth *growth,
                       struct trial_failure *failure)
{
    struct trial_phase again[FIGURE_PHASES_MAX];
    struct trial_spec spec = gate->trial;
    struct trial_result *result = malloc(sizeof *result);
    size_t cycles = (size_t)gate->plan->stress_cycles;
    if (!result)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    for (size_t i = 0; i + 1 < cycles; i++)
        again[i] = (struct trial_phase){"again", gate->trial.load};
    spec.phases = again;
    spec.phase_count = cycles - 1;
    spec.idle_s = 0;
    gate_tell(gate, GATE_STRESS, NAN, "%zu loads on one server: %s", cycles, arm->label);
    int error = arm_run(arm, &spec, result, failure);
    for (size_t i = 0; !error && i < cycles; i++)
        growth->bytes[growth->count++] = result->values[FIGURE_FIXED + i * FIGURE_PER_PHASE];
    free(result);
    return error;
}

static int run_again(struct gate *gate, const struct arm *arm, struct growth *growth,
                     struct trial_failure *failure)
{
    struct trial_result *result = malloc(sizeof *result);
    int cycles = gate->plan->stress_cycles;
    int error = SHALE_OK;
    if (!result)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    for (int i = 0; !error && i < cycles; i++) {
        gate_tell(gate, GATE_STRESS, gate->run_s * (cycles - i), "run %d of %d: %s", i + 1, cycles,
                  arm->label);
        error = arm_run(arm, &gate->trial, result, failure);
        if (!error)
            growth->bytes[growth->count++] = result->values[FIGURE_PEAK];
    }
    free(result);
    return error;
}

static int stress(struct gate *gate, size_t side, struct growth *growth,
                  struct trial_failure *failure)
{
    const struct arm *arm = &gate->arms[side];
    *growth = (struct growth){.count = 0};
    int error = gate->trial.load ? load_server(gate, arm, growth, failure)
                                 : run_again(gate, arm, growth, failure);
    if (!error)
        find_trend(growth);
    return error;
}

/* -------------------------------------------------------------------------------- judging */

static void judge_growth(const struct growth growth[GATE_SIDES], const char *unit,
                         struct gate_phase_result *result)
{
    const struct trend *candidate = &growth[GATE_CANDIDATE].trend;
    const struct trend *baseline = &growth[GATE_BASELINE].trend;
    if (!growth[GATE_CANDIDATE].has_trend || !growth[GATE_BASELINE].has_trend) {
        gate_find(result, GATE_NO_GO, "growth", "growth of RSS", "RSS could not be read");
        return;
    }
    /* What the baseline grows by as well is the program's. */
    double allowed = fmax(STRESS_GROWTH, baseline->high);
    struct gate_limit limit = {allowed, allowed};
    enum gate_verdict verdict = gate_judge_interval(candidate->low, candidate->high, &limit);
    bool program_grows = baseline->low > STRESS_GROWTH;
    if (program_grows && verdict == GATE_GO)
        verdict = GATE_CONDITIONAL;
    struct gate_finding *finding =
        gate_find(result, verdict, "growth", "growth of RSS",
                  "%+.2f %% a %s (%+.2f to %+.2f); the baseline %+.2f %% (%+.2f to %+.2f)%s",
                  100 * candidate->slope, unit, 100 * candidate->low, 100 * candidate->high,
                  100 * baseline->slope, 100 * baseline->low, 100 * baseline->high,
                  program_grows ? ": the program itself grows" : "");
    finding->unit = GATE_SHARE;
    finding->value = candidate->slope;
    finding->low = candidate->low;
    finding->high = candidate->high;
    finding->warn = finding->fail = allowed;
}

static json_t *growth_json(const struct growth *growth)
{
    json_t *values = json_array();
    for (size_t i = 0; i < growth->count; i++)
        json_array_append_new(values, json_real(growth->bytes[i]));
    return values;
}

int gate_phase_stress(struct gate *gate, struct gate_phase_result *result)
{
    struct growth growth[GATE_SIDES];
    const char *unit = gate->trial.load ? "load" : "run";
    for (size_t side = 0; side < GATE_SIDES; side++) {
        struct trial_failure failure = {0};
        int error = stress(gate, side, &growth[side], &failure);
        if (error && (failure.stage == TRIAL_CANCELLED || gate->failure->error))
            return gate->failure->error ? error : SHALE_ECANCELED;
        if (error && side == GATE_BASELINE)
            return gate_fail_baseline(gate, &failure, error, "the stress");
        if (error) {
            gate_find_failed_run(result, &failure, gate->arms[side].label, "the stress");
            return SHALE_OK;
        }
    }
    gate_find(result, GATE_GO, "runs", "runs", "%zu of %zu %ss under each side succeeded",
              growth[0].count, growth[0].count, unit);
    judge_growth(growth, unit, result);
    result->samples = json_pack("{s:o, s:o}", "baseline_rss_bytes", growth_json(&growth[0]),
                                "candidate_rss_bytes", growth_json(&growth[1]));
    return SHALE_OK;
}
