/* SPDX-License-Identifier: MIT */
/*
 * A comparison of allocators under one program: warm-up, interleaved pairs of runs, and what they
 * say together. Layer 4.
 *
 *     arms         the baseline (0) and each candidate: an allocator that was found and proven
 *     comparisons  each candidate with the baseline, and the A/A check: the baseline with itself
 *     round        one pair of every comparison, in the order of schedule.h
 *
 * Where a candidate is the baseline's own file, it is the A/A check and no further one is run.
 *
 * A figure of a comparison is read so: "lower" or "higher" where the interval excludes 1 and p
 * stands after Holm's adjustment over the primary figures of that candidate; "unsure" where it
 * would stand alone but not among so many; else "no difference shown", which is never "equal":
 * differences below the minimum detectable effect would not have been seen. Figures that are not
 * primary explain the others; they are read alone, without adjustment, and carry no verdict.
 */
#ifndef SHALE_MEASURE_COMPARE_H
#define SHALE_MEASURE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/arm.h"
#include "measure/stats.h"
#include "measure/trial.h"

enum {
    COMPARE_ARMS_MAX = 9,
    COMPARE_COMPARISONS_MAX = COMPARE_ARMS_MAX, /* one per candidate, and the A/A check */
};

struct compare_pair {
    struct trial_result baseline, candidate;
};

enum compare_verdict {
    COMPARE_NOT_COMPARABLE, /* missing, or zero on one side only */
    COMPARE_TOO_FEW,        /* fewer pairs than any 95 % interval needs */
    COMPARE_NO_DIFFERENCE,  /* none was shown */
    COMPARE_UNSURE_LOWER,   /* alone it would be lower; not after Holm */
    COMPARE_UNSURE_HIGHER,
    COMPARE_LOWER,
    COMPARE_HIGHER,
};

/* What the pairs say of one figure of one comparison. */
struct compare_reading {
    double baseline_median, candidate_median; /* NaN when missing */
    struct stats_paired stats;                /* of log ratios; valid unless NOT_COMPARABLE */
    double adjusted_p;                        /* NaN unless primary and comparable */
    enum compare_verdict verdict;
};

struct compare_comparison {
    size_t arm; /* the candidate's; 0: the A/A check */
    bool is_aa;
    struct compare_pair *pairs;
    struct compare_reading readings[FIGURES_MAX];
};

struct compare_progress {
    const char *label; /* of the run that starts now */
    bool warmup;
    size_t round, rounds; /* from 0 */
    size_t run, runs;     /* of all, warm-ups included */
    double elapsed_s;
    double left_s; /* estimate; NaN while unknown */
};

struct comparison_set;

struct compare_plan {
    struct trial_spec trial;     /* preload and proof are filled in per arm */
    const char *const *requests; /* the baseline first */
    size_t request_count;
    const struct arm_setting *settings; /* one per request; NULL: none has any */
    size_t pairs;                       /* at most */
    double budget_s;                    /* no new round when it is used up; 0: none */
    /* Called after each round, when set->pairs are there to be analysed; true ends it. May be
     * NULL. */
    bool (*enough)(struct comparison_set *set, void *context);
    void (*progress)(const struct compare_progress *progress, void *context); /* may be NULL */
    void *context;
};

enum compare_stage {
    COMPARE_STAGE_ALLOCATOR, /* not found, or cannot be used here */
    COMPARE_STAGE_RUN,       /* failure.trial says more */
    COMPARE_STAGE_MEMORY,
};

struct compare_failure {
    enum compare_stage stage;
    int error;
    const char *request; /* the allocator it happened with */
    size_t arm;
    bool warmup;
    size_t round;
    char text[1536]; /* of COMPARE_STAGE_ALLOCATOR */
    struct trial_failure trial;
};

struct comparison_set {
    struct figure_list figures;
    struct arm arms[COMPARE_ARMS_MAX];
    size_t arm_count;
    struct compare_comparison comparisons[COMPARE_COMPARISONS_MAX];
    size_t comparison_count;
    size_t aa; /* which comparison is the A/A check */
    size_t pairs;
    bool stopped_by_budget;
    double elapsed_s;
    double sampling_share; /* the largest of all runs */
    unsigned killed;       /* processes that did not end at SIGTERM, over all runs */
    bool aa_quiet;         /* no primary figure of the A/A check stands after Holm */
};

/*
 * Runs the whole comparison.
 *
 * @param plan  2 <= request_count <= COMPARE_ARMS_MAX; 1 <= pairs <= STATS_PAIRS_MAX.
 * @return  0, or a negative SHALE_E* with *failure filled in.
 * Ownership: compare_free after success.
 */
SHALE_NODISCARD int compare_run(const struct compare_plan *plan, struct comparison_set *set,
                                struct compare_failure *failure);

void compare_free(struct comparison_set *set);

/* Reads set->pairs pairs of every comparison: what compare_run ends with. For tests and reports. */
void compare_analyse(struct comparison_set *set);

/*
 * The log ratios of one figure over the pairs that have both values.
 *
 * @param ratios  gets at most set->pairs numbers, in the order of the pairs.
 * @return  how many; 0 also where one of them has no ratio (zero on one side only).
 */
size_t compare_log_ratios(const struct comparison_set *set,
                          const struct compare_comparison *comparison, size_t figure,
                          double *ratios);

/* "lower", "higher", "no difference shown", ... */
const char *compare_verdict_name(enum compare_verdict verdict);

/* How many figures Holm's adjustment counts: the primary, comparable ones. */
size_t compare_family_size(const struct comparison_set *set, size_t comparison);

#endif
