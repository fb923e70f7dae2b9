/* SPDX-License-Identifier: MIT */
/* A workload of collections-bench, how it is run, and what it gives. */
#ifndef BENCH_COLLECTIONS_WORKLOAD_H
#define BENCH_COLLECTIONS_WORKLOAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "base/histogram.h"
#include "peer.h"

enum { THREADS_MAX = 8, FIGURES_MAX = 8 };

enum workload_kind { WORK_MAP, WORK_QUEUE_FLOW, WORK_QUEUE_PAIRS, WORK_QUEUE_FILL };

struct workload {
    char name[48];
    char summary[96];
    enum workload_kind kind;
    unsigned threads; /* of a flow: producers, and as many consumers */
    unsigned batch;   /* of a queue: items of a batch; 0: one by one */
    uint64_t entries; /* of a map; the keys are from twice as many */
    unsigned get_percent;
    bool zipf;
};

struct figure {
    const char *name;
    double value;
};

struct result {
    uint64_t operations;
    struct figure figures[FIGURES_MAX], notes[FIGURES_MAX];
    size_t figure_count, note_count;
};

void result_figure(struct result *result, const char *name, double value);
void result_note(struct result *result, const char *name, double value);

/* p50, p99 and p99.9 of a histogram of ticks, as figures; the clock's median floor is taken off. */
void result_percentiles(struct result *result, const struct shale_histogram *ticks);

/* One operation in so many is timed by itself. */
enum { SAMPLE_EVERY = 32, TRIES = 3 };

void run_map(const struct peer *peer, const struct workload *workload, uint64_t seed,
             double seconds, struct result *result);
void run_queue(const struct peer *peer, const struct workload *workload, double seconds,
               struct result *result);

/* Prints "collections-bench: cannot WHAT" and ends the process with 70. */
_Noreturn void fail(const char *what);

/* ---- threads that begin together ---- */

struct crew;

struct member {
    _Alignas(128) struct crew *crew;
    unsigned index;
    uint64_t operations;
    pthread_t thread;
};

struct crew {
    void (*prepare)(void);               /* before each try; may be NULL */
    void (*work)(struct member *member); /* attaches, crew_wait_start(), works, detaches */
    unsigned count;
    pthread_barrier_t start;
    _Alignas(128) _Atomic bool stop;
    struct member members[2 * THREADS_MAX];
    double wall_s, cpu_s; /* from the start to the end of the last one */
};

/* Runs `count` threads; tells them to stop after that time. Where the machine was too busy to give
 * them its cores, up to TRIES times: the last time counts. */
void crew_run(struct crew *crew, unsigned count, void (*work)(struct member *), double seconds);
void crew_wait_start(struct crew *crew);

/* "time", "cores" and how many operations, of a crew that ran. */
void result_of_crew(struct result *result, const struct crew *crew, uint64_t operations);

double seconds_of(clockid_t clock);
double rss_bytes(void);

/* wyrand's step. */
static inline uint64_t random_next(uint64_t *state)
{
    *state += 0xa0761d6478bd642fu;
    __uint128_t product = (__uint128_t)*state * (*state ^ 0xe7037ed1a0b428dbu);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return (uint64_t)((__uint128_t)random_next(state) * limit >> 64);
}

#endif
