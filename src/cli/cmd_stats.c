/* SPDX-License-Identifier: MIT */
/* `shale stats`: what Shale's engine has and did in a process. Layer 6. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <shale/error.h>
#include <shale/version.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/stats_doctor.h"
#include "cli/stats_output.h"

enum { EXIT_NO_ENGINE = 1, EXIT_SICK = 2, PID_DIGITS_MAX = 9 };

static struct {
    int own, text, json, both, prometheus, all, classes, threads, watch, doctor;
    double interval_s;
    double epoch_age_s;
    int looks;
} given;

/* ---- reading ----------------------------------------------------------------------------------
 */

static const char *remedy_of(int error)
{
    switch (error) {
    case SHALE_EPERM:
        return "; try it as the user of that process, or as root";
    case SHALE_EFORMAT:
        return ": its tables are damaged";
    default:
        return "";
    }
}

static int cannot_read(const struct cmd_entry *self, pid_t pid, int error)
{
    const char *reason = error == SHALE_ENOENT ? "no such process" : shale_strerror(error);
    cmd_error(self, "cannot read process %ld: %s%s", (long)pid, reason, remedy_of(error));
    return error == SHALE_ENOMEM ? CMD_EXIT_INTERNAL : CMD_EXIT_UNAVAILABLE;
}

/* Names the engines that cannot be read; the number of those that can. */
static size_t check_releases(const struct cmd_entry *self, const struct inspect_report *report)
{
    size_t readable = 0;
    for (size_t i = 0; i < report->engine_count; i++) {
        const struct inspect_engine *engine = &report->engines[i];
        readable += engine->readable;
        if (!engine->readable)
            cmd_error(
                self,
                "cannot read the engine in '%s': it is of %s Shale %s and this is %s; try the "
                "`shale` it came with",
                engine->object,
                strcmp(engine->release, SHALE_VERSION_STRING) == 0 ? "another build of" : "",
                engine->release, SHALE_VERSION_STRING);
    }
    return readable;
}

/* CMD_EXIT_OK, or the status to end with, told on stderr. */
static int look(const struct cmd_entry *self, pid_t pid, struct inspect_report *report)
{
    int error = inspect_process(pid, report);
    if (error != 0)
        return cannot_read(self, pid, error);
    if (report->engine_count == 0) {
        cmd_error(self,
                  "process %ld (%s) has no engine of Shale; try `shale run --allocator shale -- "
                  "COMMAND`, or the front door's backend slab",
                  (long)pid, report->command);
        return EXIT_NO_ENGINE;
    }
    return check_releases(self, report) != 0 ? CMD_EXIT_OK : CMD_EXIT_UNAVAILABLE;
}

static uint64_t epoch_age_ns(void)
{
    return (uint64_t)(given.epoch_age_s * 1e9);
}

/* ---- printing ---------------------------------------------------------------------------------
 */

static int print_json(const struct cmd_entry *self, const struct inspect_report *report,
                      size_t flags)
{
    json_t *json = stats_json(report, epoch_age_ns());
    if (json == NULL) {
        cmd_error(self, "cannot write the figures: %s", shale_strerror(SHALE_ENOMEM));
        return CMD_EXIT_INTERNAL;
    }
    json_dumpf(json, stdout, flags); /* cmd_finish_output tells what could not be written */
    putchar('\n');
    json_decref(json);
    return CMD_EXIT_OK;
}

static FILE *text_stream(void)
{
    return given.both ? stderr : stdout;
}

static int print(const struct cmd_entry *self, const struct inspect_report *report)
{
    const struct stats_detail detail = {given.all != 0, given.classes != 0, given.threads != 0};
    int status = CMD_EXIT_OK;
    if (given.prometheus)
        stats_print_prometheus(stdout, report);
    else if (given.doctor && !given.json)
        (void)stats_print_doctor(text_stream(), report, epoch_age_ns());
    else if (!given.json)
        stats_print_text(text_stream(), report, &detail);
    if (given.json || given.both)
        status = print_json(self, report, JSON_INDENT(2));
    if (status == CMD_EXIT_OK && given.doctor && !stats_is_healthy(report, epoch_age_ns()))
        status = EXIT_SICK;
    return status;
}

static int print_once(const struct cmd_entry *self, pid_t pid)
{
    struct inspect_report report;
    int status = look(self, pid, &report);
    if (status == CMD_EXIT_OK)
        status = print(self, &report);
    inspect_free(&report);
    return status;
}

/* ---- watching ---------------------------------------------------------------------------------
 */

static void sleep_interval(void)
{
    double whole = (double)(time_t)given.interval_s;
    struct timespec left = {(time_t)whole, (long)((given.interval_s - whole) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static int print_look(const struct cmd_entry *self, const struct inspect_report *before,
                      const struct inspect_report *now)
{
    if (!given.json)
        stats_print_watch(text_stream(), before, now);
    int status = given.json || given.both ? print_json(self, now, JSON_COMPACT) : CMD_EXIT_OK;
    fflush(stdout);
    return ferror(stdout) ? CMD_EXIT_IO : status;
}

/* A process that ends while it is watched ends the watching, and is no error. */
static int watch(const struct cmd_entry *self, pid_t pid)
{
    struct inspect_report before;
    int status = look(self, pid, &before);
    if (status == CMD_EXIT_OK && !given.json)
        stats_print_watch_head(text_stream());
    if (status == CMD_EXIT_OK)
        status = print_look(self, &before, &before);
    for (int looks = 1; status == CMD_EXIT_OK && looks != given.looks; looks++) {
        struct inspect_report now;
        sleep_interval();
        int error = inspect_process(pid, &now);
        if (error != 0) {
            cmd_error(self, "process %ld: %s", (long)pid,
                      error == SHALE_ENOENT ? shale_strerror(SHALE_EGONE) : shale_strerror(error));
            status = error == SHALE_ENOENT || error == SHALE_EGONE ? -1 : CMD_EXIT_UNAVAILABLE;
        } else {
            status = print_look(self, &before, &now);
        }
        inspect_free(&before);
        before = now;
    }
    inspect_free(&before);
    return status < 0 ? CMD_EXIT_OK : status;
}

/* ---- the command ------------------------------------------------------------------------------
 */

static bool is_pid(const char *word)
{
    size_t digits = strspn(word, "0123456789");
    return digits != 0 && digits <= PID_DIGITS_MAX && word[digits] == '\0';
}

static int check(const struct cmd_entry *self, const char **words)
{
    if (given.own ? words[0] != NULL : words[0] == NULL || words[1] != NULL)
        return cmd_usage_error(self, "one PID, or --own");
    if (!given.own && !is_pid(words[0]))
        return cmd_usage_error(self, "'%s' is no PID; try $(pidof %s)", words[0], words[0]);
    if (given.text + given.json + given.both + given.prometheus > 1)
        return cmd_usage_error(self, "one of --text, --json, --both and --prometheus");
    if (given.doctor && (given.watch || given.prometheus))
        return cmd_usage_error(self, "--doctor is for one look, as text or JSON");
    if (!(given.epoch_age_s > 0 && given.epoch_age_s <= 1e9))
        return cmd_usage_error(self, "--epoch-age takes seconds above 0");
    if (given.prometheus && given.watch)
        return cmd_usage_error(self, "--prometheus is for one look: who scrapes it looks again");
    if (!given.watch && (given.looks != 0 || given.interval_s != 1))
        return cmd_usage_error(self, "--interval and --looks need --watch");
    if (!(given.interval_s >= 0.01 && given.interval_s <= 86400) || given.looks < 0)
        return cmd_usage_error(self,
                               "--interval takes seconds from 0.01 to a day, --looks a number");
    return -1;
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **words;
    memset(&given, 0, sizeof given);
    given.interval_s = 1;
    given.epoch_age_s = 60;
    int status = cmd_parse(self, argc, argv, &context, &words);
    if (status >= 0)
        return status;
    status = check(self, words);
    if (status < 0) {
        pid_t pid = given.own ? getpid() : (pid_t)strtol(words[0], NULL, 10);
        status = given.watch ? watch(self, pid) : print_once(self, pid);
        int finished = cmd_finish_output(self);
        status = status == CMD_EXIT_OK ? finished : status;
    }
    poptFreeContext(context);
    return status;
}

static const struct poptOption options[] = {
    {"own", 'o', POPT_ARG_NONE, &given.own, 0, "This very process, where an engine is preloaded",
     NULL},
    {"text", 't', POPT_ARG_NONE, &given.text, 0, "Print text (the default)", NULL},
    {"json", 'j', POPT_ARG_NONE, &given.json, 0, "Print JSON (stats.schema.json)", NULL},
    {"both", 'b', POPT_ARG_NONE, &given.both, 0, "JSON on the standard output, text on the error",
     NULL},
    {"prometheus", 'p', POPT_ARG_NONE, &given.prometheus, 0, "Print the text format of Prometheus",
     NULL},
    {"all", 'a', POPT_ARG_NONE, &given.all, 0, "Figures that are zero too", NULL},
    {"classes", 'c', POPT_ARG_NONE, &given.classes, 0, "Each size class, in the text", NULL},
    {"threads", 'T', POPT_ARG_NONE, &given.threads, 0, "Each thread's heap, in the text", NULL},
    {"doctor", 'd', POPT_ARG_NONE, &given.doctor, 0,
     "Say what is wrong and what to do, or that nothing is", NULL},
    {"epoch-age", 'e', POPT_ARG_DOUBLE, &given.epoch_age_s, 0,
     "With --doctor, or as JSON: how old an open epoch with live blocks may be; 60", "SECONDS"},
    {"watch", 'w', POPT_ARG_NONE, &given.watch, 0,
     "Look again and again: a line each, or a line of JSON", NULL},
    {"interval", 'i', POPT_ARG_DOUBLE, &given.interval_s, 0, "Between two looks; 1", "SECONDS"},
    {"looks", 'n', POPT_ARG_INT, &given.looks, 0, "How many; until the process ends", "NUMBER"},
    POPT_TABLEEND,
};

static const struct cmd_status statuses[] = {
    {0, "the figures were printed; with --watch: until the process ended"},
    {EXIT_NO_ENGINE, "the process has no engine of Shale"},
    {EXIT_SICK, "--doctor found something"},
    {CMD_EXIT_USAGE, "wrong arguments"},
    {CMD_EXIT_UNAVAILABLE,
     "PID is not there, may not be read, ended, or has an engine of another release"},
    {CMD_EXIT_INTERNAL, "a failure of its own"},
    {CMD_EXIT_IO, "the figures could not be written"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale stats $(pidof -s redis-server)", "where its memory is, and what slowed it down"},
    {"shale stats --watch --interval 5 4711", "a line every five seconds"},
    {"shale stats --doctor --epoch-age 30 4711", "what is wrong with it, and what to do"},
    {"shale stats --json 4711 | jq '.engines[0].stats.live_bytes'", "one figure, for a script"},
    {"shale run --allocator shale -- shale stats --own", "of this command itself"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"WHAT THE FIGURES ARE",
     "They are approximate: slabs that change while they are looked at are of slightly different "
     "moments. Of a process that stands still they are exact. <shale/stats.h> gives a program exact "
     "figures of itself while its threads run.\n\n"
     "live_bytes, free_bytes and untouched_bytes together are what slabs and large blocks take; "
     "empty_slab_bytes are a part of free_bytes and untouched_bytes. dirty_bytes are free, but still "
     "resident; clean_bytes are not."},
    {NULL, NULL},
};

const struct cmd_entry cmd_stats = {
    .name = "stats",
    .summary = "show what Shale's own allocator has and did in a process",
    .synopsis = "[OPTION...] PID | --own",
    .description =
        "Reads the statistics of Shale's engine, preloaded or linked, from a process that runs: "
        "nothing in it is stopped, called or changed. Figures that are zero are left out of the "
        "text. Every engine in the process is shown: a program over the backend slab that runs "
        "under a preloaded libshale-malloc.so has two.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
