/* SPDX-License-Identifier: MIT */
/* Interleaved pairs of the candidate and the baseline, looked at until nothing is open. Layer 5. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/benchmark.h"
#include "gate/gate_internal.h"
#include "gate/judge.h"

enum { COMPARISONS = 2 }; /* the candidate with the baseline, and the A/A check */

double gate_estimate_benchmark(const struct gate *gate)
{
    return (GATE_SIDES + 2.0 * COMPARISONS * gate->plan->pairs_max) * gate->run_s;
}

/* --------------------------------------------------------------------------------- looks */

struct looking {
    struct gate *gate;
    struct gate_look looks[GATE_LOOKS_MAX];
    size_t look_count;
    double alpha; /* of the look that ended it */
    struct gate_finding findings[FIGURES_MAX];
    size_t count;
};

static const struct gate_look *look_at(const struct looking *looking, size_t pairs)
{
    for (size_t i = 0; i < looking->look_count; i++)
        if (looking->looks[i].pairs == pairs)
            return &looking->looks[i];
    return NULL;
}

/* Is nothing open any more: everything inside, or one figure beyond its limit? */
static bool is_decided(const struct looking *looking)
{
    bool open = false;
    for (size_t i = 0; i < looking->count; i++) {
        if (looking->findings[i].verdict == GATE_NO_GO)
            return true;
        open |= looking->findings[i].verdict != GATE_GO;
    }
    return !open;
}

static bool look(struct comparison_set *set, void *context)
{
    struct looking *looking = context;
    const struct gate_look *at = look_at(looking, set->pairs);
    if (!at)
        return false;
    looking->alpha = at->alpha;
    looking->count = gate_judge_figures(looking->gate->plan, set, 0, at->alpha, looking->findings);
    return is_decided(looking);
}

static void show_progress(const struct compare_progress *progress, void *context)
{
    const struct looking *looking = context;
    if (progress->warmup)
        gate_tell(looking->gate, GATE_BENCHMARK, progress->left_s, "warming up: %s",
                  progress->label);
    else
        gate_tell(looking->gate, GATE_BENCHMARK, progress->left_s, "pair %zu of at most %zu: %s",
                  progress->round + 1, progress->rounds, progress->label);
}

/* -------------------------------------------------------------------------------- failure */

int gate_comparison_failed(struct gate *gate, const struct compare_failure *failure,
                           struct gate_phase_result *result)
{
    char what[48] = "the warm-up";
    if (failure->stage == COMPARE_STAGE_ALLOCATOR)
        return gate_fail(gate, failure->error ? failure->error : SHALE_ENOENT,
                         "cannot use '%s': %s", failure->request, failure->text);
    if (failure->stage == COMPARE_STAGE_MEMORY)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    if (failure->trial.stage == TRIAL_CANCELLED)
        return SHALE_ECANCELED;
    if (!failure->warmup)
        snprintf(what, sizeof what, "pair %zu", failure->round + 1);
    if (failure->arm == 0)
        return gate_fail_baseline(gate, &failure->trial, failure->error, what);
    gate_find_failed_run(result, &failure->trial, failure->request, what);
    return SHALE_OK;
}

/* --------------------------------------------------------------------------------- samples */

static json_t *side_samples(const struct comparison_set *set, size_t comparison, size_t figure,
                            bool baseline)
{
    json_t *values = json_array();
    for (size_t i = 0; i < set->pairs; i++) {
        const struct compare_pair *pair = &set->comparisons[comparison].pairs[i];
        double value = baseline ? pair->baseline.values[figure] : pair->candidate.values[figure];
        json_array_append_new(values, isfinite(value) ? json_real(value) : json_null());
    }
    return values;
}

json_t *gate_comparison_samples(const struct comparison_set *set, size_t comparison)
{
    json_t *samples = json_object();
    for (size_t i = 0; i < set->figures.count; i++)
        if (set->figures.items[i].shown)
            json_object_set_new(samples, set->figures.items[i].name,
                                json_pack("{s:o, s:o}", "baseline",
                                          side_samples(set, comparison, i, true), "candidate",
                                          side_samples(set, comparison, i, false)));
    return samples;
}

/* ----------------------------------------------------------------------------------- phase */

static void conclude(struct looking *looking, struct comparison_set *set,
                     struct gate_phase_result *result)
{
    char unsteady[300];
    bool is_steady = set->comparisons[0].is_aa ||
                     gate_judge_machine(looking->gate->plan, set, looking->alpha, looking->findings,
                                        looking->count, unsteady, sizeof unsteady) == 0;
    for (size_t i = 0; i < looking->count; i++)
        if (result->count < GATE_FINDINGS_MAX)
            result->findings[result->count++] = looking->findings[i];
    if (is_steady)
        gate_find(result, GATE_GO, "aa", "A/A check", "%s does not differ from itself",
                  set->arms[0].label);
    else
        gate_find(result, GATE_INCONCLUSIVE, "aa", "A/A check",
                  "%s: the machine was not steady; free it of other work and try again", unsteady);
    result->samples = json_pack("{s:i, s:f, s:o, s:o}", "pairs", (int)set->pairs, "alpha",
                                looking->alpha, "candidate", gate_comparison_samples(set, 0), "aa",
                                gate_comparison_samples(set, set->aa));
}

int gate_phase_benchmark(struct gate *gate, struct gate_phase_result *result)
{
    const struct gate_plan *plan = gate->plan;
    const char *const requests[] = {plan->baseline.allocator, plan->candidate.allocator};
    const struct arm_setting settings[] = {plan->baseline.setting, plan->candidate.setting};
    struct looking looking = {.gate = gate};
    looking.look_count = gate_looks((size_t)plan->pairs_max, looking.looks);
    const struct compare_plan comparison = {
        .trial = gate->trial,
        .requests = requests,
        .request_count = GATE_SIDES,
        .settings = settings,
        .pairs = (size_t)plan->pairs_max,
        .enough = look,
        .progress = show_progress,
        .context = &looking,
    };
    struct compare_failure failure;
    struct comparison_set *set = malloc(sizeof *set);
    if (!set)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    int error = compare_run(&comparison, set, &failure);
    if (error) {
        error = gate_comparison_failed(gate, &failure, result);
    } else {
        conclude(&looking, set, result);
        compare_free(set);
    }
    free(set);
    return error;
}
