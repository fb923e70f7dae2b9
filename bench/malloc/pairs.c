/* SPDX-License-Identifier: MIT */
/* malloc+free pairs: one after the other (ping-pong), or batches freed in a given order. */
#include "bench.h"

static void **blocks;
static uint32_t *free_order; /* a permutation of the indices of blocks */

void pairs_prepare(struct bench *bench)
{
    size_t count = bench->parameters.batch;
    uint64_t state = bench->seed;
    blocks = bench_map(count * sizeof *blocks);
    free_order = bench_map(count * sizeof *free_order);
    for (size_t i = 0; i < count; i++)
        free_order[i] = (uint32_t)(bench->parameters.order == ORDER_LIFO ? count - 1 - i : i);
    if (bench->parameters.order == ORDER_RANDOM)
        bench_shuffle(free_order, count, &state);
}

void pairs_run(struct bench *bench, uint64_t operations)
{
    const struct bench_parameters parameters = bench->parameters;
    uint64_t state = bench->seed;
    bool fixed = parameters.size_min == parameters.size_max;
    for (uint64_t i = 0; i < operations; i++) {
        size_t size = fixed ? parameters.size_min : bench_size(&parameters, &state);
        void *block = malloc(size);
        bench_touch(block, size, parameters.touch);
        bench_free(block, parameters.touch);
    }
}

static void run_batch(const struct bench_parameters *parameters, uint64_t *state)
{
    bool fixed = parameters->size_min == parameters->size_max;
    for (size_t i = 0; i < parameters->batch; i++) {
        size_t size = fixed ? parameters->size_min : bench_size(parameters, state);
        blocks[i] = malloc(size);
        bench_touch(blocks[i], size, parameters->touch);
    }
    for (size_t i = 0; i < parameters->batch; i++)
        bench_free(blocks[free_order[i]], parameters->touch);
}

/* Whole batches only: the free order names every index. */
void pairs_batch_run(struct bench *bench, uint64_t operations)
{
    const struct bench_parameters parameters = bench->parameters;
    uint64_t state = bench->seed;
    for (uint64_t done = 0; done < operations; done += parameters.batch)
        run_batch(&parameters, &state);
}
