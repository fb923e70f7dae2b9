/* SPDX-License-Identifier: MIT */
/* `shale bench`: the benchmark suites under every allocator of this machine. Layer 6. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/bench_output.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "measure/bench_peers.h"

enum {
    EXIT_RUN_FAILED = 1,
    EXIT_INTERRUPTED = 130,
    ROUNDS_DEFAULT = 5,
    ROUNDS_MAX = 1000,
    ROUNDS_UNSET = INT_MIN,
};

static const double default_seconds = 0.3;
static const double quick_seconds = 0.05;

static struct {
    char *suite;
    struct bench_output output;
    char **allocators, **peers, **workloads;
    int rounds;
    long seed;
    int quick, list;
} given;

static const struct poptOption options[] = {
    {"suite", 's', POPT_ARG_STRING, &given.suite, 0,
     "malloc, programs, all of both, smr, collections, or epochs (malloc)", "NAME"},
    {"allocator", 'a', POPT_ARG_ARGV, &given.allocators, 0,
     "NAME, NAME@VERSION or a library's path; may be repeated; the ratios are to the first (one "
     "of each name and version found, system first; no checkers)",
     "A"},
    {"peer", 'p', POPT_ARG_ARGV, &given.peers, 0,
     "Of the suites collections and epochs: these columns only; may be repeated", "P"},
    {"workload", 'w', POPT_ARG_ARGV, &given.workloads, 0,
     "Run these only: names or patterns such as 'churn-*'; may be repeated", "W"},
    {"rounds", 'r', POPT_ARG_INT, &given.rounds, 0, "Runs of each workload and allocator (5)", "N"},
    {"quick", 'q', POPT_ARG_NONE, &given.quick, 0,
     "Shorter runs and, unless told, a single round: shows that all works", NULL},
    {"seed", '\0', POPT_ARG_LONG, &given.seed, 0, "Of all random numbers (1)", "N"},
    {"csv", '\0', POPT_ARG_STRING, &given.output.csv, 0, "Write every value as CSV ('-': stdout)",
     "FILE"},
    {"json", '\0', POPT_ARG_STRING, &given.output.json, 0,
     "Write values, medians, ratios as JSON ('-': stdout)", "FILE"},
    {"plot", '\0', POPT_ARG_STRING, &given.output.plot, 0,
     "Write bench.dat and plot.gp there, and draw bench.svg with gnuplot", "FOLDER"},
    {"list", 'l', POPT_ARG_NONE, &given.list, 0, "List the suite's workloads, run nothing", NULL},
    POPT_TABLEEND,
};

static int add_suite(const struct cmd_entry *self, struct bench_suite *suite, const char *name)
{
    char reason[512];
    int result = bench_cases_add(&suite->cases, name, &suite->settings, reason, sizeof reason);
    if (result == 0)
        return CMD_EXIT_OK;
    if (result == SHALE_EINVAL)
        return cmd_usage_error(self, "unknown suite '%s': %s", name, reason);
    cmd_error(self, "cannot list the suite '%s': %s; try SHALE_BENCH_DIR=FOLDER", name, reason);
    return CMD_EXIT_UNAVAILABLE;
}

static int choose_cases(const struct cmd_entry *self, struct bench_suite *suite)
{
    bool all = given.suite && strcmp(given.suite, "all") == 0;
    int status = add_suite(self, suite, given.suite && !all ? given.suite : "malloc");
    if (status == CMD_EXIT_OK && all)
        status = add_suite(self, suite, "programs");
    if (status != CMD_EXIT_OK || !given.workloads)
        return status;
    const char *unknown = bench_cases_select(&suite->cases, (const char *const *)given.workloads);
    if (unknown)
        return cmd_usage_error(self, "no workload fits '%s'; try --list", unknown);
    return CMD_EXIT_OK;
}

static int list_cases(const struct cmd_entry *self, const struct bench_suite *suite)
{
    for (size_t i = 0; i < suite->cases.count; i++)
        printf("%-9s %-26s %s\n", suite->cases.items[i].suite, suite->cases.items[i].name,
               suite->cases.items[i].missing ? suite->cases.items[i].missing
                                             : suite->cases.items[i].summary);
    return cmd_finish_output(self);
}

/* One list per wanted allocator, or one of all; kept until the end, for the strings. */
struct choice {
    struct finder_list *lists;
    size_t count;
};

static void choice_free(struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        finder_free(&choice->lists[i]);
    free(choice->lists);
}

static int out_of_memory(const struct cmd_entry *self)
{
    cmd_error(self, "cannot list the allocators: out of memory");
    return CMD_EXIT_INTERNAL;
}

static int find_wanted(const struct cmd_entry *self, struct choice *choice)
{
    char reason[1024];
    size_t wanted = 0;
    while (given.allocators[wanted])
        wanted++;
    choice->lists = calloc(wanted + 1, sizeof *choice->lists);
    if (!choice->lists)
        return out_of_memory(self);
    for (size_t i = 0; i < wanted; i++) {
        if (finder_find(given.allocators[i], &choice->lists[i], reason, sizeof reason) != 0) {
            cmd_error(self, "cannot use the allocator '%s': %s; try 'shale run --list'",
                      given.allocators[i], reason);
            return CMD_EXIT_UNAVAILABLE;
        }
        choice->count++;
    }
    return CMD_EXIT_OK;
}

static int find_all(const struct cmd_entry *self, struct choice *choice)
{
    choice->lists = calloc(1, sizeof *choice->lists);
    if (!choice->lists || finder_scan(choice->lists) != 0)
        return out_of_memory(self);
    choice->count = 1;
    return CMD_EXIT_OK;
}

/* Does it belong to "every allocator found"? Not what cannot be loaded here, and not a second file
 * of one name and version (another build). */
static bool is_peer(const struct bench_suite *suite, const struct finder_allocator *found)
{
    if (found->reason)
        return false;
    for (size_t i = 0; i < suite->allocator_count; i++) {
        const struct finder_allocator *other = suite->allocators[i].found;
        if (other && strcmp(other->name, found->name) == 0 &&
            strcmp(other->version, found->version) == 0)
            return false;
    }
    return true;
}

static bool compares_peers(void)
{
    return given.suite && bench_peers_program(given.suite);
}

static int choose_peers(const struct cmd_entry *self, struct bench_peers *peers,
                        struct bench_suite *suite)
{
    char reason[512];
    int result =
        bench_peers_list(bench_peers_program(given.suite), (const char *const *)given.peers,
                         &suite->settings, peers, reason, sizeof reason);
    if (result != 0) {
        cmd_error(self, "cannot compare the %s: %s", given.suite, reason);
        return result == SHALE_ENOMEM ? CMD_EXIT_INTERNAL : CMD_EXIT_UNAVAILABLE;
    }
    suite->allocators = peers->columns;
    suite->allocator_count = peers->count;
    return CMD_EXIT_OK;
}

static int choose_allocators(const struct cmd_entry *self, struct choice *choice,
                             struct bench_suite *suite)
{
    int status = given.allocators ? find_wanted(self, choice) : find_all(self, choice);
    if (status != CMD_EXIT_OK)
        return status;
    size_t count = 0;
    for (size_t i = 0; i < choice->count; i++)
        count += choice->lists[i].count;
    suite->allocators = calloc(count + 1, sizeof *suite->allocators);
    if (!suite->allocators)
        return out_of_memory(self);
    for (size_t i = 0; i < choice->count; i++)
        for (size_t k = 0; k < choice->lists[i].count; k++)
            if (given.allocators || is_peer(suite, &choice->lists[i].items[k]))
                suite->allocators[suite->allocator_count++].found = &choice->lists[i].items[k];
    bench_suite_label(suite->allocators, suite->allocator_count);
    return CMD_EXIT_OK;
}

static void show_progress(const struct bench_suite *suite, size_t case_index, size_t allocator,
                          size_t round)
{
    fprintf(stderr, "\r\033[K%zu/%zu  round %zu  %s  %s", suite->runs_done + 1, suite->runs_total,
            round + 1, suite->cases.items[case_index].name, suite->allocators[allocator].label);
}

static void show_preparing(const struct bench_suite *suite, const char *what)
{
    fprintf(stderr, "\r\033[Kmaking the input '%s'", what);
}

static void join_words(int argc, const char **argv, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "shale");
    for (int i = 0; i < argc && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %s", argv[i]);
}

static int run_suite(const struct cmd_entry *self, struct bench_suite *suite, const char *command)
{
    char started[32];
    time_t now = time(NULL);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    if (isatty(STDERR_FILENO)) {
        suite->progress = show_progress;
        suite->preparing = show_preparing;
    }
    int result = bench_suite_run(suite);
    if (suite->progress)
        fprintf(stderr, "\r\033[K");
    if (result != 0 && result != SHALE_ECANCELED) {
        cmd_error(self, "cannot run the suite: %s",
                  result == SHALE_EIO ? strerror(errno) : shale_strerror(result));
        return CMD_EXIT_INTERNAL;
    }
    struct bench_report report = {.suite = suite, .command = command, .started = started};
    machine_read(&report.machine);
    int status = bench_output_write(self, &report, &given.output);
    if (result == SHALE_ECANCELED)
        return EXIT_INTERRUPTED;
    if (status == CMD_EXIT_OK && suite->results.failure_count > 0)
        status = EXIT_RUN_FAILED;
    return status;
}

static int check_arguments(const struct cmd_entry *self, const char **rest)
{
    if (rest[0])
        return cmd_usage_error(self, "there is no argument '%s'; try --workload %s", rest[0],
                               rest[0]);
    if (given.rounds < 1 || given.rounds > ROUNDS_MAX)
        return cmd_usage_error(self, "--rounds is 1 to %d, not %d", ROUNDS_MAX, given.rounds);
    if (given.seed < 1)
        return cmd_usage_error(self, "--seed is 1 or more, not %ld", given.seed);
    if (output_is_stdout(given.output.csv) && output_is_stdout(given.output.json))
        return cmd_usage_error(self, "only one of --csv and --json can go to stdout");
    if (given.output.csv && given.output.json && strcmp(given.output.csv, given.output.json) == 0)
        return cmd_usage_error(self, "--csv and --json cannot both go to '%s'", given.output.csv);
    if (compares_peers() ? given.allocators != NULL : given.peers != NULL)
        return cmd_usage_error(self,
                               "--peer goes with the suites collections and epochs, --allocator "
                               "with the others");
    return given.list ? CMD_EXIT_OK : bench_output_probe(self, &given.output);
}

static int run_parsed(const struct cmd_entry *self, const char *command)
{
    struct bench_suite suite = {
        .rounds = (size_t)given.rounds,
        .settings = {.seed = (unsigned long)given.seed,
                     .seconds = given.quick ? quick_seconds : default_seconds,
                     .cancel = output_catch_signals()}};
    struct choice choice = {0};
    struct bench_peers peers = {0};
    int status = choose_cases(self, &suite);
    if (status == CMD_EXIT_OK && given.list)
        status = list_cases(self, &suite);
    else if (status == CMD_EXIT_OK && compares_peers())
        status = choose_peers(self, &peers, &suite);
    else if (status == CMD_EXIT_OK)
        status = choose_allocators(self, &choice, &suite);
    if (status == CMD_EXIT_OK && !given.list)
        status = run_suite(self, &suite, command);
    bench_results_free(&suite.results);
    bench_cases_free(&suite.cases);
    if (!compares_peers())
        free(suite.allocators);
    bench_peers_free(&peers);
    choice_free(&choice);
    return status;
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    char command[2048];
    poptContext context;
    const char **rest;
    given.seed = 1;
    given.rounds = ROUNDS_UNSET;
    int status = cmd_parse(self, argc, argv, &context, &rest);
    if (status >= 0)
        return status;
    if (given.rounds == ROUNDS_UNSET)
        given.rounds = given.quick ? 1 : ROUNDS_DEFAULT;
    join_words(argc, argv, command, sizeof command);
    status = check_arguments(self, rest);
    if (status == CMD_EXIT_OK)
        status = run_parsed(self, command);
    poptFreeContext(context);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "every run was proven and gave its figures"},
    {EXIT_RUN_FAILED, "a run failed, or its allocator could not be proven; the rest is reported"},
    {CMD_EXIT_USAGE, "wrong arguments"},
    {CMD_EXIT_UNAVAILABLE, "an allocator, a part of the suite or gnuplot is missing"},
    {CMD_EXIT_INTERNAL, "an error of our own"},
    {CMD_EXIT_IO, "a file could not be written"},
    {EXIT_INTERRUPTED, "interrupted; what was measured until then is reported"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale bench", "the malloc suite under every allocator found, 5 rounds"},
    {"shale bench --quick --workload 'churn-*'", "a first look at one kind of workload"},
    {"shale bench --suite programs -a system -a mimalloc --csv programs.csv",
     "real programs under two allocators"},
    {"shale bench --suite collections --workload 'queue-*' -p shale_queue -p boost_queue",
     "Shale's queue beside another library's"},
    {"shale bench --suite epochs --workload request",
     "a request's objects in epochs, heaps, arenas, pools, and from each malloc"},
    {"shale bench --json bench.json --plot figures", "everything, with raw values and a plot"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"FIGURES",
     "time: per operation or program; CPU time with that of the children, but wall time where "
     "several threads work side by side\n"
     "busiest_thread: CPU time of the busiest of those threads\n"
     "cores: CPU time over wall time\n"
     "malloc_p999, free_p50: percentiles of single calls in nanoseconds, 99.9 % and 50 %; the "
     "timer's median floor is subtracted\n"
     "call_p99: percentiles of single operations on a collection, one in 32 timed\n"
     "entry, item: memory that an entry of a map, or an item of a queue, takes\n"
     "rss_freed: memory after the payload was freed\n"
     "rss_idle: the same after a second of light work\n"
     "rss_purged: the same after the allocator's own call that gives memory back\n"
     "rss_peak: the highest RSS of a program, or of the largest one of its children"},
    {"ENVIRONMENT",
     "SHALE_ALLOCATOR_PATH: folders with more allocators\n"
     "SHALE_BENCH_DIR: the folder that holds malloc-bench and its sisters, plot.gp and programs\n"
     "TMPDIR: where the programs' input files are made (about 60 MB), and removed at the end"},
    {NULL, NULL},
};

const struct cmd_entry cmd_bench = {
    .name = "bench",
    .summary = "measure every allocator of this machine with one set of workloads",
    .synopsis = "[OPTION...]",
    .description =
        "Runs each workload under each allocator, in a process of its own, interleaved round by "
        "round in an order that moves on. Each run is proven to be served by the allocator on its "
        "label before it counts; one that is not, or that crashes, is reported and the suite goes "
        "on.\n\n"
        "Prints medians with their spread, marks the best of each row and what ties with it, and "
        "ends with geometric means of the ratios to the first allocator.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
