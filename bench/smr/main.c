/* SPDX-License-Identifier: MIT */
/*
 * smr-bench: what guards, protected loads and retires cost, of Shale and of its peers in one
 * process; prints one JSON object, as malloc-bench does.
 *
 *     smr-bench [--seed=N] [--seconds=S] WORKLOAD
 *     smr-bench --list
 *
 * The subjects take turns, a slice of about a millisecond each, so that what disturbs the machine
 * disturbs all of them; a figure is the median over the slices, in CPU time of the measuring
 * thread.
 *
 * Exit status: 0, 64 wrong arguments, 70 a failure (no memory, say).
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/atomic.h"
#include "subject.h"

enum { EXIT_USAGE = 64, EXIT_BROKEN = 70 };
enum { SUBJECTS_MAX = 16, SLICES_MAX = 20000, SLICES_MIN = 5 };
enum { SLICE = 1 << 18, RETIRE_SLICE = 1 << 14, RING = 1024 };
enum { GENERATION_SLICE = 20 * GENERATION };

const struct subject *const subjects[] = {&subject_shale_ebr,
                                          &subject_shale_ebr_held,
                                          &subject_shale_ebr_nodes,
                                          &subject_shale_ebr_epochs,
                                          &subject_shale_ebr_call,
                                          &subject_shale_ebr_fenced,
                                          &subject_shale_ibr,
                                          &subject_shale_ibr_fenced,
                                          &subject_shale_neutralize,
#if HAVE_URCU
                                          &subject_urcu,
#endif
#if HAVE_CK
                                          &subject_ck,
#endif
                                          &subject_crossbeam,
                                          NULL};

struct workload {
    const char *name;
    const char *summary;
    const char *operation;
    void (*slice)(const struct subject *subject);
    bool (*fits)(const struct subject *subject);
    uint64_t count; /* operations in a slice */
    bool with_reader;
};

static struct node *nodes; /* RETIRE_SLICE of them; the first RING are linked */

static void slice_guards(const struct subject *subject)
{
    subject->guards(SLICE);
}

static void slice_hops(const struct subject *subject)
{
    subject->hops(&nodes[0].next, SLICE);
}

static void slice_retires(const struct subject *subject)
{
    subject->retires(nodes, RETIRE_SLICE);
}

static void slice_generations(const struct subject *subject)
{
    subject->generations(GENERATION_SLICE);
}

static bool has_generations(const struct subject *subject)
{
    return subject->generations;
}

static bool any(const struct subject *subject)
{
    return subject->guards;
}

static bool has_hops(const struct subject *subject)
{
    return subject->hops;
}

static bool has_retires(const struct subject *subject)
{
    return subject->retires;
}

static const struct workload workloads[] = {
    {"guard", "entering and leaving a guard", "guard", slice_guards, any, SLICE, false},
    {"hop", "a protected load: from node to node of a ring of 1024, in one guard", "hop",
     slice_hops, has_hops, SLICE, false},
    {"retire", "a guard and a retire; reclaiming does nothing", "retire", slice_retires,
     has_retires, RETIRE_SLICE, false},
    {"retire-with-reader", "the same while another thread enters and leaves guards", "retire",
     slice_retires, has_retires, RETIRE_SLICE, true},
    {"generation", "lists of 1000 nodes of 64 bytes, made and retired: node by node, or the epoch",
     "node", slice_generations, has_generations, GENERATION_SLICE, false},
    {NULL, NULL, NULL, NULL, NULL, 0, false},
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "smr-bench: cannot %s\n", what);
    exit(EXIT_BROKEN);
}

static void make_nodes(uint64_t seed)
{
    static uint32_t order[RING];
    nodes = aligned_alloc(64, RETIRE_SLICE * sizeof *nodes);
    if (!nodes)
        fail("allocate");
    memset(nodes, 0, RETIRE_SLICE * sizeof *nodes);
    for (uint32_t i = 0; i < RING; i++)
        order[i] = i;
    for (uint32_t i = RING - 1; i > 0; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t other = (uint32_t)(seed >> 33) % (i + 1);
        uint32_t swapped = order[i];
        order[i] = order[other];
        order[other] = swapped;
    }
    for (uint32_t i = 0; i < RING; i++)
        shale_atomic_store_relaxed(&nodes[order[i]].next, &nodes[order[(i + 1) % RING]]);
}

/* ---- the reader beside ---- */

struct reader {
    const struct subject *subject;
    _Atomic bool stop;
    pthread_t thread;
};

static void *read_until_stopped(void *argument)
{
    struct reader *reader = argument;
    reader->subject->attach();
    while (!shale_atomic_load_relaxed(&reader->stop))
        reader->subject->guards(1024);
    reader->subject->detach();
    return NULL;
}

static void start_reader(struct reader *reader, const struct subject *subject)
{
    *reader = (struct reader){.subject = subject};
    if (pthread_create(&reader->thread, NULL, read_until_stopped, reader) != 0)
        fail("start a thread");
}

static void stop_reader(struct reader *reader)
{
    shale_atomic_store_relaxed(&reader->stop, true);
    pthread_join(reader->thread, NULL);
}

/* ---- measuring ---- */

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Nanoseconds of an operation. */
static double time_slice(const struct workload *workload, const struct subject *subject)
{
    struct reader reader;
    subject->attach();
    if (workload->with_reader)
        start_reader(&reader, subject);
    double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    workload->slice(subject);
    double spent = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
    if (workload->with_reader)
        stop_reader(&reader);
    subject->detach();
    return spent * 1e9 / (double)workload->count;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static size_t choose(const struct workload *workload, const struct subject **chosen)
{
    size_t count = 0;
    for (const struct subject *const *subject = subjects; *subject; subject++)
        if (workload->fits(*subject) && (*subject)->start())
            chosen[count++] = *subject;
    return count;
}

static void run(const struct workload *workload, uint64_t seed, double seconds)
{
    static double times[SUBJECTS_MAX][SLICES_MAX];
    const struct subject *chosen[SUBJECTS_MAX];
    size_t count = choose(workload, chosen);
    size_t slices = 0;
    for (size_t i = 0; i < count; i++)
        (void)time_slice(workload, chosen[i]); /* warms up */
    double end = seconds_of(CLOCK_MONOTONIC) + seconds;
    for (; slices < SLICES_MAX; slices++) {
        if (slices >= SLICES_MIN && seconds_of(CLOCK_MONOTONIC) > end)
            break;
        for (size_t i = 0; i < count; i++)
            times[i][slices] = time_slice(workload, chosen[i]);
    }
    uint64_t operations = workload->count * slices;
    printf("{\"workload\": \"%s\", \"operation\": \"%s\", \"operations\": %llu, \"seed\": %llu, "
           "\"threads\": %d, \"touch\": \"none\", \"figures\": {",
           workload->name, workload->operation, (unsigned long long)operations,
           (unsigned long long)seed, workload->with_reader ? 2 : 1);
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s_ns\": %.4g", i ? ", " : "", chosen[i]->name, median(times[i], slices));
    printf("}, \"notes\": {\"slices_count\": %zu}}\n", slices);
}

/* ---- arguments ---- */

static void print_list(void)
{
    for (const struct workload *row = workloads; row->name; row++)
        printf("%-26s %s\n", row->name, row->summary);
}

static const struct workload *find_workload(const char *name)
{
    for (const struct workload *row = workloads; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    fprintf(stderr, "smr-bench: there is no workload '%s'; --list names them\n", name);
    exit(EXIT_USAGE);
}

static double parse_number(const char *option, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && !*end && value > 0 && value <= most)
        return value;
    fprintf(stderr, "smr-bench: --%s needs a number above 0 and at most %g, not '%s'\n", option,
            most, text);
    exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"list", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    double seed = 1;
    double seconds = 0.3;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            seed = parse_number("seed", optarg, 1e15);
        else if (option == 't')
            seconds = parse_number("seconds", optarg, 3600);
        else if (option == 'l')
            return print_list(), 0;
        else
            return EXIT_USAGE;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: smr-bench [--seed=N] [--seconds=S] WORKLOAD | --list\n");
        return EXIT_USAGE;
    }
    const struct workload *workload = find_workload(argv[optind]);
    make_nodes((uint64_t)seed);
    run(workload, (uint64_t)seed, seconds);
    return fflush(stdout) == 0 ? 0 : EXIT_BROKEN;
}
