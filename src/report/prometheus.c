/* SPDX-License-Identifier: MIT */
/* A profile as Prometheus scrapes it, in its text format or as OpenMetrics. */
#include <inttypes.h>

#include "report/names.h"
#include "report/report.h"

struct scrape {
    FILE *out;
    bool openmetrics;
};

/* OpenMetrics names the family of a counter without the _total that its samples end with. */
static void write_head(const struct scrape *scrape, const char *name, const char *type,
                       const char *help)
{
    const char *total = type[0] == 'c' && !scrape->openmetrics ? "_total" : "";
    fprintf(scrape->out, "# HELP shale_heap_%s%s %s\n# TYPE shale_heap_%s%s %s\n", name, total,
            help, name, total, type);
}

static void write_counter(const struct scrape *scrape, const char *name, uint64_t value,
                          const char *help)
{
    write_head(scrape, name, "counter", help);
    fprintf(scrape->out, "shale_heap_%s_total %" PRIu64 "\n", name, value);
}

static void write_gauge(const struct scrape *scrape, const char *name, uint64_t value,
                        const char *help)
{
    write_head(scrape, name, "gauge", help);
    fprintf(scrape->out, "shale_heap_%s %" PRIu64 "\n", name, value);
}

static void write_frees(const struct scrape *scrape, const struct profile_totals *totals)
{
    /* The share of other threads is an estimate: it must not take the rest below zero. */
    uint64_t other =
        totals->cross_thread_frees < totals->frees ? totals->cross_thread_frees : totals->frees;
    write_head(scrape, "frees", "counter",
               "Blocks freed, by the thread that had allocated them or by another.");
    fprintf(scrape->out,
            "shale_heap_frees_total{thread=\"same\"} %" PRIu64 "\n"
            "shale_heap_frees_total{thread=\"other\"} %" PRIu64 "\n",
            totals->frees - other, other);
}

/* Buckets of 1, 2 and 5 from 10 ns to 1 s: what an alert wants to ask for. */
static void write_histogram(const struct scrape *scrape, const char *name,
                            const struct shale_histogram *histogram, const char *help)
{
    static const uint64_t steps[] = {10, 20, 50};
    uint64_t count = shale_histogram_count(histogram);
    write_head(scrape, name, "histogram", help);
    for (uint64_t decade = 1; decade <= 100000000; decade *= 10)
        for (size_t i = 0; i < SHALE_ARRAY_LENGTH(steps); i++) {
            uint64_t limit = decade * steps[i];
            if (limit <= 1000000000)
                fprintf(scrape->out, "shale_heap_%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
                        (double)limit * 1e-9, shale_histogram_count_at_most(histogram, limit));
        }
    fprintf(scrape->out,
            "shale_heap_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n"
            "shale_heap_%s_sum %.9g\n"
            "shale_heap_%s_count %" PRIu64 "\n",
            name, count, name, shale_histogram_mean(histogram) * (double)count * 1e-9, name, count);
}

static void write_fragmentation(const struct scrape *scrape,
                                const struct profile_fragmentation *shares)
{
    if (!shares->internal_known && !shares->external_known)
        return;
    write_head(scrape, "fragmentation_ratio", "gauge",
               "Memory held and not used: inside blocks (internal), between them (external).");
    if (shares->internal_known)
        fprintf(scrape->out, "shale_heap_fragmentation_ratio{kind=\"internal\"} %.6g\n",
                shares->internal);
    if (shares->external_known)
        fprintf(scrape->out, "shale_heap_fragmentation_ratio{kind=\"external\"} %.6g\n",
                shares->external);
}

static uint64_t last_rss(const struct shale_profile_report *report)
{
    return report->moment_count ? report->moments[report->moment_count - 1].rss_bytes : 0;
}

int report_prometheus(const struct shale_profile_report *report, bool openmetrics, FILE *out)
{
    const struct scrape scrape = {out, openmetrics};
    const struct profile_totals *totals = &report->totals;
    write_counter(&scrape, "allocations", totals->allocations, "Blocks handed out.");
    write_frees(&scrape, totals);
    write_counter(&scrape, "allocated_bytes", totals->allocated_bytes, "Bytes asked for.");
    write_counter(&scrape, "freed_bytes", totals->freed_bytes, "Bytes of blocks freed.");
    write_counter(&scrape, "temporary_allocations", totals->temporary,
                  "Blocks freed by their thread before its next allocation.");
    write_counter(&scrape, "failed_allocations", totals->failed, "Requests that got no memory.");
    write_gauge(&scrape, "live_blocks", totals->live_blocks, "Blocks handed out and not freed.");
    write_gauge(&scrape, "live_bytes", totals->live_bytes, "Bytes of those blocks.");
    write_gauge(&scrape, "peak_bytes", totals->peak_bytes, "Most live bytes at one time.");
    write_gauge(&scrape, "resident_bytes", last_rss(report), "Resident memory of the process.");
    write_histogram(&scrape, "allocation_duration_seconds", report->latency.alloc,
                    "Time of an allocation, of those that were timed.");
    write_histogram(&scrape, "free_duration_seconds", report->latency.free,
                    "Time of a free, of those that were timed.");
    write_fragmentation(&scrape, &report->fragmentation);
    if (openmetrics)
        fputs("# EOF\n", out);
    return SHALE_OK;
}
