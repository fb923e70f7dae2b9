/* SPDX-License-Identifier: MIT */
/* Searches an allocator's settings: see tune.h. Layer 5. */
#include "gate/tune.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "gate/benchmark.h"

enum { FINALISTS_SINGLE = 4 }; /* their combinations fill the rest */

struct tuning {
    const struct tune_order *order;
    struct tune_result *result;
    struct gate_failure *failure;
    struct trial_spec trial; /* the plan's, with the order's cancel */
    struct comparison_set *set;
    struct race *race;
    bool final;
};

SHALE_PRINTF(3, 4)
static int fail(struct tuning *tuning, int error, const char *format, ...)
{
    va_list arguments;
    tuning->failure->error = error;
    va_start(arguments, format);
    vsnprintf(tuning->failure->text, sizeof tuning->failure->text, format, arguments);
    va_end(arguments);
    return error;
}

static int fail_trial(struct tuning *tuning, const struct trial_failure *failure, int error,
                      const char *label)
{
    if (failure->stage == TRIAL_CANCELLED)
        return SHALE_ECANCELED;
    snprintf(tuning->failure->remedy, sizeof tuning->failure->remedy, "%s", failure->remedy);
    snprintf(tuning->failure->output, sizeof tuning->failure->output, "%s", failure->output);
    return fail(tuning, error, "cannot run the program under %s: %s", label, failure->text);
}

/* ---------------------------------------------------------------------------- one race */

static void show_progress(const struct compare_progress *progress, void *context)
{
    const struct tuning *tuning = context;
    if (tuning->order->progress)
        tuning->order->progress(tuning->final, progress, tuning->order->context);
}

static int fail_race(struct tuning *tuning, const struct compare_failure *failure, int error)
{
    if (failure->stage == COMPARE_STAGE_RUN)
        return fail_trial(tuning, &failure->trial, error, failure->request);
    if (failure->stage == COMPARE_STAGE_MEMORY)
        return fail(tuning, error, "out of memory");
    tuning->failure->missing_tool = true;
    return fail(tuning, error, "cannot use '%s': %s", failure->request, failure->text);
}

/* Pairs these settings with the allocator as it comes; what they score goes into entries. */
static int race(struct tuning *tuning, struct tune_entry *entries, size_t count, size_t pairs)
{
    const struct gate_plan *plan = tuning->order->plan;
    size_t scores = count * (tuning->order->objective == TUNE_BOTH ? TUNE_AXES : 1);
    struct compare_failure failure;
    *tuning->race = (struct race){
        .trial = &tuning->trial,
        .reference = plan->candidate,
        .side = plan->candidate,
        .pairs = pairs,
        .progress = show_progress,
        .context = tuning,
        .count = count,
    };
    for (size_t i = 0; i < count; i++)
        tuning->race->racers[i].setting = entries[i].setting;
    int error = race_run(tuning->race, tuning->set, &failure);
    if (error)
        return fail_race(tuning, &failure, error);
    for (size_t i = 0; i < count; i++) {
        const struct racer *racer = &tuning->race->racers[i];
        snprintf(entries[i].failed, sizeof entries[i].failed, "%s", racer->failed);
        entries[i].outcome = racer->failed[0] ? TUNE_FAILED : TUNE_BEATEN;
        for (int axis = 0; axis < TUNE_AXES; axis++)
            entries[i].scores[axis] = (struct tune_score){NAN, NAN, NAN};
        if (!racer->failed[0])
            tune_score(plan, tuning->set, racer->comparison, STATS_ALPHA / (double)scores,
                       entries[i].scores);
    }
    return SHALE_OK;
}

/* ----------------------------------------------------------------------------- who goes on */

static double cost(const struct tune_entry *entry, enum tune_objective objective, double weight)
{
    double latency = log1p(entry->scores[TUNE_AXIS_LATENCY].value);
    double rss = log1p(entry->scores[TUNE_AXIS_RSS].value);
    if (objective == TUNE_LATENCY)
        weight = 1;
    if (objective == TUNE_RSS)
        weight = 0;
    /* What cannot be measured decides nothing. */
    return (isnan(latency) ? 0 : weight * latency) + (isnan(rss) ? 0 : (1 - weight) * rss);
}

static bool is_among(const struct setting *setting, const struct tune_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(setting->text, entries[i].setting.text) == 0)
            return true;
    return false;
}

static void add_cheapest(const struct tune_entry *screened, size_t count,
                         enum tune_objective objective, double weight, struct tune_entry *finalists,
                         size_t *chosen)
{
    const struct tune_entry *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (screened[i].outcome != TUNE_FAILED &&
            !is_among(&screened[i].setting, finalists, *chosen) &&
            (!best || cost(&screened[i], objective, weight) < cost(best, objective, weight)))
            best = &screened[i];
    if (best)
        finalists[(*chosen)++] = *best;
}

/* The best for each objective by turns, then the combinations of those. */
static size_t choose_finalists(const struct tune_entry *screened, size_t count,
                               enum tune_objective objective, struct tune_entry *finalists)
{
    static const double weights[FINALISTS_SINGLE] = {0.5, 1, 0, 0.5};
    size_t chosen = 0;
    for (size_t i = 0; i < FINALISTS_SINGLE; i++)
        add_cheapest(screened, count, objective, weights[i], finalists, &chosen);
    size_t single = chosen;
    for (size_t i = 0; i < single; i++)
        for (size_t j = i + 1; j < single && chosen < RACERS_MAX; j++) {
            struct setting made;
            if (setting_combine(&finalists[i].setting, &finalists[j].setting, &made) &&
                !is_among(&made, screened, count) && !is_among(&made, finalists, chosen))
                finalists[chosen++] = (struct tune_entry){.setting = made};
        }
    return chosen;
}

/* -------------------------------------------------------------------------------- phases */

static size_t list_settings(const struct tune_order *order, const char *allocator,
                            struct tune_entry *entries)
{
    struct setting settings[RACERS_MAX];
    size_t count = 0;
    for (; count < order->own_count && count < RACERS_MAX; count++)
        entries[count].setting = order->own[count];
    size_t known = order->own_only ? 0 : settings_of(allocator, false, settings, RACERS_MAX);
    for (size_t i = 0; i < known && count < RACERS_MAX; i++)
        if (!is_among(&settings[i], entries, count))
            entries[count++].setting = settings[i];
    return count;
}

/* Which allocator it is, proven: its settings are looked up by that. */
static int find_allocator(struct tuning *tuning, char *name, size_t size)
{
    const struct gate_side *side = &tuning->order->plan->candidate;
    char reason[1536];
    struct arm arm;
    struct trial_failure failure;
    int error =
        arm_find(&arm, side->allocator, &side->setting, &tuning->trial, reason, sizeof reason);
    if (error) {
        tuning->failure->missing_tool = true;
        fail(tuning, error, "cannot use '%s': %s", side->allocator, reason);
    } else if ((error = arm_warm_up(&arm, &tuning->trial, &failure))) {
        error = fail_trial(tuning, &failure, error, arm.label);
    } else {
        snprintf(name, size, "%s", arm.proof.allocator);
        tuning->result->arm = arm_json(&arm);
    }
    arm_free(&arm);
    return error;
}

static json_t *final_samples(const struct tuning *tuning)
{
    json_t *samples = json_object();
    for (size_t i = 0; i < tuning->race->count; i++) {
        const struct racer *racer = &tuning->race->racers[i];
        if (!racer->failed[0])
            json_object_set_new(samples, racer->setting.text,
                                gate_comparison_samples(tuning->set, racer->comparison));
    }
    return samples;
}

/* The screened that did not go on, behind the finalists. */
static void keep_screened(struct tune_result *result, const struct tune_entry *screened,
                          size_t count)
{
    size_t finalists = result->count;
    for (size_t i = 0; i < count && result->count < TUNE_ENTRIES_MAX; i++) {
        if (is_among(&screened[i].setting, result->entries, finalists))
            continue;
        struct tune_entry *entry = &result->entries[result->count++];
        *entry = screened[i];
        if (entry->outcome != TUNE_FAILED)
            entry->outcome = TUNE_SCREENED;
    }
}

static int screen_and_decide(struct tuning *tuning, struct tune_entry *screened, size_t count)
{
    struct tune_result *result = tuning->result;
    int error = race(tuning, screened, count, TUNE_SCREENING_PAIRS);
    compare_free(tuning->set);
    if (error)
        return error;
    result->entries[0] = (struct tune_entry){.outcome = TUNE_FRONT}; /* nothing changes: exactly */
    result->count =
        1 + choose_finalists(screened, count, tuning->order->objective, result->entries + 1);
    tuning->final = true;
    if (result->count > 1)
        error = race(tuning, result->entries + 1, result->count - 1, tuning->order->pairs);
    if (!error)
        result->samples = final_samples(tuning);
    result->unsteady = !error && tuning->set->pairs > 0 && !tuning->set->aa_quiet;
    compare_free(tuning->set);
    keep_screened(result, screened, count);
    return error;
}

static int search(struct tuning *tuning)
{
    struct tune_entry screened[RACERS_MAX] = {0};
    char allocator[64];
    int error = find_allocator(tuning, allocator, sizeof allocator);
    if (error)
        return error;
    size_t count = list_settings(tuning->order, allocator, screened);
    if (count == 0)
        return fail(tuning, SHALE_EINVAL,
                    "there is no setting to try: none of %s is known, and no --setting was given",
                    allocator);
    error = screen_and_decide(tuning, screened, count);
    if (!error)
        tune_judge(tuning->result, tuning->order->objective);
    return error;
}

static void take_time(struct tune_result *result)
{
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(result->taken, sizeof result->taken, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int tune_run(const struct tune_order *order, struct tune_result *result,
             struct gate_failure *failure)
{
    struct tuning tuning = {
        .order = order,
        .result = result,
        .failure = failure,
        .trial = order->plan->trial,
        .set = calloc(1, sizeof *tuning.set),
        .race = malloc(sizeof *tuning.race),
    };
    double began_s = (double)shale_clock_monotonic_ns() / 1e9;
    *failure = (struct gate_failure){0};
    *result = (struct tune_result){
        .best = TUNE_NOTHING, .screening_pairs = TUNE_SCREENING_PAIRS, .final_pairs = order->pairs};
    tuning.trial.cancel = order->cancel;
    take_time(result);
    machine_read(&result->machine);
    int error = tuning.set && tuning.race ? search(&tuning) : SHALE_ENOMEM;
    if (error == SHALE_ENOMEM)
        fail(&tuning, error, "out of memory");
    free(tuning.race);
    free(tuning.set);
    result->elapsed_s = (double)shale_clock_monotonic_ns() / 1e9 - began_s;
    return error;
}

void tune_result_free(struct tune_result *result)
{
    json_decref(result->arm);
    json_decref(result->samples);
}
