/* SPDX-License-Identifier: MIT */
/* A profile as JSON: share/schema/profile.schema.json. */
#include "report/json.h"

#include <shale/version.h>

#include "identify/identify.h"
#include "report/advise.h"
#include "report/names.h"
#include "report/report.h"

static const char *const mode_names[] = {
    [PROFILE_COUNTERS] = "counters", [PROFILE_SAMPLE] = "sample", [PROFILE_FULL] = "full"};

static const char *const end_names[] = {
    [PROFILE_RUNNING] = "running",     [PROFILE_EXITED] = "exited", [PROFILE_KILLED] = "killed",
    [PROFILE_DISK_FULL] = "disk_full", [PROFILE_FAILED] = "failed",
};

#define COUNT(value) json_of_count(value)
#define TEXT(value)  identify_json_text(value)

/* Adds to an object; without memory a failure is seen when the object is written. */
static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

/* ---- what was recorded, and how ---------------------------------------------------------------
 */

static json_t *process_json(const struct shale_profile_report *report)
{
    const struct profile_provenance *about = &report->provenance;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pid", COUNT(about->pid),
                     "parent_pid", COUNT(about->parent_pid), "name",
                     TEXT(report_program_name(report)), "program", TEXT(about->program), "command",
                     TEXT(about->command), "allocator", TEXT(about->allocator), "host",
                     TEXT(about->host), "system", TEXT(about->system), "processors",
                     COUNT(about->processors));
}

static json_t *cost_json(const struct profile_cost *cost)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "memory_bytes",
                     COUNT(cost->memory_bytes), "file_bytes", COUNT(cost->file_bytes), "samples",
                     COUNT(cost->samples), "stacks_walked", COUNT(cost->stacks_walked),
                     "stacks_unwound", COUNT(cost->stacks_unwound), "stacks_cut",
                     COUNT(cost->stacks_cut), "samples_lost", COUNT(cost->samples_lost),
                     "sample_ns", cost->sample_ns);
}

static json_t *recording_json(const struct shale_profile_report *report)
{
    const struct profile_provenance *about = &report->provenance;
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}",
                     "mode", mode_names[about->mode], "started",
                     report_time(about->started_wall_ns).text, "duration_ns",
                     COUNT(about->duration_ns), "end", end_names[about->end], "end_reason",
                     TEXT(about->end_reason), "recorder", TEXT(about->recorder), "sealed",
                     about->sealed, "symbolized", about->symbolized, "python", about->python,
                     "sample_bytes", COUNT(about->sample_bytes), "sample_count",
                     COUNT(about->sample_count), "latency_every", COUNT(about->latency_every),
                     "timer_ns", COUNT(report->latency.timer_ns), "cost", cost_json(&report->cost));
}

static json_t *totals_json(const struct shale_profile_report *report)
{
    const struct profile_totals *totals = &report->totals;
    uint64_t leaked_blocks = 0;
    uint64_t leaked_bytes = 0;
    for (uint32_t i = 0; i < report->leak_count; i++)
        if (report->leaks[i].suppressed[0] == '\0') {
            leaked_blocks += report->leaks[i].blocks;
            leaked_bytes += report->leaks[i].bytes;
        }
    json_t *json = json_object();
#define ADD(name) set(json, #name, COUNT(totals->name))
    ADD(allocations);
    ADD(allocated_bytes);
    ADD(frees);
    ADD(freed_bytes);
    ADD(reallocations);
    ADD(failed);
    ADD(temporary);
    ADD(cross_thread_frees);
    ADD(cross_thread_bytes);
    ADD(foreign_frees);
    ADD(live_blocks);
    ADD(live_bytes);
    ADD(peak_bytes);
    ADD(peak_ns);
    ADD(peak_rss_bytes);
#undef ADD
    set(json, "leaked_blocks", COUNT(leaked_blocks));
    set(json, "leaked_bytes", COUNT(leaked_bytes));
    return json;
}

/* ---- distributions ----------------------------------------------------------------------------
 */

/* Four of the histogram's buckets an element: eight to the octave are fine enough for eyes. */
static json_t *buckets_json(const struct shale_histogram *histogram)
{
    enum { TOGETHER = 4 };
    json_t *list = json_array();
    for (unsigned i = 0; i < SHALE_HISTOGRAM_BUCKETS; i += TOGETHER) {
        uint64_t count = 0;
        for (unsigned j = i; j < i + TOGETHER; j++)
            count += shale_atomic_load_relaxed(&histogram->buckets[j]);
        if (count > 0)
            json_array_append_new(
                list, json_pack("{s:o, s:o, s:o}", "low_ns", COUNT(shale_histogram_bucket_low(i)),
                                "high_ns", COUNT(shale_histogram_bucket_high(i + TOGETHER - 1)),
                                "count", COUNT(count)));
    }
    return list;
}

static json_t *histogram_json(const struct shale_histogram *histogram)
{
    uint64_t count = shale_histogram_count(histogram);
    return json_pack(
        "{s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", COUNT(count), "mean_ns",
        shale_histogram_mean(histogram), "min_ns", COUNT(shale_histogram_min(histogram)), "max_ns",
        COUNT(shale_histogram_max(histogram)), "p50_ns",
        COUNT(shale_histogram_percentile(histogram, 50)), "p95_ns",
        COUNT(shale_histogram_percentile(histogram, 95)), "p99_ns",
        COUNT(shale_histogram_percentile(histogram, 99)), "p999_ns",
        COUNT(shale_histogram_percentile(histogram, 99.9)), "buckets", buckets_json(histogram));
}

static json_t *sizes_json(const struct shale_profile_report *report)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->size_count; i++) {
        const struct profile_size_bucket *bucket = &report->sizes[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "low_bytes",
                                              COUNT(bucket->low), "high_bytes", COUNT(bucket->high),
                                              "allocations", COUNT(bucket->allocations),
                                              "live_blocks", COUNT(bucket->live_blocks)));
    }
    return list;
}

/* ---- over time --------------------------------------------------------------------------------
 */

#define COLUMN(report, field)                                                                      \
    moments_json((report), __builtin_offsetof(struct profile_moment, field))

static json_t *moments_json(const struct shale_profile_report *report, size_t field)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->moment_count; i++) {
        const char *moment = (const char *)&report->moments[i];
        json_array_append_new(list, COUNT(*(const uint64_t *)(const void *)(moment + field)));
    }
    return list;
}

static json_t *timeline_json(const struct shale_profile_report *report)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "time_ns", COLUMN(report, time_ns),
                     "live_bytes", COLUMN(report, live_bytes), "rss_bytes",
                     COLUMN(report, rss_bytes), "allocations", COLUMN(report, allocations),
                     "allocated_bytes", COLUMN(report, allocated_bytes), "frees",
                     COLUMN(report, frees));
}

static json_t *numbers_json(const uint64_t *numbers, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, COUNT(numbers[i]));
    return list;
}

static void write_heatmap(const struct profile_heatmap *map, struct json_out *json)
{
    size_t edges = map->columns == 0 ? 0 : 1;
    json_out_open(json, "size_heatmap", '{');
    json_out_value(json, "column_ns", numbers_json(map->column_ns, map->columns + edges));
    json_out_value(json, "row_bytes", numbers_json(map->row_bytes, edges ? map->rows + 1 : 0));
    json_out_open(json, "counts", '[');
    for (uint32_t i = 0; i < map->columns; i++)
        json_out_value(json, NULL, numbers_json(&map->counts[(size_t)i * map->rows], map->rows));
    json_out_close(json, ']');
    json_out_close(json, '}');
}

/* A mean over the whole, over the last tenth of the moments, and the steepest step. */
static json_t *rate_json(const struct shale_profile_report *report, size_t field)
{
    double highest = 0;
    double recent = 0;
    double mean = 0;
    uint32_t count = report->moment_count;
    const struct profile_moment *moments = report->moments;
#define AT(i) (*(const uint64_t *)(const void *)((const char *)&moments[i] + field))
    for (uint32_t i = 1; i < count; i++) {
        double elapsed_s = (double)(moments[i].time_ns - moments[i - 1].time_ns) / 1e9;
        double rate = elapsed_s > 0 ? (double)(AT(i) - AT(i - 1)) / elapsed_s : 0;
        highest = rate > highest ? rate : highest;
        recent += (rate - recent) * (i == 1 ? 1 : 0.2);
    }
    if (count > 1 && moments[count - 1].time_ns > moments[0].time_ns)
        mean = (double)(AT(count - 1) - AT(0)) /
               ((double)(moments[count - 1].time_ns - moments[0].time_ns) / 1e9);
#undef AT
    return json_pack("{s:f, s:f, s:f}", "mean", mean, "moving_average", recent, "highest", highest);
}

static json_t *rates_json(const struct shale_profile_report *report)
{
#define RATE(field) rate_json(report, __builtin_offsetof(struct profile_moment, field))
    return json_pack("{s:o, s:o, s:o}", "allocations_per_s", RATE(allocations),
                     "allocated_bytes_per_s", RATE(allocated_bytes), "frees_per_s", RATE(frees));
#undef RATE
}

/* ---- threads ----------------------------------------------------------------------------------
 */

static json_t *thread_json(const struct profile_thread *thread)
{
    json_t *json = json_pack("{s:o, s:o, s:o, s:b, s:b}", "id", COUNT(thread->id), "os_id",
                             COUNT(thread->os_id), "name", TEXT(thread->name), "ended",
                             thread->ended, "many", thread->many);
#define ADD(field) set(json, #field, COUNT(thread->field))
    ADD(allocations);
    ADD(allocated_bytes);
    ADD(frees);
    ADD(freed_bytes);
    ADD(temporary);
    ADD(live_bytes);
    ADD(cross_frees_sent);
    ADD(cross_bytes_sent);
    ADD(cross_frees_received);
    ADD(cross_bytes_received);
    ADD(first_ns);
    ADD(last_ns);
#undef ADD
    return json;
}

static json_t *flow_json(const struct shale_profile_report *report, const struct profile_flow *flow)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "from", COUNT(report->threads[flow->from].id), "to",
                     COUNT(report->threads[flow->to].id), "frees", COUNT(flow->frees), "bytes",
                     COUNT(flow->bytes));
}

/* ---- fragmentation ----------------------------------------------------------------------------
 */

static json_t *known(bool is_known, uint64_t value)
{
    return is_known ? COUNT(value) : json_null();
}

static json_t *pins_json(const struct profile_fragmentation *shares)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < shares->pin_count; i++)
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o}", "site", COUNT(shares->pins[i].site), "pages",
                            COUNT(shares->pins[i].pages), "bytes", COUNT(shares->pins[i].bytes)));
    return list;
}

static json_t *fragmentation_json(const struct profile_fragmentation *shares)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "internal_ratio",
        shares->internal_known ? json_real(shares->internal) : json_null(), "external_ratio",
        shares->external_known ? json_real(shares->external) : json_null(), "requested_bytes",
        COUNT(shares->requested_bytes), "usable_bytes", COUNT(shares->usable_bytes),
        "heap_rss_bytes", known(shares->external_known, shares->heap_rss_bytes),
        "live_usable_bytes", known(shares->external_known, shares->live_usable_bytes),
        "largest_free_bytes", known(shares->free_known, shares->largest_free_bytes), "free_blocks",
        known(shares->free_known, shares->free_block_count), "page_bytes",
        COUNT(shares->page_bytes), "occupancy",
        numbers_json(shares->occupancy, PROFILE_OCCUPANCY_BUCKETS), "pins", pins_json(shares));
}

/* ---- places -----------------------------------------------------------------------------------
 */

static json_t *address_json(uint64_t address)
{
    return json_sprintf("0x%llx", (unsigned long long)address);
}

static json_t *module_json(const struct profile_module *module)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "path", TEXT(module->path), "build_id",
                     TEXT(module->build_id), "start", address_json(module->start), "end",
                     address_json(module->end), "offset", COUNT(module->offset));
}

static json_t *line_json(const struct profile_line *line)
{
    return json_pack("{s:o, s:o, s:o}", "function", TEXT(line->function), "file", TEXT(line->file),
                     "line", COUNT(line->line));
}

static json_t *frame_json(const struct profile_frame *frame)
{
    json_t *lines = json_array();
    for (uint32_t i = 0; i < frame->line_count; i++)
        json_array_append_new(lines, line_json(&frame->lines[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind",
                     frame->kind == PROFILE_FRAME_PYTHON ? "python" : "native", "module",
                     known(frame->module != PROFILE_NONE, frame->module), "address",
                     address_json(frame->address), "module_address",
                     address_json(frame->module_address), "lines", lines);
}

static json_t *site_json(const struct shale_profile_report *report, const struct profile_site *site)
{
    json_t *frames = json_array();
    for (uint32_t i = 0; i < site->frame_count; i++)
        json_array_append_new(frames, COUNT(site->frames[i]));
    return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "frames", frames,
                     "truncated", site->truncated, "allocations", COUNT(site->allocations),
                     "allocated_bytes", COUNT(site->allocated_bytes), "temporary",
                     COUNT(site->temporary), "live_blocks", COUNT(site->live_blocks), "live_bytes",
                     COUNT(site->live_bytes), "peak_bytes",
                     known(report->peak_known, site->peak_bytes), "pinned_bytes",
                     COUNT(site->pinned_bytes), "samples", COUNT(site->samples));
}

static json_t *block_json(const struct shale_profile_report *report,
                          const struct profile_block *block)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "address", address_json(block->address), "bytes",
                     COUNT(block->size), "time_ns", COUNT(block->time_ns), "thread",
                     block->thread == PROFILE_NONE ? json_null()
                                                   : COUNT(report->threads[block->thread].id));
}

static json_t *leak_json(const struct shale_profile_report *report, const struct profile_leak *leak)
{
    json_t *blocks = json_array();
    for (uint32_t i = 0; i < leak->block_count; i++)
        json_array_append_new(blocks, block_json(report, &leak->blocks_seen[i]));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "site", COUNT(leak->site), "blocks",
        COUNT(leak->blocks), "bytes", COUNT(leak->bytes), "samples", COUNT(leak->samples),
        "first_ns", COUNT(leak->first_ns), "last_ns", COUNT(leak->last_ns), "suppressed",
        leak->suppressed[0] ? TEXT(leak->suppressed) : json_null(), "blocks_seen", blocks);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static json_t *advice_json(const struct report_advice *advice)
{
    json_t *sites = json_array();
    for (uint32_t i = 0; i < advice->site_count; i++)
        json_array_append_new(sites, COUNT(advice->sites[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "kind", report_advice_name(advice->kind),
                     "severity", advice->high ? "high" : "medium", "title", advice->title,
                     "evidence", TEXT(advice->evidence), "remedy", advice->remedy, "sites", sites);
}

static void write_advice(const struct shale_profile_report *report, struct json_out *json)
{
    struct report_advice advice[REPORT_ADVICE_KINDS];
    unsigned count = report_advise(report, advice);
    json_out_open(json, "recommendations", '[');
    for (unsigned i = 0; i < count; i++)
        json_out_value(json, NULL, advice_json(&advice[i]));
    json_out_close(json, ']');
}

#define WRITE_LIST(json, key, count, element)                                                      \
    do {                                                                                           \
        json_out_open(json, key, '[');                                                             \
        for (uint32_t i = 0; i < (count); i++)                                                     \
            json_out_value(json, NULL, element);                                                   \
        json_out_close(json, ']');                                                                 \
    } while (0)

void report_json_write(const struct shale_profile_report *report, struct json_out *json)
{
    fputc('{', json->out);
    json->more = false;
    json_out_value(json, "schema", json_integer(1));
    json_out_value(json, "shale", json_string(SHALE_VERSION_STRING));
    json_out_value(json, "process", process_json(report));
    json_out_value(json, "recording", recording_json(report));
    json_out_value(json, "totals", totals_json(report));
    json_out_value(json, "rates", rates_json(report));
    json_out_value(json, "latency",
                   json_pack("{s:o, s:o}", "alloc", histogram_json(report->latency.alloc), "free",
                             histogram_json(report->latency.free)));
    json_out_value(json, "lifetimes", histogram_json(report->lifetimes.ns));
    json_out_value(json, "sizes", sizes_json(report));
    json_out_value(json, "timeline", timeline_json(report));
    write_heatmap(&report->heatmap, json);
    json_out_value(json, "fragmentation", fragmentation_json(&report->fragmentation));
    WRITE_LIST(json, "threads", report->thread_count, thread_json(&report->threads[i]));
    WRITE_LIST(json, "flows", report->flow_count, flow_json(report, &report->flows[i]));
    WRITE_LIST(json, "modules", report->module_count, module_json(&report->modules[i]));
    WRITE_LIST(json, "frames", report->frame_count, frame_json(&report->frames[i]));
    WRITE_LIST(json, "sites", report->site_count, site_json(report, &report->sites[i]));
    WRITE_LIST(json, "leaks", report->leak_count, leak_json(report, &report->leaks[i]));
    write_advice(report, json);
    fputs("\n}", json->out);
}

int report_json(const struct shale_profile_report *report, FILE *out)
{
    struct json_out json = {.out = out};
    report_json_write(report, &json);
    fputc('\n', out);
    return json.failed ? SHALE_ENOMEM : SHALE_OK;
}
