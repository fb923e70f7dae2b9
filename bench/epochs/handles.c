/* SPDX-License-Identifier: MIT */
/* Handles: pairs of alloc and free, and look-ups among many, in random order. */
#include <shale/handle.h>

#include "scopes.h"

struct handles {
    shale_epoch epoch;
    shale_handle *live;
    uint32_t *order;
    size_t count;
    size_t size;
};

static void pairs(const struct handles *handles, uint64_t operations)
{
    void *block;
    for (uint64_t i = 0; i < operations; i++) {
        shale_handle handle = shale_handle_alloc(handles->epoch, handles->size, &block);
        *(volatile uint64_t *)block = i;
        if (shale_handle_free(handle) != 0)
            bench_die("free a handle");
    }
}

static void batches(const struct handles *handles, uint64_t operations)
{
    void *block;
    for (uint64_t done = 0; done < operations; done += handles->count) {
        for (size_t i = 0; i < handles->count; i++) {
            handles->live[i] = shale_handle_alloc(handles->epoch, handles->size, &block);
            *(volatile uint64_t *)block = i;
        }
        for (size_t i = 0; i < handles->count; i++)
            if (shale_handle_free(handles->live[i]) != 0)
                bench_die("free a handle");
    }
}

static void look_up(const struct handles *handles, uint64_t operations)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < operations; i++) {
        if (shale_handle_get(handles->live[handles->order[at]]) == NULL)
            bench_die("look a handle up");
        at = at + 1 == handles->count ? 0 : at + 1;
    }
}

/* CPU nanoseconds of an operation. */
static double time_of(void (*work)(const struct handles *, uint64_t), const struct handles *handles,
                      double seconds)
{
    uint64_t operations = 1 << 16;
    work(handles, operations);
    for (;;) {
        double start = bench_thread_cpu_s();
        work(handles, operations);
        double spent = bench_thread_cpu_s() - start;
        if (spent > seconds / 4)
            return spent * 1e9 / (double)operations;
        operations *= 2;
    }
}

void handles_measure(struct bench *bench)
{
    struct handles handles = {.count = bench->parameters.live, .size = bench->parameters.size_min};
    struct shale_epoch_options options = {.flags = SHALE_EPOCH_HANDLES};
    uint64_t state = bench->seed;
    if (shale_epoch_open(&options, &handles.epoch) != 0)
        bench_die("open an epoch");
    handles.live = bench_map(handles.count * sizeof *handles.live);
    handles.order = bench_map(handles.count * sizeof *handles.order);
    for (size_t i = 0; i < handles.count; i++)
        handles.order[i] = (uint32_t)i;
    bench_shuffle(handles.order, handles.count, &state);
    bench_figure(bench, "pair_ns", time_of(pairs, &handles, bench->seconds));
    bench_figure(bench, "batch_pair_ns", time_of(batches, &handles, bench->seconds));
    for (size_t i = 0; i < handles.count; i++)
        handles.live[i] = shale_handle_alloc(handles.epoch, handles.size, NULL);
    bench_figure(bench, "get_ns", time_of(look_up, &handles, bench->seconds));
    bench->operations = handles.count;
}
