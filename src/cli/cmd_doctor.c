/* SPDX-License-Identifier: MIT */
/* `shale doctor`: what would not work here, and why. Layer 6. */
#include <jansson.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "identify/identify.h"
#include "measure/doctor.h"

static struct {
    int json;
} arguments;

enum { EXIT_FAILS = 1, FOUND_COLUMN = 22 };

static void print_check(const struct doctor_check *check)
{
    size_t column = (size_t)printf("%-4s  %-14s", doctor_state_name(check->state), check->name);
    text_fill(stdout, check->found, strlen(check->found), column, FOUND_COLUMN);
    if (check->state == DOCTOR_OK)
        return;
    text_fill(stdout, check->meaning, strlen(check->meaning), 0, FOUND_COLUMN);
    if (*check->advice) {
        column = (size_t)printf("      to do");
        text_fill(stdout, check->advice, strlen(check->advice), column, FOUND_COLUMN);
    }
}

static void print_text(const struct doctor_report *report)
{
    const char *subject = NULL;
    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_check *check = &report->checks[i];
        if (!subject || strcmp(subject, check->subject) != 0)
            printf("%sThis %s:\n", subject ? "\n" : "", check->subject);
        subject = check->subject;
        print_check(check);
    }
    printf("\n%zu ok, %zu to know about, %zu that will not work\n", doctor_count(report, DOCTOR_OK),
           doctor_count(report, DOCTOR_WARN), doctor_count(report, DOCTOR_FAIL));
}

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static json_t *check_json(const struct doctor_check *check)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:s?, s:s?}", "name", check->name, "subject",
                     check->subject, "state", doctor_state_name(check->state), "found",
                     identify_json_text(check->found), "meaning", text_or_null(check->meaning),
                     "advice", text_or_null(check->advice));
}

static int print_json(const struct doctor_report *report)
{
    json_t *checks = json_array();
    int result = checks ? 0 : -1;
    for (size_t i = 0; i < report->count && result == 0; i++)
        result = json_array_append_new(checks, check_json(&report->checks[i]));
    json_t *whole = json_pack("{s:i, s:o}", "schema", 1, "checks", checks);
    if (result == 0)
        result = whole ? json_dumpf(whole, stdout, JSON_INDENT(2)) : -1;
    putchar('\n');
    json_decref(whole);
    return result;
}

static int examine(const struct cmd_entry *self, const char *program)
{
    static struct doctor_report report;
    struct doctor_trials trials;
    doctor_try(&trials);
    doctor_check_machine(&report, &trials);
    if (program)
        doctor_check_program(&report, program);
    if (!arguments.json)
        print_text(&report);
    else if (print_json(&report) < 0 && !ferror(stdout)) {
        cmd_error(self, "cannot write the report: %s", shale_strerror(SHALE_ENOMEM));
        return CMD_EXIT_INTERNAL;
    }
    int status = cmd_finish_output(self);
    if (status != CMD_EXIT_OK)
        return status;
    return doctor_count(&report, DOCTOR_FAIL) > 0 ? EXIT_FAILS : CMD_EXIT_OK;
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = examine(self, rest[0]);
    poptFreeContext(context);
    return status;
}

static const struct poptOption options[] = {
    {"json", 'j', POPT_ARG_NONE, &arguments.json, 0, "Print the checks as JSON", NULL},
    POPT_TABLEEND,
};

static const struct cmd_status statuses[] = {
    {0, "nothing was found that does not work; there may be warnings"},
    {1, "something will not work"},
    {64, "wrong arguments"},
    {74, "the report could not be written"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale doctor", "Can allocators be preloaded, proven and compared on this machine?"},
    {"shale doctor -- redis-server --port 0", "And would it work with this program?"},
    {"shale doctor --json | jq '.checks[] | select(.state != \"ok\")'",
     "Only what is not in order"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"Checks of the machine", "allocators: which can be loaded\n"
                              "proof: a small program is started and proven, as run does it\n"
                              "ptrace: who may read the memory of other processes\n"
                              "ld.so.preload: a library preloaded into all programs\n"
                              "environment: variables that change allocators\n"
                              "shell: what load commands need\n"
                              "memory: what is available, within the cgroup's limit\n"
                              "thp: transparent huge pages\n"
                              "overcommit: whether reserved address space counts as memory\n"
                              "mappings: how many a process may have\n"
                              "limits: of address space, data and open files\n"
                              "cpu: processors, and the cgroup's quota\n"
                              "governor: whether the processor's speed follows the load\n"
                              "noise: other work on the machine and on its host\n"
                              "perf: whether perf events may be used\n"
                              "membarrier: what Shale's own engine needs for cheap fences"},
    {"Checks of a program",
     "executable: where it is, and what runs it\n"
     "preloading: a static or setuid program, or one with a malloc of its own\n"
     "own heap: memory that does not come from malloc\n"
     "symbols: whether profiles can name functions\n"
     "frame pointers: whether fast call stacks are whole"},
    {NULL, NULL},
};

const struct cmd_entry cmd_doctor = {
    .name = "doctor",
    .summary = "say what would not work on this machine, or with a program, and what to do",
    .synopsis = "[OPTION...] [[--] CMD [ARGUMENT...]]",
    .description =
        "Checks what preloading, proving and comparing allocators need of this machine and, when "
        "a program is named, of that program. The program is read, not started. Each check is "
        "ok, warn (figures or reports suffer) or fail (something does not work), with what it "
        "means and what to do about it.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
