/* SPDX-License-Identifier: MIT */
/* What the phases of a gate share while it runs. Layer 5. */
#ifndef SHALE_GATE_GATE_INTERNAL_H
#define SHALE_GATE_GATE_INTERNAL_H

#include "gate/gate.h"
#include "measure/compare.h"

enum { GATE_BASELINE, GATE_CANDIDATE, GATE_SIDES };

struct gate {
    const struct gate_order *order;
    const struct gate_plan *plan;
    struct gate_result *result;
    struct gate_failure *failure;
    struct arm arms[GATE_SIDES];
    char unusable[512];      /* why the candidate can never serve the program; "" */
    struct trial_spec trial; /* the plan's, with the gate's cancel */
    double run_s;            /* how long one run takes, start and end included */
    double estimates[GATE_PHASES];
    double started_s;
};

/*
 * A phase: fills in its findings.
 *
 * @return  0, also where what it found is bad; SHALE_ECANCELED; another error, with
 *          gate->failure, where it could not be run at all.
 */
typedef int gate_phase_fn(struct gate *gate, struct gate_phase_result *result);
gate_phase_fn gate_phase_smoke, gate_phase_leaks, gate_phase_stress, gate_phase_benchmark,
    gate_phase_soak;

/* How long each will take, in seconds; NaN where that cannot be told. */
double gate_estimate_benchmark(const struct gate *gate);

/* Appends a finding with that verdict and text; its numbers are NaN until they are set. */
struct gate_finding *gate_find(struct gate_phase_result *result, enum gate_verdict verdict,
                               const char *metric, const char *title, const char *format, ...)
    SHALE_PRINTF(5, 6);

/* A run failed: what that says of the candidate. `what` is "run 2", "pair 3". */
void gate_find_failed_run(struct gate_phase_result *result, const struct trial_failure *failure,
                          const char *label, const char *what);

/* The baseline failed: no gate can be held. Returns the error. */
int gate_fail_baseline(struct gate *gate, const struct trial_failure *failure, int error,
                       const char *what);

SHALE_PRINTF(3, 4) int gate_fail(struct gate *gate, int error, const char *format, ...);

/* Tells how far a phase is. `left_s` NaN: unknown. */
SHALE_PRINTF(4, 5)
void gate_tell(struct gate *gate, enum gate_phase phase, double left_s, const char *format, ...);

bool gate_is_cancelled(const struct gate *gate);

/* The judged figures of the candidate's settings that a benchmark of them gave: see remedy.h. */
int gate_try_remedies(struct gate *gate);

#endif
