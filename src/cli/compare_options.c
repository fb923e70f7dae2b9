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
    READY_TIMEOUT_S = 30,
    TIMEOUT_S = 600,
    STOP_GRACE_MS = 5000,
};

struct compare_options compare_options = {
    .pairs = PAIRS_NOT_GIVEN,
    .interval_ms = INTERVAL_DEFAULT_MS,
    .settle_s = 0.2,
};

const struct poptOption compare_option_table[] = {
    {"baseline", 'b', POPT_ARG_STRING, &compare_options.baseline, 0,
     "What the others are compared with: NAME, NAME@VERSION or a path", "ALLOCATOR"},
    {"candidate", 'c', POPT_ARG_ARGV, &compare_options.candidates, 0,
     "An allocator to compare; may be given up to 8 times", "ALLOCATOR"},
    {"pairs", 'n', POPT_ARG_INT, &compare_options.pairs, 0,
     "Pairs of runs per candidate (10; with --budget at most 40)", "N"},
    {"budget", '\0', POPT_ARG_STRING, &compare_options.budget, 0,
     "Begin no new pairs that would end after this time: 90s, 2m, 1h; two pairs are always run",
     "TIME"},
    {"load", 'l', POPT_ARG_STRING, &compare_options.load, 0,
     "CMD is a server; run this (by sh) against it", "COMMAND"},
    {"ready", 'r', POPT_ARG_STRING, &compare_options.ready, 0,
     "When the server is ready: TCP:PORT, TCP:HOST:PORT, a file, or seconds", "CONDITION"},
    {"then", '\0', POPT_ARG_ARGV, &compare_options.then, 0,
     "After the load run this too and read memory again; may be repeated", "NAME=COMMAND"},
    {"idle", '\0', POPT_ARG_DOUBLE, &compare_options.idle_s, 0,
     "At the end let the server idle this long and read memory again", "SECONDS"},
    {"settle", '\0', POPT_ARG_DOUBLE, &compare_options.settle_s, 0,
     "Wait this long before each reading of memory (0.2)", "SECONDS"},
    {"prepare", '\0', POPT_ARG_STRING, &compare_options.prepare, 0,
     "Run this (by sh) before each run, not measured", "COMMAND"},
    {"metric", 'm', POPT_ARG_ARGV, &compare_options.metrics, 0,
     "Pick a number from the output: NAME=REGEX or NAME=json:PATH; may be repeated",
     "NAME=PATTERN"},
    {"env", 'e', POPT_ARG_ARGV, &compare_options.environment, 0,
     "Set a variable for CMD in all runs; may be repeated", "NAME=VALUE"},
    {"ready-timeout", '\0', POPT_ARG_STRING, &compare_options.ready_timeout, 0,
     "Give up when the server is not ready after this (30s)", "TIME"},
    {"timeout", '\0', POPT_ARG_STRING, &compare_options.timeout, 0,
     "Give up when CMD, the load or a --then takes longer (10m)", "TIME"},
    {"interval", '\0', POPT_ARG_INT, &compare_options.interval_ms, 0,
     "Milliseconds between samples of RSS (10); 0 samples nothing", "MS"},
    {"json", '\0', POPT_ARG_STRING, &compare_options.json, 0,
     "Write everything, raw samples too, as JSON; - is stdout", "FILE"},
    {"csv", '\0', POPT_ARG_STRING, &compare_options.csv, 0,
     "Write the raw samples as CSV; - is stdout", "FILE"},
    {"markdown", '\0', POPT_ARG_STRING, &compare_options.markdown, 0,
     "Write a section for a pull request; - is stdout", "FILE"},
    {"quiet", 'q', POPT_ARG_NONE, &compare_options.quiet, 0, "No progress on stderr", NULL},
    POPT_TABLEEND,
};

/* -1, or the exit status after a message. */
static int take_time(const struct cmd_entry *self, const char *option, const char *text,
                     double *seconds)
{
    if (!text || duration_parse(text, seconds))
        return -1;
    return cmd_usage_error(self, "--%s: '%s' is no time; write 90s, 2m or 1h", option, text);
}

static size_t count_of(const char **texts)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    return count;
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
    request->requests[0] = options->baseline;
    memcpy(request->requests + 1, options->candidates, count * sizeof *options->candidates);
    request->plan.requests = request->requests;
    request->plan.request_count = count + 1;
    return -1;
}

static int take_amount(const struct cmd_entry *self, const struct compare_options *options,
                       struct compare_plan *plan)
{
    int status = take_time(self, "budget", options->budget, &plan->budget_s);
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

static int take_timing(const struct cmd_entry *self, const struct compare_options *options,
                       struct trial_spec *trial)
{
    double ready_s = READY_TIMEOUT_S;
    double timeout_s = TIMEOUT_S;
    int status = take_time(self, "ready-timeout", options->ready_timeout, &ready_s);
    if (status < 0)
        status = take_time(self, "timeout", options->timeout, &timeout_s);
    if (status >= 0)
        return status;
    if (options->interval_ms < 0 || options->interval_ms > 60000)
        return cmd_usage_error(self, "--interval: %d is not between 0 and 60000",
                               options->interval_ms);
    if (!(options->idle_s >= 0 && options->idle_s <= 1e6))
        return cmd_usage_error(self, "--idle: not a number of seconds");
    if (!(options->settle_s >= 0 && options->settle_s <= 1e6))
        return cmd_usage_error(self, "--settle: not a number of seconds");
    trial->ready_timeout_ms = (int)(ready_s * 1000);
    trial->timeout_ms = (int)(timeout_s * 1000);
    trial->stop_grace_ms = STOP_GRACE_MS;
    trial->interval_ms = options->interval_ms;
    trial->idle_s = options->idle_s;
    trial->settle_s = options->settle_s;
    return -1;
}

static bool name_is_taken(const struct compare_request *request, const char *name, size_t length)
{
    const struct trial_spec *trial = &request->plan.trial;
    for (size_t i = 0; i < trial->phase_count; i++)
        if (strncmp(trial->phases[i].name, name, length) == 0 &&
            trial->phases[i].name[length] == '\0')
            return true;
    return (length == 6 && strncmp(name, "loaded", 6) == 0) ||
           (length == 4 && strncmp(name, "idle", 4) == 0);
}

static int take_phases(const struct cmd_entry *self, const struct compare_options *options,
                       struct compare_request *request)
{
    struct trial_spec *trial = &request->plan.trial;
    if (count_of(options->then) > FIGURE_PHASES_MAX - 2)
        return cmd_usage_error(self, "--then: at most %d", FIGURE_PHASES_MAX - 2);
    trial->phases = request->phases;
    for (size_t i = 0; options->then && options->then[i]; i++) {
        const char *text = options->then[i];
        const char *equals = strchr(text, '=');
        if (!picker_valid_name(text, '=') || !equals[1])
            return cmd_usage_error(
                self, "--then: '%s' is not NAME=COMMAND with a NAME of lower case letters", text);
        if (name_is_taken(request, text, (size_t)(equals - text)))
            return cmd_usage_error(self, "--then: the name of '%s' is taken", text);
        char *name = strndup(text, (size_t)(equals - text));
        if (!name)
            return CMD_EXIT_INTERNAL;
        request->phases[trial->phase_count++] =
            (struct trial_phase){.name = name, .command = equals + 1};
    }
    return -1;
}

static int take_server(const struct cmd_entry *self, const struct compare_options *options,
                       struct compare_request *request)
{
    struct trial_spec *trial = &request->plan.trial;
    char reason[512];
    if (!options->load && (options->ready || options->then || options->idle_s > 0))
        return cmd_usage_error(self, "%s goes with --load only",
                               options->ready  ? "--ready"
                               : options->then ? "--then"
                                               : "--idle");
    if (options->load && !options->ready)
        return cmd_usage_error(self, "--load needs --ready: TCP:PORT, a file, or seconds");
    if (ready_parse(options->ready, &trial->ready, reason, sizeof reason) != SHALE_OK)
        return cmd_usage_error(self, "--ready: %s", reason);
    trial->load = options->load;
    trial->prepare = options->prepare;
    return take_phases(self, options, request);
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

static int take_environment(const struct cmd_entry *self, const struct compare_options *options,
                            struct trial_spec *trial)
{
    for (size_t i = 0; options->environment && options->environment[i]; i++) {
        const char *text = options->environment[i];
        if (!strchr(text, '=') || text[0] == '=')
            return cmd_usage_error(self, "--env: '%s' is not NAME=VALUE", text);
        if (strncmp(text, "LD_PRELOAD=", 11) == 0)
            return cmd_usage_error(self, "--env: LD_PRELOAD is what --candidate is for");
    }
    trial->environment = options->environment;
    return -1;
}

/* Each report needs a place of its own; '-' is one, too. */
static int take_reports(const struct cmd_entry *self, const struct compare_options *options)
{
    const char *places[] = {options->json, options->csv, options->markdown};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(places); i++)
        for (size_t j = 0; places[i] && j < i; j++)
            if (places[j] && strcmp(places[i], places[j]) == 0)
                return cmd_usage_error(self, "two reports cannot both go to '%s'", places[i]);
    return -1;
}

int compare_request_make(const struct cmd_entry *self, const struct compare_options *options,
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
        status = take_timing(self, options, &request->plan.trial);
    if (status < 0)
        status = take_server(self, options, request);
    if (status < 0)
        status = take_pickers(self, options, request);
    if (status < 0)
        status = take_environment(self, options, &request->plan.trial);
    if (status < 0)
        status = take_reports(self, options);
    return status;
}

void compare_request_free(struct compare_request *request)
{
    for (size_t i = 0; i < request->plan.trial.phase_count; i++)
        free((char *)request->phases[i].name);
    for (size_t i = 0; i < request->plan.trial.picker_count; i++)
        picker_free(&request->pickers[i]);
}
