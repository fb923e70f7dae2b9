/* SPDX-License-Identifier: MIT */
/*
 * What a benchmark suite runs: the workloads of malloc-bench, smr-bench and collections-bench, and
 * recipes of real programs.
 * Layer 4.
 *
 * The suites need files beside the program `shale`: those programs, and the folder `programs` with
 * the recipes' scripts and their inputs.py. They are looked for in SHALE_BENCH_DIR,
 * in the build tree that this program stands in, and where they are installed.
 */
#ifndef SHALE_MEASURE_BENCH_CASES_H
#define SHALE_MEASURE_BENCH_CASES_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

enum { BENCH_ARGV_MAX = 16 };

struct bench_case {
    const char *suite; /* "malloc", "smr", "collections", "epochs" or "programs" */
    char *name;
    char *summary;
    char *argv[BENCH_ARGV_MAX + 1];
    const char *const *environment; /* static; may be NULL */
    const char *const *inputs;      /* static; kinds of inputs.py; NULL ends; may be NULL */
    bool prints_figures; /* stdout is an object like malloc-bench's; else time and RSS are the
                            kernel's */
    bool wall;           /* of a program: it uses several cores, its cost is wall time */
    char *missing;       /* why it cannot run here; NULL: it can */
};

struct bench_cases {
    struct bench_case *items;
    size_t count;
};

struct bench_settings {
    unsigned long seed;
    double seconds; /* of one run of malloc-bench */
    const volatile sig_atomic_t *cancel;
};

/* A recipe of the programs suite. */
struct bench_program {
    const char *name;
    const char *summary;
    const char *argv[BENCH_ARGV_MAX]; /* "@/" at the beginning is the folder of the scripts */
    const char *package;              /* Debian's, that holds argv[0] */
    const char *inputs[3];            /* kinds of inputs.py; NULL ends */
    const char *environment[3];       /* "K=V"; NULL ends */
    bool wall;
};

extern const struct bench_program bench_programs[]; /* ends with a NULL name */

/* Where recipes' programs are looked for: the system's folders come before the user's. */
#define BENCH_PROGRAM_PATH "/usr/local/bin:/usr/bin:/bin"

/*
 * The path of malloc-bench, plot.gp or the folder programs.
 *
 * @return  0, SHALE_ENOENT.
 */
SHALE_NODISCARD int bench_locate(const char *name, char *path, size_t size);

/*
 * Runs a program of the suites with one option, for what it prints.
 *
 * @param path    gets where the program is.
 * @param answer  gets its output, for the caller to free.
 * @param reason  gets why not, on error.
 * @return  0; SHALE_ENOENT: it is missing or failed; an error of bench_execute().
 */
SHALE_NODISCARD int bench_ask(const char *program, const char *option,
                              const struct bench_settings *settings, char *path, size_t path_size,
                              char **answer, char *reason, size_t reason_size);

/*
 * Appends the cases of a suite.
 *
 * @param suite   "malloc", "smr", "collections", "epochs" or "programs".
 * @param reason  gets why not, on error.
 * @return  0; SHALE_ENOENT: files of the suite are missing; SHALE_EINVAL: no such suite;
 *          SHALE_ENOMEM.
 */
SHALE_NODISCARD int bench_cases_add(struct bench_cases *cases, const char *suite,
                                    const struct bench_settings *settings, char *reason,
                                    size_t reason_size);

/*
 * Keeps the cases whose names fit one of the patterns (as fnmatch), in the cases' order.
 *
 * @return  NULL, or the first pattern that fits none.
 */
const char *bench_cases_select(struct bench_cases *cases, const char *const *patterns);

void bench_cases_free(struct bench_cases *cases);

#endif
