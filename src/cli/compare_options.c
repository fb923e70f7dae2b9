/* SPDX-License-Identifier: MIT */
/* Reads the options of `shale compare`. Layer 6. */
#include "cli/compare_options.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/duration.h"

enum {
    PAIRS_NOT_GIVEN = INT_MIN,
    PAIRS_DEFAULT = 10,
    PAIRS_IN_BUDGET = 40, /* without --pairs a budget may go on to here */
    INTERVAL_DEFAULT_MS = 10,
    READY_TIMEOUT_MS = 30 * 1000,
    TIMEOUT_MS = 600 * 1000,
    STOP_GRACE_MS = 5000,
};

struct compare_options compare_options = {
    .pairs = PAIRS_NOT_GIVEN,
    .interval_ms = INTERVAL_DEFAULT_MS,
    .program = PROGRAM_OPTIONS_INIT,
};

const struct poptOption compare_option_table[] = {
    {"baseline", 'b', POPT_ARG_STRING, &compare_options.baseline, 0,
     "What the others are compared with: [VARIABLE=VALUE...] NAME, NAME@VERSION or a path",
     "ALLOCATOR"},
    {"candidate", 'c', POPT_ARG_ARGV, &compare_options.candidates, 0,
     "An allocator to compare; may be given up to 8 times", "ALLOCATOR"},
    {"pairs", 'n', POPT_ARG_INT, &compare_options.pairs, 0,
     "Pairs of runs per candidate (10; with --budget at most 40)", "N"},
    {"budget", '\0', POPT_ARG_STRING, &compare_options.budget, 0,
     "Begin no new pairs that would end after this time: 90s, 2m, 1h; two pairs are always run",
     "TIME"},
    PROGRAM_OPTION_ROWS(compare_options.program),
    {"metric", 'm', POPT_ARG_ARGV, &compare_options.metrics, 0,
     "Pick a number from the output: NAME=REGEX or NAME=json:PATH; may be repeated",
     "NAME=PATTERN"},
    {"interval", '\0', POPT_ARG_INT, &compare_options.interval_ms, 0,
     "Milliseconds between samples of RSS (10); 0 samples nothing", "MS"},
    {"json", '\0', POPT_ARG_STRING, &compare_options.json, 0,
     "Write everything, raw samples too, as JSON; - is stdout", "FILE"},
    {"csv", '\0', POPT_ARG_STRING, &compare_options.csv, 0,
     "Write the raw samples as CSV; - is stdout", "FILE"},
    {"markdown", '\0', POPT_ARG_STRING, &compare_options.markdown, 0,
     "Write a section for a pull request; - is stdout", "FILE"},
#ifdef SHALE_HAS_GATE
    HISTORY_OPTION_ROWS(compare_options.history),
#endif
    {"quiet", 'q', POPT_ARG_NONE, &compare_options.quiet, 0, "No progress on stderr", NULL},
    POPT_TABLEEND,
};

static size_t count_of(const char **texts)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    return count;
}

static int take_arm(const struct cmd_entry *self, const char *text, size_t index,
                    struct compare_request *request)
{
    struct request *arm = &request->arms[index];
    const char *option = index == 0 ? "baseline" : "candidate";
    int status = program_options_side(self, option, text, arm);
    request->requests[index] = arm->allocator;
    request->settings[index] = arm->setting;
    return status;
}

static int take_arms(const struct cmd_entry *self, const struct compare_options *options,
                     struct compare_request *request)
{
    size_t count = count_of(options->candidates);
    if (!options->baseline)
        return cmd_usage_error(self, "--baseline is missing; 'system' is the C library's own");
    if (count == 0)
        return cmd_usage_error(self, "--candidate is missing; 'shale run --list' shows what "
                                     "this machine has");
    if (count >= COMPARE_ARMS_MAX)
        return cmd_usage_error(self, "%zu candidates are too many; at most %d", count,
                               COMPARE_ARMS_MAX - 1);
    int status = -1;
    for (size_t i = 0; status < 0 && i <= count; i++)
        status =
            take_arm(self, i == 0 ? options->baseline : options->candidates[i - 1], i, request);
    request->plan.requests = request->requests;
    request->plan.settings = request->settings;
    request->plan.request_count = count + 1;
    return status;
}

static int take_amount(const struct cmd_entry *self, const struct compare_options *options,
                       struct compare_plan *plan)
{
    int status = program_options_time(self, "budget", options->budget, &plan->budget_s);
    if (status >= 0)
        return status;
    int pairs = options->pairs;
    if (pairs == PAIRS_NOT_GIVEN)
        pairs = options->budget ? PAIRS_IN_BUDGET : PAIRS_DEFAULT;
    if (pairs < 1 || pairs > STATS_PAIRS_MAX)
        return cmd_usage_error(self, "--pairs: %d is not between 1 and %d", pairs, STATS_PAIRS_MAX);
    plan->pairs = (size_t)pairs;
    return -1;
}

static int take_program(const struct cmd_entry *self, struct compare_options *options,
                        struct compare_request *request)
{
    struct trial_spec *trial = &request->plan.trial;
    trial->ready_timeout_ms = READY_TIMEOUT_MS;
    trial->timeout_ms = TIMEOUT_MS;
    trial->stop_grace_ms = STOP_GRACE_MS;
    trial->interval_ms = options->interval_ms;
    trial->settle_s = 0.2;
    trial->environment = options->program.environment;
    if (options->interval_ms < 0 || options->interval_ms > 60000)
        return cmd_usage_error(self, "--interval: %d is not between 0 and 60000",
                               options->interval_ms);
    if (options->program.load && !options->program.ready)
        return cmd_usage_error(self, "--load needs --ready: TCP:PORT, a file, or seconds");
    return program_options_take(self, &options->program, trial, request->phases,
                                FIGURE_PHASES_MAX - 2);
}

static int take_pickers(const struct cmd_entry *self, const struct compare_options *options,
                        struct compare_request *request)
{
    struct trial_spec *trial = &request->plan.trial;
    if (count_of(options->metrics) > FIGURE_PICKERS_MAX)
        return cmd_usage_error(self, "--metric: at most %d", FIGURE_PICKERS_MAX);
    trial->pickers = request->pickers;
    for (size_t i = 0; options->metrics && options->metrics[i]; i++) {
        char reason[512] = "out of memory";
        struct picker *picker = &request->pickers[i];
        if (picker_parse(options->metrics[i], picker, reason, sizeof reason) != SHALE_OK)
            return cmd_usage_error(self, "--metric: %s", reason);
        trial->picker_count++;
        for (size_t j = 0; j < i; j++)
            if (strcmp(request->pickers[j].name, picker->name) == 0)
                return cmd_usage_error(self, "--metric: the name '%s' is taken", picker->name);
    }
    return -1;
}

int compare_request_make(const struct cmd_entry *self, struct compare_options *options,
                         const char **argv, struct compare_request *request)
{
    *request = (struct compare_request){0};
    if (!argv[0])
        return cmd_usage_error(self, "no program given; it goes after '--'");
    request->plan.trial.argv = argv;
    int status = take_arms(self, options, request);
    if (status < 0)
        status = take_amount(self, options, &request->plan);
    if (status < 0)
        status = take_program(self, options, request);
    if (status < 0)
        status = take_pickers(self, options, request);
    return status;
}

void compare_request_free(struct compare_request *request)
{
    for (size_t i = 0; i < request->plan.trial.picker_count; i++)
        picker_free(&request->pickers[i]);
}
