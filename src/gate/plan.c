/* SPDX-License-Identifier: MIT */
/* The defaults of a plan, and what makes one sensible. Layer 5. */
#include "gate/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure/stats.h"

enum {
    READY_TIMEOUT_MS = 30 * 1000,
    TIMEOUT_MS = 600 * 1000,
    STOP_GRACE_MS = 5000,
    INTERVAL_MS = 10,
    CYCLES_MIN = 7, /* two fill caches, and a slope of fewer than five has no interval */
    CYCLES_MAX = FIGURE_PHASES_MAX - 2,
};

void gate_plan_defaults(struct gate_plan *plan)
{
    *plan = (struct gate_plan){
        .trial =
            {
                .settle_s = 0.2,
                .ready_timeout_ms = READY_TIMEOUT_MS,
                .timeout_ms = TIMEOUT_MS,
                .stop_grace_ms = STOP_GRACE_MS,
                .interval_ms = INTERVAL_MS,
            },
        .smoke = {.runs = 3},
        .stress_cycles = 14,
        .pairs_max = 24,
        .remedies = true,
        .soak_s = 2 * 3600,
        .limits =
            {
                .performance = {0.02, 0.10},
                .memory = {0.10, 0.20},
                .tests = {0, 0.05},
                .fragmentation = {0.15, INFINITY},
                .growth_bytes_per_hour = 1e6,
                .possibly_lost_bytes = 1024,
            },
    };
    plan->trial.phases = plan->phases;
    plan->trial.pickers = plan->pickers;
}

bool gate_plan_own(struct gate_plan *plan, void *memory)
{
    void **grown = memory ? realloc(plan->owned, (plan->owned_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(memory);
        return false;
    }
    plan->owned = grown;
    plan->owned[plan->owned_count++] = memory;
    return true;
}

void gate_plan_quicken(struct gate_plan *plan)
{
    plan->smoke.runs = 1;
    plan->stress_cycles = 8;
    plan->pairs_max = 10;
    plan->soak_s = fmin(plan->soak_s, 60);
}

static bool is_share(const struct gate_limit *limit)
{
    return limit->warn >= 0 && limit->fail >= limit->warn;
}

/* What is wrong, or NULL. */
static const char *wrong_with(const struct gate_plan *plan)
{
    const struct gate_limits *limits = &plan->limits;
    if (!plan->trial.argv && !plan->baseline.setting.argv)
        return "there is no program: program.command in the plan, or CMD after '--'";
    if (!plan->trial.argv && !plan->candidate.setting.argv)
        return "the candidate has no program, only the baseline has a command of its own";
    if (!plan->baseline.allocator)
        return "there is no baseline: baseline.allocator in the plan, or --baseline";
    if (!plan->candidate.allocator)
        return "there is no candidate: candidate.allocator in the plan, or --candidate";
    if (plan->trial.load && !plan->ready)
        return "a load needs `ready`: TCP:PORT, a file, or seconds";
    if (!plan->trial.load && (plan->ready || plan->trial.phase_count > 0))
        return "`ready` and `then` go with a load only";
    if (plan->smoke.runs < 1 || plan->smoke.runs > 100000)
        return "smoke: runs is not between 1 and 100000";
    if (plan->stress_cycles < CYCLES_MIN || plan->stress_cycles > CYCLES_MAX)
        return "stress: cycles is not between 7 and 16";
    if (plan->pairs_max < STATS_PAIRS_MIN || plan->pairs_max > STATS_PAIRS_MAX)
        return "benchmark: pairs is not between 6, below which nothing can be shown, and 1000";
    if (!is_share(&limits->performance) || !is_share(&limits->memory) ||
        !is_share(&limits->tests) || !is_share(&limits->fragmentation))
        return "limits: a `fail` is below its `warn`, or one is below zero";
    if (!(limits->growth_bytes_per_hour > 0) || !(limits->possibly_lost_bytes >= 0))
        return "limits: growth_mb_per_hour must be above zero, possibly_lost_bytes not below it";
    return NULL;
}

int gate_plan_check(const struct gate_plan *plan, char *reason, size_t reason_size)
{
    const char *wrong = wrong_with(plan);
    if (!wrong)
        return SHALE_OK;
    snprintf(reason, reason_size, "%s", wrong);
    return SHALE_EINVAL;
}
