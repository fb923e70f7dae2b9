/* SPDX-License-Identifier: MIT */
/*
 * The options that say what is run and how, the same in `shale compare`, `gate` and `tune`.
 * Layer 6.
 */
#ifndef SHALE_CLI_PROGRAM_OPTIONS_H
#define SHALE_CLI_PROGRAM_OPTIONS_H

#include <math.h>
#include <popt.h>

#include "cli/cmd.h"
#include "measure/request.h"
#include "measure/trial.h"

/* What popt stores; begins as PROGRAM_OPTIONS_INIT. Strings live as long as the command. */
struct program_options {
    char *load, *ready, *prepare, *ready_timeout, *timeout;
    const char **then, **environment;
    double idle_s, settle_s;           /* NaN: not given */
    char names[FIGURE_PHASES_MAX][64]; /* storage of the phases' names */
};

#define PROGRAM_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .idle_s = NAN, .settle_s = NAN                                                             \
    }

/* Rows of a popt table. */
/* clang-format off */
#define PROGRAM_OPTION_ROWS(at)                                                                    \
    {"load", 'l', POPT_ARG_STRING, &(at).load, 0,                                                  \
     "CMD is a server; run this (by sh) against it", "COMMAND"},                                   \
    {"ready", 'r', POPT_ARG_STRING, &(at).ready, 0,                                                \
     "When the server is ready: TCP:PORT, TCP:HOST:PORT, a file, or seconds", "CONDITION"},        \
    {"then", '\0', POPT_ARG_ARGV, &(at).then, 0,                                                   \
     "After the load run this too and read memory again; may be repeated", "NAME=COMMAND"},        \
    {"idle", '\0', POPT_ARG_DOUBLE, &(at).idle_s, 0,                                               \
     "At the end let the server idle this long and read memory again", "SECONDS"},                 \
    {"settle", '\0', POPT_ARG_DOUBLE, &(at).settle_s, 0,                                           \
     "Wait this long before each reading of memory (0.2)", "SECONDS"},                             \
    {"prepare", '\0', POPT_ARG_STRING, &(at).prepare, 0,                                           \
     "Run this (by sh) before each run, not measured", "COMMAND"},                                 \
    {"env", 'e', POPT_ARG_ARGV, &(at).environment, 0,                                              \
     "Set a variable for CMD in all runs; may be repeated", "NAME=VALUE"},                         \
    {"ready-timeout", '\0', POPT_ARG_STRING, &(at).ready_timeout, 0,                               \
     "Give up when the server is not ready after this (30s)", "TIME"},                             \
    {"timeout", '\0', POPT_ARG_STRING, &(at).timeout, 0,                                           \
     "Give up when CMD, the load or a --then takes longer (10m)", "TIME"}
/* clang-format on */

/*
 * Puts what was given over a trial. `environment` is looked at, and left to the caller.
 *
 * @param trial       holds what goes for options that were not given.
 * @param phases      storage of trial->phases, where those that it has already are.
 * @param phases_max  how many it holds.
 * @return  -1 to go on; else the exit status to end with, after a message.
 */
int program_options_take(const struct cmd_entry *self, struct program_options *options,
                         struct trial_spec *trial, struct trial_phase *phases, size_t phases_max);

/* Is that list of variables fit to be given to a program? -1, or the exit status. */
int program_options_check_environment(const struct cmd_entry *self, const char *option,
                                      const char *const *environment);

/* Takes "90s" and the like; text may be NULL. -1, or the exit status. */
int program_options_time(const struct cmd_entry *self, const char *option, const char *text,
                         double *seconds);

/* Takes "[NAME=VALUE...] ALLOCATOR". -1, or the exit status. */
int program_options_side(const struct cmd_entry *self, const char *option, const char *text,
                         struct request *side);

#endif
