/* SPDX-License-Identifier: MIT */
/*
 * The gate: is this allocator change safe for this program? Layer 5.
 *
 *     start      each side serves the program, proven
 *     smoke      the program's own tests under both
 *     leaks      memcheck: what the program itself loses or touches wrongly
 *     stress     the load again and again: does memory stay where it is?
 *     benchmark  interleaved pairs: time, CPU, memory, and the numbers that a metric picks
 *     soak       hours under load: the slope of RSS, crashes, hangs
 *
 * Each phase gives findings, each finding a verdict; the worst counts:
 *
 *     GO            the interval's bad end is inside the limit that asks for attention
 *     CONDITIONAL   neither: what could not be excluded is said
 *     INCONCLUSIVE  the machine differs from itself in that figure (the A/A check failed)
 *     NO-GO         the interval's good end is beyond the limit that must hold; a crash; a proof
 *                   that failed; a figure that is missing
 *
 * For ratios "bad" is more: of time, of memory, or fewer of what a metric counts.
 */
#ifndef SHALE_GATE_GATE_H
#define SHALE_GATE_GATE_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "gate/plan.h"
#include "measure/arm.h"
#include "measure/machine.h"

/* Ordered: of several, the greatest counts. A crash is NO-GO on an unsteady machine too. */
enum gate_verdict { GATE_GO, GATE_CONDITIONAL, GATE_INCONCLUSIVE, GATE_NO_GO, GATE_VERDICTS };

enum gate_unit {
    GATE_RATIO, /* of the baseline's, minus 1: 0.1 is 10 % worse */
    GATE_SHARE, /* 0.05 is 5 % */
    GATE_COUNT,
    GATE_BYTES,
    GATE_BYTES_PER_HOUR,
};

struct gate_finding {
    char metric[64]; /* for files: "rss_loaded_bytes" */
    char title[64];  /* for people: "RSS loaded" */
    enum gate_verdict verdict;
    enum gate_unit unit;
    double value;      /* NaN: the finding is no number */
    double low, high;  /* its interval; NaN: it is exact */
    double warn, fail; /* the limits; NaN: there is none */
    char text[512];    /* one sentence, with what could not be excluded */
};

enum { GATE_FINDINGS_MAX = 64 };

struct gate_phase_result {
    enum gate_phase phase;
    bool done;
    char skipped[256]; /* why it was not run; "" when it was */
    char note[512];    /* what it can and cannot certify; may be empty */
    double elapsed_s;
    struct gate_finding findings[GATE_FINDINGS_MAX];
    size_t count;
    json_t *samples; /* raw: what the findings were computed from; may be NULL */
};

/* A setting of the candidate that was tried after it had failed. */
struct gate_remedy_result {
    char name[64];
    char setting[160]; /* "MIMALLOC_PURGE_DELAY=0" */
    enum gate_verdict verdict;
    char text[512];
};

enum { GATE_REMEDIES_MAX = 8 };

struct gate_result {
    enum gate_verdict verdict;
    char reason[512]; /* the finding that decided it */
    struct gate_phase_result phases[GATE_PHASES];
    struct gate_remedy_result remedies[GATE_REMEDIES_MAX];
    size_t remedy_count;
    json_t *baseline, *candidate; /* arm_json: what was asked for and what was proven */
    struct machine_note machine;
    char taken[32]; /* when it began, ISO 8601, UTC */
    double elapsed_s;
};

struct gate_progress {
    enum gate_phase phase;
    const char *what; /* "pair 3 of 24: mimalloc 3.6.0" */
    double left_s;    /* of this phase; NaN while unknown */
    double all_left_s;
};

struct gate_order {
    const struct gate_plan *plan;
    const volatile sig_atomic_t *cancel;
    /* Called once each side has run: how long each phase will take. May be NULL. */
    void (*estimated)(const double seconds[GATE_PHASES], void *context);
    void (*progress)(const struct gate_progress *progress, void *context); /* may be NULL */
    /* Called after each phase, so that what was measured outlives an interruption. May be NULL. */
    void (*phase_done)(const struct gate_result *result, enum gate_phase phase, void *context);
    void *context;
};

/* Why the gate could not judge at all. */
struct gate_failure {
    int error;
    char text[2048];   /* the reason, without a period */
    char remedy[512];  /* what to try; may be empty */
    char output[2048]; /* the end of what the failing program printed; may be empty */
    bool missing_tool; /* what is missing is a program or an allocator of this machine */
};

/*
 * Runs every phase of the plan that has not its `done` in *result yet, and judges.
 *
 * @param result  all zero, or phases taken from an earlier, interrupted run.
 * @return  0: judged; SHALE_ECANCELED: the phases done are in *result; another error with *failure:
 *          the baseline itself does not run, or something is missing.
 * Ownership: gate_result_free in every case.
 */
SHALE_NODISCARD int gate_run(const struct gate_order *order, struct gate_result *result,
                             struct gate_failure *failure);

void gate_result_free(struct gate_result *result);

/* "smoke", "leaks", ... */
const char *gate_phase_name(enum gate_phase phase);

/* "GO", "CONDITIONAL GO", "NO-GO", "INCONCLUSIVE" */
const char *gate_verdict_name(enum gate_verdict verdict);

/* The worst of a phase's findings; GO when there is none. */
enum gate_verdict gate_phase_verdict(const struct gate_phase_result *phase);

#endif
