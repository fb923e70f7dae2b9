/* SPDX-License-Identifier: MIT */
/* Drives the runs of a comparison: see compare.h. Layer 4. */
#include "measure/compare.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "identify/identify.h"
#include "measure/finder.h"
#include "measure/prove.h"
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

static int fail_arm(struct driver *driver, const char *request, int error)
{
    driver->failure->stage = COMPARE_STAGE_ALLOCATOR;
    driver->failure->request = request;
    return error;
}

/* Would ld.so take the library for this program? What cannot be told here the proof will tell. */
static int check_obstacle(struct driver *driver, const struct compare_arm *arm)
{
    char program[PATH_MAX];
    struct identify_obstacle obstacle;
    const char *command = driver->plan->trial.argv[0];
    if (prove_takes_rights_from(command)) {
        snprintf(driver->failure->text, sizeof driver->failure->text,
                 "with '%.200s' it would not be the same program: held for its proof, it would not "
                 "gain the rights that it gains when it is started; run a copy of it without "
                 "setuid, setgid and capabilities, or start it as the user who owns it",
                 command);
        return fail_arm(driver, arm->request, SHALE_ENOTSUP);
    }
    if (!arm->allocator.path ||
        launch_resolve(command, NULL, program, sizeof program) != SHALE_OK ||
        identify_preload_obstacle(program, arm->allocator.path, &obstacle) != SHALE_OK ||
        obstacle.kind == IDENTIFY_OBSTACLE_NONE || obstacle.kind == IDENTIFY_OBSTACLE_NOT_ELF)
        return SHALE_OK;
    snprintf(driver->failure->text, sizeof driver->failure->text, "with '%.200s' %s%s%s", command,
             obstacle.reason, *obstacle.remedy ? "; " : "", obstacle.remedy);
    return fail_arm(driver, arm->request, SHALE_ENOTSUP);
}

static int find_arm(struct driver *driver, const char *request, struct compare_arm *arm)
{
    *arm = (struct compare_arm){.request = request};
    int error =
        finder_find(request, &arm->found, driver->failure->text, sizeof driver->failure->text);
    if (error)
        return fail_arm(driver, request, error);
    arm->allocator = arm->found.items[0];
    bool known = strcmp(arm->allocator.name, "unknown") != 0;
    snprintf(arm->label, sizeof arm->label, "%s%s%s", known ? arm->allocator.name : request,
             *arm->allocator.version ? " " : "", arm->allocator.version);
    return check_obstacle(driver, arm);
}

/* ------------------------------------------------------------------------------ one run */

static void report_progress(struct driver *driver, const struct compare_arm *arm, bool warmup,
                            size_t round)
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

static int run_arm(struct driver *driver, const struct compare_arm *arm, bool warmup, size_t round,
                   struct trial_result *result)
{
    report_progress(driver, arm, warmup, round);
    struct trial_spec spec = driver->plan->trial;
    spec.allocator = &arm->allocator;
    if (arm->help.environment)
        spec.environment = arm->help.environment;
    int error = trial_run(&spec, result, &driver->failure->trial);
    driver->run++;
    if (!error)
        return SHALE_OK;
    driver->failure->stage = COMPARE_STAGE_RUN;
    driver->failure->error = error;
    driver->failure->request = arm->label;
    driver->failure->warmup = warmup;
    driver->failure->round = round;
    return error;
}

/* -------------------------------------------------------------------------- the warm-up */

/* After a proof that "system" does not serve: makes it serve, and notes how; false: no way. */
static bool insist_on_system(struct compare_arm *arm, const struct driver *driver)
{
    const struct trial_failure *trial = &driver->failure->trial;
    const char *const *environment = driver->plan->trial.environment;
    if (strcmp(arm->allocator.name, "system") != 0 || trial->stage != TRIAL_LAUNCH ||
        trial->launch.stage != LAUNCH_STAGE_PROOF ||
        !c_library_insist(&arm->help, &arm->allocator.path, &environment))
        return false;
    size_t used = strlen(arm->note);
    if (arm->help.environment)
        snprintf(arm->note + used, sizeof arm->note - used, " So is the C++ library.");
    else
        snprintf(arm->note, sizeof arm->note,
                 "%s serves this program by itself; for \"system\" the C library is preloaded.",
                 trial->proof.allocator[0] ? trial->proof.allocator : "Another allocator");
    return true;
}

static int warm_up(struct driver *driver, struct compare_arm *arm, struct trial_result *scratch)
{
    int error = run_arm(driver, arm, true, 0, scratch);
    while (error && insist_on_system(arm, driver)) {
        driver->run--;
        error = run_arm(driver, arm, true, 0, scratch);
    }
    if (error)
        return error;
    arm->proof = scratch->proof;
    if (scratch->proof.version[0])
        snprintf(arm->label, sizeof arm->label, "%s %s", scratch->proof.allocator,
                 scratch->proof.version);
    return SHALE_OK;
}

static int warm_up_all(struct driver *driver)
{
    struct trial_result *scratch = malloc(sizeof *scratch);
    if (!scratch)
        return SHALE_ENOMEM;
    int error = SHALE_OK;
    for (size_t i = 0; !error && i < driver->set->arm_count; i++)
        error = warm_up(driver, &driver->set->arms[i], scratch);
    free(scratch);
    return error;
}

/* --------------------------------------------------------------------------- the rounds */

static bool same_library(const struct compare_arm *left, const struct compare_arm *right)
{
    const char *a = left->allocator.path;
    const char *b = right->allocator.path;
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Every candidate with the baseline; the A/A check is one of them, or comes last. */
static int make_comparisons(struct driver *driver)
{
    struct comparison_set *set = driver->set;
    set->aa = SIZE_MAX;
    for (size_t arm = 1; arm < set->arm_count; arm++) {
        bool same = same_library(&set->arms[arm], &set->arms[0]);
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
        int error =
            run_arm(driver, &set->arms[at.baseline ? 0 : comparison->arm], false, round, result);
        if (error)
            return error;
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
        int error = find_arm(driver, driver->plan->requests[i], &set->arms[i]);
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
    for (size_t i = 0; i < set->arm_count; i++) {
        finder_free(&set->arms[i].found);
        c_library_release(&set->arms[i].help);
    }
    set->comparison_count = 0;
    set->arm_count = 0;
}
