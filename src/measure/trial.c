/* SPDX-License-Identifier: MIT */
/* One run of a comparison: see trial.h. Layer 4. */
#include "measure/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure/capture.h"
#include "measure/procfs.h"
#include "measure/prove.h"
#include "measure/sampler.h"

enum {
    WATCH_MS = 50,
    READY_POLL_MS = 2,
    RUSAGE_BLOCK = 512, /* the unit of ru_inblock and ru_oublock on Linux */
};

/* What belongs to a run while it lasts. */
struct trial {
    const struct trial_spec *spec;
    struct trial_result *result;
    struct trial_failure *failure;
    struct prove_request prove;
    struct ready ready;
    struct launch_process process;
    bool started;
    struct capture command_output;
    struct capture load_output;
    struct sampler sampler;
    uint64_t own_rss;
    size_t phases_read;
    double wall_s;
};

SHALE_PRINTF(4, 5)
static int fail(struct trial *trial, enum trial_stage stage, int error, const char *format, ...)
{
    trial->failure->stage = stage;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trial->failure->text, sizeof trial->failure->text, format, arguments);
    va_end(arguments);
    return error;
}

static int fail_cancelled(struct trial *trial)
{
    return fail(trial, TRIAL_CANCELLED, SHALE_ECANCELED, "it was interrupted");
}

static int fail_internal(struct trial *trial, const char *what)
{
    return fail(trial, TRIAL_INTERNAL, SHALE_EIO, "%s: %s", what, strerror(errno));
}

SHALE_PRINTF(2, 3) static void advise(struct trial *trial, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trial->failure->remedy, sizeof trial->failure->remedy, format, arguments);
    va_end(arguments);
}

/* "exited with 3" or "was ended by signal 11 (Segmentation fault)" */
static void describe_end(int wait_status, char *text, size_t size)
{
    if (WIFSIGNALED(wait_status))
        snprintf(text, size, "was ended by signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    else
        snprintf(text, size, "exited with %d", WEXITSTATUS(wait_status));
}

static bool cancelled(const struct trial *trial)
{
    return trial->spec->cancel && *trial->spec->cancel;
}

/* ----------------------------------------------------------------------- commands by sh */

static int server_ended(struct trial *trial, const char *when)
{
    char end[128];
    describe_end(trial->process.wait_status, end, sizeof end);
    capture_tail(&trial->command_output, trial->failure->output, sizeof trial->failure->output);
    return fail(trial, TRIAL_ENDED, SHALE_EGONE, "'%s' %s %s", trial->spec->argv[0], end, when);
}

/* Signals that a program gives itself; one that does not handle SIGTERM ends by that. */
static bool crashed(int wait_status)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; WIFSIGNALED(wait_status) && i < SHALE_ARRAY_LENGTH(signals); i++)
        if (WTERMSIG(wait_status) == signals[i])
            return true;
    return false;
}

/* Waits for a helper command while watching that the server lives. */
static int wait_for_helper(struct trial *trial, struct launch_process *helper,
                           enum trial_stage stage, const char *command)
{
    int64_t deadline_ns =
        (int64_t)shale_clock_monotonic_ns() + trial->spec->timeout_ms * INT64_C(1000000);
    for (;;) {
        int error = launch_wait(helper, WATCH_MS);
        if (error == SHALE_OK)
            return SHALE_OK;
        if (error == SHALE_ECANCELED || cancelled(trial))
            return fail_cancelled(trial);
        if (trial->started && launch_wait(&trial->process, 0) == SHALE_OK) {
            char when[600];
            snprintf(when, sizeof when, "while '%.500s' ran", command);
            return server_ended(trial, when);
        }
        if ((int64_t)shale_clock_monotonic_ns() > deadline_ns) {
            advise(trial, "a longer --timeout");
            return fail(trial, stage, SHALE_ETIMEOUT, "'%s' took longer than %g s", command,
                        trial->spec->timeout_ms / 1000.0);
        }
    }
}

static int helper_failed(struct trial *trial, const struct launch_process *helper,
                         const struct capture *output, enum trial_stage stage, const char *command)
{
    char end[128];
    describe_end(helper->wait_status, end, sizeof end);
    capture_tail(output, trial->failure->output, sizeof trial->failure->output);
    return fail(trial, stage, SHALE_EGONE, "'%s' %s", command, end);
}

/*
 * Runs `sh -c command` to its end, which must be 0, with SHALE_PID naming the measured program.
 *
 * @param took_s  gets its wall time; may be NULL.
 */
static int run_helper(struct trial *trial, const char *command, enum trial_stage stage,
                      struct capture *output, double *took_s)
{
    char pid[32];
    snprintf(pid, sizeof pid, "SHALE_PID=%d", trial->started ? (int)trial->process.pid : 0);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    const char *const environment[] = {trial->started ? pid : "SHALE_PID", NULL};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0)
        return fail_internal(trial, "cannot open /dev/null");
    const struct launch_spec launch = {
        .argv = argv,
        .environment = environment,
        .stdio = {nothing, output->fd, output->fd},
        .contain = true,
        .cancel = trial->spec->cancel,
    };
    struct launch_process helper;
    int error = launch_start(&launch, &helper, &trial->failure->launch);
    close(nothing);
    if (error)
        return cancelled(trial) ? fail_cancelled(trial)
                                : fail(trial, stage, error, "cannot run '%s': %s", command,
                                       trial->failure->launch.text);
    error = wait_for_helper(trial, &helper, stage, command);
    launch_end(&helper, error ? trial->spec->stop_grace_ms : 0);
    if (!error && helper.wait_status != 0)
        error = helper_failed(trial, &helper, output, stage, command);
    if (!error && took_s)
        *took_s = (double)(helper.ended_ns - helper.released_ns) / 1e9;
    launch_close(&helper);
    return error;
}

/* run_helper for a command whose output matters only when it fails. */
static int run_quiet_helper(struct trial *trial, const char *command, enum trial_stage stage)
{
    struct capture output;
    if (capture_open(&output) != SHALE_OK)
        return fail_internal(trial, "cannot keep output");
    int error = run_helper(trial, command, stage, &output, NULL);
    capture_close(&output);
    return error;
}

/* ------------------------------------------------------------------- start and readiness */

static int launch_failed(struct trial *trial, int error)
{
    const struct launch_failure *launch = &trial->failure->launch;
    if (launch->stage == LAUNCH_STAGE_CANCELLED || cancelled(trial))
        return fail_cancelled(trial);
    proof_take(&trial->failure->proof, &trial->prove.report);
    capture_tail(&trial->command_output, trial->failure->output, sizeof trial->failure->output);
    if (launch->stage == LAUNCH_STAGE_PROOF || launch->stage == LAUNCH_STAGE_TIMEOUT) {
        advise(trial, "%s", trial->failure->proof.remedy);
        return fail(trial, TRIAL_LAUNCH, error, "%s was asked for and is not proven: %s",
                    trial->spec->allocator->name,
                    trial->prove.reason[0] ? trial->prove.reason : launch->text);
    }
    if (launch->stage == LAUNCH_STAGE_FIND || launch->stage == LAUNCH_STAGE_EXEC)
        advise(trial, "its full path, or make it executable");
    return fail(trial, TRIAL_LAUNCH, error, "cannot run '%s': %s", trial->spec->argv[0],
                launch->text);
}

static int start_program(struct trial *trial)
{
    const struct trial_spec *spec = trial->spec;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || capture_open(&trial->command_output) != SHALE_OK) {
        int error = fail_internal(trial, "cannot keep output");
        if (nothing >= 0)
            close(nothing);
        return error;
    }
    trial->own_rss = procfs_own_rss();
    const struct launch_spec launch = {
        .argv = spec->argv,
        .preload = spec->allocator ? spec->allocator->path : NULL,
        .environment = spec->environment,
        .stdio = {nothing, trial->command_output.fd, trial->command_output.fd},
        .contain = true,
        .prove = spec->allocator ? prove_allocator : NULL,
        .context = &trial->prove,
        .cancel = spec->cancel,
    };
    int error = launch_start(&launch, &trial->process, &trial->failure->launch);
    close(nothing);
    if (error)
        return launch_failed(trial, error);
    trial->started = true;
    if (sampler_start(&trial->sampler, trial->process.pid, spec->interval_ms) != SHALE_OK)
        return fail_internal(trial, "cannot start the sampling thread");
    return SHALE_OK;
}

static int wait_until_ready(struct trial *trial)
{
    const struct trial_spec *spec = trial->spec;
    int64_t deadline_ns =
        (int64_t)shale_clock_monotonic_ns() + spec->ready_timeout_ms * INT64_C(1000000);
    for (;;) {
        if (launch_wait(&trial->process, READY_POLL_MS) == SHALE_OK)
            return server_ended(trial, "before it was ready");
        if (cancelled(trial))
            return fail_cancelled(trial);
        if (ready_check(&trial->ready))
            return SHALE_OK;
        if ((int64_t)shale_clock_monotonic_ns() > deadline_ns)
            break;
    }
    capture_tail(&trial->command_output, trial->failure->output, sizeof trial->failure->output);
    advise(trial, "another --ready, or a longer --ready-timeout");
    return fail(trial, TRIAL_READY, SHALE_ETIMEOUT, "'%s' was not ready within %g s", spec->argv[0],
                spec->ready_timeout_ms / 1000.0);
}

/* ---------------------------------------------------------------------- phases of a load */

/* Lets time pass while the server must live. */
static int pass_time(struct trial *trial, double seconds)
{
    int64_t until_ns = (int64_t)shale_clock_monotonic_ns() + (int64_t)(seconds * 1e9);
    for (;;) {
        int64_t left_ns = until_ns - (int64_t)shale_clock_monotonic_ns();
        if (left_ns <= 0)
            return SHALE_OK;
        int step_ms = left_ns > WATCH_MS * 1000000LL ? WATCH_MS : (int)(left_ns / 1000000) + 1;
        if (launch_wait(&trial->process, step_ms) == SHALE_OK)
            return server_ended(trial, "while nothing was asked of it");
        if (cancelled(trial))
            return fail_cancelled(trial);
    }
}

static int read_phase(struct trial *trial)
{
    int error = pass_time(trial, trial->spec->settle_s);
    if (error)
        return error;
    struct procfs_figures figures;
    if (procfs_read_tree(trial->process.pid, PROCFS_ROLLUP, &figures) != SHALE_OK) {
        launch_wait(&trial->process, 1000);
        return server_ended(trial, "before its memory was read");
    }
    double *values = &trial->result->values[FIGURE_FIXED + trial->phases_read++ * FIGURE_PER_PHASE];
    values[0] = (double)figures.rss_bytes;
    values[1] = figures.has_rollup ? (double)figures.pss_bytes : NAN;
    values[2] = figures.has_rollup ? (double)figures.anon_huge_bytes : NAN;
    return SHALE_OK;
}

static int run_phases(struct trial *trial)
{
    const struct trial_spec *spec = trial->spec;
    int error = read_phase(trial);
    for (size_t i = 0; !error && i < spec->phase_count; i++) {
        error = run_quiet_helper(trial, spec->phases[i].command, TRIAL_PHASE);
        if (!error)
            error = read_phase(trial);
    }
    if (!error && spec->idle_s > 0) {
        error = pass_time(trial, spec->idle_s);
        if (!error)
            error = read_phase(trial);
    }
    return error;
}

static int run_server(struct trial *trial)
{
    int error = wait_until_ready(trial);
    if (error)
        return error;
    if (capture_open(&trial->load_output) != SHALE_OK)
        return fail_internal(trial, "cannot keep output");
    error = run_helper(trial, trial->spec->load, TRIAL_LOAD, &trial->load_output, &trial->wall_s);
    return error ? error : run_phases(trial);
}

static int run_command(struct trial *trial)
{
    int error = launch_wait(&trial->process, trial->spec->timeout_ms);
    if (error == SHALE_ECANCELED || cancelled(trial))
        return fail_cancelled(trial);
    if (error) {
        advise(trial, "a longer --timeout, or --load if it is a server");
        return fail(trial, TRIAL_TIMEOUT, error, "'%s' took longer than %g s", trial->spec->argv[0],
                    trial->spec->timeout_ms / 1000.0);
    }
    trial->wall_s = (double)(trial->process.ended_ns - trial->process.released_ns) / 1e9;
    if (trial->process.wait_status == 0)
        return SHALE_OK;
    char end[128];
    describe_end(trial->process.wait_status, end, sizeof end);
    capture_tail(&trial->command_output, trial->failure->output, sizeof trial->failure->output);
    return fail(trial, TRIAL_COMMAND, SHALE_EGONE, "'%s' %s", trial->spec->argv[0], end);
}

/* ------------------------------------------------------------------------------- figures */

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void take_usage(struct trial *trial)
{
    const struct rusage *usage = &trial->process.usage;
    double *values = trial->result->values;
    values[FIGURE_WALL] = trial->wall_s;
    values[FIGURE_USER] = seconds(usage->ru_utime);
    values[FIGURE_SYSTEM] = seconds(usage->ru_stime);
    values[FIGURE_CPU] = values[FIGURE_USER] + values[FIGURE_SYSTEM];
    values[FIGURE_SWITCHES_VOLUNTARY] = (double)usage->ru_nvcsw;
    values[FIGURE_SWITCHES_INVOLUNTARY] = (double)usage->ru_nivcsw;
    values[FIGURE_FAULTS_MINOR] = (double)usage->ru_minflt;
    values[FIGURE_FAULTS_MAJOR] = (double)usage->ru_majflt;
    values[FIGURE_READ] = (double)usage->ru_inblock * RUSAGE_BLOCK;
    values[FIGURE_WRITTEN] = (double)usage->ru_oublock * RUSAGE_BLOCK;
}

static void take_memory(struct trial *trial)
{
    const struct sampler *sampler = &trial->sampler;
    double *values = trial->result->values;
    uint64_t peak = sampler->peak_bytes;
    uint64_t max_rss = (uint64_t)trial->process.usage.ru_maxrss * 1024;
    if (max_rss > trial->own_rss && max_rss > peak)
        peak = max_rss;
    values[FIGURE_PEAK] = peak > 0 ? (double)peak : NAN;
    struct sampler_point steady;
    if (sampler_steady(sampler, &steady) < SAMPLER_STEADY_MIN)
        return;
    values[FIGURE_STEADY] = (double)steady.rss_bytes;
    values[FIGURE_PSS] = steady.has_rollup ? (double)steady.pss_bytes : NAN;
    values[FIGURE_HUGE] = steady.has_rollup ? (double)steady.anon_huge_bytes : NAN;
}

static void take_series(struct trial *trial)
{
    const struct sampler *sampler = &trial->sampler;
    struct trial_result *result = trial->result;
    size_t points_max = trial->spec->points_max ? trial->spec->points_max : TRIAL_POINTS_DEFAULT;
    size_t step = sampler->count / points_max + 1;
    for (size_t i = 0; i < sampler->count; i += step) {
        result->points[result->point_count].at_s = (double)sampler->points[i].at_ns / 1e9;
        result->points[result->point_count++].rss_bytes = (double)sampler->points[i].rss_bytes;
    }
    double lived_s = (double)(trial->process.ended_ns - trial->process.released_ns) / 1e9;
    result->sampling_share = lived_s > 0 ? (double)sampler->cost_ns / 1e9 / lived_s : 0;
    result->processes_max = sampler->processes_max;
}

/* The picked numbers: in the load's output first, then in the program's. */
static int take_picked(struct trial *trial)
{
    const struct trial_spec *spec = trial->spec;
    char *load = capture_text(&trial->load_output);
    char *command = capture_text(&trial->command_output);
    int error = load && command ? SHALE_OK : fail_internal(trial, "cannot read the output");
    double *values = &trial->result->values[FIGURE_FIXED + trial->phases_read * FIGURE_PER_PHASE];
    for (size_t i = 0; !error && i < spec->picker_count; i++) {
        const struct picker *picker = &spec->pickers[i];
        if (picker_find(picker, load, &values[i]) || picker_find(picker, command, &values[i]))
            continue;
        const struct capture *output = spec->load ? &trial->load_output : &trial->command_output;
        capture_tail(output, trial->failure->output, sizeof trial->failure->output);
        error = fail(trial, TRIAL_FIGURE, SHALE_EFORMAT,
                     "--metric %s: nothing in the output fits '%s'", picker->name, picker->pattern);
    }
    free(load);
    free(command);
    return error;
}

static int measure(struct trial *trial)
{
    int error = SHALE_OK;
    if (trial->spec->prepare)
        error = run_quiet_helper(trial, trial->spec->prepare, TRIAL_PREPARE);
    if (error)
        return error;
    if (trial->spec->load && ready_begin(&trial->ready) != SHALE_OK) {
        advise(trial, "stop what serves it, or another port");
        return fail(trial, TRIAL_PORT_BUSY, SHALE_EBUSY, "port %s of %s is served already",
                    trial->ready.port, trial->ready.host);
    }
    trial->result->started_ns = (int64_t)shale_clock_monotonic_ns();
    error = start_program(trial);
    if (error)
        return error;
    return trial->spec->load ? run_server(trial) : run_command(trial);
}

int trial_run(const struct trial_spec *spec, struct trial_result *result,
              struct trial_failure *failure)
{
    *failure = (struct trial_failure){0};
    struct trial_result taken = {0};
    for (size_t i = 0; i < FIGURES_MAX; i++)
        taken.values[i] = NAN;
    struct trial trial = {
        .spec = spec,
        .result = &taken,
        .failure = failure,
        .ready = spec->ready,
        .command_output.fd = -1,
        .load_output.fd = -1,
    };
    prove_init(&trial.prove, spec->allocator);
    int error = measure(&trial);
    sampler_stop(&trial.sampler);
    if (trial.started) {
        taken.killed = (unsigned)launch_end(&trial.process, spec->stop_grace_ms);
        if (!error && crashed(trial.process.wait_status))
            error = server_ended(&trial, "when it was stopped");
        if (spec->allocator)
            proof_take(&taken.proof, &trial.prove.report);
        take_usage(&trial);
        take_memory(&trial);
        take_series(&trial);
        launch_close(&trial.process);
    }
    if (!error)
        error = take_picked(&trial);
    prove_free(&trial.prove);
    sampler_free(&trial.sampler);
    capture_close(&trial.command_output);
    capture_close(&trial.load_output);
    if (!error)
        *result = taken;
    return error;
}
