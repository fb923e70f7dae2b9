/* SPDX-License-Identifier: MIT */
/* Drives the runs of a comparison: see compare.h. Layer 4. */
#include "measure/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "measure/schedule.h"

enum { ROUNDS_PER_BLOCK = 2 }; /* A B B A: drift cancels over two rounds */

struct driver {
    const struct compare_plan *plan;
    struct comparison_set *set;
    struct compare_failure *failure;
    int64_t started_ns;
    int64_t rounds_started_ns;
    size_t run, runs;
};

static double seconds_since(int64_t from_ns)
{
    return (double)((int64_t)shale_clock_monotonic_ns() - from_ns) / 1e9;
}

/* ----------------------------------------------------------------------------- the arms */

static int fail_arm(struct driver *driver, const struct arm *arm, int error)
{
    driver->failure->stage = COMPARE_STAGE_ALLOCATOR;
    driver->failure->request = arm->request;
    driver->failure->arm = (size_t)(arm - driver->set->arms);
    return error;
}

static int find_arm(struct driver *driver, size_t index)
{
    const struct compare_plan *plan = driver->plan;
    struct arm *arm = &driver->set->arms[index];
    int error = arm_find(arm, plan->requests[index], plan->settings ? &plan->settings[index] : NULL,
                         &plan->trial, driver->failure->text, sizeof driver->failure->text);
    return error ? fail_arm(driver, arm, error) : SHALE_OK;
}

/* ------------------------------------------------------------------------------ one run */

static void report_progress(struct driver *driver, const struct arm *arm, bool warmup, size_t round)
{
    if (!driver->plan->progress)
        return;
    double elapsed_s = seconds_since(driver->started_ns);
    size_t warmups = driver->set->arm_count;
    double per_run_s = driver->run > warmups ? seconds_since(driver->rounds_started_ns) /
                                                   (double)(driver->run - warmups)
                                             : NAN;
    double left_s = per_run_s * (double)(driver->runs - driver->run);
    if (driver->plan->budget_s > 0 && isfinite(left_s)) /* which ends it first, perhaps */
        left_s = fmin(left_s, fmax(driver->plan->budget_s - elapsed_s, per_run_s));
    struct compare_progress progress = {
        .label = arm->label,
        .warmup = warmup,
        .round = round,
        .rounds = driver->plan->pairs,
        .run = driver->run,
        .runs = driver->runs,
        .elapsed_s = elapsed_s,
        .left_s = left_s,
    };
    driver->plan->progress(&progress, driver->plan->context);
}

static int fail_run(struct driver *driver, const struct arm *arm, bool warmup, size_t round,
                    int error)
{
    driver->failure->stage = COMPARE_STAGE_RUN;
    driver->failure->error = error;
    driver->failure->request = arm->label;
    driver->failure->arm = (size_t)(arm - driver->set->arms);
    driver->failure->warmup = warmup;
    driver->failure->round = round;
    return error;
}

static int warm_up_all(struct driver *driver)
{
    int error = SHALE_OK;
    for (size_t i = 0; !error && i < driver->set->arm_count; i++) {
        struct arm *arm = &driver->set->arms[i];
        report_progress(driver, arm, true, 0);
        error = arm_warm_up(arm, &driver->plan->trial, &driver->failure->trial);
        driver->run++;
        if (error)
            fail_run(driver, arm, true, 0, error);
    }
    return error;
}

/* --------------------------------------------------------------------------- the rounds */

/* Every candidate with the baseline; the A/A check is one of them, or comes last. */
static int make_comparisons(struct driver *driver)
{
    struct comparison_set *set = driver->set;
    set->aa = SIZE_MAX;
    for (size_t arm = 1; arm < set->arm_count; arm++) {
        bool same = arm_same(&set->arms[arm], &set->arms[0]);
        if (same)
            set->aa = set->comparison_count;
        set->comparisons[set->comparison_count++] =
            (struct compare_comparison){.arm = arm, .is_aa = same};
    }
    if (set->aa == SIZE_MAX) {
        set->aa = set->comparison_count;
        set->comparisons[set->comparison_count++] = (struct compare_comparison){.is_aa = true};
    }
    for (size_t i = 0; i < set->comparison_count; i++) {
        set->comparisons[i].pairs = calloc(driver->plan->pairs, sizeof(struct compare_pair));
        if (!set->comparisons[i].pairs)
            return SHALE_ENOMEM;
    }
    return SHALE_OK;
}

static int run_round(struct driver *driver, size_t round)
{
    struct comparison_set *set = driver->set;
    for (size_t step = 0; step < 2 * set->comparison_count; step++) {
        struct schedule_step at = schedule_step(round, step, set->comparison_count);
        struct compare_comparison *comparison = &set->comparisons[at.comparison];
        struct compare_pair *pair = &comparison->pairs[round];
        struct trial_result *result = at.baseline ? &pair->baseline : &pair->candidate;
        const struct arm *arm = &set->arms[at.baseline ? 0 : comparison->arm];
        report_progress(driver, arm, false, round);
        int error = arm_run(arm, &driver->plan->trial, result, &driver->failure->trial);
        driver->run++;
        if (error)
            return fail_run(driver, arm, false, round, error);
        set->killed += result->killed;
        if (result->sampling_share > set->sampling_share)
            set->sampling_share = result->sampling_share;
    }
    set->pairs = round + 1;
    return SHALE_OK;
}

/* Would another block end after the budget? Blocks end on even rounds, where drift cancels. */
static bool budget_is_used(const struct driver *driver, size_t rounds_done)
{
    if (driver->plan->budget_s <= 0 || rounds_done == 0 || rounds_done % ROUNDS_PER_BLOCK != 0)
        return false;
    double per_round_s = seconds_since(driver->rounds_started_ns) / (double)rounds_done;
    return seconds_since(driver->started_ns) + ROUNDS_PER_BLOCK * per_round_s >
           driver->plan->budget_s;
}

static int run_rounds(struct driver *driver)
{
    driver->rounds_started_ns = (int64_t)shale_clock_monotonic_ns();
    for (size_t round = 0; round < driver->plan->pairs; round++) {
        if (budget_is_used(driver, round)) {
            driver->set->stopped_by_budget = true;
            break;
        }
        int error = run_round(driver, round);
        if (error)
            return error;
        if (driver->plan->enough && driver->plan->enough(driver->set, driver->plan->context))
            break;
    }
    return SHALE_OK;
}

/* ------------------------------------------------------------------------------ together */

static void list_figures(const struct trial_spec *trial, struct figure_list *figures)
{
    const char *phases[FIGURE_PHASES_MAX];
    const char *pickers[FIGURE_PICKERS_MAX];
    size_t phase_count = 0;
    if (trial->load)
        phases[phase_count++] = "loaded";
    for (size_t i = 0; trial->load && i < trial->phase_count; i++)
        phases[phase_count++] = trial->phases[i].name;
    if (trial->load && trial->idle_s > 0)
        phases[phase_count++] = "idle";
    for (size_t i = 0; i < trial->picker_count; i++)
        pickers[i] = trial->pickers[i].name;
    figures_list(phases, phase_count, pickers, trial->picker_count, figures);
}

static int drive(struct driver *driver)
{
    struct comparison_set *set = driver->set;
    for (size_t i = 0; i < driver->plan->request_count; i++) {
        int error = find_arm(driver, i);
        set->arm_count = i + 1;
        if (error)
            return error;
    }
    driver->runs = set->arm_count + 2 * set->arm_count * driver->plan->pairs;
    int error = warm_up_all(driver);
    if (!error)
        error = make_comparisons(driver);
    driver->runs = set->arm_count + 2 * set->comparison_count * driver->plan->pairs;
    return error ? error : run_rounds(driver);
}

int compare_run(const struct compare_plan *plan, struct comparison_set *set,
                struct compare_failure *failure)
{
    *failure = (struct compare_failure){.stage = COMPARE_STAGE_MEMORY};
    *set = (struct comparison_set){0};
    struct driver driver = {
        .plan = plan,
        .set = set,
        .failure = failure,
        .started_ns = (int64_t)shale_clock_monotonic_ns(),
    };
    list_figures(&plan->trial, &set->figures);
    int error = drive(&driver);
    if (error) {
        failure->error = error;
        compare_free(set);
        return error;
    }
    set->elapsed_s = seconds_since(driver.started_ns);
    compare_analyse(set);
    return SHALE_OK;
}

void compare_free(struct comparison_set *set)
{
    for (size_t i = 0; i < set->comparison_count; i++)
        free(set->comparisons[i].pairs);
    for (size_t i = 0; i < set->arm_count; i++)
        arm_free(&set->arms[i]);
    set->comparison_count = 0;
    set->arm_count = 0;
}
