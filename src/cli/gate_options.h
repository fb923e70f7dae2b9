/* SPDX-License-Identifier: MIT */
/* The options of `shale gate`: as popt stores them, and put over a plan. Layer 6. */
#ifndef SHALE_CLI_GATE_OPTIONS_H
#define SHALE_CLI_GATE_OPTIONS_H

#include <limits.h>
#include <popt.h>

#include "cli/cmd.h"
#include "cli/history_options.h"
#include "cli/program_options.h"
#include "gate/plan.h"

/* What popt stores; strings live as long as the command. */
struct gate_options {
    struct program_options program;
    struct history_options history;
    char *plan, *baseline, *candidate, *baseline_command, *candidate_command;
    char *smoke, *soak, *init, *rollback_to;
    char *json, *junit, *markdown, *html, *prometheus;
    const char **metrics, **skip, **only;
    int pairs, quick, resume, github, quiet;
    struct request sides[2]; /* storage of the baseline and the candidate, apart */
};

enum { GATE_OPTIONS_NOT_GIVEN = INT_MIN };

extern struct gate_options gate_options;
extern const struct poptOption gate_option_table[];

/*
 * Makes the plan: defaults, then the file, then what the command line says.
 *
 * @param argv  the program and its arguments, NULL ends; argv[0] may be NULL.
 * @return  -1 to go on; else the exit status to end with, after a message.
 * Ownership: gate_plan_free in every case.
 */
int gate_options_plan(const struct cmd_entry *self, struct gate_options *options, const char **argv,
                      struct gate_plan *plan);

#endif
