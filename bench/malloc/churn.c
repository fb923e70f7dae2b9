/* SPDX-License-Identifier: MIT */
/* Random churn: a set of live objects, one of which is replaced at random in each operation. */
#include <errno.h>

#include "bench.h"

static void **slots;

static size_t draw_size(const struct bench_parameters *parameters, uint64_t *state)
{
    return parameters->size_logarithmic ? bench_size_logarithmic(parameters, state)
                                        : bench_size(parameters, state);
}

/*
 * Alignments of 16..4096, small ones more often: half of all are 16, a quarter 32, and so on.
 * posix_memalign takes any size; some aligned_alloc refuse one that is no multiple.
 */
static void *allocate_aligned(size_t size, uint64_t *state)
{
    void *block;
    unsigned shift = (unsigned)__builtin_ctzll(bench_random(state) | (1U << 8));
    errno = posix_memalign(&block, (size_t)16 << shift, size);
    return errno ? NULL : block;
}

static void *allocate(const struct bench_parameters *parameters, size_t size, uint64_t *state)
{
    switch (parameters->call) {
    case CALL_CALLOC:
        return calloc(1, size);
    case CALL_ALIGNED:
        return allocate_aligned(size, state);
    case CALL_MALLOC:
    default:
        return malloc(size);
    }
}

void churn_fill(const struct bench_parameters *parameters, void **objects, uint64_t *state)
{
    for (size_t i = 0; i < parameters->live; i++) {
        size_t size = draw_size(parameters, state);
        objects[i] = allocate(parameters, size, state);
        bench_touch(objects[i], size, parameters->touch);
    }
}

/* Works on copies, so that the loop's values stay in registers across the calls. */
void churn_replace(const struct bench_parameters *parameters, void **objects, uint64_t operations,
                   uint64_t *state)
{
    const struct bench_parameters own = *parameters;
    uint64_t own_state = *state;
    for (uint64_t i = 0; i < operations; i++) {
        size_t slot = bench_below(&own_state, own.live);
        size_t size = draw_size(&own, &own_state);
        bench_free(objects[slot], own.touch);
        objects[slot] = allocate(&own, size, &own_state);
        bench_touch(objects[slot], size, own.touch);
    }
    *state = own_state;
}

void churn_prepare(struct bench *bench)
{
    uint64_t state = bench->seed;
    slots = bench_map(bench->parameters.live * sizeof *slots);
    churn_fill(&bench->parameters, slots, &state);
}

void churn_run(struct bench *bench, uint64_t operations)
{
    uint64_t state = bench->seed + 1;
    churn_replace(&bench->parameters, slots, operations, &state);
}
