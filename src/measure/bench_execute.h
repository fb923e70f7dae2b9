/* SPDX-License-Identifier: MIT */
/*
 * One run of one program under one allocator, to its end: proven, timed, its output kept. Layer 4.
 */
#ifndef SHALE_MEASURE_BENCH_EXECUTE_H
#define SHALE_MEASURE_BENCH_EXECUTE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"
#include "measure/finder.h"

struct bench_order {
    const char *const *argv;
    const char *const *environment;           /* "K=V"; NULL ends; may be NULL */
    const char *directory;                    /* NULL: ours */
    const struct finder_allocator *allocator; /* preloaded and proven; NULL: neither */
    bool keep_output;                         /* stdout becomes `output`; else it is dropped */
    bool keep_failed_output;                  /* also of a run that failed */
    int timeout_s;
    const volatile sig_atomic_t *cancel;
};

struct bench_outcome {
    char reason[256];    /* why it failed, "" when it ended with 0 */
    char *output;        /* with a final zero; NULL unless kept */
    double wall_s;       /* from the moment it was let go to its end */
    double cpu_s;        /* user and system, with the children it waited for */
    double rss_peak_kib; /* of it or any one of those children, the largest; never below our own
                            RSS, which the kernel hands down through fork */
};

/*
 * Runs it and waits for its end; nothing of it is left behind.
 *
 * @return  0: it ran and ended, well or not (outcome->reason); SHALE_EINVAL: not proven, reason
 *          says what was seen; SHALE_ECANCELED; another error of launch_start, with the reason.
 * Ownership: outcome->output is the caller's to free.
 */
SHALE_NODISCARD int bench_execute(const struct bench_order *order, struct bench_outcome *outcome);

#endif
