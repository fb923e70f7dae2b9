/* SPDX-License-Identifier: MIT */
/*
 * What the gate is to do: the program, the two sides, the phases and the limits. Layer 5.
 *
 * A plan comes from a YAML file (gate_plan_load), from defaults (gate_plan_defaults), or from both
 * with the command line on top: fields may be set after loading. Times are in seconds, limits are
 * shares (0.1 is 10 %).
 */
#ifndef SHALE_GATE_PLAN_H
#define SHALE_GATE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <shale/error.h>

#include "base/attributes.h"
#include "measure/arm.h"

enum gate_phase {
    GATE_START,
    GATE_SMOKE,
    GATE_LEAKS,
    GATE_STRESS,
    GATE_BENCHMARK,
    GATE_SOAK,
    GATE_PHASES
};

/* What a metric is judged by. */
enum gate_kind { GATE_PERFORMANCE, GATE_MEMORY, GATE_FRAGMENTATION, GATE_INFORMATION };

struct gate_metric {
    enum gate_kind kind;
    bool higher_is_better;
};

struct gate_side {
    const char *allocator; /* NAME, NAME@VERSION or a path */
    struct arm_setting setting;
};

/* `warn` asks for attention (CONDITIONAL), `fail` must hold (NO-GO). */
struct gate_limit {
    double warn, fail;
};

struct gate_limits {
    struct gate_limit performance;
    struct gate_limit memory;
    struct gate_limit tests;         /* share of tests that fail */
    struct gate_limit fragmentation; /* of metrics of that kind, as they are */
    double growth_bytes_per_hour;
    double possibly_lost_bytes; /* memcheck; of definitely lost bytes none are allowed */
};

enum { GATE_THEN_MAX = 8, GATE_METRICS_MAX = FIGURE_PICKERS_MAX };

struct gate_plan {
    struct trial_spec trial;                      /* program, load, phases, pickers, times */
    const char *ready;                            /* as the user wrote it */
    struct gate_metric metrics[GATE_METRICS_MAX]; /* one for each of trial.pickers */
    struct gate_side baseline, candidate;
    bool skip[GATE_PHASES];
    struct {
        const char *command;          /* by sh; NULL: the program itself, or its load */
        int runs;                     /* under each side */
        struct picker passed, failed; /* how many tests, where it prints that */
        bool has_passed, has_failed;
    } smoke;
    struct {
        const char *const *argv; /* what runs under memcheck; NULL: the program, with its load */
    } leaks;
    int stress_cycles;
    int pairs_max; /* looks at 10, 16 and 24; at pairs_max alone where that is below 10 */
    bool remedies;
    double soak_s;
    struct gate_limits limits;

    /* storage of what the pointers above lead to */
    struct trial_phase phases[GATE_THEN_MAX];
    struct picker pickers[GATE_METRICS_MAX];
    void *file;   /* what the YAML reader gave */
    void **owned; /* arrays made of it */
    size_t owned_count;
    char *text; /* the file as it was read; NULL: none */
};

/* The plan of a run without a file: everything but the program and the sides. */
void gate_plan_defaults(struct gate_plan *plan);

/* `--quick`: minutes instead of hours. Fewer pairs and cycles, no soak worth the name. */
void gate_plan_quicken(struct gate_plan *plan);

/*
 * Reads a plan file over the defaults.
 *
 * @param reason  gets what is wrong and where, in words, on an error.
 * @return  0; SHALE_ENOENT or SHALE_EIO: the file; SHALE_EFORMAT: what is in it; SHALE_ENOMEM.
 * Ownership: gate_plan_free in every case.
 */
SHALE_NODISCARD int gate_plan_load(const char *path, struct gate_plan *plan, char *reason,
                                   size_t reason_size);

/*
 * Is it complete and sensible? For what the command line may have left out too.
 *
 * @return  0, SHALE_EINVAL with the reason.
 */
SHALE_NODISCARD int gate_plan_check(const struct gate_plan *plan, char *reason, size_t reason_size);

/*
 * Keeps malloc'd memory for as long as the plan; false, and it is freed, without memory or for
 * NULL.
 */
bool gate_plan_own(struct gate_plan *plan, void *memory);

/* Writes a plan file with comments, filled in from this plan: `shale gate --init`. */
void gate_plan_write_example(const struct gate_plan *plan, FILE *out);

void gate_plan_free(struct gate_plan *plan);

#endif
