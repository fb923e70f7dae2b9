/* SPDX-License-Identifier: MIT */
/*
 * From fork to exec. Layer 4.
 *
 * All signals are blocked over the fork, so that no handler of ours ever runs in the child; it
 * unblocks them with default dispositions (ignored ones stay ignored, as nohup needs it). The child
 * waits at a gate, so that it can be seized before it executes anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "measure/launch_internal.h"

static _Noreturn void give_up(int report, enum launch_stage stage)
{
    struct launch_report text = {stage, errno};
    ssize_t written = write(report, &text, sizeof text);
    (void)written; /* nobody is left to be told */
    _exit(launch_failure_status(
        &(struct launch_failure){.stage = stage, .system_error = text.system_error}));
}

/* First out of the way of 0, 1 and 2, then into place: they may be given in any order. */
static int redirect(const int stdio[3])
{
    int moved[3] = {-1, -1, -1};
    for (int i = 0; i < 3; i++) {
        if (stdio[i] < 0)
            continue;
        moved[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
        if (moved[i] < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (moved[i] >= 0 && dup2(moved[i], i) < 0)
            return -1;
    return 0;
}

static void reset_signals(const sigset_t *mask)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
            action.sa_handler == SIG_IGN)
            continue;
        action = (struct sigaction){.sa_handler = SIG_DFL};
        sigaction(number, &action, NULL);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void child_main(const struct launch_spec *spec, const struct launch_image *image,
                                 const int gate[2], int report, pid_t parent, const sigset_t *mask)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        give_up(report, LAUNCH_STAGE_START);
    if (getppid() != parent)
        _exit(125); /* the parent died before the line above */
    if (spec->contain)
        setpgid(0, 0);
    char go;
    close(gate[1]);
    if (read(gate[0], &go, 1) != 1)
        _exit(125);
    if (redirect(spec->stdio) < 0)
        give_up(report, LAUNCH_STAGE_START);
    if (spec->directory && chdir(spec->directory) < 0)
        give_up(report, LAUNCH_STAGE_DIRECTORY);
    reset_signals(mask);
    execve(image->path, (char *const *)spec->argv, image->environment);
    if (errno == ENOEXEC)
        execve("/bin/sh", image->shell_argv, image->environment);
    give_up(report, LAUNCH_STAGE_EXEC);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

int launch_child_fork(const struct launch_spec *spec, const struct launch_image *image,
                      struct launch_child *child, struct launch_failure *failure)
{
    int gate[2];
    int report[2];
    if (pipe2(gate, O_CLOEXEC) < 0)
        return launch_fail_start(failure, "make a pipe");
    if (pipe2(report, O_CLOEXEC) < 0) {
        close_pair(gate);
        return launch_fail_start(failure, "make a pipe");
    }
    sigset_t all;
    sigset_t mask;
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        child_main(spec, image, gate, report[1], parent, &mask);
    if (pid > 0 && spec->contain)
        setpgid(pid, pid); /* here too: whichever comes first */
    if (pid > 0 && spec->started)
        spec->started(pid, spec->context);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(report[1]);
    if (pid < 0) {
        close_pair(gate);
        close(report[0]);
        return launch_fail_start(failure, "start a process");
    }
    *child =
        (struct launch_child){.pid = pid, .gate = gate[1], .waits = gate[0], .report = report[0]};
    return 0;
}

int launch_child_report(const struct launch_child *child, bool wait, struct launch_failure *failure)
{
    if (fcntl(child->report, F_SETFL, wait ? 0 : O_NONBLOCK) < 0)
        return launch_fail_start(failure, "read from the child");
    struct launch_report report;
    ssize_t length;
    do
        length = read(child->report, &report, sizeof report);
    while (length < 0 && errno == EINTR && wait);
    if (length != (ssize_t)sizeof report)
        return 0;
    failure->system_error = report.system_error;
    int error = report.system_error == ENOENT ? SHALE_ENOENT : SHALE_EPERM;
    return launch_fail(failure, report.stage, error, "%s", strerror(report.system_error));
}
