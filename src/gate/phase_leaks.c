/* SPDX-License-Identifier: MIT */
/*
 * memcheck over the program: bytes that nothing leads to, and accesses beyond a block. Layer 5.
 *
 * memcheck puts its own malloc in the place of the candidate's, so this phase tests the program and
 * not the allocator: a program that reads what it has freed may live with one allocator and crash
 * with the next. One run serves both sides, unless they are different builds.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/gate_internal.h"
#include "gate/judge.h"

enum { ARGUMENTS_MAX = 1024, MEMCHECK_SLOWDOWN = 40, PATH_SIZE = 512 };

struct memcheck {
    double definitely, indirectly, possibly; /* bytes lost */
    double errors;                           /* contexts count as often as they happened */
    size_t logs;
};

/* ------------------------------------------------------------------------------- the logs */

/* "==7==    definitely lost: 1,234 bytes in 5 blocks": adds 1234. */
static void add_number(const char *line, const char *label, double *sum)
{
    const char *at = strstr(line, label);
    if (!at)
        return;
    double value = 0;
    for (at += strlen(label); *at == ' '; at++)
        ;
    for (; isdigit((unsigned char)*at) || *at == ','; at++)
        if (*at != ',')
            value = 10 * value + (*at - '0');
    *sum += value;
}

static void read_log(const char *path, struct memcheck *found)
{
    char line[512];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        add_number(line, "definitely lost:", &found->definitely);
        add_number(line, "indirectly lost:", &found->indirectly);
        add_number(line, "possibly lost:", &found->possibly);
        add_number(line, "ERROR SUMMARY:", &found->errors);
        found->logs += strstr(line, "ERROR SUMMARY:") != NULL;
    }
    if (file)
        fclose(file);
}

/* Reads every process's log, and leaves the folder empty. */
static void read_logs(const char *folder, struct memcheck *found)
{
    char path[PATH_SIZE];
    DIR *stream = opendir(folder);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        snprintf(path, sizeof path, "%.200s/%.255s", folder, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        read_log(path, found);
        unlink(path);
    }
    if (stream)
        closedir(stream);
}

/* -------------------------------------------------------------------------------- the run */

static const char *const *program_of(const struct gate *gate, size_t side)
{
    return gate->plan->leaks.argv ? gate->plan->leaks.argv : gate->arms[side].argv;
}

static bool put_under_memcheck(const char *const *argv, const char *log, const char **checked)
{
    static const char *const valgrind[] = {"valgrind", "--leak-check=full",
                                           "--errors-for-leak-kinds=none", "--trace-children=yes"};
    size_t count = 0;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(valgrind); i++)
        checked[count++] = valgrind[i];
    checked[count++] = log;
    for (; *argv; argv++) {
        if (count == ARGUMENTS_MAX)
            return false;
        checked[count++] = *argv;
    }
    checked[count] = NULL;
    return true;
}

static int run_under_memcheck(struct gate *gate, size_t side, const char *folder,
                              struct trial_failure *failure)
{
    const char *argv[ARGUMENTS_MAX + 1];
    char log[PATH_SIZE];
    struct trial_spec spec = gate->trial;
    snprintf(log, sizeof log, "--log-file=%s/%%p", folder);
    if (!put_under_memcheck(program_of(gate, side), log, argv))
        return gate_fail(gate, SHALE_EINVAL, "leaks: more than %d arguments", ARGUMENTS_MAX);
    struct trial_result *scratch = malloc(sizeof *scratch);
    if (!scratch)
        return gate_fail(gate, SHALE_ENOMEM, "out of memory");
    spec.argv = argv;
    spec.allocator = NULL;
    spec.picker_count = 0;
    spec.interval_ms = 0;
    spec.ready_timeout_ms *= MEMCHECK_SLOWDOWN;
    spec.stop_grace_ms *= MEMCHECK_SLOWDOWN;
    spec.timeout_ms = spec.timeout_ms > INT32_MAX / MEMCHECK_SLOWDOWN
                          ? INT32_MAX
                          : spec.timeout_ms * MEMCHECK_SLOWDOWN;
    if (gate->plan->leaks.argv) {
        spec.load = NULL;
        spec.phase_count = 0;
        spec.idle_s = 0;
    }
    int error = trial_run(&spec, scratch, failure);
    free(scratch);
    return error;
}

/* In a folder of its own, which is gone afterwards. */
static int check_side(struct gate *gate, size_t side, struct memcheck *found,
                      struct trial_failure *failure)
{
    char folder[] = "/tmp/shale-gate.XXXXXX";
    if (!mkdtemp(folder))
        return gate_fail(gate, SHALE_EIO, "cannot make a folder in /tmp: %s", strerror(errno));
    gate_tell(gate, GATE_LEAKS, gate->estimates[GATE_LEAKS], "memcheck on %s",
              program_of(gate, side)[0]);
    int error = run_under_memcheck(gate, side, folder, failure);
    read_logs(folder, found);
    rmdir(folder);
    return error;
}

/* -------------------------------------------------------------------------------- judging */

static struct gate_finding *judge_bytes(struct gate_phase_result *result, const char *metric,
                                        const char *title, double candidate, double baseline,
                                        double allowed)
{
    double excess = fmax(0, candidate - baseline);
    struct gate_limit limit = {allowed, allowed};
    enum gate_verdict verdict = gate_judge_value(excess, &limit);
    bool program = verdict == GATE_GO && candidate > allowed;
    struct gate_finding *finding = gate_find(
        result, program ? GATE_CONDITIONAL : verdict, metric, title, "%.0f; %.0f allowed%s",
        candidate, allowed, program ? "; the baseline has as many: they are the program's" : "");
    finding->unit = GATE_BYTES;
    finding->value = candidate;
    finding->warn = finding->fail = allowed;
    return finding;
}

static void judge_memcheck(const struct gate *gate, const struct memcheck found[GATE_SIDES],
                           struct gate_phase_result *result)
{
    const struct memcheck *baseline = &found[GATE_BASELINE];
    const struct memcheck *candidate = &found[GATE_CANDIDATE];
    judge_bytes(result, "definitely_lost_bytes", "bytes definitely lost",
                candidate->definitely + candidate->indirectly,
                baseline->definitely + baseline->indirectly, 0);
    judge_bytes(result, "possibly_lost_bytes", "bytes possibly lost", candidate->possibly,
                baseline->possibly, gate->plan->limits.possibly_lost_bytes);
    judge_bytes(result, "invalid_accesses", "invalid accesses", candidate->errors, baseline->errors,
                0)
        ->unit = GATE_COUNT;
}

static bool valgrind_is_here(void)
{
    char path[4096];
    return launch_resolve("valgrind", NULL, path, sizeof path) == SHALE_OK;
}

int gate_phase_leaks(struct gate *gate, struct gate_phase_result *result)
{
    struct memcheck found[GATE_SIDES] = {{0}};
    bool two_builds = gate->arms[0].argv != gate->arms[1].argv && !gate->plan->leaks.argv;
    if (!valgrind_is_here()) {
        gate->failure->missing_tool = true;
        snprintf(gate->failure->remedy, sizeof gate->failure->remedy, "--skip leaks");
        return gate_fail(gate, SHALE_ENOENT, "valgrind is not installed, and phase leaks needs it");
    }
    for (size_t side = two_builds ? GATE_BASELINE : GATE_CANDIDATE; side < GATE_SIDES; side++) {
        struct trial_failure failure = {0};
        int error = check_side(gate, side, &found[side], &failure);
        if (error && failure.stage == TRIAL_CANCELLED)
            return SHALE_ECANCELED;
        if (error && gate->failure->error)
            return error;
        if (error) {
            gate_find_failed_run(result, &failure, "memcheck", "the run");
            return SHALE_OK;
        }
        if (found[side].logs == 0) {
            gate_find(result, GATE_NO_GO, "memcheck", "memcheck", "it wrote no summary");
            return SHALE_OK;
        }
    }
    if (!two_builds) /* one run for both: all that is found is the program's */
        found[GATE_BASELINE] = found[GATE_CANDIDATE];
    judge_memcheck(gate, found, result);
    snprintf(result->note, sizeof result->note,
             "memcheck replaces malloc: this is about the program, whichever allocator serves it.");
    return SHALE_OK;
}
