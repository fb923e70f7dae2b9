/* SPDX-License-Identifier: MIT */
/* `shale compare`: what allocators do to a program's time, CPU and memory. Layer 6. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/compare_options.h"
#include "cli/output.h"
#include "measure/compare.h"
#include "measure/compare_report.h"
#include "measure/duration.h"

enum { EXIT_MEASURED_FAILED = 1 };

/* The number of the signal that asked us to end; the launcher and all waits look at it. */
static const volatile sig_atomic_t *cancelled_by;

/* ------------------------------------------------------------------------------- progress */

struct progress {
    bool on_terminal;
    size_t round_said; /* plain lines: one per round */
};

static void format_left(double seconds, char *text, size_t size)
{
    char left[32];
    duration_text(seconds, left, sizeof left);
    text[0] = '\0';
    if (isfinite(seconds))
        snprintf(text, size, ", about %s left", left);
}

static void show_progress(const struct compare_progress *progress, void *context)
{
    struct progress *shown = context;
    char left[48];
    format_left(progress->left_s, left, sizeof left);
    if (shown->on_terminal && progress->warmup)
        fprintf(stderr, "\r\033[Kwarming up: %s", progress->label);
    else if (shown->on_terminal)
        fprintf(stderr, "\r\033[Kpair %zu of %zu, run %zu of %zu: %s%s", progress->round + 1,
                progress->rounds, progress->run + 1, progress->runs, progress->label, left);
    else if (progress->warmup)
        fprintf(stderr, "warming up: %s\n", progress->label);
    else if (shown->round_said != progress->round + 1)
        fprintf(stderr, "pair %zu of %zu%s\n", progress->round + 1, progress->rounds, left);
    if (!progress->warmup)
        shown->round_said = progress->round + 1;
    fflush(stderr);
}

static void end_progress(const struct progress *shown)
{
    if (shown->on_terminal)
        fprintf(stderr, "\r\033[K");
}

/* ------------------------------------------------------------------------------- failures */

static int trial_status(const struct trial_failure *trial)
{
    switch (trial->stage) {
    case TRIAL_LAUNCH:
        if (trial->launch.stage == LAUNCH_STAGE_FIND || trial->launch.stage == LAUNCH_STAGE_EXEC)
            return launch_failure_status(&trial->launch);
        return trial->launch.stage == LAUNCH_STAGE_START ? CMD_EXIT_INTERNAL : CMD_EXIT_UNAVAILABLE;
    case TRIAL_PORT_BUSY:
        return CMD_EXIT_UNAVAILABLE;
    case TRIAL_FIGURE:
        return CMD_EXIT_DATA;
    case TRIAL_INTERNAL:
        return CMD_EXIT_INTERNAL;
    default:
        return EXIT_MEASURED_FAILED;
    }
}

static void print_output_tail(const char *output)
{
    if (!output[0])
        return;
    fprintf(stderr, "The end of its output:\n");
    for (const char *line = output; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "  | %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static int report_run_failure(const struct cmd_entry *self, const struct compare_failure *failure)
{
    const struct trial_failure *trial = &failure->trial;
    char where[64] = "the warm-up";
    if (trial->stage == TRIAL_CANCELLED) {
        cmd_error(self, "interrupted by signal %d; every process of it was ended, nothing written",
                  (int)*cancelled_by);
        return 128 + (int)*cancelled_by;
    }
    if (!failure->warmup)
        snprintf(where, sizeof where, "pair %zu", failure->round + 1);
    cmd_error(self, "cannot measure %s (%s): %s%s%s", failure->request, where, trial->text,
              trial->remedy[0] ? "; try " : "", trial->remedy);
    print_output_tail(trial->output);
    return trial_status(trial);
}

static int report_failure(const struct cmd_entry *self, const struct compare_failure *failure)
{
    switch (failure->stage) {
    case COMPARE_STAGE_ALLOCATOR:
        cmd_error(self, "cannot use '%s': %s", failure->request, failure->text);
        return CMD_EXIT_UNAVAILABLE;
    case COMPARE_STAGE_RUN:
        return report_run_failure(self, failure);
    default:
        cmd_error(self, "cannot compare: %s", shale_strerror(failure->error));
        return CMD_EXIT_INTERNAL;
    }
}

/* -------------------------------------------------------------------------------- reports */

static int write_json(const void *report, FILE *out)
{
    return compare_write_json(report, out);
}

static int write_csv(const void *report, FILE *out)
{
    compare_write_csv(report, out);
    return SHALE_OK;
}

static int write_markdown(const void *report, FILE *out)
{
    compare_write_markdown(report, out);
    return SHALE_OK;
}

enum { OUTPUTS = 3 };

static void list_outputs(const struct compare_options *options, struct output outputs[OUTPUTS])
{
    outputs[0] = (struct output){options->json, write_json};
    outputs[1] = (struct output){options->csv, write_csv};
    outputs[2] = (struct output){options->markdown, write_markdown};
}

/* --------------------------------------------------------------------------------- command */

#ifdef SHALE_HAS_GATE
static int probe_history(const struct cmd_entry *self, const struct compare_options *options)
{
    return history_options_probe(self, &options->history);
}

static int keep_in_history(const struct cmd_entry *self, const struct compare_options *options,
                           const struct compare_report *report)
{
    return history_options_keep(self, &options->history, compare_json(report), NULL);
}
#else
static int probe_history(const struct cmd_entry *self, const struct compare_options *options)
{
    return CMD_EXIT_OK;
}

static int keep_in_history(const struct cmd_entry *self, const struct compare_options *options,
                           const struct compare_report *report)
{
    return CMD_EXIT_OK;
}
#endif

static int compare(const struct cmd_entry *self, const struct compare_options *options,
                   struct compare_plan *plan)
{
    struct progress progress = {.on_terminal = isatty(STDERR_FILENO)};
    struct comparison_set set;
    struct compare_failure failure;
    struct output outputs[OUTPUTS];
    list_outputs(options, outputs);
    int status = output_probe_all(self, outputs, OUTPUTS);
    if (status == CMD_EXIT_OK)
        status = probe_history(self, options);
    if (status != CMD_EXIT_OK)
        return status;
    plan->progress = options->quiet ? NULL : show_progress;
    plan->context = &progress;
    plan->trial.cancel = cancelled_by = output_catch_signals();
    int error = compare_run(plan, &set, &failure);
    if (!options->quiet)
        end_progress(&progress);
    if (error)
        return report_failure(self, &failure);
    struct compare_report report;
    compare_report_init(&report, plan, &set, options->program.ready);
    if (!output_any_is_stdout(outputs, OUTPUTS))
        compare_write_text(&report, stdout);
    int kept = keep_in_history(self, options, &report);
    status = output_write_all(self, outputs, OUTPUTS, &report);
    status = status == CMD_EXIT_OK ? kept : status;
    compare_free(&set);
    return status;
}

static int run_compare(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    static struct compare_request request; /* too large for a stack */
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = compare_request_make(self, &compare_options, rest, &request);
    if (status < 0)
        status = compare(self, &compare_options, &request.plan);
    compare_request_free(&request);
    poptFreeContext(context);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "Compared; whether anything differs is in the table, not in the status"},
    {EXIT_MEASURED_FAILED, "The program, its load, --prepare or --then failed, or took too long"},
    {CMD_EXIT_USAGE, "Wrong arguments"},
    {CMD_EXIT_DATA, "A --metric found nothing in the output"},
    {CMD_EXIT_UNAVAILABLE,
     "An allocator is missing, cannot be used, or was not proven; or the port is in use"},
    {CMD_EXIT_INTERNAL, "Our own failure"},
    {CMD_EXIT_IO, "A report could not be written; nothing of it was left behind"},
    {CMD_EXIT_NOT_EXECUTABLE, "The program cannot be executed"},
    {CMD_EXIT_NOT_FOUND, "There is no such program"},
    {130, "Interrupted (128 and the signal's number)"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale compare --baseline system --candidate jemalloc --candidate mimalloc -- "
     "sqlite3 :memory: '.read index.sql'",
     "A program that runs to its end, under three allocators"},
    {"shale compare -b system -c jemalloc --ready TCP:7001 --load 'redis-benchmark -p 7001 -q "
     "-t set,get -n 100000' --then 'flushed=redis-cli -p 7001 flushall' -- "
     "redis-server --port 7001 --save ''",
     "A server under load: RSS when loaded, and after everything was deleted"},
    {"shale compare -b mimalloc -c 'MIMALLOC_PURGE_DELAY=0 mimalloc' -- "
     "python3 -c 'sorted(range(1000000))'",
     "Two settings of one allocator"},
    {"shale compare -b system -c system -- python3 -c 'sorted(range(1000000))'",
     "The machine against itself: how small a difference can it show?"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"HOW IT MEASURES",
     "After one warm-up run per allocator, pairs of runs alternate: baseline, candidate, then "
     "candidate, baseline. What drifts over the minutes falls out that way. The baseline is also "
     "paired with itself: the A/A check. If that shows a difference, the machine was not steady.\n"
     "\n"
     "Each run is proven to be served by its allocator before the program's first instruction; "
     "one that is not ends the comparison with an error.\n"},
    {"READING THE TABLE",
     "ratio: candidate / baseline, the Hodges-Lehmann estimate over all pairs; below 1 is less.\n"
     "95 % interval: where the ratio lies, by Wilcoxon's signed-rank test, exact up to 25 pairs.\n"
     "detects: the smallest difference that so many pairs with this spread would show, about 4 "
     "times of 5.\n"
     "lower, higher: shown, also after Holm's adjustment over that candidate's figures.\n"
     "lower alone, higher alone: would count if it were the only figure; measure more pairs.\n"
     "no difference shown: not the same as equal; see 'detects'.\n"},
    {"FIGURES",
     "wall time: from the moment the proven program is let go to its end; with --load, of the "
     "load.\n"
     "user+sys time: of the program, its threads and the children it waited for.\n"
     "peak RSS: the highest sum over the whole process tree that was sampled, VmHWM of a single "
     "process, or the kernel's ru_maxrss.\n"
     "steady RSS: the median over the second half of the run.\n"
     "RSS loaded, RSS NAME, RSS idle: after the load, after each --then, after --idle.\n"},
    {NULL, NULL},
};

const struct cmd_entry cmd_compare = {
    .name = "compare",
    .summary = "measure a program under several allocators, side by side",
    .synopsis = "--baseline ALLOCATOR --candidate ALLOCATOR... [OPTION...] -- CMD [ARGUMENT...]",
    .description =
        "Runs CMD again and again under each allocator, in interleaved pairs, and says what each "
        "candidate does to its time, CPU, page faults and memory compared with the baseline: "
        "ratios with 95 % intervals, and what could not be told apart.\n"
        "\n"
        "An allocator is NAME, NAME@VERSION or a path, as 'shale run --list' shows them; 'system' "
        "is the C library's own. With --load CMD is a server: it is started, loaded, read and "
        "stopped once per run.",
    .options = compare_option_table,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run_compare,
};
