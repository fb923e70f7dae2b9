/* SPDX-License-Identifier: MIT */
/* `shale profile`: a program with the recorder in front of its allocator. Layer 6. */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/beside.h"
#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/profile_options.h"
#include "cli/profile_summary.h"
#include "identify/identify.h"
#include "measure/finder.h"

/* Beside this program: PREFIX/bin has PREFIX/lib, the build tree's src/cli has src/preload. */
static bool find_recorder(char *path, size_t size)
{
    static const char *const folders[] = {"preload", "lib", "lib64", "lib/*-linux-*"};
    char program[PATH_MAX], pattern[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(folders); i++) {
        glob_t found;
        int used = snprintf(pattern, sizeof(pattern), "%s/../%s/libshale-profile.so.0", program,
                            folders[i]);
        if (used >= (int)sizeof(pattern) || glob(pattern, 0, NULL, &found) != 0)
            continue;
        bool fits =
            found.gl_pathc > 0 && realpath(found.gl_pathv[0], path) != NULL && strlen(path) < size;
        globfree(&found);
        if (fits)
            return true;
    }
    return false;
}

/* The file's path, absolute: the program may change its directory. */
static bool make_path(const char *program, char *path, size_t size)
{
    char directory[PATH_MAX];
    const char *given = profile_options.output;
    const char *name = program != NULL ? strrchr(program, '/') : NULL;
    int length;
    if (program == NULL || getcwd(directory, sizeof(directory)) == NULL)
        return false;
    if (given != NULL && given[0] == '/')
        length = snprintf(path, size, "%s", given);
    else if (given != NULL)
        length = snprintf(path, size, "%s/%s", directory, given);
    else
        length =
            snprintf(path, size, "%s/%s.%%p.shprof", directory, name != NULL ? name + 1 : program);
    return length > 0 && (size_t)length < size;
}

/* Would ld.so take the recorder for this program? -1 to go on, else the exit status. */
static int check_program(const struct cmd_entry *self, const char *name, const char *recorder)
{
    char path[PATH_MAX];
    struct identify_obstacle obstacle;
    int result = launch_resolve(name, NULL, path, sizeof(path));
    if (result < 0) {
        bool missing = result == SHALE_ENOENT;
        cmd_error(self, "cannot run '%s': %s", name, strerror(errno));
        return missing ? CMD_EXIT_NOT_FOUND : CMD_EXIT_NOT_EXECUTABLE;
    }
    if (identify_preload_obstacle(path, recorder, &obstacle) < 0 ||
        obstacle.kind == IDENTIFY_OBSTACLE_NONE || obstacle.kind == IDENTIFY_OBSTACLE_NOT_ELF)
        return -1;
    cmd_error(self, "cannot profile '%s': %s%s%s", name, obstacle.reason,
              *obstacle.remedy ? "; " : "", obstacle.remedy);
    return CMD_EXIT_RUN_FAILED;
}

static int run_program(const struct cmd_entry *self, const char **argv, const char *recorder,
                       const char *allocator, const char *path)
{
    static struct profile_environment environment;
    struct launch_process process;
    struct launch_failure failure = {.stage = LAUNCH_STAGE_NONE};
    const struct launch_spec spec = {
        .argv = argv,
        .preload = recorder,
        .environment = environment.entries,
        .stdio = LAUNCH_STDIO_KEEP,
        .started = beside_started,
    };
    profile_environment_fill(&environment, path, allocator);
    beside_pass_signals_on();
    if (launch_start(&spec, &process, &failure) < 0) {
        cmd_error(self, "cannot run '%s': %s", argv[0], failure.text);
        return launch_failure_status(&failure);
    }
    int status = beside_wait(&process);
    pid_t pid = process.pid;
    launch_close(&process);
    if (!profile_options.quiet)
        profile_summary_print(self, path, pid);
    return beside_end_like(status);
}

/* Can the file be made? One that is in its place goes, as it is asked for; others of its name stay,
 * and are passed. -1 to go on, else the exit status. */
static int check_output(const struct cmd_entry *self, const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    strrchr(folder, '/')[1] = '\0';
    bool replaced = strstr(path, "%p") != NULL || unlink(path) == 0 || errno == ENOENT;
    if (replaced && access(folder, W_OK | X_OK) == 0)
        return -1;
    cmd_error(self, "cannot write '%s': %s; try another place with --output", path,
              strerror(errno));
    return CMD_EXIT_RUN_FAILED;
}

/* They are wanted when the program has ended: too late to hear that there are none. */
static int check_suppressions(const struct cmd_entry *self)
{
    const char *path = profile_options.suppressions;
    if (path == NULL || access(path, R_OK) == 0)
        return -1;
    cmd_error(self, "cannot read the suppressions '%s': %s", path, strerror(errno));
    return CMD_EXIT_RUN_FAILED;
}

static int profile_under(const struct cmd_entry *self, const char **argv,
                         const struct finder_allocator *allocator)
{
    char recorder[PATH_MAX], path[PATH_MAX];
    if (!find_recorder(recorder, sizeof(recorder))) {
        cmd_error(self, "libshale-profile.so.0 is not beside this program; try installing shale "
                        "as a whole");
        return CMD_EXIT_RUN_FAILED;
    }
    int status = check_program(self, argv[0], recorder);
    if (status >= 0)
        return status;
    if (!make_path(argv[0], path, sizeof(path))) {
        cmd_error(self, "the name of the file is too long");
        return CMD_EXIT_RUN_FAILED;
    }
    status = check_suppressions(self);
    if (status < 0)
        status = check_output(self, path);
    if (status >= 0)
        return status;
    return run_program(self, argv, recorder, allocator != NULL ? allocator->path : NULL, path);
}

static int find_allocator_and_run(const struct cmd_entry *self, const char **argv)
{
    struct finder_list found;
    char reason[1024];
    if (profile_options.allocator == NULL)
        return profile_under(self, argv, NULL);
    if (finder_find(profile_options.allocator, &found, reason, sizeof(reason)) < 0) {
        cmd_error(self, "cannot use allocator '%s': %s; try 'shale run --list'",
                  profile_options.allocator, reason);
        return CMD_EXIT_RUN_FAILED;
    }
    int status = profile_under(self, argv, &found.items[0]);
    finder_free(&found);
    return status;
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = profile_options_check(self);
    if (status < 0 && *rest == NULL)
        status = cmd_usage_error(self, "no program is named");
    if (status < 0)
        status = find_allocator_and_run(self, rest);
    poptFreeContext(context);
    return status;
}

const struct cmd_entry cmd_profile = {
    .name = "profile",
    .summary = "record where a program's memory goes, under any allocator",
    .synopsis = "[OPTION...] [--] CMD [ARGUMENT...]",
    .description =
        "Starts CMD with a recorder in front of its allocator, ends as it ends, and then says "
        "where its memory went: how many allocations of which sizes, how long they took, how many "
        "were freed at once or by another thread, what was live at the peak and at the end, and "
        "the call stacks behind it. All of that is in the file, too.\n\n"
        "Standard input and output, the terminal and signals are the program's, as if it had been "
        "started without shale. The summary goes to stderr.",
    .options = profile_option_table,
    .statuses = profile_statuses,
    .examples = profile_examples,
    .sections = profile_sections,
    .run = run,
};
