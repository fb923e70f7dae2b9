/* SPDX-License-Identifier: MIT */
/* The cases of the suites, and the files they need. Layer 4. */
#define _GNU_SOURCE
#include "measure/bench_cases.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/bench_execute.h"
#include "measure/launch.h"

enum { PATH_SIZE = 4096, LIST_TIMEOUT_S = 20 };

static bool try_path(char *path, size_t size, const char *folder, const char *name)
{
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length > 0 && (size_t)length < size && access(path, R_OK) == 0;
}

/* BUILD/bench/malloc and so on, seen from BUILD/src/cli/shale; false when that is not it. */
static bool in_build_tree(char *path, size_t size, const char *name)
{
    char program[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = 0;
    for (int level = 0; level < 3; level++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return false;
        *slash = 0;
    }
    static const char *const folders[] = {"/bench/malloc", "/bench/smr", "/bench/collections",
                                          "/bench/epochs", "/bench"};
    size_t used = strlen(program);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(program + used, sizeof program - used, "%s", folders[i]);
        if (try_path(path, size, program, name))
            return true;
    }
    return false;
}

int bench_locate(const char *name, char *path, size_t size)
{
    const char *folder = getenv("SHALE_BENCH_DIR");
    if (folder && *folder)
        return try_path(path, size, folder, name) ? 0 : SHALE_ENOENT;
    if (in_build_tree(path, size, name) || try_path(path, size, SHALE_BENCH_INSTALLED, name))
        return 0;
    return SHALE_ENOENT;
}

static struct bench_case *new_case(struct bench_cases *cases)
{
    struct bench_case *grown = reallocarray(cases->items, cases->count + 1, sizeof *cases->items);
    if (!grown)
        return NULL;
    cases->items = grown;
    grown[cases->count] = (struct bench_case){0};
    return &grown[cases->count++];
}

static void free_case(struct bench_case *item)
{
    free(item->name);
    free(item->summary);
    free(item->missing);
    for (size_t i = 0; item->argv[i]; i++)
        free(item->argv[i]);
}

void bench_cases_free(struct bench_cases *cases)
{
    for (size_t i = 0; i < cases->count; i++)
        free_case(&cases->items[i]);
    free(cases->items);
    *cases = (struct bench_cases){0};
}

/* Copies the arguments; "@/x" becomes "folder/x". False without memory. */
static bool set_argv(struct bench_case *item, const char *const *argv, const char *folder)
{
    for (size_t i = 0; i < BENCH_ARGV_MAX && argv[i]; i++) {
        if (strncmp(argv[i], "@/", 2) != 0)
            item->argv[i] = strdup(argv[i]);
        else if (asprintf(&item->argv[i], "%s/%s", folder, argv[i] + 2) < 0)
            item->argv[i] = NULL;
        if (!item->argv[i])
            return false;
    }
    return true;
}

/* A suite whose workloads are those that a program of ours lists and prints figures of. */
struct listed {
    const char *suite;
    const char *program;
};

static const struct listed listed_suites[] = {{"malloc", "malloc-bench"},
                                              {"smr", "smr-bench"},
                                              {"collections", "collections-bench"},
                                              {"epochs", "epochs-bench"},
                                              {NULL, NULL}};

/* One line of `malloc-bench --list`: the name, blanks, the summary. */
static int add_workload(struct bench_cases *cases, const char *suite, const char *program,
                        char *line, const struct bench_settings *settings)
{
    char seed[32], seconds[48];
    size_t length = strcspn(line, " ");
    const char *summary = line + length + strspn(line + length, " ");
    struct bench_case *item = new_case(cases);
    if (!item)
        return SHALE_ENOMEM;
    snprintf(seed, sizeof seed, "--seed=%lu", settings->seed);
    snprintf(seconds, sizeof seconds, "--seconds=%g", settings->seconds);
    item->suite = suite;
    item->prints_figures = true;
    item->name = strndup(line, length);
    item->summary = strdup(summary);
    if (!item->name || !item->summary)
        return SHALE_ENOMEM;
    const char *argv[] = {program, seed, seconds, item->name, NULL};
    return set_argv(item, argv, "") ? 0 : SHALE_ENOMEM;
}

int bench_ask(const char *program, const char *option, const struct bench_settings *settings,
              char *path, size_t path_size, char **answer, char *reason, size_t reason_size)
{
    if (bench_locate(program, path, path_size) != 0) {
        snprintf(reason, reason_size, "the program %s is not where it was built or installed",
                 program);
        return SHALE_ENOENT;
    }
    const char *argv[] = {path, option, NULL};
    struct bench_order order = {
        .argv = argv, .keep_output = true, .timeout_s = LIST_TIMEOUT_S, .cancel = settings->cancel};
    struct bench_outcome outcome;
    int result = bench_execute(&order, &outcome);
    if (result != 0 || !outcome.output) {
        snprintf(reason, reason_size, "%s: %s", path, outcome.reason);
        return result ? result : SHALE_ENOENT;
    }
    *answer = outcome.output;
    return 0;
}

static int add_listed(struct bench_cases *cases, const struct listed *listed,
                      const struct bench_settings *settings, char *reason, size_t reason_size)
{
    char program[PATH_SIZE], *list;
    int result = bench_ask(listed->program, "--list", settings, program, sizeof program, &list,
                           reason, reason_size);
    if (result != 0)
        return result;
    char *rest = list;
    for (char *line; result == 0 && (line = strsep(&rest, "\n"));)
        if (*line)
            result = add_workload(cases, listed->suite, program, line, settings);
    free(list);
    return result;
}

/* Puts the program's path in place of its name, or notes that it is missing. */
static bool resolve_program(struct bench_case *item, const char *package)
{
    char path[PATH_SIZE];
    if (launch_resolve(item->argv[0], BENCH_PROGRAM_PATH, path, sizeof path) == 0 ||
        launch_resolve(item->argv[0], NULL, path, sizeof path) == 0) {
        free(item->argv[0]);
        item->argv[0] = strdup(path);
        return item->argv[0] != NULL;
    }
    return asprintf(&item->missing, "there is no '%s' here (Debian package %s)", item->argv[0],
                    package) > 0;
}

static int add_program(struct bench_cases *cases, const struct bench_program *program,
                       const char *folder)
{
    struct bench_case *item = new_case(cases);
    if (!item)
        return SHALE_ENOMEM;
    item->suite = "programs";
    item->name = strdup(program->name);
    item->summary = strdup(program->summary);
    item->environment = program->environment;
    item->inputs = program->inputs;
    item->wall = program->wall;
    if (!item->name || !item->summary || !set_argv(item, program->argv, folder))
        return SHALE_ENOMEM;
    return resolve_program(item, program->package) ? 0 : SHALE_ENOMEM;
}

static int add_programs(struct bench_cases *cases, char *reason, size_t reason_size)
{
    char folder[PATH_SIZE];
    if (bench_locate("programs", folder, sizeof folder) != 0) {
        snprintf(reason, reason_size,
                 "the folder of the recipes is not where it was built or "
                 "installed");
        return SHALE_ENOENT;
    }
    int result = 0;
    for (const struct bench_program *program = bench_programs; result == 0 && program->name;
         program++)
        result = add_program(cases, program, folder);
    return result;
}

int bench_cases_add(struct bench_cases *cases, const char *suite,
                    const struct bench_settings *settings, char *reason, size_t reason_size)
{
    for (const struct listed *listed = listed_suites; listed->suite; listed++)
        if (strcmp(suite, listed->suite) == 0)
            return add_listed(cases, listed, settings, reason, reason_size);
    if (strcmp(suite, "programs") == 0)
        return add_programs(cases, reason, reason_size);
    snprintf(reason, reason_size,
             "the suites are malloc, programs, all, smr, collections and epochs");
    return SHALE_EINVAL;
}

static bool fits_any(const char *name, const char *const *patterns)
{
    for (size_t i = 0; patterns[i]; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return false;
}

static bool fits_a_case(const char *pattern, const struct bench_cases *cases)
{
    for (size_t i = 0; i < cases->count; i++)
        if (fnmatch(pattern, cases->items[i].name, 0) == 0)
            return true;
    return false;
}

const char *bench_cases_select(struct bench_cases *cases, const char *const *patterns)
{
    size_t kept = 0;
    for (size_t i = 0; patterns[i]; i++)
        if (!fits_a_case(patterns[i], cases))
            return patterns[i];
    for (size_t i = 0; i < cases->count; i++) {
        if (fits_any(cases->items[i].name, patterns))
            cases->items[kept++] = cases->items[i];
        else
            free_case(&cases->items[i]);
    }
    cases->count = kept;
    return NULL;
}
