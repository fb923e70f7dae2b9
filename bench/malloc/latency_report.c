/* SPDX-License-Identifier: MIT */
/* What was measured of single calls, as figures. */
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
