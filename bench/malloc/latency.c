/* SPDX-License-Identifier: MIT */
/* Latency of malloc and of free apart, with many objects live and replaced at random. */
#include "latency.h"

static const struct {
    double percent;
    const char *names[3]; /* of malloc, free, the floor */
} percentiles[] = {
    {50, {"malloc_p50_ns", "free_p50_ns", "floor_p50_ns"}},
    {99, {"malloc_p99_ns", "free_p99_ns", "floor_p99_ns"}},
    {99.9, {"malloc_p999_ns", "free_p999_ns", "floor_p999_ns"}},
    {99.99, {"malloc_p9999_ns", "free_p9999_ns", "floor_p9999_ns"}},
};

enum { PERCENTILES = sizeof percentiles / sizeof *percentiles };

struct latency *latency_new(void)
{
    shale_clock_start();
    return bench_map(sizeof(struct latency));
}

static uint64_t read_ns(const struct shale_histogram *histogram, double percent)
{
    return shale_clock_ticks_to_ns(shale_histogram_percentile(histogram, percent));
}

/* p99.9 leads: what a single call may cost is why this workload is there. */
void latency_report(const struct latency *latency, struct bench *bench)
{
    static const int lead_first[PERCENTILES] = {2, 0, 1, 3};
    const struct shale_histogram *const histograms[] = {&latency->mallocs, &latency->frees};
    uint64_t floor_ns = read_ns(&latency->floor, 50);
    for (int call = 0; call < 2; call++)
        for (int i = 0; i < PERCENTILES; i++) {
            int row = lead_first[i];
            uint64_t ns = read_ns(histograms[call], percentiles[row].percent);
            bench_figure(bench, percentiles[row].names[call],
                         ns > floor_ns ? (double)(ns - floor_ns) : 0);
        }
    for (int i = 0; i < PERCENTILES; i++)
        bench_note(bench, percentiles[i].names[2],
                   (double)read_ns(&latency->floor, percentiles[i].percent));
}

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
