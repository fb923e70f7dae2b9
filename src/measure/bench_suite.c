/* SPDX-License-Identifier: MIT */
/* Runs the cases of a benchmark under each allocator, interleaved. Layer 4. */
#define _GNU_SOURCE
#include "measure/bench_suite.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/bench_execute.h"
#include "measure/launch.h"

enum { PATH_SIZE = 4096, RUN_TIMEOUT_S = 180, INPUT_TIMEOUT_S = 180, INPUT_KINDS_MAX = 32 };

/* The folder of the recipes' inputs, and what is in it already. */
struct inputs {
    char folder[PATH_SIZE];
    const char *made[INPUT_KINDS_MAX];
    size_t made_count;
};

size_t bench_suite_turn(size_t round, size_t case_index, size_t step, size_t allocators)
{
    return (round + case_index + step) % allocators;
}

static bool name_is_unique(const struct bench_allocator *allocators, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++)
        if (i != index && strcmp(allocators[i].found->name, allocators[index].found->name) == 0)
            return false;
    return true;
}

static bool label_is_taken(const struct bench_allocator *allocators, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(allocators[i].label, allocators[index].label) == 0)
            return true;
    return false;
}

void bench_suite_label(struct bench_allocator *allocators, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bench_allocator *allocator = &allocators[i];
        const struct finder_allocator *found = allocator->found;
        char full[48];
        snprintf(full, sizeof full, "%.24s%s%.20s", found->name, found->version[0] ? "@" : "",
                 found->version);
        bool unique = name_is_unique(allocators, count, i);
        snprintf(allocator->label, sizeof allocator->label, "%.47s", unique ? found->name : full);
        for (int number = 2; label_is_taken(allocators, i); number++)
            snprintf(allocator->label, sizeof allocator->label, "%s#%d", full, number);
    }
}

static int add_object(const json_t *object, bool note, struct bench_results *results,
                      size_t case_index, size_t allocator, size_t round)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)object, name, value) {
        int result = json_is_number(value)
                         ? bench_results_add(results, case_index, name, note, allocator, round,
                                             json_number_value(value))
                         : SHALE_EFORMAT;
        if (result != 0)
            return result;
    }
    return 0;
}

int bench_suite_parse(const char *output, struct bench_results *results, size_t case_index,
                      size_t allocator, size_t round)
{
    json_t *root = json_loads(output, 0, NULL);
    const json_t *figures = json_object_get(root, "figures");
    const json_t *notes = json_object_get(root, "notes");
    json_t *sizes = json_pack("{s:O*, s:O*}", "operations", json_object_get(root, "operations"),
                              "threads", json_object_get(root, "threads"));
    int result = SHALE_EFORMAT;
    if (json_object_size(figures) > 0 && json_is_object(notes) && json_object_size(sizes) == 2) {
        result = add_object(figures, false, results, case_index, allocator, round);
        if (result == 0)
            result = add_object(notes, true, results, case_index, allocator, round);
        if (result == 0)
            result = add_object(sizes, true, results, case_index, allocator, round);
    }
    json_decref(sizes);
    json_decref(root);
    return result;
}

/* Time leads: CPU time, or wall time where several cores work. */
static int add_program_figures(const struct bench_outcome *outcome, const struct bench_case *item,
                               struct bench_results *results, size_t case_index, size_t allocator,
                               size_t round)
{
    const struct {
        const char *name;
        bool note;
        double value;
    } figures[] = {
        {"time_s", false, item->wall ? outcome->wall_s : outcome->cpu_s},
        {"rss_peak_kib", false, outcome->rss_peak_kib},
        {"wall_s", true, outcome->wall_s},
        {"cpu_s", !item->wall, outcome->cpu_s},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        int result = bench_results_add(results, case_index, figures[i].name, figures[i].note,
                                       allocator, round, figures[i].value);
        if (result != 0)
            return result;
    }
    return 0;
}

static int store(const struct bench_outcome *outcome, const struct bench_case *item,
                 struct bench_suite *suite, size_t case_index, size_t allocator, size_t round)
{
    struct bench_results *results = &suite->results;
    if (outcome->reason[0])
        return bench_results_fail(results, case_index, allocator, round, outcome->reason);
    if (!item->prints_figures)
        return add_program_figures(outcome, item, results, case_index, allocator, round);
    int result = outcome->output
                     ? bench_suite_parse(outcome->output, results, case_index, allocator, round)
                     : SHALE_EFORMAT;
    if (result == SHALE_EFORMAT || result == SHALE_EINVAL)
        result = bench_results_fail(results, case_index, allocator, round,
                                    "its output is not malloc-bench's");
    return result;
}

/* The case's arguments; a peer is told which one it is, behind the program's name. */
static void copy_argv(const struct bench_case *item, const char *peer, const char **argv)
{
    size_t used = 0;
    argv[used++] = item->argv[0];
    if (peer)
        argv[used++] = peer;
    for (size_t i = 1; item->argv[i]; i++)
        argv[used++] = item->argv[i];
    argv[used] = NULL;
}

/* Our own trouble ends the suite; the program's is a failure of the run. */
static int run_one(struct bench_suite *suite, const struct inputs *inputs, size_t case_index,
                   size_t allocator, size_t round)
{
    const struct bench_case *item = &suite->cases.items[case_index];
    const struct bench_allocator *under = &suite->allocators[allocator];
    const char *argv[BENCH_ARGV_MAX + 2];
    char peer[sizeof under->label + 8];
    snprintf(peer, sizeof peer, "--peer=%s", under->peer ? under->peer : "");
    copy_argv(item, under->fits ? peer : NULL, argv);
    struct bench_order order = {
        .argv = argv,
        .environment = item->environment,
        .directory = item->prints_figures ? NULL : inputs->folder,
        .allocator = under->fits && !under->preloaded ? NULL : under->found,
        .keep_output = item->prints_figures,
        .timeout_s = RUN_TIMEOUT_S,
        .cancel = suite->settings.cancel,
    };
    struct bench_outcome outcome;
    int result = bench_execute(&order, &outcome);
    if (result == SHALE_ECANCELED || result == SHALE_ENOMEM)
        return result;
    if (result != 0 && !outcome.reason[0])
        snprintf(outcome.reason, sizeof outcome.reason, "%s", shale_strerror(result));
    result = store(&outcome, item, suite, case_index, allocator, round);
    free(outcome.output);
    return result;
}

static bool is_made(const struct inputs *inputs, const char *kind)
{
    for (size_t i = 0; i < inputs->made_count; i++)
        if (strcmp(inputs->made[i], kind) == 0)
            return true;
    return false;
}

/* Makes one kind of input; on failure the case gets the reason as what it misses. */
static int make_input(struct bench_suite *suite, struct inputs *inputs, struct bench_case *item,
                      const char *kind)
{
    char script[PATH_SIZE], python[PATH_SIZE];
    if (bench_locate("programs/inputs.py", script, sizeof script) != 0 ||
        launch_resolve("python3", BENCH_PROGRAM_PATH, python, sizeof python) != 0) {
        item->missing = strdup("its input needs python3");
        return item->missing ? 0 : SHALE_ENOMEM;
    }
    if (suite->preparing)
        suite->preparing(suite, kind);
    const char *argv[] = {python, script, kind, inputs->folder, NULL};
    struct bench_order order = {
        .argv = argv, .timeout_s = INPUT_TIMEOUT_S, .cancel = suite->settings.cancel};
    struct bench_outcome outcome;
    int result = bench_execute(&order, &outcome);
    if (result == SHALE_ECANCELED || result == SHALE_ENOMEM)
        return result;
    if (result == 0 && !outcome.reason[0]) {
        inputs->made[inputs->made_count++] = kind;
        return 0;
    }
    return asprintf(&item->missing, "its input '%s' could not be made: %s", kind, outcome.reason) >
                   0
               ? 0
               : SHALE_ENOMEM;
}

static int prepare_inputs(struct bench_suite *suite, struct inputs *inputs)
{
    for (size_t i = 0; i < suite->cases.count; i++) {
        struct bench_case *item = &suite->cases.items[i];
        for (size_t k = 0; item->inputs && item->inputs[k] && !item->missing; k++) {
            if (is_made(inputs, item->inputs[k]) || inputs->made_count == INPUT_KINDS_MAX)
                continue;
            int result = make_input(suite, inputs, item, item->inputs[k]);
            if (result != 0)
                return result;
        }
    }
    return 0;
}

static bool fits(const struct bench_allocator *column, const struct bench_case *item)
{
    return !column->fits || fnmatch(column->fits, item->name, FNM_EXTMATCH) == 0;
}

static int run_case(struct bench_suite *suite, const struct inputs *inputs, size_t case_index,
                    size_t round)
{
    const struct bench_case *item = &suite->cases.items[case_index];
    for (size_t step = 0; step < suite->allocator_count; step++) {
        size_t allocator = bench_suite_turn(round, case_index, step, suite->allocator_count);
        if (!fits(&suite->allocators[allocator], item) ||
            bench_results_failure(&suite->results, case_index, allocator)) {
            suite->runs_done++;
            continue;
        }
        if (suite->progress)
            suite->progress(suite, case_index, allocator, round);
        int result = item->missing ? bench_results_fail(&suite->results, case_index, allocator,
                                                        round, item->missing)
                                   : run_one(suite, inputs, case_index, allocator, round);
        if (result != 0)
            return result;
        suite->runs_done++;
    }
    return 0;
}

static int run_rounds(struct bench_suite *suite, const struct inputs *inputs)
{
    suite->runs_done = 0;
    suite->runs_total = suite->rounds * suite->cases.count * suite->allocator_count;
    for (size_t round = 0; round < suite->rounds; round++)
        for (size_t i = 0; i < suite->cases.count; i++) {
            int result = run_case(suite, inputs, i, round);
            if (result != 0)
                return result;
        }
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    remove(path);
    return 0;
}

static bool needs_folder(const struct bench_suite *suite)
{
    for (size_t i = 0; i < suite->cases.count; i++)
        if (!suite->cases.items[i].prints_figures)
            return true;
    return false;
}

int bench_suite_run(struct bench_suite *suite)
{
    struct inputs inputs = {0};
    const char *parent = getenv("TMPDIR");
    bench_results_init(&suite->results, suite->allocator_count, suite->rounds);
    if (!needs_folder(suite))
        return run_rounds(suite, &inputs);
    snprintf(inputs.folder, sizeof inputs.folder, "%.4000s/shale-bench-XXXXXX",
             parent && *parent ? parent : "/tmp");
    if (!mkdtemp(inputs.folder))
        return SHALE_EIO;
    int result = prepare_inputs(suite, &inputs);
    if (result == 0)
        result = run_rounds(suite, &inputs);
    nftw(inputs.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return result;
}
