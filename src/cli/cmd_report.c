/* SPDX-License-Identifier: MIT */
/* `shale report`: a recorded profile in the form that its reader wants. Layer 6. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "profile/reader.h"
#include "report/diff.h"
#include "report/report.h"

enum { DIFF_STACKS = 20, FILES_MAX = 2 };

static struct {
    int formats[REPORT_FORMATS];
    int diff, no_symbols, top;
    const char *output, *table, *weight, *suppressions;
} given;

/* What is written, and how. */
struct job {
    enum report_format format;
    struct report_options options;
    const struct shale_profile_report *report;
    const struct report_diff *diff; /* NULL: report alone */
};

/* ---- writing ----------------------------------------------------------------------------------
 */

static int write_report(const void *context, FILE *out)
{
    const struct job *job = context;
    return report_write(job->report, job->format, &job->options, out);
}

static int write_diff(const void *context, FILE *out)
{
    const struct job *job = context;
    if (job->format == REPORT_CSV)
        return report_diff_csv(job->diff, out), SHALE_OK;
    if (job->format == REPORT_FLAME)
        return report_diff_flame(job->diff, job->options.weight, out);
    return report_diff_text(job->diff, job->options.weight,
                            given.top > 0 ? (unsigned)given.top : DIFF_STACKS, out);
}

/* Bytes that are no text, on somebody's terminal. */
static bool would_garble(const struct job *job)
{
    return given.output == NULL && report_format_is_binary(job->format) && isatty(STDOUT_FILENO);
}

static int check_build(const struct cmd_entry *self, enum report_format format)
{
    if (format == REPORT_HTML && !report_html_available()) {
        cmd_error(self, "this build has no dashboard: npm was missing, or could not fetch its "
                        "packages; try --text, or build it again with -Dreport_web=enabled");
        return CMD_EXIT_UNAVAILABLE;
    }
    if (format == REPORT_PPROF && !report_pprof_available()) {
        cmd_error(self, "this build writes nothing for pprof: protobuf-c or zlib was missing; try "
                        "--flame, or build it again with -Dreport_pprof=enabled");
        return CMD_EXIT_UNAVAILABLE;
    }
    return CMD_EXIT_OK;
}

static int write_job(const struct cmd_entry *self, const struct job *job)
{
    if (would_garble(job))
        return cmd_usage_error(self, "this format is no text; give it a file with -o");
    int status = check_build(self, job->format);
    if (status != CMD_EXIT_OK)
        return status;
    status = output_write(self, given.output ? given.output : "-",
                          job->diff ? write_diff : write_report, job);
    int finished = cmd_finish_output(self);
    return status == CMD_EXIT_OK ? finished : status;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int read_profile(const struct cmd_entry *self, const char *path,
                        struct shale_profile_report **report)
{
    const struct profile_read_options options = {.no_symbols = given.no_symbols != 0,
                                                 .suppressions = given.suppressions};
    struct profile_problem problem = {""};
    int error = profile_read(path, &options, report, &problem);
    if (error == 0)
        return CMD_EXIT_OK;
    cmd_error(self, "cannot read '%s': %s", path,
              problem.text[0] ? problem.text : shale_strerror(error));
    if (error == SHALE_ENOMEM)
        return CMD_EXIT_INTERNAL;
    bool malformed = error == SHALE_EFORMAT || error == SHALE_ENOTSUP;
    return malformed ? CMD_EXIT_DATA : CMD_EXIT_UNAVAILABLE;
}

static int report_one(const struct cmd_entry *self, const char *path, struct job *job)
{
    struct shale_profile_report *report = NULL;
    int status = read_profile(self, path, &report);
    if (status == CMD_EXIT_OK) {
        job->report = report;
        status = write_job(self, job);
    }
    profile_report_free(report);
    return status;
}

static int compare_two(const struct cmd_entry *self, const char *const *paths, struct job *job)
{
    struct shale_profile_report *before = NULL;
    struct shale_profile_report *after = NULL;
    int status = read_profile(self, paths[0], &before);
    if (status == CMD_EXIT_OK)
        status = read_profile(self, paths[1], &after);
    struct report_diff diff;
    if (status == CMD_EXIT_OK && report_diff_make(before, after, &diff) != 0) {
        cmd_error(self, "cannot compare: %s", shale_strerror(SHALE_ENOMEM));
        status = CMD_EXIT_INTERNAL;
    } else if (status == CMD_EXIT_OK) {
        job->diff = &diff;
        status = write_job(self, job);
        job->diff = NULL;
        report_diff_free(&diff);
    }
    profile_report_free(before);
    profile_report_free(after);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------
 */

static int choose_format(const struct cmd_entry *self, struct job *job)
{
    int chosen = 0;
    for (int format = 0; format < REPORT_FORMATS; format++)
        if (given.formats[format]) {
            job->format = (enum report_format)format;
            chosen++;
        }
    if (chosen > 1)
        return cmd_usage_error(self, "one format at a time");
    bool comparable =
        job->format == REPORT_TEXT || job->format == REPORT_CSV || job->format == REPORT_FLAME;
    if (given.diff && !comparable)
        return cmd_usage_error(self, "--diff has --text, --csv and --flame");
    return -1;
}

static int choose_details(const struct cmd_entry *self, struct job *job)
{
    job->options.table = report_table_find(given.table ? given.table : "sites");
    job->options.weight = report_weight_find(given.weight ? given.weight : "allocated");
    job->options.text.sites = given.top > 0 ? (unsigned)given.top : 0;
    job->options.text.colour =
        given.output == NULL && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    if (job->options.table == REPORT_TABLES)
        return cmd_usage_error(self,
                               "'%s' is no table; try sites, leaks, threads, flows, timeline "
                               "or sizes",
                               given.table);
    if (job->options.weight == REPORT_WEIGHTS)
        return cmd_usage_error(self,
                               "'%s' is no weight; try allocated, allocations, peak, live, "
                               "live-blocks or temporary",
                               given.weight);
    if (given.table && job->format != REPORT_CSV)
        return cmd_usage_error(self, "--table is for --csv");
    if (given.top < 0)
        return cmd_usage_error(self, "--top takes a number from 1");
    return -1;
}

static int check(const struct cmd_entry *self, size_t files, struct job *job)
{
    if (given.diff ? files != 2 : files != 1)
        return cmd_usage_error(self, given.diff ? "--diff takes two files" : "one FILE is needed");
    int status = choose_format(self, job);
    return status < 0 ? choose_details(self, job) : status;
}

/* Files and options in any order. Parsing stops at a file, and goes on behind it. */
struct words {
    const char *files[FILES_MAX];
    size_t count;
    poptContext contexts[FILES_MAX + 1]; /* which own the files' names */
    size_t context_count;
};

static int parse(const struct cmd_entry *self, int argc, const char **argv, struct words *words)
{
    for (;;) {
        const char **rest = NULL;
        int status = cmd_parse(self, argc, argv, &words->contexts[words->context_count], &rest);
        if (status >= 0)
            return status;
        words->context_count++;
        if (rest == NULL || *rest == NULL)
            return -1;
        if (words->count == FILES_MAX)
            return cmd_usage_error(self, "too many files: '%s'", *rest);
        words->files[words->count++] = *rest;
        for (argc = 0, argv = rest; rest[argc] != NULL;)
            argc++;
    }
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    struct words words = {.count = 0};
    struct job job = {.format = REPORT_TEXT};
    memset(&given, 0, sizeof given);
    int status = parse(self, argc, argv, &words);
    if (status < 0)
        status = check(self, words.count, &job);
    if (status < 0)
        status = given.diff ? compare_two(self, words.files, &job)
                            : report_one(self, words.files[0], &job);
    while (words.context_count > 0)
        poptFreeContext(words.contexts[--words.context_count]);
    return status;
}

#define FORMAT(name, letter, format, text)                                                         \
    {                                                                                              \
        name, letter, POPT_ARG_NONE, &given.formats[format], 0, text, NULL                         \
    }

static const struct poptOption options[] = {
    FORMAT("text", 't', REPORT_TEXT, "Totals, call sites, leaks and what to try (the default)"),
    FORMAT("html", 'H', REPORT_HTML, "The dashboard: one file that opens without a network"),
    FORMAT("json", 'j', REPORT_JSON, "Everything, as JSON (profile.schema.json)"),
    FORMAT("csv", 'c', REPORT_CSV, "One table, as CSV"),
    FORMAT("prometheus", 'p', REPORT_PROMETHEUS, "The text format of Prometheus"),
    FORMAT("openmetrics", '\0', REPORT_OPENMETRICS, "OpenMetrics"),
    FORMAT("pprof", '\0', REPORT_PPROF, "For go tool pprof"),
    FORMAT("flame", 'f', REPORT_FLAME, "Collapsed stacks, for flamegraph.pl"),
    FORMAT("speedscope", '\0', REPORT_SPEEDSCOPE, "For speedscope"),
    {"diff", 'd', POPT_ARG_NONE, &given.diff, 0, "Compare two profiles, stack by stack", NULL},
    {"output", 'o', POPT_ARG_STRING, &given.output, 0, "Write there; '-' is the standard output",
     "PATH"},
    {"table", 'T', POPT_ARG_STRING, &given.table, 0,
     "Of --csv: sites, leaks, threads, flows, timeline, sizes", "NAME"},
    {"weight", 'w', POPT_ARG_STRING, &given.weight, 0,
     "Of --flame and --diff: allocated, allocations, peak, live, live-blocks, temporary", "NAME"},
    {"top", 'n', POPT_ARG_INT, &given.top, 0, "Call sites in each list of the text; 10", "NUMBER"},
    {"suppressions", 's', POPT_ARG_STRING, &given.suppressions, 0,
     "Leaks that are meant, in LeakSanitizer's format", "FILE"},
    {"no-symbols", '\0', POPT_ARG_NONE, &given.no_symbols, 0, "Leave addresses as they are", NULL},
    POPT_TABLEEND,
};

static const struct cmd_status statuses[] = {
    {0, "the report was written"},
    {CMD_EXIT_USAGE, "wrong arguments"},
    {CMD_EXIT_DATA, "the file is no profile, is damaged, or is of another version"},
    {CMD_EXIT_UNAVAILABLE, "the file cannot be read, or this build lacks the format"},
    {CMD_EXIT_INTERNAL, "a failure of its own"},
    {CMD_EXIT_IO, "the report could not be written"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale report app.4711.shprof", "what `shale profile` recorded, in short"},
    {"shale report --html -o app.html app.4711.shprof", "the dashboard, for a browser"},
    {"shale report --flame --weight peak app.shprof | flamegraph.pl >peak.svg",
     "who held memory when most was live"},
    {"shale report --pprof -o app.pb.gz app.shprof && go tool pprof -top app.pb.gz", "in pprof"},
    {"shale report --diff before.shprof after.shprof", "what a change of the program changed"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"RECOMMENDATIONS",
     "Text, JSON and the dashboard end with what to try, where the figures give reason to: hot "
     "temporary allocations, blocks that other threads free, blocks that pile up, pages that few "
     "survivors keep, requests that are never touched, and rounding up. Each names the figures it "
     "rests on. A program without trouble hears nothing."},
    {NULL, NULL},
};

const struct cmd_entry cmd_report = {
    .name = "report",
    .summary = "show a recorded profile: text, dashboard, JSON, pprof and more",
    .synopsis = "[OPTION...] FILE | --diff BEFORE AFTER",
    .description =
        "Reads a profile that `shale profile` wrote, of a program that ended, was killed or still "
        "runs, and writes it in one format. Names of functions and lines come from the files that "
        "the program ran.\n\n"
        "With --diff, stacks are the same when their functions are: the program may have been "
        "built anew in between.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
