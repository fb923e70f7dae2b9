/* SPDX-License-Identifier: MIT */
/* Reads the options of `shale gate`. Layer 6. */
#include "cli/gate_options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "measure/duration.h"

enum { NOT_GIVEN = INT_MIN };

struct gate_options gate_options = {.pairs = NOT_GIVEN};

const struct poptOption gate_option_table[] = {
    {"plan", 'p', POPT_ARG_STRING, &gate_options.plan, 0,
     "Read what to do from this file; options and CMD come on top", "FILE"},
    {"baseline", 'b', POPT_ARG_STRING, &gate_options.baseline, 0,
     "What is in use today: NAME, NAME@VERSION or a path", "ALLOCATOR"},
    {"candidate", 'c', POPT_ARG_STRING, &gate_options.candidate, 0, "What is to replace it",
     "ALLOCATOR"},
    {"baseline-cmd", '\0', POPT_ARG_STRING, &gate_options.baseline_command, 0,
     "Today's build of the program, where the two sides are builds (words, quotes as in sh)",
     "CMD"},
    {"candidate-cmd", '\0', POPT_ARG_STRING, &gate_options.candidate_command, 0,
     "The build that is to replace it", "CMD"},
    {"load", 'l', POPT_ARG_STRING, &gate_options.load, 0,
     "CMD is a server; run this (by sh) against it", "COMMAND"},
    {"ready", 'r', POPT_ARG_STRING, &gate_options.ready, 0,
     "When the server is ready: TCP:PORT, TCP:HOST:PORT, a file, or seconds", "CONDITION"},
    {"then", '\0', POPT_ARG_ARGV, &gate_options.then, 0,
     "After the load run this too and read memory again; may be repeated", "NAME=COMMAND"},
    {"metric", 'm', POPT_ARG_ARGV, &gate_options.metrics, 0,
     "Judge a number of the output, less is better; +NAME: more is better; may be repeated",
     "[+]NAME=PATTERN"},
    {"smoke", '\0', POPT_ARG_STRING, &gate_options.smoke, 0, "The program's own tests, by sh",
     "COMMAND"},
    {"pairs", 'n', POPT_ARG_INT, &gate_options.pairs, 0, "At most so many pairs of runs (24)", "N"},
    {"soak", '\0', POPT_ARG_STRING, &gate_options.soak, 0, "How long to soak: 90s, 10m, 8h (2h)",
     "TIME"},
    {"quick", 'q', POPT_ARG_NONE, &gate_options.quick, 0,
     "Minutes: 10 pairs, 8 loads, 1 smoke run, a soak of a minute", NULL},
    {"skip", '\0', POPT_ARG_ARGV, &gate_options.skip, 0,
     "Leave this phase out: smoke, leaks, stress, benchmark, soak; may be repeated", "PHASE"},
    {"only", '\0', POPT_ARG_ARGV, &gate_options.only, 0, "Leave all others out; may be repeated",
     "PHASE"},
    {"json", '\0', POPT_ARG_STRING, &gate_options.json, 0,
     "Write everything as JSON, after each phase; - is stdout, at the end", "FILE"},
    {"resume", '\0', POPT_ARG_NONE, &gate_options.resume, 0,
     "Go on where the gate that wrote the --json file was interrupted", NULL},
    {"junit", '\0', POPT_ARG_STRING, &gate_options.junit, 0, "Write JUnit XML; - is stdout",
     "FILE"},
    {"markdown", '\0', POPT_ARG_STRING, &gate_options.markdown, 0,
     "Write a section for a pull request; - is stdout", "FILE"},
    {"html", '\0', POPT_ARG_STRING, &gate_options.html, 0, "Write one page; - is stdout", "FILE"},
    {"prometheus", '\0', POPT_ARG_STRING, &gate_options.prometheus, 0,
     "Write text for the node exporter's textfile collector; - is stdout", "FILE"},
    {"github", '\0', POPT_ARG_NONE, &gate_options.github, 0,
     "Print GitHub annotations on stdout, beside the table", NULL},
    {"init", '\0', POPT_ARG_STRING, &gate_options.init, 0,
     "Write a plan with comments, filled in from the command line, and end; - is stdout", "FILE"},
    {"rollback-to", '\0', POPT_ARG_STRING, &gate_options.rollback_to, 0,
     "Print the steps that put this baseline back in the candidate's place, and end", "ALLOCATOR"},
    {"quiet", '\0', POPT_ARG_NONE, &gate_options.quiet, 0, "No progress on stderr", NULL},
    POPT_TABLEEND,
};

/* Splits words as sh does, without expanding anything. */
static int take_command(const struct cmd_entry *self, const char *option, const char *text,
                        struct gate_plan *plan, const char *const **argv)
{
    int count;
    const char **words;
    if (!text)
        return -1;
    int error = poptParseArgvString(text, &count, &words);
    if (error)
        return cmd_usage_error(self, "--%s: '%s': %s", option, text, poptStrerror(error));
    if (!gate_plan_own(plan, words)) {
        cmd_error(self, "out of memory");
        return CMD_EXIT_INTERNAL;
    }
    *argv = words;
    return -1;
}

static int phase_of(const char *name)
{
    for (int phase = GATE_SMOKE; phase < GATE_PHASES; phase++)
        if (strcmp(name, gate_phase_name((enum gate_phase)phase)) == 0)
            return phase;
    return -1;
}

static int take_phases(const struct cmd_entry *self, const struct gate_options *options,
                       struct gate_plan *plan)
{
    for (size_t i = GATE_SMOKE; options->only && i < GATE_PHASES; i++)
        plan->skip[i] = true;
    for (const char **name = options->only; name && *name; name++) {
        int phase = phase_of(*name);
        if (phase < 0)
            return cmd_usage_error(self, "--only: there is no phase '%s'", *name);
        plan->skip[phase] = false;
    }
    for (const char **name = options->skip; name && *name; name++) {
        int phase = phase_of(*name);
        if (phase < 0)
            return cmd_usage_error(self, "--skip: there is no phase '%s'", *name);
        plan->skip[phase] = true;
    }
    return -1;
}

static int take_then(const struct cmd_entry *self, const struct gate_options *options,
                     struct gate_plan *plan)
{
    for (const char **text = options->then; text && *text; text++) {
        const char *equals = strchr(*text, '=');
        if (!picker_valid_name(*text, '=') || !equals[1])
            return cmd_usage_error(
                self, "--then: '%s' is not NAME=COMMAND with a NAME of lower case letters", *text);
        if (plan->trial.phase_count == GATE_THEN_MAX)
            return cmd_usage_error(self, "--then: at most %d", GATE_THEN_MAX);
        char *name = strndup(*text, (size_t)(equals - *text));
        if (!gate_plan_own(plan, name))
            return CMD_EXIT_INTERNAL;
        plan->phases[plan->trial.phase_count++] = (struct trial_phase){name, equals + 1};
    }
    return -1;
}

static int take_metrics(const struct cmd_entry *self, const struct gate_options *options,
                        struct gate_plan *plan)
{
    for (const char **text = options->metrics; text && *text; text++) {
        char reason[512];
        bool more = **text == '+';
        size_t index = plan->trial.picker_count;
        if (index == GATE_METRICS_MAX)
            return cmd_usage_error(self, "--metric: at most %d", GATE_METRICS_MAX);
        if (picker_parse(*text + more, &plan->pickers[index], reason, sizeof reason) != SHALE_OK)
            return cmd_usage_error(self, "--metric: %s", reason);
        plan->metrics[index] = (struct gate_metric){GATE_PERFORMANCE, more};
        plan->trial.picker_count++;
    }
    return -1;
}

static int take_server(const struct cmd_entry *self, const struct gate_options *options,
                       struct gate_plan *plan)
{
    char reason[512];
    if (options->load)
        plan->trial.load = options->load;
    if (!options->ready)
        return -1;
    plan->ready = options->ready;
    if (ready_parse(options->ready, &plan->trial.ready, reason, sizeof reason) != SHALE_OK)
        return cmd_usage_error(self, "--ready: %s", reason);
    return -1;
}

static int take_amounts(const struct cmd_entry *self, const struct gate_options *options,
                        struct gate_plan *plan)
{
    if (options->quick)
        gate_plan_quicken(plan);
    if (options->pairs != NOT_GIVEN)
        plan->pairs_max = options->pairs;
    if (options->soak && !duration_parse(options->soak, &plan->soak_s))
        return cmd_usage_error(self, "--soak: '%s' is no time; write 90s, 10m or 8h",
                               options->soak);
    if (options->smoke)
        plan->smoke.command = options->smoke;
    return -1;
}

static int take_sides(const struct cmd_entry *self, const struct gate_options *options,
                      const char **argv, struct gate_plan *plan)
{
    if (argv[0])
        plan->trial.argv = argv;
    if (options->baseline)
        plan->baseline.allocator = options->baseline;
    if (options->candidate)
        plan->candidate.allocator = options->candidate;
    /* Two builds are compared under one allocator, unless two are asked for. */
    if (options->candidate_command && !plan->candidate.allocator)
        plan->candidate.allocator = plan->baseline.allocator;
    int status = take_command(self, "baseline-cmd", options->baseline_command, plan,
                              &plan->baseline.setting.argv);
    if (status < 0)
        status = take_command(self, "candidate-cmd", options->candidate_command, plan,
                              &plan->candidate.setting.argv);
    return status;
}

static int load(const struct cmd_entry *self, const struct gate_options *options,
                struct gate_plan *plan)
{
    char reason[1024];
    if (!options->plan) {
        gate_plan_defaults(plan);
        return -1;
    }
    int error = gate_plan_load(options->plan, plan, reason, sizeof reason);
    if (!error)
        return -1;
    cmd_error(self, "cannot read the plan '%s': %s%s", options->plan, reason,
              error == SHALE_ENOENT ? "; try --init to write one" : "");
    return error == SHALE_ENOMEM ? CMD_EXIT_INTERNAL : CMD_EXIT_DATA;
}

int gate_options_plan(const struct cmd_entry *self, const struct gate_options *options,
                      const char **argv, struct gate_plan *plan)
{
    int status = load(self, options, plan);
    if (status < 0)
        status = take_amounts(self, options, plan);
    if (status < 0)
        status = take_sides(self, options, argv, plan);
    if (status < 0)
        status = take_server(self, options, plan);
    if (status < 0)
        status = take_then(self, options, plan);
    if (status < 0)
        status = take_metrics(self, options, plan);
    if (status < 0)
        status = take_phases(self, options, plan);
    return status;
}
