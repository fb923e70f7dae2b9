/* SPDX-License-Identifier: MIT */
/* `shale gate`: is this allocator change safe for this program? Layer 6. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/gate_failure.h"
#include "cli/gate_options.h"
#include "cli/output.h"
#include "gate/report.h"
#include "measure/duration.h"
#include "measure/outfile.h"

enum { EXIT_NO_GO = 1, EXIT_CONDITIONAL = 2, EXIT_INCONCLUSIVE = 3 };

/* ------------------------------------------------------------------------------- progress */

struct session {
    const struct cmd_entry *self;
    const struct gate_options *options;
    const struct gate_plan *plan;
    bool on_terminal;
    enum gate_phase phase_said;
    int status; /* of writing after a phase */
};

static void say_estimates(const double seconds[GATE_PHASES], void *context)
{
    const struct session *session = context;
    double all = 0;
    char text[32];
    if (session->options->quiet)
        return;
    fprintf(stderr, "%sabout", session->on_terminal ? "\r\033[K" : "");
    for (size_t i = GATE_SMOKE; i < GATE_PHASES; i++) {
        duration_text(seconds[i], text, sizeof text);
        all += seconds[i];
        if (seconds[i] > 0)
            fprintf(stderr, " %s %s,", gate_phase_name((enum gate_phase)i), text);
    }
    duration_text(all, text, sizeof text);
    fprintf(stderr, " %s in all\n", text);
}

static void draw_bar(double share, FILE *out)
{
    enum { WIDTH = 20 };
    int full = (int)(share * WIDTH + 0.5);
    for (int i = 0; i < WIDTH; i++)
        fputc(i < full ? '#' : '.', out);
}

static void show_progress(const struct gate_progress *progress, void *context)
{
    struct session *session = context;
    char left[32];
    if (session->options->quiet)
        return;
    duration_text(progress->all_left_s, left, sizeof left);
    if (session->on_terminal) {
        fputs("\r\033[K[", stderr);
        draw_bar((double)progress->phase / GATE_PHASES, stderr);
        fprintf(stderr, "] %s: %.100s", gate_phase_name(progress->phase), progress->what);
        if (isfinite(progress->all_left_s))
            fprintf(stderr, ", about %s left", left);
    } else if (session->phase_said != progress->phase || progress->phase == GATE_START) {
        fprintf(stderr, "%s: %s\n", gate_phase_name(progress->phase), progress->what);
    }
    session->phase_said = progress->phase;
    fflush(stderr);
}

static int write_json(const void *report, FILE *out)
{
    return outfile_json(gate_report_json(report), out);
}

/* What was measured outlives an interruption. */
static void save(const struct gate_result *result, enum gate_phase phase, void *context)
{
    struct session *session = context;
    const struct gate_report report = {session->plan, result};
    if (session->options->json && !output_is_stdout(session->options->json))
        session->status = output_write(session->self, session->options->json, write_json, &report);
}

/* --------------------------------------------------------------------------------- reports */

static int write_junit(const void *report, FILE *out)
{
    gate_report_junit(report, out);
    return SHALE_OK;
}

static int write_markdown(const void *report, FILE *out)
{
    gate_report_markdown(report, out);
    return SHALE_OK;
}

static int write_html(const void *report, FILE *out)
{
    gate_report_html(report, out);
    return SHALE_OK;
}

static int write_prometheus(const void *report, FILE *out)
{
    gate_report_prometheus(report, out);
    return SHALE_OK;
}

enum { OUTPUTS = 5 };

static void list_outputs(const struct gate_options *options, struct output outputs[OUTPUTS])
{
    outputs[0] = (struct output){options->json, write_json};
    outputs[1] = (struct output){options->junit, write_junit};
    outputs[2] = (struct output){options->markdown, write_markdown};
    outputs[3] = (struct output){options->html, write_html};
    outputs[4] = (struct output){options->prometheus, write_prometheus};
}

static int write_reports(const struct session *session, const struct gate_report *report)
{
    struct output outputs[OUTPUTS];
    list_outputs(session->options, outputs);
    if (!output_any_is_stdout(outputs, OUTPUTS))
        gate_report_text(report, stdout);
    if (session->options->github)
        gate_report_github(report, stdout);
    int kept =
        history_options_keep(session->self, &session->options->history, gate_report_json(report),
                             output_any_is_stdout(outputs, OUTPUTS) ? NULL : stdout);
    int status = output_write_all(session->self, outputs, OUTPUTS, report);
    return status == CMD_EXIT_OK ? kept : status;
}

static int verdict_status(enum gate_verdict verdict)
{
    static const int statuses[] = {
        [GATE_GO] = CMD_EXIT_OK,
        [GATE_CONDITIONAL] = EXIT_CONDITIONAL,
        [GATE_NO_GO] = EXIT_NO_GO,
        [GATE_INCONCLUSIVE] = EXIT_INCONCLUSIVE,
    };
    return statuses[verdict];
}

/* -------------------------------------------------------------------------------- the gate */

static int resume(const struct session *session, struct gate_result *result)
{
    char reason[256];
    json_error_t wrong;
    const char *path = session->options->json;
    if (!session->options->resume)
        return CMD_EXIT_OK;
    if (!path || output_is_stdout(path))
        return cmd_usage_error(session->self, "--resume needs --json FILE of the interrupted gate");
    json_t *document = json_load_file(path, 0, &wrong);
    if (!document && access(path, F_OK) != 0)
        return CMD_EXIT_OK; /* interrupted before its first phase was done */
    if (!document) {
        cmd_error(session->self, "cannot resume from '%s': line %d: %s", path, wrong.line,
                  wrong.text);
        return CMD_EXIT_DATA;
    }
    int error = gate_report_resume(document, session->plan, result, reason, sizeof reason);
    json_decref(document);
    if (!error)
        return CMD_EXIT_OK;
    cmd_error(session->self, "cannot resume from '%s': %s; try without --resume", path, reason);
    return CMD_EXIT_DATA;
}

static int hold(struct session *session, struct gate_result *result)
{
    struct gate_failure failure;
    const volatile sig_atomic_t *cancel = output_catch_signals();
    const struct gate_order order = {
        .plan = session->plan,
        .cancel = cancel,
        .estimated = say_estimates,
        .progress = show_progress,
        .phase_done = save,
        .context = session,
    };
    int error = gate_run(&order, result, &failure);
    if (session->on_terminal && !session->options->quiet)
        fputs("\r\033[K", stderr);
    if (error == SHALE_ECANCELED) {
        cmd_error(session->self, "interrupted by signal %d; every process of it was ended%s",
                  (int)*cancel,
                  session->options->json ? "; --resume goes on with the phase that it was in" : "");
        return 128 + (int)*cancel;
    }
    if (error)
        return gate_failure_report(session->self, &failure, error);
    const struct gate_report report = {session->plan, result};
    int status = write_reports(session, &report);
    return status == CMD_EXIT_OK ? verdict_status(result->verdict) : status;
}

/* ------------------------------------------------------------------- instead of the gate */

static int write_example(const void *plan, FILE *out)
{
    gate_plan_write_example(plan, out);
    return SHALE_OK;
}

static int rollback(const struct cmd_entry *self, const struct gate_options *options,
                    struct gate_plan *plan)
{
    char reason[1536];
    struct arm arms[2] = {{0}};
    const struct gate_side *sides[] = {&plan->baseline, &plan->candidate};
    int status = CMD_EXIT_OK;
    plan->baseline.allocator = options->rollback_to;
    if (!plan->candidate.allocator)
        return cmd_usage_error(self, "--rollback-to needs the plan, or --candidate: what is to go");
    static const char *const any_program[] = {"/bin/sh", NULL};
    if (!plan->trial.argv)
        plan->trial.argv = any_program;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(arms) && status == CMD_EXIT_OK; i++)
        if (arm_find(&arms[i], sides[i]->allocator, &sides[i]->setting, &plan->trial, reason,
                     sizeof reason) != SHALE_OK) {
            cmd_error(self, "cannot use '%s': %s", sides[i]->allocator, reason);
            status = CMD_EXIT_UNAVAILABLE;
        }
    if (status == CMD_EXIT_OK) {
        gate_report_rollback(plan, &arms[0], &arms[1], stdout);
        status = cmd_finish_output(self);
    }
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(arms); i++)
        arm_free(&arms[i]);
    return status;
}

/* --------------------------------------------------------------------------------- command */

static int run_plan(const struct cmd_entry *self, const struct gate_options *options,
                    struct gate_plan *plan)
{
    char reason[512];
    if (options->init)
        return output_write(self, options->init, write_example, plan);
    if (options->rollback_to)
        return rollback(self, options, plan);
    if (gate_plan_check(plan, reason, sizeof reason) != SHALE_OK)
        return cmd_usage_error(self, "%s", reason);
    struct output outputs[OUTPUTS];
    list_outputs(options, outputs);
    int status = output_probe_all(self, outputs, OUTPUTS);
    if (status == CMD_EXIT_OK)
        status = history_options_probe(self, &options->history);
    if (status != CMD_EXIT_OK)
        return status;
    static struct gate_result result; /* too large for a stack */
    struct session session = {
        .self = self, .options = options, .plan = plan, .on_terminal = isatty(STDERR_FILENO)};
    status = resume(&session, &result);
    if (status == CMD_EXIT_OK)
        status = hold(&session, &result);
    gate_result_free(&result);
    return status;
}

static int run_gate(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    static struct gate_plan plan; /* too large for a stack */
    if (argc > 1 && strcmp(argv[1], "history") == 0)
        return cmd_history.run(&cmd_history, argc - 1, argv + 1);
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = gate_options_plan(self, &gate_options, rest, &plan);
    if (status < 0)
        status = run_plan(self, &gate_options, &plan);
    gate_plan_free(&plan);
    poptFreeContext(context);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "GO"},
    {EXIT_NO_GO, "NO-GO"},
    {EXIT_CONDITIONAL, "CONDITIONAL GO: what could not be excluded, or the setting it needs, is "
                       "told"},
    {EXIT_INCONCLUSIVE, "Inconclusive: the machine differs from itself"},
    {CMD_EXIT_USAGE, "Wrong arguments"},
    {CMD_EXIT_DATA, "The plan cannot be read, or the baseline itself does not run"},
    {CMD_EXIT_UNAVAILABLE, "An allocator or a tool is missing"},
    {CMD_EXIT_INTERNAL, "Our own failure"},
    {CMD_EXIT_IO, "A report could not be written"},
    {130, "Interrupted (128 and the signal's number)"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale gate -b system -c mimalloc --quick -- python3 -c 'print(sum(range(10**6)))'",
     "May mimalloc replace glibc's malloc under this program?"},
    {"shale gate -b system -c jemalloc --init gate.yaml --ready TCP:7001 --load "
     "'redis-benchmark -p 7001 -q -t set,get -n 100000' -- redis-server --port 7001 --save ''",
     "Write a plan for a server, to be looked through and kept beside its sources"},
    {"shale gate -b mimalloc@2.0.9 -c 'MIMALLOC_PURGE_DELAY=0 mimalloc@3.6.0' -- ./program",
     "Another version of an allocator, with a setting"},
    {"shale gate --plan gate.yaml --json gate.json --html gate.html",
     "Hold the gate, and keep what was measured after each phase"},
    {"shale gate --plan gate.yaml --json gate.json --resume", "Go on after an interruption"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"PHASES",
     "start: each side runs once, and is proven to be served by its allocator.\n"
     "smoke: the program's own tests under both sides; failures that only the candidate has count.\n"
     "leaks: memcheck over the program. It replaces malloc: this tests the program, not the "
     "candidate.\n"
     "stress: the load again and again on one server; the slope of RSS over the loads.\n"
     "benchmark: interleaved pairs, looked at after 10, 16 and all of them, and ended early when "
     "nothing is open any more.\n"
     "soak: the load for hours; the slope of RSS in bytes per hour.\n"},
    {"VERDICTS",
     "GO: the bad end of every interval is inside the limit that asks for attention (warn).\n"
     "CONDITIONAL GO: something could not be excluded, or a setting is needed; it is told.\n"
     "NO-GO: the good end of an interval is beyond the limit that must hold (fail), a crash, a "
     "failed proof, or a figure that is missing.\n"
     "INCONCLUSIVE: the baseline differs from itself by more than what asks for attention.\n"},
    {"LIMITS",
     "Time, CPU and metrics: warn 2 % or what the machine can tell, fail 10 %. RSS: warn 10 %, "
     "fail 20 %. Tests: any, 5 %. Growth in the soak: 1 MB per hour. A plan may set others.\n"},
    {NULL, NULL},
};

const struct cmd_entry cmd_gate = {
    .name = "gate",
    .summary = "judge whether an allocator change is safe for a program",
    .synopsis = "[--plan FILE] --baseline ALLOCATOR --candidate ALLOCATOR [OPTION...] [-- CMD "
                "[ARGUMENT...]]",
    .description =
        "Runs CMD under the baseline and the candidate through five phases, judges what was "
        "measured against limits, and ends with GO, CONDITIONAL GO or NO-GO, the finding that "
        "decided it, and an exit status for scripts.\n"
        "\n"
        "The two sides are two allocators or versions, two settings of one (variables before its "
        "name), or two builds of the program (--baseline-cmd, --candidate-cmd). When a candidate fails by its figures, its "
        "allocator's own settings are tried; one that passes turns NO-GO into CONDITIONAL GO.\n"
        "\n"
        "Results are kept: `shale gate history`, which is `shale history`, shows them over time.\n",
    .options = gate_option_table,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run_gate,
};
