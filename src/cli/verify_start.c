/* SPDX-License-Identifier: MIT */
/* `shale verify`: commands it starts, and trees of processes it follows. Layer 6. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify.h"
#include "identify/procfs.h"
#include "measure/launch.h"
#include "measure/procfs.h"
#include "measure/prove.h"

/* How often --follow looks for new processes and programs. */
enum { FOLLOW_INTERVAL_MS = 20, SEEN_MAX = 4096, GRACE_MS = 2000 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* A program that was judged already: the same process after exec is another program. */
struct seen {
    pid_t pid;
    uint64_t start_time, random;
};

struct session {
    const struct cmd_entry *self;
    struct verify_out out;
    struct identify_report report; /* of the command's last program */
    int error;                     /* of the last judgement */
    const char *command;
    bool printed; /* the last judgement */
    int status;   /* the worst so far */
    struct seen seen[SEEN_MAX];
    size_t seen_count;
};

static int judge(struct session *session, pid_t pid)
{
    const struct identify_options wanted = {.expect = session->out.options->expect};
    identify_report_free(&session->report);
    session->error = identify_pid(pid, &wanted, &session->report);
    session->printed = false;
    return session->error;
}

static bool is_new(struct session *session, const struct seen *program)
{
    for (size_t i = 0; i < session->seen_count; i++)
        if (session->seen[i].pid == program->pid && session->seen[i].random == program->random &&
            session->seen[i].start_time == program->start_time)
            return false;
    if (session->seen_count == SEEN_MAX)
        return false;
    session->seen[session->seen_count++] = *program;
    return true;
}

/* One process of a tree that is followed: judged once per program it executes. */
static void judge_in_tree(pid_t pid, void *context)
{
    struct session *session = context;
    struct identify_process process;
    int error = identify_process_read(pid, &process);
    const struct seen program = {pid, process.start_time, process.random};
    identify_process_free(&process);
    if (error == SHALE_ENOENT || error == SHALE_EGONE || process.zombie ||
        !is_new(session, &program))
        return;
    error = judge(session, pid);
    /* Short-lived children end before they can be read; that says nothing about the others. */
    if (error == SHALE_EGONE || error == SHALE_ENOENT)
        return;
    int status = error == 0 ? verify_print(session->self, &session->out, &session->report)
                            : verify_failed(session->self, "a child", error, &session->report);
    session->status = verify_worse(session->status, status);
}

static void print_found(struct session *session, const char *command)
{
    session->status = session->error == 0
                          ? verify_print(session->self, &session->out, &session->report)
                          : verify_failed(session->self, command, session->error, &session->report);
    session->printed = true;
}

/*
 * Called while the program is held at its entry point; where that is not possible, while it runs.
 * What env and its like execute is the program that was meant, unless all are followed.
 *
 * @return an error ends the program: a wrong --expect, or --stop once all is said.
 */
static int prove(pid_t pid, bool held, void *context)
{
    struct session *session = context;
    const struct verify_options *options = session->out.options;
    if (options->follow)
        judge_in_tree(pid, session);
    else
        (void)!judge(session, pid);
    if (session->error == SHALE_EINVAL)
        return SHALE_EINVAL;
    if (held && launch_execs_another(pid))
        return 0;
    if (!options->follow)
        print_found(session, session->command);
    return options->stop && !options->follow ? SHALE_ECANCELED : 0;
}

/* Judges the command by its file, as it would be started from here. */
static void judge_file(struct session *session, const char *command)
{
    char path[4096];
    const struct identify_options wanted = {.expect = session->out.options->expect,
                                            .preload = getenv("LD_PRELOAD")};
    identify_report_free(&session->report);
    session->error = launch_resolve(command, NULL, path, sizeof path) == 0
                         ? identify_file(path, &wanted, &session->report)
                         : SHALE_ENOENT;
}

/* It ended while its libraries were loaded: the files still tell what would have served it. */
static int report_crash(struct session *session, const char *command,
                        const struct launch_failure *failure)
{
    cmd_error(session->self, "cannot judge '%s' while it runs: %s; judging its file instead",
              command, failure->text);
    judge_file(session, command);
    if (session->error == 0)
        session->report.verdict = SHALE_VERDICT_UNKNOWN;
    print_found(session, command);
    return session->status;
}

static int report_failure(struct session *session, const char *command,
                          const struct launch_failure *failure)
{
    switch (failure->stage) {
    case LAUNCH_STAGE_PROOF:
        if (session->printed)
            return session->status;
        return verify_failed(session->self, command, session->error, &session->report);
    case LAUNCH_STAGE_LOAD:
        return report_crash(session, command, failure);
    case LAUNCH_STAGE_CANCELLED:
        return 128 + (int)interrupted;
    case LAUNCH_STAGE_FIND:
    case LAUNCH_STAGE_EXEC:
        cmd_error(session->self, "cannot start '%s': %s", command, failure->text);
        return launch_failure_status(failure);
    default:
        cmd_error(session->self, "cannot start '%s': %s", command, failure->text);
        return CMD_EXIT_INTERNAL;
    }
}

/* With --wait the program runs unproven first. */
static void judge_later(struct session *session, struct launch_process *process)
{
    int wait_ms = (int)(session->out.options->wait_s * 1000);
    if (launch_wait(process, wait_ms) == 0) {
        identify_set(&session->report, &session->report.reason,
                     "it ended within %g seconds, before it was looked at",
                     session->out.options->wait_s);
        session->error = SHALE_EGONE;
        print_found(session, session->command);
    } else if (!session->out.options->follow) {
        (void)!judge(session, process->pid);
        print_found(session, session->command);
    }
}

static void run_on(struct session *session, struct launch_process *process)
{
    /* env and its like, where they executed nothing. */
    if (!session->printed && !session->out.options->follow)
        print_found(session, session->command);
    if (session->out.options->stop) {
        launch_end(process, 0);
        return;
    }
    int interval = session->out.options->follow ? FOLLOW_INTERVAL_MS : -1;
    while (!process->ended && launch_wait(process, interval) == SHALE_ETIMEOUT)
        procfs_for_each(process->pid, judge_in_tree, session);
    if (interrupted)
        launch_end(process, GRACE_MS);
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static int start(struct session *session, const char **argv)
{
    const struct verify_options *options = session->out.options;
    struct launch_process process;
    struct launch_failure failure = {0};
    /* It is judged by its file: for such programs the dynamic linker's rule is certain. */
    bool left_alone = prove_takes_rights_from(argv[0]);
    const struct launch_spec spec = {.argv = argv,
                                     .stdio = LAUNCH_STDIO_KEEP,
                                     .contain = options->stop,
                                     .prove = options->wait_s > 0 || left_alone ? NULL : prove,
                                     .context = session,
                                     .cancel = &interrupted};
    session->command = argv[0];
    watch_signals();
    if (left_alone) {
        judge_file(session, argv[0]);
        print_found(session, argv[0]);
        if (options->stop)
            return session->status;
    }
    if (launch_start(&spec, &process, &failure) != 0)
        return report_failure(session, argv[0], &failure);
    if (options->wait_s > 0 && !left_alone)
        judge_later(session, &process);
    if (options->follow && !process.ended)
        procfs_for_each(process.pid, judge_in_tree, session);
    run_on(session, &process);
    launch_close(&process);
    return session->status;
}

static struct session *new_session(const struct cmd_entry *self,
                                   const struct verify_options *options, int *status)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        cmd_error(self, "cannot begin: out of memory");
        *status = CMD_EXIT_INTERNAL;
        return NULL;
    }
    session->self = self;
    identify_report_init(&session->report);
    *status = verify_open(self, options, &session->out);
    if (*status == CMD_EXIT_OK)
        return session;
    free(session);
    return NULL;
}

static int end_session(struct session *session, int status)
{
    status = verify_close(session->self, &session->out, status);
    identify_report_free(&session->report);
    free(session);
    return status;
}

int verify_command(const struct cmd_entry *self, const struct verify_options *options,
                   const char **argv)
{
    int status;
    struct session *session = new_session(self, options, &status);
    return session ? end_session(session, start(session, argv)) : status;
}

int verify_tree(const struct cmd_entry *self, const struct verify_options *options, pid_t root)
{
    int status;
    char name[32];
    struct session *session = new_session(self, options, &status);
    if (!session)
        return status;
    procfs_for_each(root, judge_in_tree, session);
    status = session->status;
    if (session->out.printed == 0 && status == CMD_EXIT_OK) {
        snprintf(name, sizeof name, "%ld", (long)root);
        (void)!judge(session, root);
        status = session->error == 0 ? verify_print(self, &session->out, &session->report)
                                     : verify_failed(self, name, session->error, &session->report);
    }
    return end_session(session, status);
}
