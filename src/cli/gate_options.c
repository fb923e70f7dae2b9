/* SPDX-License-Identifier: MIT */
/* Reads the options of `shale gate`. Layer 6. */
#include "cli/gate_options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "measure/duration.h"

struct gate_options gate_options = {.pairs = GATE_OPTIONS_NOT_GIVEN,
                                    .program = PROGRAM_OPTIONS_INIT};

const struct poptOption gate_option_table[] = {
    {"plan", 'p', POPT_ARG_STRING, &gate_options.plan, 0,
     "Read what to do from this file; options and CMD come on top", "FILE"},
    {"baseline", 'b', POPT_ARG_STRING, &gate_options.baseline, 0,
     "What is in use today: [VARIABLE=VALUE...] NAME, NAME@VERSION or a path", "ALLOCATOR"},
    {"candidate", 'c', POPT_ARG_STRING, &gate_options.candidate, 0, "What is to replace it",
     "ALLOCATOR"},
    {"baseline-cmd", '\0', POPT_ARG_STRING, &gate_options.baseline_command, 0,
     "Today's build of the program, where the two sides are builds (words, quotes as in sh)",
     "CMD"},
    {"candidate-cmd", '\0', POPT_ARG_STRING, &gate_options.candidate_command, 0,
     "The build that is to replace it", "CMD"},
    PROGRAM_OPTION_ROWS(gate_options.program),
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
    HISTORY_OPTION_ROWS(gate_options.history),
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

/* The plan's variables, then the command line's. */
static int join_environment(const struct cmd_entry *self, const char *const *more,
                            struct gate_plan *plan)
{
    const char *const *own = plan->trial.environment;
    size_t count = 0;
    size_t size = 1;
    for (size_t i = 0; own && own[i]; i++)
        size++;
    for (size_t i = 0; more && more[i]; i++)
        size++;
    const char **joined = more ? calloc(size, sizeof *joined) : NULL;
    if (!more)
        return -1;
    if (!gate_plan_own(plan, joined)) {
        cmd_error(self, "out of memory");
        return CMD_EXIT_INTERNAL;
    }
    for (size_t i = 0; own && own[i]; i++)
        joined[count++] = own[i];
    for (size_t i = 0; more[i]; i++)
        joined[count++] = more[i];
    plan->trial.environment = joined;
    return -1;
}

static int take_program(const struct cmd_entry *self, struct gate_options *options,
                        struct gate_plan *plan)
{
    int status =
        program_options_take(self, &options->program, &plan->trial, plan->phases, GATE_THEN_MAX);
    if (status < 0)
        status = join_environment(self, options->program.environment, plan);
    if (options->program.ready)
        plan->ready = options->program.ready;
    return status;
}

static int take_amounts(const struct cmd_entry *self, const struct gate_options *options,
                        struct gate_plan *plan)
{
    if (options->quick)
        gate_plan_quicken(plan);
    if (options->pairs != GATE_OPTIONS_NOT_GIVEN)
        plan->pairs_max = options->pairs;
    if (options->soak && !duration_parse(options->soak, &plan->soak_s))
        return cmd_usage_error(self, "--soak: '%s' is no time; write 90s, 10m or 8h",
                               options->soak);
    if (options->smoke)
        plan->smoke.command = options->smoke;
    return -1;
}

/* A side of the command line takes the place of the plan's, with its setting. */
static int take_side(const struct cmd_entry *self, const char *option, const char *text,
                     struct request *storage, struct gate_side *side)
{
    if (!text)
        return -1;
    int status = program_options_side(self, option, text, storage);
    const char *const *argv = side->setting.argv;
    *side = (struct gate_side){storage->allocator, storage->setting};
    side->setting.argv = argv;
    return status;
}

static int take_sides(const struct cmd_entry *self, struct gate_options *options, const char **argv,
                      struct gate_plan *plan)
{
    if (argv[0])
        plan->trial.argv = argv;
    int status =
        take_side(self, "baseline", options->baseline, &options->sides[0], &plan->baseline);
    if (status < 0)
        status =
            take_side(self, "candidate", options->candidate, &options->sides[1], &plan->candidate);
    /* Two builds are compared under one allocator, unless two are asked for. */
    if (options->candidate_command && !plan->candidate.allocator)
        plan->candidate.allocator = plan->baseline.allocator;
    if (status < 0)
        status = take_command(self, "baseline-cmd", options->baseline_command, plan,
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

int gate_options_plan(const struct cmd_entry *self, struct gate_options *options, const char **argv,
                      struct gate_plan *plan)
{
    int status = load(self, options, plan);
    if (status < 0)
        status = take_amounts(self, options, plan);
    if (status < 0)
        status = take_sides(self, options, argv, plan);
    if (status < 0)
        status = take_program(self, options, plan);
    if (status < 0)
        status = take_metrics(self, options, plan);
    if (status < 0)
        status = take_phases(self, options, plan);
    return status;
}
