/* SPDX-License-Identifier: MIT */
/* One run of one program under one allocator. Layer 4. */
#define _GNU_SOURCE
#include "measure/bench_execute.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure/capture.h"
#include "measure/launch.h"
#include "measure/prove.h"

enum { END_GRACE_MS = 200 };

/* Where a run's streams go. */
struct streams {
    int nothing; /* /dev/null: input, and output that nobody wants */
    struct capture output;
    struct capture errors;
};

static void streams_close(struct streams *streams)
{
    if (streams->nothing >= 0)
        close(streams->nothing);
    capture_close(&streams->output);
    capture_close(&streams->errors);
}

static int streams_open(struct streams *streams)
{
    *streams = (struct streams){open("/dev/null", O_RDWR | O_CLOEXEC), {-1}, {-1}};
    if (streams->nothing >= 0 && capture_open(&streams->output) == 0 &&
        capture_open(&streams->errors) == 0)
        return 0;
    streams_close(streams);
    return SHALE_EIO;
}

/* Adds ": " and the last line that the program wrote to stderr, if any. */
static void add_last_line(char *reason, size_t size, const struct capture *errors)
{
    char tail[200];
    capture_tail(errors, tail, sizeof tail);
    size_t end = strlen(tail);
    while (end > 0 && tail[end - 1] == '\n')
        tail[--end] = 0;
    const char *line = strrchr(tail, '\n');
    size_t used = strlen(reason);
    if (end > 0)
        snprintf(reason + used, size - used, ": %s", line ? line + 1 : tail);
}

static void judge_end(int wait_status, const struct capture *errors, struct bench_outcome *outcome)
{
    char *reason = outcome->reason;
    size_t size = sizeof outcome->reason;
    if (WIFSIGNALED(wait_status))
        snprintf(reason, size, "ended by SIG%s", sigabbrev_np(WTERMSIG(wait_status)));
    else if (WEXITSTATUS(wait_status) != 0)
        snprintf(reason, size, "ended with status %d", WEXITSTATUS(wait_status));
    else
        return;
    add_last_line(reason, size, errors);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void take_figures(const struct launch_process *process, struct bench_outcome *outcome)
{
    outcome->wall_s = (double)(process->ended_ns - process->released_ns) * 1e-9;
    outcome->cpu_s = seconds(process->usage.ru_utime) + seconds(process->usage.ru_stime);
    outcome->rss_peak_kib = (double)process->usage.ru_maxrss;
}

static int await_end(const struct bench_order *order, struct launch_process *process,
                     const struct streams *streams, struct bench_outcome *outcome)
{
    int result = launch_wait(process, order->timeout_s * 1000);
    launch_end(process, END_GRACE_MS);
    if (result == SHALE_ETIMEOUT) {
        snprintf(outcome->reason, sizeof outcome->reason, "did not end within %d s",
                 order->timeout_s);
        return 0;
    }
    if (result != 0)
        return result;
    judge_end(process->wait_status, &streams->errors, outcome);
    take_figures(process, outcome);
    if (order->keep_output && (order->keep_failed_output || !outcome->reason[0]))
        outcome->output = capture_text(&streams->output);
    return 0;
}

static void note_failed_start(const struct launch_failure *failure,
                              const struct prove_request *request, struct bench_outcome *outcome)
{
    const char *text = failure->text;
    if (failure->stage == LAUNCH_STAGE_PROOF && request->reason[0])
        text = request->reason;
    snprintf(outcome->reason, sizeof outcome->reason, "%s%.240s",
             failure->stage == LAUNCH_STAGE_PROOF ? "not proven: " : "", text);
}

static int run_captured(const struct bench_order *order, const struct streams *streams,
                        struct bench_outcome *outcome)
{
    struct launch_process process;
    struct launch_failure failure = {0};
    struct prove_request request;
    prove_init(&request, order->allocator);
    struct launch_spec spec = {
        .argv = order->argv,
        .preload = order->allocator ? order->allocator->path : NULL,
        .environment = order->environment,
        .directory = order->directory,
        .stdio = {streams->nothing, order->keep_output ? streams->output.fd : streams->nothing,
                  streams->errors.fd},
        .contain = true,
        .prove = order->allocator ? prove_allocator : NULL,
        .context = &request,
        .cancel = order->cancel,
    };
    int result = launch_start(&spec, &process, &failure);
    if (result == 0) {
        result = await_end(order, &process, streams, outcome);
        launch_close(&process);
    } else {
        note_failed_start(&failure, &request, outcome);
    }
    prove_free(&request);
    return result;
}

int bench_execute(const struct bench_order *order, struct bench_outcome *outcome)
{
    struct streams streams;
    *outcome = (struct bench_outcome){0};
    if (streams_open(&streams) != 0) {
        snprintf(outcome->reason, sizeof outcome->reason, "no file for its output: %s",
                 strerror(errno));
        return SHALE_EIO;
    }
    int result = run_captured(order, &streams, outcome);
    streams_close(&streams);
    return result;
}
