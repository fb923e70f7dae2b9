/* SPDX-License-Identifier: MIT */
/* Latency of malloc and of free apart, with many objects live and replaced at random. */
#include "latency.h"

static void replace_timed(const struct bench_parameters *parameters, void **slots,
                          struct latency *latency, uint64_t operations, uint64_t state)
{
    for (uint64_t i = 0; i < operations; i++) {
        size_t slot = bench_below(&state, parameters->live);
        size_t size = bench_size(parameters, &state);
        latency_free(latency, slots[slot]);
        slots[slot] = latency_malloc(latency, size);
        bench_touch(slots[slot], size, parameters->touch);
    }
}

void latency_measure(struct bench *bench)
{
    const struct bench_parameters *parameters = &bench->parameters;
    uint64_t state = bench->seed;
    struct latency *latency = latency_new();
    void **slots = bench_map(parameters->live * sizeof *slots);
    churn_fill(parameters, slots, &state);
    /* Every object is replaced before the first call is timed. */
    churn_replace(parameters, slots, 4 * parameters->live, &state);
    bench->operations = bench_operations(bench);
    replace_timed(parameters, slots, latency, bench->operations, state);
    latency_report(latency, bench);
}
