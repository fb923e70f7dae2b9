/* SPDX-License-Identifier: MIT */
/*
 * Several threads: blocks made by one and freed by another, each its own churn, threads that end
 * and leave their blocks to a successor (as in Larson and Krishnan's server test), short lives.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "base/atomic.h"

#include "bench.h"
#include "latency.h"

enum {
    CACHE_LINE = 64,
    RING_SLOTS = 1024,
    RING_STEP = 32, /* blocks handed over at a time */
    SPINS_BEFORE_YIELD = 200,
    YIELDS_BEFORE_SLEEP = 100, /* the other one was taken its core: do not burn this one */
    SLEEP_NS = 50000,
    GENERATION = 20000, /* operations of one thread's life in the larson workload */
    LIFE_BLOCKS = 64,   /* of one thread's life in the churn of threads */
};

/* One thread's part of the work; its own cache line. */
struct worker {
    _Alignas(CACHE_LINE) pthread_t thread;
    const struct bench_parameters *parameters;
    void **slots;
    uint64_t operations;
    uint64_t seed;
    struct latency *latency; /* NULL: untimed */
    double cpu_s;            /* of its last run */
};

static struct worker *workers;

static struct {
    _Alignas(CACHE_LINE) _Atomic size_t made;
    _Alignas(CACHE_LINE) _Atomic size_t taken;
    _Alignas(CACHE_LINE) void *slots[RING_SLOTS];
} ring;

static sem_t lanes_done;

static void start(struct worker *worker, void *(*body)(void *), const pthread_attr_t *attributes)
{
    errno = pthread_create(&worker->thread, attributes, body, worker);
    if (errno)
        bench_die("start a thread");
}

static void *join(const struct worker *worker)
{
    void *result;
    errno = pthread_join(worker->thread, &result);
    if (errno)
        bench_die("join a thread");
    return result;
}

/* At the end of a thread's body. */
static void *end_with_cpu_time(struct worker *worker)
{
    worker->cpu_s = bench_thread_cpu_s();
    return NULL;
}

static void note_busiest(struct bench *bench, unsigned count)
{
    bench->busiest_s = 0;
    for (unsigned i = 0; i < count; i++)
        if (workers[i].cpu_s > bench->busiest_s)
            bench->busiest_s = workers[i].cpu_s;
}

void threads_prepare(struct bench *bench)
{
    unsigned count = bench->parameters.threads;
    workers = bench_map(count * sizeof *workers);
    for (unsigned i = 0; i < count; i++) {
        workers[i].parameters = &bench->parameters;
        workers[i].seed = bench->seed + i;
        if (bench->parameters.live)
            workers[i].slots = bench_map(bench->parameters.live * sizeof(void *));
    }
}

static void wait_a_little(unsigned *tries)
{
    static const struct timespec nap = {.tv_nsec = SLEEP_NS};
    ++*tries;
    if (*tries < SPINS_BEFORE_YIELD)
        shale_cpu_relax();
    else if (*tries < SPINS_BEFORE_YIELD + YIELDS_BEFORE_SLEEP)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

static void *make_block(const struct worker *worker, size_t size)
{
    if (!worker->latency)
        return malloc(size);
    return latency_malloc(worker->latency, size);
}

static void drop_block(const struct worker *worker, void *block)
{
    if (!worker->latency) {
        bench_free(block, worker->parameters->touch);
        return;
    }
    latency_free(worker->latency, block);
}

static void *produce(void *argument)
{
    struct worker *worker = argument;
    const struct bench_parameters parameters = *worker->parameters;
    uint64_t state = worker->seed;
    size_t made = 0, room = RING_SLOTS;
    for (uint64_t i = 0; i < worker->operations; i++) {
        unsigned tries = 0;
        while (made == room) {
            /*
             * ORDER BENCH2 acquire <- release in consume() [threads.c]. The slots up to
             * there have been read. Without it a slot is overwritten before it is read.
             */
            room = shale_atomic_load_acquire(&ring.taken) + RING_SLOTS;
            if (made == room)
                wait_a_little(&tries);
        }
        size_t size = bench_size(&parameters, &state);
        void *block = make_block(worker, size);
        bench_touch(block, size, parameters.touch);
        ring.slots[made++ % RING_SLOTS] = block;
        if (made % RING_STEP == 0 || i + 1 == worker->operations)
            /*
             * ORDER BENCH1 release -> acquire in await_made() [threads.c]. Publishes the slots
             * and what the blocks hold. Without it a stale pointer is freed twice.
             */
            shale_atomic_store_release(&ring.made, made);
    }
    return end_with_cpu_time(worker);
}

/* How many were made, once it is more than were taken. */
static size_t await_made(size_t taken)
{
    unsigned tries = 0;
    for (;;) {
        /*
         * ORDER BENCH1 acquire <- release in produce() [threads.c]. The slots up to there,
         * and what the blocks hold, are seen. Without it a stale pointer is freed twice.
         */
        size_t made = shale_atomic_load_acquire(&ring.made);
        if (made != taken)
            return made;
        wait_a_little(&tries);
    }
}

static void *consume(void *argument)
{
    struct worker *worker = argument;
    size_t taken = 0;
    while (taken < worker->operations) {
        for (size_t made = await_made(taken); taken < made; taken++)
            drop_block(worker, ring.slots[taken % RING_SLOTS]);
        /*
         * ORDER BENCH2 release -> acquire in produce() [threads.c]. Publishes that the
         * slots were read. Without it a slot is overwritten before it is read.
         */
        shale_atomic_store_release(&ring.taken, taken);
    }
    return end_with_cpu_time(worker);
}

/* An operation is one block: made here, freed there. */
void threads_producer_run(struct bench *bench, uint64_t operations)
{
    shale_atomic_store_relaxed(&ring.made, 0);
    shale_atomic_store_relaxed(&ring.taken, 0);
    workers[0].operations = operations;
    workers[1].operations = operations;
    start(&workers[0], produce, NULL);
    start(&workers[1], consume, NULL);
    join(&workers[0]);
    join(&workers[1]);
    note_busiest(bench, 2);
}

void threads_producer_latency(struct bench *bench)
{
    struct latency *latency = latency_new();
    workers[0].latency = latency;
    workers[1].latency = latency;
    bench->operations = bench_operations(bench);
    threads_producer_run(bench, bench->operations);
    latency_report(latency, bench);
}

static void *churn_alone(void *argument)
{
    struct worker *worker = argument;
    const struct bench_parameters *parameters = worker->parameters;
    uint64_t state = worker->seed;
    churn_fill(parameters, worker->slots, &state);
    churn_replace(parameters, worker->slots, worker->operations, &state);
    for (size_t i = 0; i < parameters->live; i++)
        free(worker->slots[i]);
    return end_with_cpu_time(worker);
}

/* Operations are shared out; each thread fills, churns and empties a set of its own. */
void threads_parallel_run(struct bench *bench, uint64_t operations)
{
    unsigned count = bench->parameters.threads;
    for (unsigned i = 0; i < count; i++) {
        workers[i].operations = operations / count;
        start(&workers[i], churn_alone, NULL);
    }
    for (unsigned i = 0; i < count; i++)
        join(&workers[i]);
    note_busiest(bench, count);
}

/* One generation of a lane: replaces blocks that its predecessors made, then starts the next. */
static void *lane(void *argument)
{
    struct worker *worker = argument;
    uint64_t now = worker->operations < GENERATION ? worker->operations : GENERATION;
    churn_replace(worker->parameters, worker->slots, now, &worker->seed);
    worker->operations -= now;
    if (worker->operations == 0) {
        sem_post(&lanes_done);
        return NULL;
    }
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    start(worker, lane, &detached);
    pthread_attr_destroy(&detached);
    return NULL;
}

void threads_larson_prepare(struct bench *bench)
{
    uint64_t state = bench->seed;
    threads_prepare(bench);
    for (unsigned i = 0; i < bench->parameters.threads; i++)
        churn_fill(&bench->parameters, workers[i].slots, &state);
}

void threads_larson_run(struct bench *bench, uint64_t operations)
{
    unsigned count = bench->parameters.threads;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sem_init(&lanes_done, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        workers[i].operations = operations / count + 1;
        start(&workers[i], lane, &detached);
    }
    for (unsigned i = 0; i < count; i++)
        while (sem_wait(&lanes_done) != 0 && errno == EINTR)
            ;
    pthread_attr_destroy(&detached);
}

/* Allocates, frees every other block, and leaves the rest to whoever joins. */
static void *short_life(void *argument)
{
    struct worker *worker = argument;
    const struct bench_parameters *parameters = worker->parameters;
    for (size_t i = 0; i < LIFE_BLOCKS; i++) {
        size_t size = bench_size(parameters, &worker->seed);
        worker->slots[i] = malloc(size);
        bench_touch(worker->slots[i], size, parameters->touch);
    }
    for (size_t i = 0; i < LIFE_BLOCKS; i += 2)
        bench_free(worker->slots[i], parameters->touch);
    return NULL;
}

/* An operation is one thread's life. */
void threads_churn_run(struct bench *bench, uint64_t operations)
{
    for (uint64_t done = 0; done < operations; done++) {
        start(&workers[0], short_life, NULL);
        join(&workers[0]);
        for (size_t i = 1; i < LIFE_BLOCKS; i += 2)
            bench_free(workers[0].slots[i], bench->parameters.touch);
    }
}
