/* SPDX-License-Identifier: MIT */
/*
 * A queue under producers and consumers, under threads that put and get in turn, and full.
 * A flow ends when the consumers have got all that the producers put; the sum of the items proves
 * that none was lost or came twice.
 */
#include <sched.h>
#include <stdio.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "workload.h"

enum { CHUNK = 256, BATCH_MAX = 64, SPINS = 64, FILL_ITEMS = 1000000 };

/* What the threads write has lines of its own. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
static struct {
    const struct queue_peer *peer;
    const struct workload *workload;
    void *queue;
    struct crew crew;
    _Alignas(128) _Atomic unsigned producing;
    _Alignas(128) _Atomic uint64_t put_sum, got_sum;
    struct shale_histogram ticks[THREADS_MAX];
} state;

static void wait_a_little(unsigned *rounds)
{
    if (++*rounds % SPINS != 0)
        shale_cpu_relax();
    else
        sched_yield();
}

/* Sum of `count` numbers from `first` on, modulo 2^64. */
static uint64_t sum_of(uint64_t first, uint64_t count)
{
    return first * count + (count % 2 ? count * ((count - 1) / 2) : count / 2 * (count - 1));
}

static size_t put_chunk(uint64_t first)
{
    uint64_t items[BATCH_MAX];
    unsigned batch = state.workload->batch;
    if (batch == 0)
        return state.peer->put(state.queue, first, CHUNK);
    if (!state.peer->put_batch)
        return state.peer->put(state.queue, first, batch);
    for (unsigned i = 0; i < batch; i++)
        items[i] = first + i;
    return state.peer->put_batch(state.queue, items, batch);
}

static size_t get_chunk(uint64_t *sum)
{
    uint64_t items[BATCH_MAX];
    unsigned batch = state.workload->batch;
    if (batch == 0 || !state.peer->get_batch)
        return state.peer->get(state.queue, batch ? batch : CHUNK, sum);
    size_t got = state.peer->get_batch(state.queue, items, batch);
    for (size_t i = 0; i < got; i++)
        *sum += items[i];
    return got;
}

/* ---- flows ---- */

static void produce(struct member *member)
{
    uint64_t done = 0;
    unsigned rounds = 0;
    crew_wait_start(&state.crew);
    while (!shale_atomic_load_relaxed(&state.crew.stop)) {
        size_t put = put_chunk(done + 1);
        done += put;
        if (put == 0)
            wait_a_little(&rounds);
    }
    shale_atomic_fetch_add_relaxed(&state.put_sum, sum_of(1, done));
    shale_atomic_fetch_sub_acq_rel(&state.producing, 1);
    member->operations = done;
}

static void consume(void)
{
    uint64_t sum = 0;
    unsigned rounds = 0;
    crew_wait_start(&state.crew);
    for (;;) {
        bool last = shale_atomic_load_acquire(&state.producing) == 0;
        size_t got = get_chunk(&sum);
        if (got == 0 && last)
            break;
        if (got == 0)
            wait_a_little(&rounds);
    }
    shale_atomic_fetch_add_relaxed(&state.got_sum, sum);
}

static void work_flow(struct member *member)
{
    state.peer->attach(state.queue);
    if (member->index % 2 == 0)
        produce(member);
    else
        consume();
    state.peer->detach(state.queue);
}

static void prepare(void)
{
    shale_atomic_store_relaxed(&state.producing, state.workload->threads);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        shale_histogram_reset(&state.ticks[i]);
}

/* ---- pairs ---- */

static uint64_t batch_round(void)
{
    uint64_t sum = 0;
    size_t put = put_chunk(1), got = 0;
    while (got < put)
        got += get_chunk(&sum);
    return put;
}

static uint64_t pairs_round(struct shale_histogram *ticks)
{
    for (size_t i = 0; i < CHUNK; i += SAMPLE_EVERY) {
        state.peer->pairs(state.queue, SAMPLE_EVERY - 1);
        uint64_t start = shale_clock_ticks();
        state.peer->pairs(state.queue, 1);
        shale_histogram_record(ticks, shale_clock_ticks() - start);
    }
    return CHUNK;
}

static void work_pairs(struct member *member)
{
    uint64_t done = 0;
    state.peer->attach(state.queue);
    crew_wait_start(&state.crew);
    while (!shale_atomic_load_relaxed(&state.crew.stop))
        done += state.workload->batch ? batch_round() : pairs_round(&state.ticks[member->index]);
    member->operations = done;
    state.peer->detach(state.queue);
}

static void report_pairs(struct result *result)
{
    static struct shale_histogram all;
    uint64_t pairs = 0;
    for (unsigned i = 0; i < state.workload->threads; i++) {
        pairs += state.crew.members[i].operations;
        shale_histogram_merge(&all, &state.ticks[i]);
    }
    result_of_crew(result, &state.crew, pairs);
    if (!state.workload->batch)
        result_percentiles(result, &all);
}

/* ---- full ---- */

static void run_fill(struct result *result)
{
    uint64_t sum = 0;
    state.peer->attach(state.queue);
    double before = rss_bytes(), start = seconds_of(CLOCK_MONOTONIC);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    size_t put = state.peer->put(state.queue, 1, FILL_ITEMS);
    double after = rss_bytes();
    size_t got = state.peer->get(state.queue, FILL_ITEMS, &sum);
    double wall = seconds_of(CLOCK_MONOTONIC) - start;
    state.peer->detach(state.queue);
    if (put != FILL_ITEMS || got != put || sum != sum_of(1, FILL_ITEMS))
        fail("get back what was put");
    result->operations = FILL_ITEMS;
    result_figure(result, "item_bytes", (after - before) / FILL_ITEMS);
    result_figure(result, "time_ns", wall * 1e9 / FILL_ITEMS);
    result_note(result, "cores", (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / wall);
}

static void run_flow(struct result *result, double seconds)
{
    uint64_t items = 0;
    crew_run(&state.crew, 2 * state.workload->threads, work_flow, seconds);
    if (shale_atomic_load_relaxed(&state.put_sum) != shale_atomic_load_relaxed(&state.got_sum))
        fail("get every item once");
    for (unsigned i = 0; i < state.crew.count; i++)
        items += state.crew.members[i].operations;
    result_of_crew(result, &state.crew, items);
}

void run_queue(const struct peer *peer, const struct workload *workload, double seconds,
               struct result *result)
{
    shale_clock_start();
    state.peer = peer->queue;
    state.workload = workload;
    state.crew.prepare = prepare;
    state.queue = peer->queue->make();
    if (!state.queue)
        fail("make the queue");
    if (workload->kind == WORK_QUEUE_FILL) {
        run_fill(result);
    } else if (workload->kind == WORK_QUEUE_FLOW) {
        run_flow(result, seconds);
    } else {
        crew_run(&state.crew, workload->threads, work_pairs, seconds);
        report_pairs(result);
    }
}
