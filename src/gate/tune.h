/* SPDX-License-Identifier: MIT */
/*
 * Which settings of an allocator serve a program best? Layer 5.
 *
 *     screening   every setting of the table, and the user's own, a few pairs each with the
 *                 allocator as it comes
 *     final       those that came out best, and their combinations, paired anew
 *
 * What is told of a finalist comes from the final alone: of many settings that were screened the
 * best owes a part of its lead to luck, and would keep it in a table of the screening's figures.
 *
 * Two scores of each, both relative to the allocator as it comes, less is better:
 *
 *     latency   the metrics of kind performance; without one the wall time (of the load)
 *     rss       the figures of memory that a gate judges: the mean of their log ratios
 *
 * A score is the mean of log ratios within a pair, and its interval Wilcoxon's over the pairs, at
 * 5 % over all finalists and scores (Bonferroni). One setting beats another in a score where their
 * intervals do not meet. For the objective `both` the settings that none beats in one score without
 * being beaten in the other are the front; whoever chooses among them trades memory for time.
 */
#ifndef SHALE_GATE_TUNE_H
#define SHALE_GATE_TUNE_H

#include "gate/gate.h"
#include "gate/race.h"

enum tune_objective { TUNE_LATENCY, TUNE_RSS, TUNE_BOTH };

enum tune_axis { TUNE_AXIS_LATENCY, TUNE_AXIS_RSS, TUNE_AXES };

/* Relative to the allocator as it comes, minus 1; NaN: there is none. */
struct tune_score {
    double value, low, high;
};

enum tune_outcome {
    TUNE_FAILED,   /* the program failed under it */
    TUNE_SCREENED, /* not among the best of the screening, whose figures it has */
    TUNE_BEATEN,   /* in the final, but another is shown to be better */
    TUNE_FRONT,    /* none is shown to be better */
};

struct tune_entry {
    struct setting setting; /* text "": the allocator as it comes */
    struct tune_score scores[TUNE_AXES];
    enum tune_outcome outcome;
    char failed[256];
};

enum { TUNE_ENTRIES_MAX = 1 + 2 * RACERS_MAX, TUNE_NOTHING = -1 };

struct tune_result {
    struct tune_entry entries[TUNE_ENTRIES_MAX]; /* the first is the allocator as it comes */
    size_t count;
    int best; /* of entries; TUNE_NOTHING where none is shown to be better than the first */
    char advice[512];
    json_t *arm;     /* arm_json of the allocator as it comes */
    json_t *samples; /* of the final: the figures of each entry by its text */
    struct machine_note machine;
    char taken[32];
    double elapsed_s;
    size_t screening_pairs, final_pairs;
    bool unsteady; /* in the final the allocator as it comes differed from itself */
};

struct tune_order {
    const struct gate_plan *plan; /* candidate: what is tuned; trial, metrics */
    enum tune_objective objective;
    size_t pairs;              /* of the final */
    const struct setting *own; /* the user's, before those of the table */
    size_t own_count;
    bool own_only;
    const volatile sig_atomic_t *cancel;
    void (*progress)(bool final, const struct compare_progress *progress, void *context);
    void *context; /* progress may be NULL */
};

/* Fewer pairs than 10 could not show anything at 5 % over 8 finalists in two scores. */
enum { TUNE_SCREENING_PAIRS = 6, TUNE_PAIRS_MIN = 10, TUNE_PAIRS_DEFAULT = 12 };

/*
 * Searches.
 *
 * @return  0; SHALE_ECANCELED; another error with *failure: nothing to try, or the program does not
 *          run under the allocator as it comes.
 * Ownership: tune_result_free in every case.
 */
SHALE_NODISCARD int tune_run(const struct tune_order *order, struct tune_result *result,
                             struct gate_failure *failure);

void tune_result_free(struct tune_result *result);

/*
 * The scores of one comparison.
 *
 * @param alpha  two-sided.
 */
void tune_score(const struct gate_plan *plan, const struct comparison_set *set, size_t comparison,
                double alpha, struct tune_score scores[TUNE_AXES]);

/*
 * Sets the outcome of every entry that is neither failed nor screened, the best, and the advice.
 */
void tune_judge(struct tune_result *result, enum tune_objective objective);

/* "latency", "rss", "both" */
const char *tune_objective_name(enum tune_objective objective);

/* "beaten", "front", ... */
const char *tune_outcome_name(enum tune_outcome outcome);

#endif
