/* SPDX-License-Identifier: MIT */
/*
 * collections-bench: one workload on one collection, of Shale or of another library; prints one
 * JSON object, as malloc-bench does.
 *
 *     collections-bench [--seed=N] [--seconds=S] --peer=NAME WORKLOAD
 *     collections-bench --list       the workloads
 *     collections-bench --peers      name, version, pattern of its workloads, summary
 *
 * The peers are those that this program was built with, and those of Java and crossbeam that
 * `./x bench` has built beside it. All use the malloc in place, but Shale's, which have its own.
 *
 * Exit status: 0, 64 wrong arguments, 70 a failure (no memory, an item lost).
 */
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload.h"

enum { EXIT_USAGE = 64, EXIT_BROKEN = 70, WORKLOADS_MAX = 48 };

/* ---- peers ---- */

#define JAVA_FOLDER "java"
static const struct peer peer_java_map = {
    "java_skiplistmap", "-", "map-*", "java.util.concurrent.ConcurrentSkipListMap", NULL, NULL,
    JAVA_FOLDER};
static const struct peer peer_java_queue = {
    "java_linkedqueue", "-", "queue-*", "java.util.concurrent.ConcurrentLinkedQueue", NULL, NULL,
    JAVA_FOLDER};

static const struct peer *const built_in[] = {
    &peer_shale_skiplist,
    &peer_shale_treemap,
    &peer_shale_queue,
    &peer_shale_ring,
#ifdef HAVE_CPP
    &peer_stl_map,
    &peer_stl_deque,
#endif
#ifdef HAVE_TBB
    &peer_tbb_map,
    &peer_tbb_queue,
#endif
#ifdef HAVE_CDS
    &peer_cds_map,
    &peer_cds_msqueue,
    &peer_cds_ring,
#endif
#ifdef HAVE_BOOST
    &peer_boost_queue,
    &peer_boost_spsc,
#endif
#ifdef HAVE_MOODYCAMEL
    &peer_moodycamel,
#endif
#ifdef HAVE_URCU
    &peer_urcu_queue,
#endif
#ifdef HAVE_CK
    &peer_ck_ring,
#endif
    NULL,
};

static const struct peer *const crossbeam[] = {&peer_crossbeam_map, &peer_crossbeam_queue,
                                               &peer_crossbeam_ring, NULL};
static const struct peer *const java[] = {&peer_java_map, &peer_java_queue, NULL};

static const struct peer *peers[32];
static size_t peer_count;

static void add_peers(const struct peer *const *some)
{
    while (*some)
        peers[peer_count++] = *some++;
}

bool beside_program(const char *name, char *path, size_t size)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = 0;
    *(strrchr(program, '/') + 1) = 0;
    int used = snprintf(path, size, "%s%s", program, name);
    return used > 0 && (size_t)used < size;
}

static bool java_is_there(void)
{
    char path[PATH_MAX];
    return beside_program(JAVA_FOLDER "/Peers.class", path, sizeof path) && access(path, R_OK) == 0;
}

static void find_peers(void)
{
    add_peers(built_in);
    if (crossbeam_open())
        add_peers(crossbeam);
    if (java_is_there())
        add_peers(java);
}

/* ---- workloads ---- */

static struct workload workloads[WORKLOADS_MAX];
static size_t workload_count;

static void add_maps(unsigned get_percent, bool zipf)
{
    static const struct {
        const char *name;
        uint64_t entries;
    } sizes[] = {{"100k", 100000}, {"1m", 1000000}};
    static const unsigned threads[] = {1, 2, 8};
    unsigned each = (100 - get_percent) / 2;
    for (size_t s = 0; s < 2; s++)
        for (size_t t = 0; t < 3; t++) {
            struct workload *made = &workloads[workload_count++];
            *made = (struct workload){.kind = WORK_MAP,
                                      .threads = threads[t],
                                      .entries = sizes[s].entries,
                                      .get_percent = get_percent,
                                      .zipf = zipf};
            snprintf(made->name, sizeof made->name, "map-%s-%u-%u-%u-%s-%ut", sizes[s].name,
                     get_percent, each, each, zipf ? "zipf" : "uniform", threads[t]);
            snprintf(made->summary, sizeof made->summary,
                     "%s entries, %u %% gets, %u %% puts, %u %% removals, %s keys, %u thread%s",
                     sizes[s].name, get_percent, each, each, zipf ? "zipf 0.99" : "uniform",
                     threads[t], threads[t] > 1 ? "s" : "");
        }
}

static void add_queue(const char *name, const char *summary, enum workload_kind kind,
                      unsigned threads, unsigned batch)
{
    struct workload *made = &workloads[workload_count++];
    *made = (struct workload){.kind = kind, .threads = threads, .batch = batch};
    snprintf(made->name, sizeof made->name, "%s", name);
    snprintf(made->summary, sizeof made->summary, "%s", summary);
}

static void make_workloads(void)
{
    add_maps(90, false);
    add_maps(90, true);
    add_maps(50, false);
    add_maps(50, true);
    add_queue("queue-1p1c", "one producer, one consumer", WORK_QUEUE_FLOW, 1, 0);
    add_queue("queue-2p2c", "two producers, two consumers", WORK_QUEUE_FLOW, 2, 0);
    add_queue("queue-4p4c", "four producers, four consumers", WORK_QUEUE_FLOW, 4, 0);
    add_queue("queue-batch-1p1c", "the same as 1p1c in batches of 64", WORK_QUEUE_FLOW, 1, 64);
    add_queue("queue-pairs-1t", "a put and a get in turn", WORK_QUEUE_PAIRS, 1, 0);
    add_queue("queue-pairs-2t", "the same by two threads", WORK_QUEUE_PAIRS, 2, 0);
    add_queue("queue-batch-1t", "64 puts and 64 gets in turn, as batches", WORK_QUEUE_PAIRS, 1, 64);
    add_queue("queue-fill", "a million puts, then as many gets", WORK_QUEUE_FILL, 1, 0);
}

/* ---- output ---- */

static void print_lists(bool list, bool list_peers)
{
    for (size_t i = 0; list && i < workload_count; i++)
        printf("%-26s %s\n", workloads[i].name, workloads[i].summary);
    for (size_t i = 0; list_peers && i < peer_count; i++)
        printf("%s %s %s %s\n", peers[i]->name, peers[i]->version, peers[i]->fits,
               peers[i]->summary);
}

static void print_object(const char *name, const struct figure *figures, size_t count)
{
    printf(", \"%s\": {", name);
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s\": %.5g", i ? ", " : "", figures[i].name, figures[i].value);
    printf("}");
}

static void print_result(const struct workload *workload, const struct result *result,
                         uint64_t seed)
{
    unsigned threads = workload->threads * (workload->kind == WORK_QUEUE_FLOW ? 2 : 1);
    printf("{\"workload\": \"%s\", \"operation\": \"call\", \"operations\": %llu, "
           "\"seed\": %llu, \"threads\": %u, \"touch\": \"none\"",
           workload->name, (unsigned long long)result->operations, (unsigned long long)seed,
           threads);
    print_object("figures", result->figures, result->figure_count);
    print_object("notes", result->notes, result->note_count);
    printf("}\n");
}

/* ---- arguments ---- */

static const struct peer *find_peer(const char *name)
{
    for (size_t i = 0; name && i < peer_count; i++)
        if (strcmp(peers[i]->name, name) == 0)
            return peers[i];
    fprintf(stderr, "collections-bench: there is no peer '%s' here; --peers names them\n",
            name ? name : "");
    exit(EXIT_USAGE);
}

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < workload_count; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    fprintf(stderr, "collections-bench: there is no workload '%s'; --list names them\n", name);
    exit(EXIT_USAGE);
}

static double parse_number(const char *option, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && !*end && value > 0 && value <= most)
        return value;
    fprintf(stderr, "collections-bench: --%s needs a number above 0 and at most %g, not '%s'\n",
            option, most, text);
    exit(EXIT_USAGE);
}

/* The Java program takes the same arguments. */
static _Noreturn void become_java(const struct peer *peer, char **argv)
{
    char path[PATH_MAX];
    char *arguments[16] = {"java", "-Xms2g", "-Xmx6g", "-cp", path, "Peers"};
    if (!beside_program(peer->java, path, sizeof path))
        fail("find the Java program");
    for (int i = 1; argv[i] && i < 8; i++)
        arguments[5 + i] = argv[i];
    execvp("java", arguments);
    fail("start java");
}

static int run(const struct peer *peer, const struct workload *workload, uint64_t seed,
               double seconds, char **argv)
{
    struct result result = {0};
    if (fnmatch(peer->fits, workload->name, 0) != 0) {
        fprintf(stderr, "collections-bench: %s runs '%s' only\n", peer->name, peer->fits);
        return EXIT_USAGE;
    }
    if (peer->java)
        become_java(peer, argv);
    if (workload->kind == WORK_MAP)
        run_map(peer, workload, seed, seconds, &result);
    else
        run_queue(peer, workload, seconds, &result);
    print_result(workload, &result, seed);
    return fflush(stdout) == 0 ? 0 : EXIT_BROKEN;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'}, {"seconds", required_argument, NULL, 't'},
        {"peer", required_argument, NULL, 'p'}, {"list", no_argument, NULL, 'l'},
        {"peers", no_argument, NULL, 'P'},      {NULL, 0, NULL, 0}};
    double seed = 1, seconds = 0.3;
    const char *peer = NULL;
    int option;
    find_peers();
    make_workloads();
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            seed = parse_number("seed", optarg, 1e15);
        else if (option == 't')
            seconds = parse_number("seconds", optarg, 3600);
        else if (option == 'p')
            peer = optarg;
        else if (option == 'l' || option == 'P')
            return print_lists(option == 'l', option == 'P'), 0;
        else
            return EXIT_USAGE;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: collections-bench [--seed=N] [--seconds=S] --peer=NAME WORKLOAD | "
                        "--list | --peers\n");
        return EXIT_USAGE;
    }
    return run(find_peer(peer), find_workload(argv[optind]), (uint64_t)seed, seconds, argv);
}
