/* SPDX-License-Identifier: MIT */
/*
 * Runs the cases of a benchmark under each allocator, or with each peer, interleaved. Layer 4.
 *
 * Round by round, and within a round case by case, every allocator runs once; the order of the
 * allocators moves on by one from case to case and round to round, so that none always follows the
 * same other. Each run is a process of its own and is proven before it counts. A run that fails, or
 * is not proven, is noted, and the suite goes on; after a failure the same case is not run again
 * under that allocator.
 */
#ifndef SHALE_MEASURE_BENCH_SUITE_H
#define SHALE_MEASURE_BENCH_SUITE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "measure/bench_cases.h"
#include "measure/bench_results.h"
#include "measure/finder.h"

struct bench_allocator {
    char label[64]; /* unique: "mimalloc@3.6.0"; without the version where that is not needed */
    const struct finder_allocator *found;
    /* Of a peer of a suite that compares such, which is a column too: the pattern (as fnmatch's,
     * with alternatives) of the workloads it can run. NULL: it is an allocator. */
    const char *fits;
    const char *peer; /* what the suite's program calls it */
    bool preloaded;   /* a part of an allocator: `found` serves the process */
};

struct bench_suite {
    struct bench_cases cases;
    struct bench_allocator *allocators;
    size_t allocator_count;
    size_t rounds;
    struct bench_settings settings;
    struct bench_results results;
    size_t runs_done, runs_total;
    /* Called before each run; may be NULL. */
    void (*progress)(const struct bench_suite *suite, size_t case_index, size_t allocator,
                     size_t round);
    void (*preparing)(const struct bench_suite *suite, const char *what); /* may be NULL */
};

/* Which allocator runs at that step of a case in a round. */
size_t bench_suite_turn(size_t round, size_t case_index, size_t step, size_t allocators);

/*
 * Gives each allocator, whose `found` is set, its label.
 */
void bench_suite_label(struct bench_allocator *allocators, size_t count);

/*
 * Stores what malloc-bench printed.
 *
 * @return  0, SHALE_EFORMAT: that is not its object, SHALE_ENOMEM.
 */
SHALE_NODISCARD int bench_suite_parse(const char *output, struct bench_results *results,
                                      size_t case_index, size_t allocator, size_t round);

/*
 * Runs everything. Cases that miss something fail with that reason.
 *
 * @return  0: it went through, with or without failures in suite->results; SHALE_ECANCELED: what
 *          was measured until then is in the results; SHALE_EIO: no folder for the input files
 *          (errno says why); SHALE_ENOMEM.
 */
SHALE_NODISCARD int bench_suite_run(struct bench_suite *suite);

#endif
