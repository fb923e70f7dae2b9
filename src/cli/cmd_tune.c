/* SPDX-License-Identifier: MIT */
/* `shale tune`: which settings of an allocator serve a program best? Layer 6. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/gate_failure.h"
#include "cli/gate_options.h"
#include "cli/output.h"
#include "gate/tune_report.h"
#include "measure/duration.h"
#include "measure/outfile.h"

/* The program and its plan are read as the gate's; what is tuned is its candidate. */
struct tune_options {
    struct gate_options gate;
    char *objective;
    const char **settings;
    int only_settings;
};

static struct tune_options tune_options = {
    .gate = {.pairs = TUNE_PAIRS_DEFAULT, .program = PROGRAM_OPTIONS_INIT},
};

static const struct poptOption tune_option_table[] = {
    {"allocator", 'a', POPT_ARG_STRING, &tune_options.gate.candidate, 0,
     "What to tune: [VARIABLE=VALUE...] NAME, NAME@VERSION or a path", "ALLOCATOR"},
    {"objective", 'o', POPT_ARG_STRING, &tune_options.objective, 0,
     "latency, rss, or both, which are then traded against each other (both)", "OBJECTIVE"},
    {"setting", 's', POPT_ARG_ARGV, &tune_options.settings, 0,
     "Try this too: NAME=VALUE, several apart by blanks; may be repeated", "SETTING"},
    {"only-settings", '\0', POPT_ARG_NONE, &tune_options.only_settings, 0,
     "Try what --setting says alone", NULL},
    {"pairs", 'n', POPT_ARG_INT, &tune_options.gate.pairs, 0, "Pairs of runs of each finalist (12)",
     "N"},
    {"plan", 'p', POPT_ARG_STRING, &tune_options.gate.plan, 0,
     "Read program, load and metrics from a gate's plan; its candidate is tuned", "FILE"},
    PROGRAM_OPTION_ROWS(tune_options.gate.program),
    {"metric", 'm', POPT_ARG_ARGV, &tune_options.gate.metrics, 0,
     "Latency is this number of the output, less is better; +NAME: more is better; may be repeated",
     "[+]NAME=PATTERN"},
    {"json", '\0', POPT_ARG_STRING, &tune_options.gate.json, 0,
     "Write everything, raw samples too, as JSON; - is stdout", "FILE"},
    {"markdown", '\0', POPT_ARG_STRING, &tune_options.gate.markdown, 0,
     "Write a section for a pull request; - is stdout", "FILE"},
    {"html", '\0', POPT_ARG_STRING, &tune_options.gate.html, 0, "Write one page; - is stdout",
     "FILE"},
    {"quiet", 'q', POPT_ARG_NONE, &tune_options.gate.quiet, 0, "No progress on stderr", NULL},
    POPT_TABLEEND,
};

/* ------------------------------------------------------------------------------- progress */

struct progress {
    bool on_terminal;
    size_t said; /* plain lines: one per round */
};

static void show_progress(bool final, const struct compare_progress *progress, void *context)
{
    struct progress *shown = context;
    const char *stage = final ? "final" : "screening";
    char left[32];
    size_t line = 2 * progress->round + final + 1;
    duration_text(progress->left_s, left, sizeof left);
    if (!shown->on_terminal && line == shown->said)
        return;
    shown->said = line;
    fprintf(stderr, "%s%s, pair %zu of %zu: %s", shown->on_terminal ? "\r\033[K" : "", stage,
            progress->round + 1, progress->rounds,
            progress->warmup ? "warming up" : progress->label);
    if (isfinite(progress->left_s))
        fprintf(stderr, ", about %s left", left);
    if (!shown->on_terminal)
        fputc('\n', stderr);
    fflush(stderr);
}

/* --------------------------------------------------------------------------------- reports */

static int write_json(const void *report, FILE *out)
{
    return outfile_json(tune_report_json(report), out);
}

static int write_markdown(const void *report, FILE *out)
{
    tune_report_markdown(report, out);
    return SHALE_OK;
}

static int write_html(const void *report, FILE *out)
{
    tune_report_html(report, out);
    return SHALE_OK;
}

enum { OUTPUTS = 3 };

static void list_outputs(const struct tune_options *options, struct output outputs[OUTPUTS])
{
    outputs[0] = (struct output){options->gate.json, write_json};
    outputs[1] = (struct output){options->gate.markdown, write_markdown};
    outputs[2] = (struct output){options->gate.html, write_html};
}

static int write_reports(const struct cmd_entry *self, const struct tune_options *options,
                         const struct tune_report *report)
{
    struct output outputs[OUTPUTS];
    list_outputs(options, outputs);
    if (!output_any_is_stdout(outputs, OUTPUTS))
        tune_report_text(report, stdout);
    return output_write_all(self, outputs, OUTPUTS, report);
}

/* --------------------------------------------------------------------------------- command */

static int take_objective(const struct cmd_entry *self, const char *text,
                          enum tune_objective *objective)
{
    *objective = TUNE_BOTH;
    for (int i = TUNE_LATENCY; text && i <= TUNE_BOTH; i++)
        if (strcmp(text, tune_objective_name((enum tune_objective)i)) == 0) {
            *objective = (enum tune_objective)i;
            return -1;
        }
    return text ? cmd_usage_error(self, "--objective: '%s' is not latency, rss or both", text) : -1;
}

static int take_settings(const struct cmd_entry *self, const struct tune_options *options,
                         struct setting settings[RACERS_MAX], struct tune_order *order)
{
    order->own = settings;
    for (const char **text = options->settings; text && *text; text++) {
        if (order->own_count == RACERS_MAX)
            return cmd_usage_error(self, "--setting: at most %d", RACERS_MAX);
        if (!setting_parse(*text, &settings[order->own_count++]))
            return cmd_usage_error(self, "--setting: '%.80s' is not NAME=VALUE, or too long",
                                   *text);
    }
    order->own_only = options->only_settings;
    if (order->own_only && order->own_count == 0)
        return cmd_usage_error(self, "--only-settings without --setting leaves nothing to try");
    return -1;
}

/* The gate asks for two sides; here both are the one that is tuned. */
static int check_plan(const struct cmd_entry *self, const struct tune_options *options,
                      struct gate_plan *plan)
{
    char reason[512];
    if (!plan->candidate.allocator)
        return cmd_usage_error(self, "--allocator is missing; 'shale run --list' shows what this "
                                     "machine has");
    plan->baseline = plan->candidate;
    if (plan->candidate.setting.argv)
        plan->trial.argv = plan->candidate.setting.argv;
    if (gate_plan_check(plan, reason, sizeof reason) != SHALE_OK)
        return cmd_usage_error(self, "%s", reason);
    if (options->gate.pairs < TUNE_PAIRS_MIN || options->gate.pairs > STATS_PAIRS_MAX)
        return cmd_usage_error(self,
                               "--pairs: %d is not between %d, below which nothing can be "
                               "shown, and %d",
                               options->gate.pairs, TUNE_PAIRS_MIN, STATS_PAIRS_MAX);
    return -1;
}

static int search(const struct cmd_entry *self, const struct tune_options *options,
                  struct tune_order *order, struct tune_result *result)
{
    struct progress progress = {.on_terminal = isatty(STDERR_FILENO)};
    struct gate_failure failure;
    const volatile sig_atomic_t *cancel = output_catch_signals();
    order->cancel = cancel;
    order->progress = options->gate.quiet ? NULL : show_progress;
    order->context = &progress;
    int error = tune_run(order, result, &failure);
    if (progress.on_terminal && !options->gate.quiet)
        fputs("\r\033[K", stderr);
    if (error == SHALE_ECANCELED) {
        cmd_error(self, "interrupted by signal %d; every process of it was ended, nothing written",
                  (int)*cancel);
        return 128 + (int)*cancel;
    }
    if (error)
        return gate_failure_report(self, &failure, error);
    const struct tune_report report = {order->plan, result, order->objective};
    return write_reports(self, options, &report);
}

static int tune(const struct cmd_entry *self, struct tune_options *options, const char **argv,
                struct gate_plan *plan)
{
    static struct tune_result result; /* too large for a stack */
    struct setting settings[RACERS_MAX];
    struct output outputs[OUTPUTS];
    struct tune_order order = {.plan = plan};
    int status = gate_options_plan(self, &options->gate, argv, plan);
    if (status < 0)
        status = take_objective(self, options->objective, &order.objective);
    if (status < 0)
        status = take_settings(self, options, settings, &order);
    if (status < 0)
        status = check_plan(self, options, plan);
    list_outputs(options, outputs);
    if (status < 0 && (status = output_probe_all(self, outputs, OUTPUTS)) == CMD_EXIT_OK) {
        order.pairs = (size_t)options->gate.pairs;
        status = search(self, options, &order, &result);
        tune_result_free(&result);
    }
    return status;
}

static int run_tune(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    static struct gate_plan plan; /* too large for a stack */
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = tune(self, &tune_options, rest, &plan);
    gate_plan_free(&plan);
    poptFreeContext(context);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "Searched; whether a setting is better is in the table, not in the status"},
    {CMD_EXIT_USAGE, "Wrong arguments"},
    {CMD_EXIT_DATA, "The plan cannot be read, the program does not run, or there is nothing to "
                    "try"},
    {CMD_EXIT_UNAVAILABLE, "The allocator is missing, or cannot be used"},
    {CMD_EXIT_INTERNAL, "Our own failure"},
    {CMD_EXIT_IO, "A report could not be written"},
    {130, "Interrupted (128 and the signal's number)"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale tune -a jemalloc -- python3 -c 'print(len(sorted(range(10**6))))'",
     "Which settings of jemalloc trade this program's memory and time best?"},
    {"shale tune -a mimalloc -o rss --ready TCP:7001 --load 'redis-benchmark -p 7001 -q -t set "
     "-n 100000 -r 100000' --then 'flushed=redis-cli -p 7001 flushall' -- redis-server --port "
     "7001 --save ''",
     "With which settings has a server the least memory, loaded and after?"},
    {"shale tune -a system -s 'MALLOC_ARENA_MAX=4' -s 'MALLOC_ARENA_MAX=4 "
     "MALLOC_TRIM_THRESHOLD_=1048576' --only-settings -- ./program",
     "Two settings of one's own"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"HOW IT SEARCHES",
     "Screening: every setting that is known of the allocator, and every --setting, 6 pairs each "
     "with the allocator as it comes; at most 8 in all.\n"
     "Final: the best of those for each objective, and their combinations, paired anew. What is "
     "told of a finalist comes from the final alone: the best of many owes a part of its lead to "
     "luck.\n"
     "A setting under which the program fails drops out, and why is told.\n"},
    {"THE TABLE",
     "latency: the metrics, or without one the wall time of CMD or its load; of the allocator as "
     "it comes, with an interval of 95 % over all finalists together.\n"
     "RSS: the mean over the figures of memory that `shale gate` judges.\n"
     "front: nothing else is shown to be better in one without being worse in the other.\n"
     "best: on the front, and better than the allocator as it comes; of several the one with the "
     "least product.\n"},
    {NULL, NULL},
};

const struct cmd_entry cmd_tune = {
    .name = "tune",
    .summary = "find the settings of an allocator that serve a program best",
    .synopsis = "--allocator ALLOCATOR [--objective OBJECTIVE] [OPTION...] -- CMD [ARGUMENT...]",
    .description =
        "Runs CMD under one allocator with each of its settings, in interleaved pairs with the "
        "allocator as it comes, and tells which give less latency, less memory, or a better trade "
        "of both.\n"
        "\n"
        "Settings are environment variables: of mimalloc, jemalloc, TCMalloc, glibc and Shale the "
        "usual ones are known; --setting adds others.",
    .options = tune_option_table,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run_tune,
};
