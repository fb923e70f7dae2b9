/* SPDX-License-Identifier: MIT */
/* What threads counted: totals, sizes, latencies, flows between them. A step of the reader. */
#include <shale/error.h>
#include <stdlib.h>
#include <string.h>

#include "profile/read.h"

#define GET(field) shale_atomic_load_relaxed(&(field))

static int find_records(struct profile_reading *reading)
{
    uint32_t count = GET(reading->live->thread_count);
    if (count > PROFILE_FILE_THREADS)
        return profile_read_fail(reading, SHALE_EFORMAT, "it has %u threads", count);
    reading->threads = shale_bump_alloc(&reading->scratch, sizeof(void *) * (count + 1), 0);
    reading->thread_of = shale_bump_alloc(&reading->scratch, sizeof(uint32_t) * (count + 1), 0);
    if (reading->threads == NULL || reading->thread_of == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = GET(reading->live->thread_at[i]);
        reading->threads[i] =
            profile_read_piece(reading, at, 1, sizeof(struct profile_file_thread));
        if (reading->threads[i] == NULL)
            return profile_read_fail(reading, SHALE_EFORMAT, "a thread lies outside of it");
    }
    reading->thread_count = count;
    return 0;
}

/* ---- totals -----------------------------------------------------------------------------------
 */

static void add_to_totals(struct profile_totals *totals, const struct profile_file_thread *record)
{
    totals->allocations += GET(record->allocations);
    totals->allocated_bytes += GET(record->allocated_bytes);
    totals->frees += GET(record->frees);
    totals->reallocations += GET(record->reallocations);
    totals->failed += GET(record->failed);
    totals->temporary += GET(record->temporary);
    totals->foreign_frees += GET(record->foreign_frees);
}

/* The highest sum that the threads' balances can have reached since they were last settled. */
static void find_peak(struct profile_reading *reading)
{
    struct profile_totals *totals = &reading->report->totals;
    int64_t live = GET(reading->live->live_bytes), highest = 0;
    uint64_t peak_ticks = GET(reading->live->peak_ticks);
    for (uint32_t i = 0; i < reading->thread_count; i++)
        live += GET(reading->threads[i]->balance);
    for (uint32_t i = 0; i < reading->thread_count; i++) {
        const struct profile_file_thread *record = reading->threads[i];
        int64_t reached = live - GET(record->balance) + GET(record->balance_max);
        highest = reached > highest ? reached : highest;
    }
    totals->peak_bytes = GET(reading->live->peak_bytes);
    if ((uint64_t)highest > totals->peak_bytes) {
        totals->peak_bytes = (uint64_t)highest;
        peak_ticks = GET(reading->live->ended_ticks);
    }
    totals->peak_ns = profile_read_time(reading, peak_ticks);
    totals->peak_rss_bytes = GET(reading->live->peak_rss_bytes);
}

/* ---- threads ----------------------------------------------------------------------------------
 */

static void fill_thread(struct profile_reading *reading, struct profile_thread *thread,
                        const struct profile_file_thread *record)
{
    char name[sizeof(record->name) + 1] = {0};
    memcpy(name, record->name, sizeof(record->name));
    const char *kept = profile_report_text(reading->report, name);
    *thread = (struct profile_thread){
        .id = record->id,
        .os_id = record->os_id,
        .name = kept != NULL ? kept : "",
        .ended = GET(record->ended) != 0,
        .many = GET(record->users) > 1,
        .allocations = GET(record->allocations),
        .allocated_bytes = GET(record->allocated_bytes),
        .frees = GET(record->frees),
        .freed_bytes = GET(record->freed_bytes),
        .temporary = GET(record->temporary),
        .first_ns = profile_read_time(reading, GET(record->first_ticks)),
        .last_ns = profile_read_time(reading, GET(record->last_ticks)),
    };
}

/* Records come in the order of their threads; ids are made to ascend whatever the file says. */
static int fill_threads(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    report->threads =
        profile_report_array(report, reading->thread_count + 1, sizeof(*report->threads));
    if (report->threads == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < reading->thread_count; i++) {
        struct profile_thread *thread = &report->threads[i];
        fill_thread(reading, thread, reading->threads[i]);
        if (i > 0 && thread->id <= thread[-1].id)
            return profile_read_fail(reading, SHALE_EFORMAT, "its threads are out of order");
        reading->thread_of[i] = i;
        add_to_totals(&report->totals, reading->threads[i]);
    }
    report->thread_count = reading->thread_count;
    return 0;
}

/* ---- flows ------------------------------------------------------------------------------------
 */

static int by_frees(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_flow *)left)->frees;
    uint64_t b = ((const struct profile_flow *)right)->frees;
    return (a < b) - (a > b);
}

static void add_flow(struct profile_reading *reading, uint32_t to,
                     const struct profile_file_flow *flow)
{
    struct shale_profile_report *report = reading->report;
    uint64_t owner = GET(flow->owner);
    uint64_t frees = GET(flow->frees) / PROFILE_FILE_SCALE;
    uint64_t bytes = GET(flow->bytes);
    report->totals.cross_thread_frees += frees;
    report->totals.cross_thread_bytes += bytes;
    report->threads[to].cross_frees_sent += frees;
    report->threads[to].cross_bytes_sent += bytes;
    if (owner == 0 || owner > reading->thread_count || owner - 1 == to || frees == 0)
        return;
    report->threads[owner - 1].cross_frees_received += frees;
    report->threads[owner - 1].cross_bytes_received += bytes;
    report->flows[report->flow_count++] =
        (struct profile_flow){(uint32_t)owner - 1, to, frees, bytes};
}

static int fill_flows(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    size_t most = 0;
    for (uint32_t i = 0; i < reading->thread_count; i++)
        for (unsigned flow = 0; flow < PROFILE_FILE_FLOWS; flow++)
            most += GET(reading->threads[i]->flows[flow].frees) != 0;
    report->flows = profile_report_array(report, most + 1, sizeof(*report->flows));
    if (report->flows == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < reading->thread_count; i++)
        for (unsigned flow = 0; flow < PROFILE_FILE_FLOWS; flow++)
            if (GET(reading->threads[i]->flows[flow].frees) != 0)
                add_flow(reading, i, &reading->threads[i]->flows[flow]);
    qsort(report->flows, report->flow_count, sizeof(*report->flows), by_frees);
    return 0;
}

/* ---- sizes ------------------------------------------------------------------------------------
 */

static int fill_sizes(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    report->sizes = profile_report_array(report, PROFILE_FILE_SIZES, sizeof(*report->sizes));
    if (report->sizes == NULL)
        return SHALE_ENOMEM;
    for (unsigned bucket = 0; bucket < PROFILE_FILE_SIZES; bucket++) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < reading->thread_count; i++)
            count += GET(reading->threads[i]->sizes[bucket]);
        if (count == 0)
            continue;
        bool last = bucket == PROFILE_FILE_SIZES - 1;
        report->sizes[report->size_count++] = (struct profile_size_bucket){
            .low = shale_histogram_bucket_low(bucket),
            .high = last ? UINT64_MAX : shale_histogram_bucket_high(bucket),
            .allocations = count,
        };
    }
    return 0;
}

/* ---- spans of ticks ---------------------------------------------------------------------------
 */

/* Buckets of ticks become buckets of nanoseconds by their middles. */
static void convert(const struct profile_reading *reading, const struct shale_histogram *ticks,
                    uint64_t less, struct shale_histogram *ns)
{
    for (unsigned bucket = 0; bucket < SHALE_HISTOGRAM_BUCKETS; bucket++) {
        uint64_t count = GET(ticks->buckets[bucket]);
        if (count == 0)
            continue;
        uint64_t low = shale_histogram_bucket_low(bucket);
        uint64_t middle = low + (shale_histogram_bucket_high(bucket) - low) / 2;
        middle = middle > less ? middle - less : 0;
        double span = (double)middle * reading->ns_per_tick;
        uint64_t value = span < 0x1p63 ? (uint64_t)span : UINT64_MAX / 2;
        shale_atomic_add_single_writer(&ns->buckets[shale_histogram_bucket(value)], count);
        shale_atomic_add_single_writer(&ns->sum, value * count);
        if (value > GET(ns->max))
            shale_atomic_store_relaxed(&ns->max, value);
        if (~value > GET(ns->min_inverted))
            shale_atomic_store_relaxed(&ns->min_inverted, ~value);
    }
}

static void fill_spans(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    uint64_t timer = reading->about->timer_ticks;
    report->latency.timer_ns = (uint64_t)((double)timer * reading->ns_per_tick);
    for (uint32_t i = 0; i < reading->thread_count; i++) {
        const struct profile_file_thread *record = reading->threads[i];
        convert(reading, &record->alloc_ticks, timer, report->latency.alloc);
        convert(reading, &record->free_ticks, timer, report->latency.free);
        convert(reading, &record->lifetime_ticks, 0, report->lifetimes.ns);
    }
}

static void fill_cost(struct profile_reading *reading)
{
    struct profile_cost *cost = &reading->report->cost;
    const struct profile_file_live *live = reading->live;
    cost->file_bytes = reading->size;
    cost->memory_bytes = reading->size + GET(live->private_bytes);
    cost->stacks_unwound = GET(live->stacks_unwound);
    cost->stacks_cut = GET(live->stacks_cut);
    cost->samples_lost = GET(live->samples_lost);
    for (uint32_t i = 0; i < reading->thread_count; i++)
        cost->samples += GET(reading->threads[i]->samples);
    if (reading->about->mode == PROFILE_FULL)
        cost->samples = reading->report->totals.allocations;
    cost->stacks_walked = cost->samples;
    uint64_t timed = GET(live->sample_timed);
    if (timed != 0)
        cost->sample_ns = (double)GET(live->sample_ticks) * reading->ns_per_tick / (double)timed;
}

int profile_read_threads(struct profile_reading *reading)
{
    int result = find_records(reading);
    result = result != 0 ? result : fill_threads(reading);
    result = result != 0 ? result : fill_flows(reading);
    result = result != 0 ? result : fill_sizes(reading);
    if (result != 0)
        return result;
    find_peak(reading);
    fill_spans(reading);
    fill_cost(reading);
    return 0;
}
