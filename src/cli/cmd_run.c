/* SPDX-License-Identifier: MIT */
/* `shale run`: a program under an allocator, proven; how we stand beside it: beside.h. Layer 6. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/beside.h"
#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/run_list.h"
#include "identify/identify.h"
#include "measure/c_library.h"
#include "measure/finder.h"
#include "measure/launch.h"
#include "measure/prove.h"

static struct {
    const char *allocator;
    const char **environment;
    int no_verify;
    int list;
    int json;
} arguments;

/* A library of no known kind goes by its path. */
static const char *display_name(const struct finder_allocator *allocator)
{
    return strcmp(allocator->name, "unknown") == 0 ? allocator->path : allocator->name;
}

/* It ended by a signal that was meant for it (Ctrl-C, a kill of shale), only very early. */
static bool was_told_to_end(const struct launch_failure *failure)
{
    return failure->stage == LAUNCH_STAGE_LOAD && WIFSIGNALED(failure->wait_status) &&
           WTERMSIG(failure->wait_status) == beside_last_signal();
}

static int report_failure(const struct cmd_entry *self, const char *program,
                          const struct prove_request *proof, const struct launch_failure *failure)
{
    const char *allocator = display_name(proof->allocator);
    switch (failure->stage) {
    case LAUNCH_STAGE_PROOF:
    case LAUNCH_STAGE_TIMEOUT:
        cmd_error(self,
                  "cannot prove that %s serves '%s', so it was not let run: %s; try --no-verify to "
                  "run it all the same",
                  allocator, program, *proof->reason ? proof->reason : failure->text);
        break;
    case LAUNCH_STAGE_LOAD:
        cmd_error(self,
                  "cannot start '%s' under %s: %s; try it without shale to see whether the "
                  "allocator is to blame",
                  program, allocator, failure->text);
        break;
    default:
        cmd_error(self, "cannot run '%s': %s", program, failure->text);
    }
    return launch_failure_status(failure);
}

/* What a start needs beyond the command line. */
struct start {
    struct finder_allocator allocator;
    const char *const *environment;
    struct prove_request proof;
    struct launch_process process;
    struct launch_failure failure;
};

static int start_program(const char **argv, struct start *start)
{
    const struct launch_spec spec = {
        .argv = argv,
        .preload = start->allocator.path,
        .environment = start->environment,
        .stdio = LAUNCH_STDIO_KEEP,
        .prove = arguments.no_verify ? NULL : prove_allocator,
        .context = &start->proof,
        .started = beside_started,
    };
    prove_init(&start->proof, &start->allocator);
    start->failure = (struct launch_failure){.stage = LAUNCH_STAGE_NONE};
    return launch_start(&spec, &start->process, &start->failure);
}

/* Nothing is preloaded at first: for most programs that is the C library's own malloc. */
static int start_under_system(const char **argv, struct start *start)
{
    struct c_library_help help = {NULL};
    int result = start_program(argv, start);
    while (result < 0 && start->failure.stage == LAUNCH_STAGE_PROOF &&
           c_library_insist(&help, &start->allocator.path, &start->environment)) {
        prove_free(&start->proof);
        beside_forget();
        result = start_program(argv, start);
    }
    c_library_release(&help);
    return result;
}

static int run_program(const struct cmd_entry *self, const char **argv,
                       const struct finder_allocator *allocator)
{
    struct start start = {.allocator = *allocator, .environment = arguments.environment};
    beside_pass_signals_on();
    int result = allocator->path ? start_program(argv, &start) : start_under_system(argv, &start);
    int status = 0;
    if (result < 0 && was_told_to_end(&start.failure))
        status = beside_end_like(start.failure.wait_status);
    else if (result < 0)
        status = report_failure(self, argv[0], &start.proof, &start.failure);
    prove_free(&start.proof);
    if (result < 0)
        return status;
    status = beside_wait(&start.process);
    launch_close(&start.process);
    return beside_end_like(status);
}

/* Would ld.so take the library for this program? -1 to go on, else the exit status. */
static int check_program(const struct cmd_entry *self, const char *name,
                         const struct finder_allocator *allocator)
{
    char path[PATH_MAX];
    struct identify_obstacle obstacle;
    int result = launch_resolve(name, NULL, path, sizeof path);
    if (result < 0) {
        bool missing = result == SHALE_ENOENT;
        cmd_error(self, "cannot run '%s': %s", name, strerror(errno));
        return missing ? CMD_EXIT_NOT_FOUND : CMD_EXIT_NOT_EXECUTABLE;
    }
    if (!allocator->path && !arguments.no_verify && prove_takes_rights_from(name)) {
        cmd_error(self,
                  "cannot prove '%s': held for the proof, it would not gain the rights that it "
                  "gains when it is started (setuid, setgid, capabilities); try --no-verify",
                  name);
        return CMD_EXIT_RUN_FAILED;
    }
    if (!allocator->path || identify_preload_obstacle(path, allocator->path, &obstacle) < 0 ||
        obstacle.kind == IDENTIFY_OBSTACLE_NONE || obstacle.kind == IDENTIFY_OBSTACLE_NOT_ELF)
        return -1;
    cmd_error(self, "%s '%s' under %s: %s%s%s",
              arguments.no_verify ? "no use to run" : "cannot run", name, display_name(allocator),
              obstacle.reason, *obstacle.remedy ? "; " : "", obstacle.remedy);
    return arguments.no_verify ? -1 : CMD_EXIT_RUN_FAILED;
}

static int run_under(const struct cmd_entry *self, const char **argv)
{
    struct finder_list found;
    char reason[1024];
    int result = finder_find(arguments.allocator, &found, reason, sizeof reason);
    if (result < 0) {
        cmd_error(self, "cannot use allocator '%s': %s; try 'shale run --list'",
                  arguments.allocator, reason);
        return CMD_EXIT_RUN_FAILED;
    }
    int status = check_program(self, argv[0], &found.items[0]);
    if (status < 0)
        status = run_program(self, argv, &found.items[0]);
    finder_free(&found);
    return status;
}

static bool environment_is_sound(void)
{
    for (const char **entry = arguments.environment; entry && *entry; entry++)
        if (**entry == '=' || !**entry)
            return false;
    return true;
}

static int run_arguments(const struct cmd_entry *self, const char **rest)
{
    if (arguments.list && *rest)
        return cmd_usage_error(self, "--list takes no program");
    if (arguments.list)
        return run_list(self, arguments.json);
    if (arguments.json)
        return cmd_usage_error(self, "--json goes with --list");
    if (!*rest)
        return cmd_usage_error(self, "no program is named");
    if (!arguments.allocator)
        return cmd_usage_error(self, "no allocator is named; use --allocator NAME");
    if (!environment_is_sound())
        return cmd_usage_error(self, "--env takes NAME=VALUE, or NAME to remove it");
    return run_under(self, rest);
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **rest;
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    status = run_arguments(self, rest);
    poptFreeContext(context);
    return status;
}

static const struct poptOption options[] = {
    {"allocator", 'a', POPT_ARG_STRING, &arguments.allocator, 0,
     "The allocator to run under: a name, a name and a version (mimalloc@3.6.0, mimalloc@3), "
     "the path of a library, or 'system' for the C library's own",
     "NAME[@VERSION]"},
    {"env", 'e', POPT_ARG_ARGV, &arguments.environment, 0,
     "Set a variable for the program, or without a value remove it; may be given many times",
     "NAME[=VALUE]"},
    {"no-verify", '\0', POPT_ARG_NONE, &arguments.no_verify, 0,
     "Let the program run without the proof that the allocator serves it", NULL},
    {"list", 'l', POPT_ARG_NONE, &arguments.list, 0,
     "List the allocators found on this machine instead", NULL},
    {"json", 'j', POPT_ARG_NONE, &arguments.json, 0, "Print the list as JSON", NULL},
    POPT_TABLEEND,
};

static const struct cmd_status statuses[] = {
    {0, "the list was printed"},
    {64, "wrong arguments"},
    {74, "the list could not be written"},
    {125, "shale itself failed: there is no such allocator, it cannot work with this program, or "
          "it could not be proven"},
    {126, "the program was found but cannot be executed"},
    {127, "the program was not found"},
    {128, "(and above) as a shell shows it: the program was killed by that signal less 128; shale "
          "then ends by the same signal. Any other status is the program's own"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale run --list", "Which allocators are there, and which can be loaded?"},
    {"shale run --allocator jemalloc -- sqlite3 test.db 'vacuum'",
     "Run a program under the jemalloc of this machine"},
    {"shale run -a mimalloc@3.6.0 -e MIMALLOC_SHOW_STATS=1 -- python3 -V",
     "Choose a version, and set a variable that this allocator reads"},
    {"shale run -a ./libmine.so -- ./server", "Try a library of your own"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"How it is proven",
     "The program is held at its entry point, where its libraries are loaded and their "
     "constructors have run but nothing of the program itself has. There its memory is read: the "
     "malloc family must resolve to the chosen library, and the calls of every loaded object must "
     "be bound to it. Then it is let go and nobody traces it any more. Programs that only execute "
     "another one (env, nice, nohup and the like, also behind #!) are followed to it.\n\n"
     "Where ptrace is not allowed, the program starts at once and is read while it runs.\n\n"
     "Children of the program inherit the allocator through the environment; they are not proven."},
    {"Which one is taken",
     "When several allocators fit a name, those that can be loaded come first; among them those "
     "in SHALE_ALLOCATOR_PATH, then Shale's own, then the system's, then all others; in the same "
     "place the newest. Sanitizers and debug builds are taken only from SHALE_ALLOCATOR_PATH or by their path.\n\n"
     "A program may be linked with an allocator of its own, as redis-server often is. Under "
     "'system' the C library is then preloaded, so that it comes before that allocator, and the "
     "C++ library too where that is needed."},
    {"Environment",
     "SHALE_ALLOCATOR_PATH: folders apart by colons, searched first, with their subfolders\n"
     "SHALE_PEERS: the folder where './x peers' unpacks allocators; without it shale/peers in "
     "XDG_CACHE_HOME or in .cache of the home folder\n"
     "LD_PRELOAD: kept; the allocator is put in front of what is there"},
    {NULL, NULL},
};

const struct cmd_entry cmd_run = {
    .name = "run",
    .summary = "start a program under an allocator and prove that it is served by it",
    .synopsis = "--allocator NAME[@VERSION] [OPTION...] [--] CMD [ARGUMENT...]",
    .description =
        "Starts CMD with the allocator preloaded, proves before its main begins that the "
        "allocator really serves its memory, and ends as it ends. Where preloading cannot work (a "
        "static program, one with raised privileges, one that brings its own malloc, another C "
        "library) it says so, and what would, instead of running the program under something "
        "else.\n\n"
        "Standard input and output, the terminal and signals are the program's, as if it had been "
        "started without shale.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
