/* SPDX-License-Identifier: MIT */
/*
 * A candidate that failed by its figures is tried again with its allocator's settings. Layer 5.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/benchmark.h"
#include "gate/judge.h"
#include "gate/race.h"

enum { REMEDY_PAIRS = 10 };

static void show_progress(const struct compare_progress *progress, void *context)
{
    gate_tell(context, GATE_BENCHMARK, progress->left_s, "remedies, pair %zu of %zu: %s",
              progress->round + 1, progress->rounds, progress->label);
}

static void judge_figures(const struct gate_plan *plan, const struct comparison_set *set,
                          size_t comparison, struct gate_remedy_result *out)
{
    struct gate_finding findings[FIGURES_MAX];
    struct gate_look looks[GATE_LOOKS_MAX];
    size_t look_count = gate_looks(REMEDY_PAIRS, looks);
    size_t count = gate_judge_figures(plan, set, comparison, looks[look_count - 1].alpha, findings);
    snprintf(out->text, sizeof out->text, "everything inside the limits");
    for (size_t i = 0; i < count; i++)
        if (findings[i].verdict > out->verdict) {
            out->verdict = findings[i].verdict;
            snprintf(out->text, sizeof out->text, "%s: %.400s", findings[i].title,
                     findings[i].text);
        }
}

static void judge_remedy(const struct gate_plan *plan, const struct comparison_set *set,
                         const struct racer *racer, struct gate_remedy_result *out)
{
    *out = (struct gate_remedy_result){.verdict = GATE_GO};
    snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1, racer->setting.name);
    snprintf(out->setting, sizeof out->setting, "%.*s", (int)sizeof out->setting - 1,
             racer->setting.text);
    if (!racer->failed[0]) {
        judge_figures(plan, set, racer->comparison, out);
        return;
    }
    out->verdict = GATE_NO_GO; /* a setting that makes it crash helps nobody */
    snprintf(out->text, sizeof out->text, "%s", racer->failed);
}

static int race_remedies(struct gate *gate, struct race *race, struct comparison_set *set)
{
    struct compare_failure failure;
    struct gate_phase_result ignored = {0};
    int error = race_run(race, set, &failure);
    if (error)
        return gate_comparison_failed(gate, &failure, &ignored);
    for (size_t i = 0; i < race->count; i++)
        judge_remedy(gate->plan, set, &race->racers[i], &gate->result->remedies[i]);
    gate->result->remedy_count = race->count;
    compare_free(set);
    return SHALE_OK;
}

static bool failed_for_its_figures(const struct gate *gate)
{
    bool figures = false;
    for (size_t i = 0; i < GATE_PHASES; i++) {
        enum gate_verdict verdict = gate_phase_verdict(&gate->result->phases[i]);
        if (i == GATE_BENCHMARK)
            figures = verdict == GATE_NO_GO;
        else if (verdict == GATE_NO_GO)
            return false; /* no setting mends a crash or a failing test */
    }
    return figures;
}

static size_t list_remedies(const struct gate *gate, struct race *race)
{
    struct setting settings[RACERS_MAX];
    *race = (struct race){
        .trial = &gate->trial,
        .reference = gate->plan->baseline,
        .side = gate->plan->candidate,
        .pairs = REMEDY_PAIRS,
        .progress = show_progress,
        .context = (void *)gate,
        .count = settings_of(gate->arms[GATE_CANDIDATE].proof.allocator, true, settings,
                             SHALE_ARRAY_LENGTH(settings)),
    };
    for (size_t i = 0; i < race->count; i++)
        race->racers[i].setting = settings[i];
    return race->count;
}

int gate_try_remedies(struct gate *gate)
{
    int error = SHALE_OK;
    if (!gate->plan->remedies || !failed_for_its_figures(gate))
        return SHALE_OK;
    struct comparison_set *set = malloc(sizeof *set);
    struct race *race = malloc(sizeof *race);
    if (!set || !race)
        error = gate_fail(gate, SHALE_ENOMEM, "out of memory");
    else if (list_remedies(gate, race) > 0)
        error = race_remedies(gate, race, set);
    free(race);
    free(set);
    return error;
}
