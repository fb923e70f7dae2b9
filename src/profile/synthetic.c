/* SPDX-License-Identifier: MIT */
/*
 * A made-up report: a server with a parser, a cache, two workers and a script, whose figures agree
 * with one another as those of a real recording would.
 */
#include <stdlib.h>
#include <string.h>

#include "profile/model.h"

enum {
    THREADS = 4,
    SITES = 6,
    FRAMES = 9,
    MODULES = 3,
    MOMENTS = 120,
    ROWS = 12,
    STEP_NS = 50000000,
};

struct maker {
    struct shale_profile_report *report;
    uint64_t random;
};

static uint64_t next_random(struct maker *maker)
{
    maker->random = maker->random * 6364136223846793005U + 1442695040888963407U;
    return maker->random >> 33;
}

static uint64_t between(struct maker *maker, uint64_t low, uint64_t high)
{
    return low + next_random(maker) % (high - low + 1);
}

#define MAKE(maker, count, type)                                                                   \
    ((type *)profile_report_array((maker)->report, (count), sizeof(type)))

static void describe(struct maker *maker)
{
    maker->report->provenance = (struct profile_provenance){
        .program = "/usr/local/bin/server",
        .command = "server --port 8080",
        .allocator = "glibc",
        .recorder = "0",
        .host = "example",
        .system = "Linux 6.1.0",
        .end_reason = "",
        .file = "synthetic.shprof",
        .pid = 4242,
        .parent_pid = 1,
        .processors = 4,
        .mode = PROFILE_FULL,
        .end = PROFILE_EXITED,
        .sealed = true,
        .symbolized = true,
        .python = true,
        .started_wall_ns = 1700000000000000000U,
        .duration_ns = (uint64_t)MOMENTS * STEP_NS,
        .latency_every = 64,
    };
}

static bool add_modules(struct maker *maker)
{
    static const struct profile_module made[MODULES] = {
        {"/usr/local/bin/server", "1f2e3d4c5b6a79880f1e2d3c4b5a69788796a5b4", 0x555555554000,
         0x555555600000, 0},
        {"/usr/lib/libparse.so.2", "00112233445566778899aabbccddeeff00112233", 0x7f0000000000,
         0x7f0000080000, 0},
        {"/usr/lib/libc.so.6", "", 0x7f1000000000, 0x7f1000200000, 0},
    };
    maker->report->modules = MAKE(maker, MODULES, struct profile_module);
    if (maker->report->modules == NULL)
        return false;
    memcpy(maker->report->modules, made, sizeof(made));
    maker->report->module_count = MODULES;
    return true;
}

/* Frame 1 has a function inlined into another; frame 7 is Python; frame 8 has no symbol. */
static const struct profile_line lines[] = {
    {"main", "server.c", 210, 5},          {"copy_token", "parse.h", 33, 12},
    {"parse_request", "parse.c", 120, 9},  {"cache_insert", "cache.c", 77, 16},
    {"worker_run", "worker.c", 48, 0},     {"reply_new", "worker.c", 19, 0},
    {"grow_table", "cache.c", 150, 20},    {"read_config", "config.c", 12, 3},
    {"render", "/srv/template.py", 31, 0}, {"", "", 0, 0},
};

static bool add_frames(struct maker *maker)
{
    static const struct {
        uint8_t line, count, module;
    } made[FRAMES] = {{0, 1, 0}, {1, 2, 1}, {3, 1, 0}, {4, 1, 0}, {5, 1, 0},
                      {6, 1, 0}, {7, 1, 0}, {8, 1, 9}, {9, 1, 2}};
    struct profile_frame *frames = MAKE(maker, FRAMES, struct profile_frame);
    if (frames == NULL)
        return false;
    for (uint32_t i = 0; i < FRAMES; i++) {
        bool python = made[i].module == 9;
        uint64_t offset = 0x1000 + 0x40 * i;
        frames[i] = (struct profile_frame){
            .kind = python ? PROFILE_FRAME_PYTHON : PROFILE_FRAME_NATIVE,
            .module = python ? PROFILE_NONE : made[i].module,
            .address = python ? 0 : maker->report->modules[made[i].module].start + offset,
            .module_address = python ? 0 : offset,
            .line_count = made[i].count,
            .lines = &lines[made[i].line],
        };
    }
    maker->report->frames = frames;
    maker->report->frame_count = FRAMES;
    return true;
}

static int by_allocated(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_site *)left)->allocated_bytes;
    uint64_t b = ((const struct profile_site *)right)->allocated_bytes;
    return (a < b) - (a > b);
}

static void fill_site(struct maker *maker, struct profile_site *site, uint32_t number)
{
    static const uint32_t stacks[SITES][3] = {{1, 4, 3}, {2, 1, 3}, {4, 3, 8},
                                              {5, 2, 0}, {6, 0, 8}, {7, 4, 3}};
    site->frames = stacks[number];
    site->frame_count = 3;
    site->truncated = number == 4;
    site->allocations = between(maker, 1000, 400000);
    site->allocated_bytes = site->allocations * between(maker, 24, 900);
    site->temporary = number == 0 ? site->allocations * 9 / 10 : site->allocations / 50;
    site->live_blocks = number % 2 == 1 ? site->allocations / between(maker, 5, 50) : 0;
    site->live_bytes = site->live_blocks * (site->allocated_bytes / site->allocations);
    site->peak_bytes = site->live_bytes + site->allocated_bytes / 100;
    site->samples = site->allocations;
    site->pinned_bytes = number == 3 ? 40 * 3000 : 0;
}

static bool add_sites(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    report->sites = MAKE(maker, SITES, struct profile_site);
    if (report->sites == NULL)
        return false;
    report->site_count = SITES;
    report->peak_known = true;
    for (uint32_t i = 0; i < SITES; i++) {
        struct profile_site *site = &report->sites[i];
        fill_site(maker, site, i);
        report->totals.allocations += site->allocations;
        report->totals.allocated_bytes += site->allocated_bytes;
        report->totals.temporary += site->temporary;
        report->totals.live_blocks += site->live_blocks;
        report->totals.live_bytes += site->live_bytes;
        report->totals.peak_bytes += site->peak_bytes;
    }
    qsort(report->sites, SITES, sizeof(*report->sites), by_allocated);
    struct profile_totals *totals = &report->totals;
    totals->frees = totals->allocations - totals->live_blocks;
    totals->freed_bytes = totals->allocated_bytes - totals->live_bytes;
    totals->reallocations = totals->allocations / 40;
    totals->failed = 1;
    totals->foreign_frees = 12;
    return true;
}

/* A part of a whole for thread i: the last gets what is left. */
static uint64_t part(uint64_t whole, uint32_t i)
{
    uint64_t share = whole / THREADS;
    return i + 1 < THREADS ? share : whole - share * (THREADS - 1);
}

static bool add_threads(struct maker *maker)
{
    static const char *const names[THREADS] = {"server", "reader", "worker-0", "worker-1"};
    struct shale_profile_report *report = maker->report;
    const struct profile_totals *totals = &report->totals;
    report->threads = MAKE(maker, THREADS, struct profile_thread);
    if (report->threads == NULL)
        return false;
    report->thread_count = THREADS;
    for (uint32_t i = 0; i < THREADS; i++)
        report->threads[i] = (struct profile_thread){
            .id = i + 1,
            .os_id = 4242 + i,
            .name = names[i],
            .ended = i == 1,
            .allocations = part(totals->allocations, i),
            .allocated_bytes = part(totals->allocated_bytes, i),
            .frees = part(totals->frees, i),
            .freed_bytes = part(totals->freed_bytes, i),
            .temporary = part(totals->temporary, i),
            .live_bytes = part(totals->live_bytes, i),
            .first_ns = i * UINT64_C(1000000),
            .last_ns = report->provenance.duration_ns - i,
        };
    return true;
}

static bool add_flows(struct maker *maker)
{
    static const uint8_t pairs[][2] = {{1, 2}, {1, 3}, {2, 0}};
    enum { FLOWS = SHALE_ARRAY_LENGTH(pairs) };
    struct shale_profile_report *report = maker->report;
    report->flows = MAKE(maker, FLOWS, struct profile_flow);
    if (report->flows == NULL)
        return false;
    report->flow_count = FLOWS;
    for (uint32_t i = 0; i < FLOWS; i++) {
        uint64_t frees = report->totals.frees / (20 + 10 * i);
        report->flows[i] = (struct profile_flow){pairs[i][0], pairs[i][1], frees, frees * 100};
        struct profile_thread *from = &report->threads[pairs[i][0]];
        struct profile_thread *to = &report->threads[pairs[i][1]];
        from->cross_frees_received += frees;
        from->cross_bytes_received += frees * 100;
        to->cross_frees_sent += frees;
        to->cross_bytes_sent += frees * 100;
        report->totals.cross_thread_frees += frees;
        report->totals.cross_thread_bytes += frees * 100;
    }
    return true;
}

/* Up to the peak at two thirds, then down to what is live at the end. */
static uint64_t live_at(const struct profile_totals *totals, uint32_t moment)
{
    uint64_t peak_at = MOMENTS * 2 / 3;
    if (moment <= peak_at)
        return totals->peak_bytes * moment / peak_at;
    uint64_t fall = totals->peak_bytes - totals->live_bytes;
    return totals->peak_bytes - fall * (moment - peak_at) / (MOMENTS - 1 - peak_at);
}

static bool add_moments(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    struct profile_totals *totals = &report->totals;
    report->moments = MAKE(maker, MOMENTS, struct profile_moment);
    if (report->moments == NULL)
        return false;
    report->moment_count = MOMENTS;
    totals->peak_ns = (uint64_t)STEP_NS * (MOMENTS * 2 / 3);
    for (uint32_t i = 0; i < MOMENTS; i++) {
        struct profile_moment *moment = &report->moments[i];
        moment->time_ns = (uint64_t)STEP_NS * i;
        moment->live_bytes = live_at(totals, i);
        moment->rss_bytes = (moment->live_bytes * 5 / 4 + 2097152) & ~(uint64_t)4095;
        moment->allocations = totals->allocations * i / (MOMENTS - 1);
        moment->allocated_bytes = totals->allocated_bytes * i / (MOMENTS - 1);
        moment->frees = totals->frees * i / (MOMENTS - 1);
        if (moment->rss_bytes > totals->peak_rss_bytes)
            totals->peak_rss_bytes = moment->rss_bytes;
    }
    return true;
}

/* Rows are octaves from 8 bytes. Small sizes are common; large ones come in the last third. */
static bool add_heatmap(struct maker *maker)
{
    uint32_t columns = MOMENTS / 4;
    uint64_t *column_ns = MAKE(maker, columns + 1, uint64_t);
    uint64_t *row_bytes = MAKE(maker, ROWS + 1, uint64_t);
    uint64_t *counts = MAKE(maker, (size_t)columns * ROWS, uint64_t);
    if (column_ns == NULL || row_bytes == NULL || counts == NULL)
        return false;
    for (uint32_t i = 0; i <= columns; i++)
        column_ns[i] = (uint64_t)STEP_NS * 4 * i;
    for (uint32_t i = 0; i <= ROWS; i++)
        row_bytes[i] = UINT64_C(8) << i;
    for (uint32_t i = 0; i < columns; i++)
        for (uint32_t row = 0; row < ROWS; row++)
            if (row < 8 || i > columns * 2 / 3)
                counts[i * ROWS + row] = between(maker, 10, 4000) >> (row / 2);
    maker->report->heatmap = (struct profile_heatmap){columns, ROWS, column_ns, row_bytes, counts};
    return true;
}

static bool add_sizes(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    report->sizes = MAKE(maker, ROWS, struct profile_size_bucket);
    if (report->sizes == NULL)
        return false;
    report->size_count = ROWS;
    uint64_t left = report->totals.allocations, live = report->totals.live_blocks;
    for (uint32_t i = 0; i < ROWS; i++) {
        bool last = i + 1 == ROWS;
        uint64_t count = last ? left : left / 3, lives = last ? live : live / 3;
        report->sizes[i] =
            (struct profile_size_bucket){UINT64_C(8) << i, (UINT64_C(16) << i) - 1, count, lives};
        left -= count;
        live -= lives;
    }
    return true;
}

static void add_latencies(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    report->latency.timer_ns = 18;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t tail = i % 1000 == 0 ? between(maker, 5000, 90000) : 0;
        shale_histogram_record(report->latency.alloc, between(maker, 18, 60) + tail);
        shale_histogram_record(report->latency.free, between(maker, 10, 35) + tail / 2);
        shale_histogram_record(report->lifetimes.ns, UINT64_C(100) << between(maker, 0, 22));
    }
}

static bool add_leak(struct maker *maker, uint32_t number)
{
    struct shale_profile_report *report = maker->report;
    const struct profile_site *site = &report->sites[number];
    enum { SEEN = 3 };
    struct profile_block *blocks = MAKE(maker, SEEN, struct profile_block);
    if (blocks == NULL)
        return false;
    for (uint32_t i = 0; i < SEEN; i++)
        blocks[i] = (struct profile_block){.address = UINT64_C(0x555555700000) +
                                                      UINT64_C(4096) * number + UINT64_C(64) * i,
                                           .size = site->live_bytes / site->live_blocks,
                                           .time_ns = UINT64_C(1000000) * (i + 1),
                                           .thread = i,
                                           .site = number};
    report->leaks[report->leak_count++] = (struct profile_leak){
        .site = number,
        .blocks = site->live_blocks,
        .bytes = site->live_bytes,
        .samples = site->live_blocks,
        .first_ns = blocks[0].time_ns,
        .last_ns = blocks[SEEN - 1].time_ns,
        .suppressed = site->frames[0] == 7 ? "render" : "",
        .block_count = SEEN,
        .blocks_seen = blocks,
    };
    return true;
}

static int by_leaked(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_leak *)left)->bytes;
    uint64_t b = ((const struct profile_leak *)right)->bytes;
    return (a < b) - (a > b);
}

static bool add_leaks(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    report->leaks = MAKE(maker, SITES, struct profile_leak);
    if (report->leaks == NULL)
        return false;
    for (uint32_t i = 0; i < SITES; i++)
        if (report->sites[i].live_blocks > 0 && !add_leak(maker, i))
            return false;
    qsort(report->leaks, report->leak_count, sizeof(*report->leaks), by_leaked);
    return true;
}

static bool add_fragmentation(struct maker *maker)
{
    struct shale_profile_report *report = maker->report;
    struct profile_fragmentation *shares = &report->fragmentation;
    struct profile_pin *pin = MAKE(maker, 1, struct profile_pin);
    if (pin == NULL)
        return false;
    for (uint32_t i = 0; i < report->site_count; i++)
        if (report->sites[i].pinned_bytes > 0)
            *pin = (struct profile_pin){i, 40, report->sites[i].pinned_bytes};
    shares->internal_known = shares->external_known = shares->free_known = true;
    shares->requested_bytes = report->totals.live_bytes;
    shares->usable_bytes = shares->live_usable_bytes = report->totals.live_bytes * 10 / 9;
    shares->internal = 1 - (double)shares->requested_bytes / (double)shares->usable_bytes;
    shares->heap_rss_bytes = shares->usable_bytes * 3 / 2;
    shares->external = 1 - (double)shares->usable_bytes / (double)shares->heap_rss_bytes;
    shares->free_block_count = 321;
    shares->largest_free_bytes = 1 << 20;
    shares->page_bytes = 4096;
    for (unsigned i = 0; i < PROFILE_OCCUPANCY_BUCKETS; i++)
        shares->occupancy[i] = between(maker, 5, 300);
    shares->pins = pin;
    shares->pin_count = 1;
    return true;
}

struct shale_profile_report *profile_report_synthetic(uint64_t seed)
{
    struct maker maker = {profile_report_new(), seed};
    if (maker.report == NULL)
        return NULL;
    describe(&maker);
    bool whole = add_modules(&maker) && add_frames(&maker) && add_sites(&maker) &&
                 add_threads(&maker) && add_flows(&maker) && add_moments(&maker) &&
                 add_heatmap(&maker) && add_sizes(&maker) && add_leaks(&maker) &&
                 add_fragmentation(&maker);
    if (!whole) {
        profile_report_free(maker.report);
        return NULL;
    }
    add_latencies(&maker);
    maker.report->cost = (struct profile_cost){.memory_bytes = 3 << 20,
                                               .file_bytes = 3 << 20,
                                               .samples = maker.report->totals.allocations,
                                               .stacks_walked = maker.report->totals.allocations,
                                               .stacks_unwound = 100,
                                               .stacks_cut = 2};
    return maker.report;
}
