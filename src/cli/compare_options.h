/* SPDX-License-Identifier: MIT */
/* The options of `shale compare`: as popt stores them, and as a plan of runs. Layer 6. */
#ifndef SHALE_CLI_COMPARE_OPTIONS_H
#define SHALE_CLI_COMPARE_OPTIONS_H

#include <popt.h>

#include "cli/cmd.h"
#include "cli/history_options.h"
#include "cli/program_options.h"
#include "measure/compare.h"
#include "measure/request.h"

/* What popt stores; strings are never freed, they live as long as the command. */
struct compare_options {
    struct program_options program;
#ifdef SHALE_HAS_GATE
    struct history_options history;
#endif
    char *baseline, *budget;
    char *json, *csv, *markdown;
    const char **candidates, **metrics;
    int pairs, interval_ms, quiet;
};

extern struct compare_options compare_options;
extern const struct poptOption compare_option_table[];

/* A plan, with the storage its pointers lead to. */
struct compare_request {
    struct compare_plan plan;
    struct request arms[COMPARE_ARMS_MAX];
    const char *requests[COMPARE_ARMS_MAX];
    struct arm_setting settings[COMPARE_ARMS_MAX];
    struct trial_phase phases[FIGURE_PHASES_MAX];
    struct picker pickers[FIGURE_PICKERS_MAX];
};

/*
 * Checks the options and makes a plan of them.
 *
 * @param argv     the program and its arguments, NULL ends; must outlive the request.
 * @return  -1 to go on; else the exit status to end with, after a message.
 * Ownership: compare_request_free in every case.
 */
int compare_request_make(const struct cmd_entry *self, struct compare_options *options,
                         const char **argv, struct compare_request *request);

void compare_request_free(struct compare_request *request);

#endif
