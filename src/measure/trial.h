/* SPDX-License-Identifier: MIT */
/*
 * One run of a comparison, from the start of the program to the last of its processes. Layer 4.
 *
 * A plain command:  prepare, start and prove, wait for its end.
 * With a load:      prepare, start and prove, wait until ready, load, read "loaded", then each
 *                   further phase: its command, read again; idle, read "idle"; stop it.
 *
 * Whatever goes wrong, when trial_run returns no process of the run is left.
 *
 * What is counted: wall time from the moment the proven program is let go to its end (of the load:
 * from its start to its end). CPU time, faults and switches are what wait4 reports: the program,
 * all its threads, and the descendants that were waited for. Resident sizes are sums over the
 * process tree. The peak is the highest sum that was sampled, VmHWM of a process that is alone,
 * or ru_maxrss - which counts only where it exceeds our own size, for the kernel starts it with
 * the size of the process that forked.
 */
#ifndef SHALE_MEASURE_TRIAL_H
#define SHALE_MEASURE_TRIAL_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/figures.h"
#include "measure/finder.h"
#include "measure/launch.h"
#include "measure/picker.h"
#include "measure/proof.h"
#include "measure/ready.h"

struct trial_phase {
    const char *name;
    const char *command; /* run by sh; NULL: the load itself, or idle */
};

struct trial_spec {
    const char *const *argv;
    const struct finder_allocator *allocator; /* preloaded where it has a path, and proven;
                                                 NULL: neither */
    const char *const *environment;           /* "K=V", NULL ends; may be NULL */
    const char *prepare; /* run by sh before each run, not measured; may be NULL */
    const char *load;    /* run by sh; NULL: a plain command */
    struct ready ready;
    const struct trial_phase *phases; /* what comes after the load, without "loaded" and "idle" */
    size_t phase_count;
    const struct picker *pickers;
    size_t picker_count;
    double settle_s; /* before each reading of memory */
    double idle_s;   /* after the last phase; 0: no phase "idle" */
    int ready_timeout_ms;
    int timeout_ms;    /* of the command, the load, and each phase's command */
    int stop_grace_ms; /* from SIGTERM to SIGKILL */
    int interval_ms;   /* between samples of RSS; 0: none */
    size_t points_max; /* of RSS over time, to keep; 0: TRIAL_POINTS_DEFAULT */
    const volatile sig_atomic_t *cancel;
};

enum { TRIAL_POINTS_DEFAULT = 64, TRIAL_POINTS_MAX = 512 };

struct trial_result {
    double values[FIGURES_MAX]; /* NaN: could not be read */
    struct proof proof;         /* what was proven */
    int64_t started_ns;         /* CLOCK_MONOTONIC */
    double sampling_share;      /* CPU time of our sampling / wall time of the run */
    unsigned processes_max;
    unsigned killed; /* processes that did not end by themselves or at SIGTERM */
    struct {
        double at_s;
        double rss_bytes;
    } points[TRIAL_POINTS_MAX]; /* RSS over time, thinned out */
    size_t point_count;
};

enum trial_stage {
    TRIAL_OK,
    TRIAL_PREPARE,   /* the --prepare command failed */
    TRIAL_PORT_BUSY, /* something else serves the port */
    TRIAL_LAUNCH,    /* failure.launch says more */
    TRIAL_READY,     /* never ready */
    TRIAL_ENDED,     /* the server ended too early, or crashed when it was stopped */
    TRIAL_LOAD,      /* the load failed */
    TRIAL_PHASE,     /* a --then command failed */
    TRIAL_COMMAND,   /* the measured command failed */
    TRIAL_TIMEOUT,   /* the command took too long */
    TRIAL_FIGURE,    /* a --metric was not found */
    TRIAL_CANCELLED,
    TRIAL_INTERNAL,
};

struct trial_failure {
    enum trial_stage stage;
    struct launch_failure launch; /* of TRIAL_LAUNCH */
    struct proof proof;           /* what was found instead, likewise */
    char text[1024];              /* the reason, without a period */
    char remedy[512];             /* what to try; may be empty */
    char output[2048];            /* the end of what the failing program printed; may be empty */
};

/*
 * Makes one run.
 *
 * @return  0, or a negative SHALE_E* with *failure filled in; *result is set on success only.
 * Threads: one at a time, always the same thread (see launch.h).
 */
SHALE_NODISCARD int trial_run(const struct trial_spec *spec, struct trial_result *result,
                              struct trial_failure *failure);

#endif
