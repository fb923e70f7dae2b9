/* SPDX-License-Identifier: MIT */
/* `shale verify`: who really serves malloc. Layer 6. What it starts is in verify_start.c. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/verify.h"

static struct verify_options given;

static const struct poptOption options[] = {
    {"expect", 'e', POPT_ARG_STRING, &given.expect, 0,
     "Judge by this allocator: a name that is known (mimalloc, jemalloc@5.3, system, ...) or the "
     "file name of a library",
     "NAME[@VERSION]"},
    {"follow", 'f', POPT_ARG_NONE, &given.follow, 0, "Children too, and what each of them executes",
     NULL},
    {"stop", 's', POPT_ARG_NONE, &given.stop, 0, "End COMMAND once it is judged", NULL},
    {"wait", 'w', POPT_ARG_DOUBLE, &given.wait_s, 0,
     "Let COMMAND run so long before looking, so that plugins it opens are seen", "SECONDS"},
    {"all", 'a', POPT_ARG_NONE, &given.all, 0, "Show every function and piece of evidence", NULL},
    {"json", 'j', POPT_ARG_NONE, &given.json, 0, "Print JSON (verify.schema.json)", NULL},
    {"output", 'o', POPT_ARG_STRING, &given.output, 0,
     "Write the report there, and leave the standard output to COMMAND", "FILE"},
    POPT_TABLEEND,
};

static const struct cmd_status statuses[] = {
    {0, "ACTIVE: the expected allocator serves"},
    {1, "ABSENT or MAPPED_BUT_INERT: it does not"},
    {2, "PARTIAL: not every function or object calls it"},
    {3, "UNKNOWN: nothing can be proven"},
    {CMD_EXIT_USAGE, "wrong arguments"},
    {CMD_EXIT_DATA, "FILE is no program"},
    {CMD_EXIT_UNAVAILABLE, "PID or FILE is not there, may not be read, or ended while it was read"},
    {CMD_EXIT_INTERNAL, "a failure of its own"},
    {CMD_EXIT_IO, "the report cannot be written"},
    {CMD_EXIT_NOT_EXECUTABLE, "COMMAND cannot be executed"},
    {CMD_EXIT_NOT_FOUND, "COMMAND was not found"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale verify $(pidof -s redis-server)", "a process that runs"},
    {"shale verify --expect mimalloc@3 --json 4711", "the same, for a script to decide by"},
    {"LD_PRELOAD=libmimalloc.so.2 shale verify --stop -- python3", "a program, before its main"},
    {"shale verify /usr/bin/redis-server", "a program that does not run: what it would use"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"VERDICTS",
     "ACTIVE: malloc, calloc, realloc and free of the whole process resolve to the expected "
     "allocator, and no object is bound elsewhere.\n"
     "PARTIAL: it serves, but some function or some object (a plugin with a scope of its own, say) "
     "calls another; each is named.\n"
     "MAPPED_BUT_INERT: its code is in the process and serves no malloc, calloc, realloc or free: "
     "something else comes first.\n"
     "ABSENT: it is not in the process, or it is there in another version.\n"
     "UNKNOWN: nothing could be proven; the reason says why."},
    {"EXPECTATION",
     "A verdict is about an allocator: the one of --expect; else the one that LD_PRELOAD or "
     "/etc/ld.so.preload of the target names; else the first replacement that the target loaded or "
     "carries; else the C library's."},
    {NULL, NULL},
};

static int count_words(const char **words)
{
    int count = 0;
    while (words[count])
        count++;
    return count;
}

/* Whether the words left stand behind a "--". */
static bool is_command(int argc, const char **argv, int words)
{
    int first = argc - words;
    return words > 0 && first > 1 && strcmp(argv[first - 1], "--") == 0;
}

static bool is_pid(const char *word)
{
    for (const char *at = word; *at; at++)
        if (!isdigit((unsigned char)*at))
            return false;
    return *word != '\0';
}

int verify_failed(const struct cmd_entry *self, const char *subject, int error,
                  const struct identify_report *report)
{
    const char *reason = report->reason ? report->reason : shale_strerror(error);
    cmd_error(self, "cannot judge '%s': %s%s%s", subject, reason, report->remedy ? "; try: " : "",
              report->remedy ? report->remedy : "");
    switch (error) {
    case SHALE_ENOENT:
    case SHALE_EGONE:
    case SHALE_EPERM:
        return CMD_EXIT_UNAVAILABLE;
    case SHALE_EFORMAT:
        return CMD_EXIT_DATA;
    default:
        return CMD_EXIT_INTERNAL;
    }
}

/* The worst of two statuses of verdicts: unknown, partial, absent, active. */
int verify_worse(int one, int other)
{
    return one > other ? one : other;
}

int verify_open(const struct cmd_entry *self, const struct verify_options *wanted,
                struct verify_out *out)
{
    *out = (struct verify_out){.stream = stdout, .options = wanted};
    if (wanted->output) {
        out->stream = fopen(wanted->output, "we");
        if (!out->stream) {
            cmd_error(self, "cannot write '%s': %s", wanted->output, strerror(errno));
            return CMD_EXIT_IO;
        }
    }
    if (wanted->json && wanted->follow)
        fputs("[", out->stream);
    return CMD_EXIT_OK;
}

int verify_print(const struct cmd_entry *self, struct verify_out *out,
                 const struct identify_report *report)
{
    if (out->options->json) {
        json_t *json = identify_report_json(report);
        if (!json) {
            cmd_error(self, "cannot write the report: out of memory");
            return CMD_EXIT_INTERNAL;
        }
        fputs(out->printed ? ",\n" : "", out->stream);
        json_dumpf(json, out->stream, JSON_INDENT(2));
        json_decref(json);
        if (!out->options->follow)
            fputc('\n', out->stream);
    } else {
        identify_report_text(report, out->options->all, out->stream);
    }
    out->printed++;
    fflush(out->stream);
    return identify_exit_status(report->verdict);
}

int verify_close(const struct cmd_entry *self, struct verify_out *out, int status)
{
    if (out->options->json && out->options->follow)
        fputs("]\n", out->stream);
    if (out->stream == stdout) {
        int finished = cmd_finish_output(self);
        return finished == CMD_EXIT_OK ? status : finished;
    }
    bool failed = ferror(out->stream);
    if (fclose(out->stream) == 0 && !failed)
        return status;
    cmd_error(self, "cannot write '%s': %s", out->options->output, strerror(errno));
    return CMD_EXIT_IO;
}

static int verify_target(const struct cmd_entry *self, const char *word)
{
    struct verify_out out;
    struct identify_report report;
    const struct identify_options wanted = {.expect = given.expect,
                                            .preload = getenv("LD_PRELOAD")};
    int status = verify_open(self, &given, &out);
    if (status != CMD_EXIT_OK)
        return status;
    identify_report_init(&report);
    int error = !word          ? identify_self(&wanted, &report)
                : is_pid(word) ? identify_pid((pid_t)strtol(word, NULL, 10), &wanted, &report)
                               : identify_file(word, &wanted, &report);
    status = error == 0 ? verify_print(self, &out, &report)
                        : verify_failed(self, word ? word : "itself", error, &report);
    identify_report_free(&report);
    return verify_close(self, &out, status);
}

static int check_expectation(const struct cmd_entry *self)
{
    struct identify_report report;
    const struct identify_options wanted = {.expect = given.expect};
    identify_report_init(&report);
    int error = identify_check_options(&wanted, &report);
    int status = error == 0 ? -1
                            : cmd_usage_error(self, "cannot judge by '%s': %s; %s", given.expect,
                                              report.reason, report.remedy);
    identify_report_free(&report);
    return status;
}

static int check(const struct cmd_entry *self, const char **words, bool command)
{
    int count = count_words(words);
    if (!command && count > 1)
        return cmd_usage_error(self, "one PID or FILE at a time; a command stands behind '--'");
    if (!command && (given.stop || given.wait_s != 0))
        return cmd_usage_error(self, "--stop and --wait need a command behind '--'");
    if (!command && given.follow && (count == 0 || !is_pid(words[0])))
        return cmd_usage_error(self, "--follow needs a PID or a command behind '--'");
    if (given.follow && given.stop)
        return cmd_usage_error(self, "--stop leaves nothing to --follow: give one of them");
    if (!(given.wait_s >= 0 && given.wait_s < 86400))
        return cmd_usage_error(self, "--wait takes seconds from 0 to a day");
    if (!command && count == 1 && is_pid(words[0]) && strlen(words[0]) > 9)
        return cmd_usage_error(self, "'%s' is too large for a PID; a file is ./%s", words[0],
                               words[0]);
    return check_expectation(self);
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **words;
    given = (struct verify_options){0};
    int status = cmd_parse(self, argc, argv, &context, &words);
    if (status >= 0)
        return status;
    bool command = is_command(argc, argv, count_words(words));
    status = check(self, words, command);
    if (status < 0 && command)
        status = verify_command(self, &given, words);
    else if (status < 0 && given.follow)
        status = verify_tree(self, &given, (pid_t)strtol(words[0], NULL, 10));
    else if (status < 0)
        status = verify_target(self, words[0]);
    poptFreeContext(context);
    return status;
}

const struct cmd_entry cmd_verify = {
    .name = "verify",
    .summary = "prove which allocator really serves malloc",
    .synopsis = "[OPTION...] [PID | FILE | -- COMMAND...]",
    .description =
        "Proves who serves malloc: in itself (no argument), in a process, in a program that does "
        "not run yet, or in a command that it starts. A process is read while it runs: nothing is "
        "stopped, injected or changed. A FILE is judged as if it were started from here: with the "
        "LD_PRELOAD of this environment and the rights of this user.\n\n"
        "It resolves the malloc family as the dynamic linker did and reads what every loaded "
        "object is bound to. Names, maps and what a program says of itself prove nothing.\n\n"
        "COMMAND is judged when its libraries are loaded and before its main begins; then it runs "
        "on, and the verdict is the exit status.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
