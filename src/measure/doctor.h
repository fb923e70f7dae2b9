/* SPDX-License-Identifier: MIT */
/*
 * What on this machine, and in a program, would keep an allocator from being preloaded, proven or
 * compared; each finding with what it means and what to do. Layer 4.
 *
 * Facts come from /proc and /sys (through base/system.h, so that tests can put files in their
 * place) and from a few live trials gathered in struct doctor_trials.
 */
#ifndef SHALE_MEASURE_DOCTOR_H
#define SHALE_MEASURE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"
#include "measure/launch.h"

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_WARN, /* figures or reports suffer */
    DOCTOR_FAIL, /* something does not work at all */
};

struct doctor_check {
    const char *name;    /* "ptrace", "thp", ... */
    const char *subject; /* "machine" or "program" */
    enum doctor_state state;
    char found[512];   /* what was seen */
    char meaning[512]; /* why it matters; empty where all is well */
    char advice[640];  /* what to do; empty where all is well */
};

enum { DOCTOR_CHECKS_MAX = 40 };

struct doctor_report {
    struct doctor_check checks[DOCTOR_CHECKS_MAX];
    size_t count;
};

/* What has to be tried, because no file tells it. */
struct doctor_trials {
    enum launch_method proof; /* of a small program started as `run` starts one */
    char proof_reason[256];   /* when it is LAUNCH_NOT_PROVEN */
    bool membarrier;
    size_t allocators;              /* found, without the C library's */
    size_t loadable;                /* of those */
    const char *const *environment; /* "K=V"; ends with NULL */
};

/* Runs the trials on this machine. Cost: some ten ms. */
void doctor_try(struct doctor_trials *trials);

/* Adds the checks of the machine. */
void doctor_check_machine(struct doctor_report *report, const struct doctor_trials *trials);

/* Adds the checks of a program, named as on a command line (looked up in PATH). */
void doctor_check_program(struct doctor_report *report, const char *name);

/* How many checks have that state. */
size_t doctor_count(const struct doctor_report *report, enum doctor_state state);

/* "ok", "warn", "fail" */
const char *doctor_state_name(enum doctor_state state);

#endif
