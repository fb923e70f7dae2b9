/* SPDX-License-Identifier: MIT */
/* Starting a program, and how a launch that failed is reported. Layer 4. */
#include "measure/launch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure/launch_internal.h"

int64_t launch_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void launch_nap(unsigned *round)
{
    long sleep_ns = 50000L << (*round < 4 ? *round : 4);
    if (sleep_ns > 1000000)
        sleep_ns = 1000000;
    ++*round;
    nanosleep(&(struct timespec){.tv_nsec = sleep_ns}, NULL);
}

int launch_fail(struct launch_failure *failure, enum launch_stage stage, int error,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    failure->stage = stage;
    return error;
}

int launch_fail_start(struct launch_failure *failure, const char *what)
{
    failure->system_error = errno;
    return launch_fail(failure, LAUNCH_STAGE_START, SHALE_EIO, "cannot %s: %s", what,
                       strerror(errno));
}

int launch_failure_status(const struct launch_failure *failure)
{
    switch (failure->stage) {
    case LAUNCH_STAGE_FIND:
    case LAUNCH_STAGE_EXEC:
        return failure->system_error == ENOENT || failure->system_error == ENOTDIR ? 127 : 126;
    default:
        return 125;
    }
}

int launch_shell_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* A value that no other launch on this machine has at the same time. */
static void make_mark(char *mark, size_t size)
{
    static unsigned counter;
    snprintf(mark, size, "%d-%u", (int)getpid(), ++counter);
}

/* Nothing to prove: opens the gate and waits for the exec alone. */
static int release(const struct launch_child *child, struct launch_process *process,
                   struct launch_failure *failure)
{
    process->released_ns = launch_now_ns();
    if (write(child->gate, "", 1) != 1)
        return launch_fail_start(failure, "reach the child");
    return launch_child_report(child, true, failure);
}

static int start_image(const struct launch_spec *spec, const struct launch_image *image,
                       struct launch_process *process, struct launch_failure *failure)
{
    struct launch_child child;
    int result = launch_child_fork(spec, image, &child, failure);
    if (result < 0)
        return result;
    process->pid = child.pid;
    process->pidfd = pidfd_open(child.pid, 0);
    result = spec->prove ? launch_prove(spec, &child, process, failure)
                         : release(&child, process, failure);
    close(child.gate);
    close(child.waits);
    close(child.report);
    if (result < 0) {
        launch_end(process, 0);
        launch_close(process);
    }
    return result;
}

int launch_start(const struct launch_spec *spec, struct launch_process *process,
                 struct launch_failure *failure)
{
    struct launch_process started = {.contained = spec->contain, .pidfd = -1};
    struct launch_failure why = {.stage = LAUNCH_STAGE_NONE};
    struct launch_image image;
    started.cancel = spec->cancel;
    if (spec->contain) {
        make_mark(started.mark, sizeof started.mark);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    int result = launch_image_make(spec, started.mark, &image, &why);
    if (result == 0)
        result = start_image(spec, &image, &started, &why);
    launch_image_free(&image);
    if (result < 0)
        *failure = why;
    else
        *process = started;
    return result;
}

void launch_close(struct launch_process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
}
