/* SPDX-License-Identifier: MIT */
/*
 * A map under reads, puts and removals from a prepared list for each thread. It holds `entries`
 * keys of twice as many; as many puts as removals keep it there.
 */
#include <math.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "workload.h"

enum { OPERATIONS = 1 << 20, CHUNK = 1024, WARM_CHUNKS = 64 };

static struct {
    const struct map_peer *peer;
    void *map;
    uint64_t *operations[THREADS_MAX];
    struct shale_histogram *ticks[THREADS_MAX];
    struct crew crew;
} state;

/* ---- keys ---- */

/* Zipf's law with the exponent 0.99, by Gray and others' approximation, as YCSB has it. */
struct zipf {
    uint64_t count;
    double exponent, zeta, alpha, eta;
};

static double zeta(uint64_t count, double exponent)
{
    double sum = 0;
    for (uint64_t i = 1; i <= count; i++)
        sum += pow(1 / (double)i, exponent);
    return sum;
}

static struct zipf make_zipf(uint64_t count)
{
    struct zipf zipf = {.count = count, .exponent = 0.99};
    zipf.zeta = zeta(count, zipf.exponent);
    zipf.alpha = 1 / (1 - zipf.exponent);
    zipf.eta =
        (1 - pow(2 / (double)count, 1 - zipf.exponent)) / (1 - zeta(2, zipf.exponent) / zipf.zeta);
    return zipf;
}

/* A rank from 0 on, the first the most frequent. */
static uint64_t zipf_next(const struct zipf *zipf, uint64_t *random)
{
    double at = (double)(random_next(random) >> 11) * 0x1p-53;
    if (at * zipf->zeta < 1)
        return 0;
    if (at * zipf->zeta < 1 + pow(0.5, zipf->exponent))
        return 1;
    uint64_t rank =
        (uint64_t)((double)zipf->count * pow(zipf->eta * at - zipf->eta + 1, zipf->alpha));
    return rank < zipf->count ? rank : zipf->count - 1;
}

/* Spreads the frequent keys over all of them: a prime that divides no count of keys. */
static int64_t scatter(uint64_t rank, uint64_t keys)
{
    return (int64_t)((__uint128_t)rank * 2654435761u % keys);
}

static uint64_t *make_operations(const struct workload *workload, const struct zipf *zipf,
                                 uint64_t random)
{
    uint64_t *operations = malloc(OPERATIONS * sizeof *operations);
    const uint64_t keys = 2 * workload->entries;
    if (!operations)
        fail("allocate");
    for (size_t i = 0; i < OPERATIONS; i++) {
        uint64_t rank = zipf ? zipf_next(zipf, &random) : random_below(&random, keys);
        uint64_t dice = random_below(&random, 200);
        enum op_kind kind = dice < (uint64_t)2 * workload->get_percent ? OP_GET
                            : dice < 100 + workload->get_percent       ? OP_PUT
                                                                       : OP_REMOVE;
        operations[i] = op_make(scatter(rank, keys), kind);
    }
    return operations;
}

/* ---- the map ---- */

/* Every other key, in an order of no order; returns the bytes that an entry takes. */
static double fill(uint64_t entries, uint64_t random)
{
    uint64_t *puts = malloc(entries * sizeof *puts);
    if (!puts)
        fail("allocate");
    for (uint64_t i = 0; i < entries; i++)
        puts[i] = op_make((int64_t)(2 * i), OP_PUT);
    for (uint64_t i = entries - 1; i > 0; i--) {
        uint64_t other = random_below(&random, i + 1), swapped = puts[i];
        puts[i] = puts[other];
        puts[other] = swapped;
    }
    double before = rss_bytes();
    state.peer->run(state.map, puts, entries);
    double after = rss_bytes();
    free(puts);
    return (after - before) / (double)entries;
}

static void run_sampled(const uint64_t *operations, struct shale_histogram *ticks)
{
    for (size_t i = 0; i < CHUNK; i += SAMPLE_EVERY) {
        state.peer->run(state.map, operations + i, SAMPLE_EVERY - 1);
        uint64_t start = shale_clock_ticks();
        state.peer->run(state.map, operations + i + SAMPLE_EVERY - 1, 1);
        shale_histogram_record(ticks, shale_clock_ticks() - start);
    }
}

static void forget_samples(void)
{
    for (unsigned i = 0; i < THREADS_MAX && state.ticks[i]; i++)
        shale_histogram_reset(state.ticks[i]);
}

static void work(struct member *member)
{
    const uint64_t *operations = state.operations[member->index];
    struct shale_histogram *ticks = state.ticks[member->index];
    state.peer->attach(state.map);
    for (size_t i = 0; i < WARM_CHUNKS; i++)
        state.peer->run(state.map, operations + i * CHUNK, CHUNK);
    crew_wait_start(&state.crew);
    size_t at = (size_t)WARM_CHUNKS * CHUNK;
    uint64_t done = 0;
    while (!shale_atomic_load_relaxed(&state.crew.stop)) {
        run_sampled(operations + at, ticks);
        at = (at + CHUNK) % OPERATIONS;
        done += CHUNK;
    }
    member->operations = done;
    state.peer->detach(state.map);
}

void run_map(const struct peer *peer, const struct workload *workload, uint64_t seed,
             double seconds, struct result *result)
{
    struct zipf zipf = {0};
    uint64_t operations = 0;
    static struct shale_histogram ticks;
    if (workload->zipf)
        zipf = make_zipf(2 * workload->entries);
    shale_clock_start();
    for (unsigned i = 0; i < workload->threads; i++) {
        state.operations[i] = make_operations(workload, workload->zipf ? &zipf : NULL, seed + i);
        state.ticks[i] = calloc(1, sizeof *state.ticks[i]);
        if (!state.ticks[i])
            fail("allocate");
    }
    state.peer = peer->map;
    state.map = peer->map->make();
    if (!state.map)
        fail("make the map");
    peer->map->attach(state.map);
    double entry_bytes = fill(workload->entries, seed);
    peer->map->detach(state.map);
    state.crew.prepare = forget_samples;
    crew_run(&state.crew, workload->threads, work, seconds);
    for (unsigned i = 0; i < workload->threads; i++) {
        operations += state.crew.members[i].operations;
        shale_histogram_merge(&ticks, state.ticks[i]);
    }
    result_of_crew(result, &state.crew, operations);
    result_percentiles(result, &ticks);
    if (workload->threads == 1)
        result_figure(result, "entry_bytes", entry_bytes);
}
