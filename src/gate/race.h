/* SPDX-License-Identifier: MIT */
/*
 * Settings of one allocator side by side, each paired with the same reference. Layer 5.
 *
 * A setting under which the program fails drops out, with the reason; the others go on from the
 * beginning, so that all were measured in the same minutes.
 */
#ifndef SHALE_GATE_RACE_H
#define SHALE_GATE_RACE_H

#include "gate/plan.h"
#include "gate/settings.h"
#include "measure/compare.h"

enum { RACERS_MAX = COMPARE_ARMS_MAX - 1, RACER_ENVIRONMENT_MAX = 64 };

struct racer {
    struct setting setting;
    char failed[256];  /* why it dropped out; "" while it runs */
    size_t comparison; /* which of the set's is its own, where it did not */

    /* storage of what the comparison is told */
    char storage[SETTING_TEXT_MAX];
    const char *environment[RACER_ENVIRONMENT_MAX];
};

struct race {
    const struct trial_spec *trial;
    struct gate_side reference;
    struct gate_side side; /* the racers', without their settings */
    size_t pairs;
    void (*progress)(const struct compare_progress *progress, void *context); /* may be NULL */
    void *context;
    struct racer racers[RACERS_MAX];
    size_t count;
};

/*
 * Runs it.
 *
 * @param set  zero pairs where every setting dropped out.
 * @return  0; an error with *failure: of the reference, or SHALE_ECANCELED.
 * Ownership: compare_free after success.
 */
SHALE_NODISCARD int race_run(struct race *race, struct comparison_set *set,
                             struct compare_failure *failure);

#endif
