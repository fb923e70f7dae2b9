/* SPDX-License-Identifier: MIT */
/* `shale history`: what gates and comparisons gave, over time. Layer 6. */
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "gate/history_report.h"
#include "measure/outfile.h"

enum { LAST_DEFAULT = 50 };

static struct {
    char *file, *metric, *program, *candidate, *kind, *json, *html, *prometheus;
    const char **add;
    int last;
} options = {.last = LAST_DEFAULT};

static const struct poptOption option_table[] = {
    {"metric", 'm', POPT_ARG_STRING, &options.metric, 0,
     "Show this figure over time: rss_peak_bytes, wall_s and others", "NAME"},
    {"program", '\0', POPT_ARG_STRING, &options.program, 0,
     "Only results whose command has this text in it", "TEXT"},
    {"candidate", 'c', POPT_ARG_STRING, &options.candidate, 0,
     "Only results whose candidate has this text in its name", "TEXT"},
    {"kind", '\0', POPT_ARG_STRING, &options.kind, 0, "Only gate, or only compare", "KIND"},
    {"last", 'n', POPT_ARG_INT, &options.last, 0, "The latest so many results (50)", "N"},
    {"add", '\0', POPT_ARG_ARGV, &options.add, 0,
     "Add what --json of a gate or a comparison wrote, and end; may be repeated", "FILE"},
    {"history", '\0', POPT_ARG_STRING, &options.file, 0,
     "Read this history ($XDG_STATE_HOME/shale/history.db)", "FILE"},
    {"json", '\0', POPT_ARG_STRING, &options.json, 0, "Write it as JSON; - is stdout", "FILE"},
    {"html", '\0', POPT_ARG_STRING, &options.html, 0, "Write one page; - is stdout", "FILE"},
    {"prometheus", '\0', POPT_ARG_STRING, &options.prometheus, 0,
     "Write the last gate's figures for the node exporter's textfile collector; - is stdout",
     "FILE"},
    POPT_TABLEEND,
};

static int write_json(const void *report, FILE *out)
{
    return outfile_json(history_report_json(report), out);
}

static int write_html(const void *report, FILE *out)
{
    history_report_html(report, out);
    return SHALE_OK;
}

static int write_prometheus(const void *report, FILE *out)
{
    history_report_prometheus(report, out);
    return SHALE_OK;
}

/* -------------------------------------------------------------------------------- adding */

static int add_file(const struct cmd_entry *self, struct history *history, const char *path)
{
    char reason[256];
    json_error_t wrong;
    json_t *document = json_load_file(path, 0, &wrong);
    if (!document) {
        cmd_error(self, "cannot read '%s': %s", path, wrong.text);
        return CMD_EXIT_DATA;
    }
    int error = history_add(history, document, reason, sizeof reason);
    json_decref(document);
    if (!error)
        return CMD_EXIT_OK;
    cmd_error(self, "cannot add '%s': %s", path, reason);
    return error == SHALE_EFORMAT ? CMD_EXIT_DATA : CMD_EXIT_IO;
}

static int add_files(const struct cmd_entry *self, struct history *history)
{
    int status = CMD_EXIT_OK;
    for (const char **path = options.add; path && *path && status == CMD_EXIT_OK; path++)
        status = add_file(self, history, *path);
    return status;
}

/* ------------------------------------------------------------------------------- showing */

static int check_metric(const struct cmd_entry *self, const struct history_report *report)
{
    char known[2048];
    if (!report->metric || report->point_count > 0)
        return CMD_EXIT_OK;
    history_metrics(report->history, known, sizeof known);
    cmd_error(self, "no result shown has a figure '%s'; there are: %s", report->metric, known);
    return CMD_EXIT_DATA;
}

static int show(const struct cmd_entry *self, struct history *history)
{
    struct history_report report = {
        .history = history,
        .metric = options.metric,
        .filter = {.program = options.program,
                   .candidate = options.candidate,
                   .kind = options.kind,
                   .last = (size_t)options.last},
    };
    const struct output outputs[] = {{options.json, write_json},
                                     {options.html, write_html},
                                     {options.prometheus, write_prometheus}};
    int status = CMD_EXIT_INTERNAL;
    int error = history_report_read(&report);
    if (error)
        cmd_error(self, "cannot read the history: %s", shale_strerror(error));
    else
        status = check_metric(self, &report);
    if (status == CMD_EXIT_OK) {
        if (!output_any_is_stdout(outputs, SHALE_ARRAY_LENGTH(outputs)))
            history_report_text(&report, stdout);
        status = output_write_all(self, outputs, SHALE_ARRAY_LENGTH(outputs), &report);
    }
    history_report_free(&report);
    return status;
}

static int open_and_run(const struct cmd_entry *self)
{
    char reason[256];
    struct history *history;
    int error = history_open(options.file, options.add != NULL, &history, reason, sizeof reason);
    if (error) {
        cmd_error(self, "cannot open the history%s%s: %s%s", options.file ? " " : "",
                  options.file ? options.file : "", reason,
                  error == SHALE_ENOENT ? "; shale gate and shale compare write it" : "");
        return error == SHALE_ENOENT ? CMD_EXIT_UNAVAILABLE : CMD_EXIT_DATA;
    }
    int status = options.add ? add_files(self, history) : show(self, history);
    history_close(history);
    return status;
}

static int run_history(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    if (rest[0])
        status = cmd_usage_error(self, "'%s' is no option", rest[0]);
    else if (options.last < 1)
        status = cmd_usage_error(self, "--last: %d is not above zero", options.last);
    else if (options.kind && strcmp(options.kind, "gate") != 0 &&
             strcmp(options.kind, "compare") != 0)
        status = cmd_usage_error(self, "--kind: '%s' is not gate or compare", options.kind);
    else
        status = open_and_run(self);
    poptFreeContext(context);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "Shown, or added"},
    {CMD_EXIT_USAGE, "Wrong arguments"},
    {CMD_EXIT_DATA, "The file is no history, --add no result, or --metric no figure of one"},
    {CMD_EXIT_UNAVAILABLE, "There is no history yet"},
    {CMD_EXIT_INTERNAL, "Our own failure"},
    {CMD_EXIT_IO, "A file could not be written"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale history", "What gates and comparisons gave, the latest last"},
    {"shale history --metric rss_peak_bytes --program redis --html trend.html",
     "How the peak RSS under redis developed, as a page"},
    {"shale history --add gate.json --history team.db", "Collect the results of other machines"},
    {NULL, NULL},
};

const struct cmd_entry cmd_history = {
    .name = "history",
    .summary = "show what gates and comparisons gave, over time",
    .synopsis = "[OPTION...]",
    .description =
        "Lists the results that `shale gate` and `shale compare` kept, with what is worse than at "
        "the last GO of the same program, baseline and candidate: figures whose interval "
        "lies wholly above what it was then. With --metric the figure is shown over time, and "
        "whether it rises.\n"
        "\n"
        "The history is an SQLite file of the user's own; the latest 10,000 results stay in it.",
    .options = option_table,
    .statuses = statuses,
    .examples = examples,
    .run = run_history,
};
