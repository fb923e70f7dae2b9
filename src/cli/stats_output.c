/* SPDX-License-Identifier: MIT */
/* Figures as text and as JSON. Layer 6. */
#include "cli/stats_output.h"

#include <inttypes.h>
#include <string.h>

#include "cli/stats_doctor.h"
#include "identify/identify.h"

#define IS_gauge                 false
#define IS_counter               true
#define FIGURE(name, kind, help) {#name, help, offsetof(struct shale_stats, name), IS_##kind},

const struct stats_figure stats_figures[] = {
    SHALE_STATS_LIST(FIGURE){NULL, NULL, 0, false},
};

uint64_t stats_value(const struct shale_stats *stats, const struct stats_figure *figure)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + figure->offset, sizeof value);
    return value;
}

/* ---- text -------------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static const char *bytes_text(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

static void print_figure(FILE *out, const char *name, uint64_t value, const char *help)
{
    char text[32];
    if (ends_with(name, "_bytes"))
        bytes_text(value, text, sizeof text);
    else
        snprintf(text, sizeof text, "%" PRIu64, value);
    fprintf(out, "  %-18s %12s  %s\n", name, text, help);
}

static void print_figures(FILE *out, const struct shale_stats *stats, bool counters, bool all)
{
    fprintf(out, counters ? "since its start\n" : "now\n");
    for (const struct stats_figure *figure = stats_figures; figure->name; figure++) {
        uint64_t value = stats_value(stats, figure);
        if (figure->counter == counters && (all || value != 0))
            print_figure(out, figure->name, value, figure->help);
    }
}

static void print_classes(FILE *out, const struct inspect_engine *engine)
{
    fprintf(out, "size classes\n  %8s %12s %12s %10s %10s %10s %8s\n", "bytes", "allocs", "live",
            "pending", "free", "untouched", "slabs");
    for (size_t i = 0; i < engine->class_count; i++) {
        const struct shale_stats_class *class = &engine->classes[i];
        if (class->allocs != 0)
            fprintf(out,
                    "  %8" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64
                    " %10" PRIu64 " %8" PRIu64 "\n",
                    class->block_bytes, class->allocs, class->live_blocks, class->pending_blocks,
                    class->free_blocks, class->untouched_blocks, class->slabs);
    }
}

static void print_threads(FILE *out, const struct inspect_engine *engine)
{
    fprintf(out, "threads\n  %6s %8s %12s %12s %12s %12s %10s %8s\n", "heap", "slabs",
            "slow_allocs", "slow_frees", "remote_frees", "collected", "lock_waits", "misuses");
    for (size_t i = 0; i < engine->thread_count; i++) {
        const struct shale_stats_thread *thread = &engine->threads[i];
        fprintf(out,
                "  %6" PRIu64 " %8" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64
                " %10" PRIu64 " %8" PRIu64 "\n",
                thread->id, thread->slabs, thread->slow_allocs, thread->slow_frees,
                thread->remote_frees, thread->remote_collected, thread->lock_waits,
                thread->misuses);
    }
}

void stats_print_text(FILE *out, const struct inspect_report *report,
                      const struct stats_detail *detail)
{
    char rss[32];
    fprintf(out, "process %ld (%s), %s resident\n", (long)report->pid, report->command,
            bytes_text(report->rss_bytes, rss, sizeof rss));
    for (size_t i = 0; i < report->engine_count; i++) {
        const struct inspect_engine *engine = &report->engines[i];
        if (!engine->readable)
            continue;
        fprintf(out, "engine of Shale %s in %s%s\n", engine->release, engine->object,
                engine->started ? "" : ": no block was asked of it so far");
        if (!engine->started && !detail->all)
            continue;
        print_figures(out, &engine->stats, false, detail->all);
        print_figures(out, &engine->stats, true, detail->all);
        if (detail->classes)
            print_classes(out, engine);
        if (detail->threads)
            print_threads(out, engine);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static json_t *figures_json(const struct shale_stats *stats)
{
    json_t *figures = json_object();
    for (const struct stats_figure *figure = stats_figures; figure->name; figure++)
        if (json_object_set_new(figures, figure->name,
                                json_integer((json_int_t)stats_value(stats, figure))) != 0)
            return json_decref(figures), NULL;
    return figures;
}

static json_t *class_json(const struct shale_stats_class *class)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "block_bytes",
                     (json_int_t) class->block_bytes, "allocs", (json_int_t) class->allocs,
                     "live_blocks", (json_int_t) class->live_blocks, "pending_blocks",
                     (json_int_t) class->pending_blocks, "free_blocks",
                     (json_int_t) class->free_blocks, "untouched_blocks",
                     (json_int_t) class->untouched_blocks, "slabs", (json_int_t) class->slabs);
}

static json_t *classes_json(const struct inspect_engine *engine)
{
    json_t *classes = json_array();
    for (size_t i = 0; i < engine->class_count; i++)
        if (engine->classes[i].allocs != 0 &&
            json_array_append_new(classes, class_json(&engine->classes[i])) != 0)
            return json_decref(classes), NULL;
    return classes;
}

static json_t *thread_json(const struct shale_stats_thread *thread)
{
    json_t *json = json_object();
    int bad = 0;
#define ADD(name) bad |= json_object_set_new(json, #name, json_integer((json_int_t)thread->name))
    ADD(id);
    ADD(slabs);
    ADD(slow_allocs);
    ADD(slow_frees);
    ADD(slabs_taken);
    ADD(slabs_reused);
    ADD(slabs_released);
    ADD(remote_frees);
    ADD(remote_collected);
    ADD(lock_waits);
    ADD(large_allocs);
    ADD(large_frees);
    ADD(misuses);
#undef ADD
    return bad ? (json_decref(json), NULL) : json;
}

static json_t *threads_json(const struct inspect_engine *engine)
{
    json_t *threads = json_array();
    for (size_t i = 0; i < engine->thread_count; i++)
        if (json_array_append_new(threads, thread_json(&engine->threads[i])) != 0)
            return json_decref(threads), NULL;
    return threads;
}

static json_t *engine_json(const struct inspect_engine *engine, uint64_t epoch_age_ns)
{
    json_t *json =
        json_pack("{s:o, s:s, s:b, s:b}", "object", identify_json_text(engine->object), "release",
                  engine->release, "readable", engine->readable, "started", engine->started);
    if (json == NULL || !engine->readable)
        return json;
    if (json_object_set_new(json, "exact", json_boolean(engine->stats.exact)) != 0 ||
        json_object_set_new(json, "stats", figures_json(&engine->stats)) != 0 ||
        json_object_set_new(json, "classes", classes_json(engine)) != 0 ||
        json_object_set_new(json, "threads", threads_json(engine)) != 0 ||
        stats_add_doctor_json(json, engine, epoch_age_ns) != 0)
        return json_decref(json), NULL;
    return json;
}

json_t *stats_json(const struct inspect_report *report, uint64_t epoch_age_ns)
{
    json_t *engines = json_array();
    for (size_t i = 0; i < report->engine_count; i++)
        if (json_array_append_new(engines, engine_json(&report->engines[i], epoch_age_ns)) != 0)
            return json_decref(engines), NULL;
    return json_pack("{s:i, s:I, s:o, s:I, s:I, s:o}", "schema", 1, "pid", (json_int_t)report->pid,
                     "command", identify_json_text(report->command), "time_ns",
                     (json_int_t)report->time_ns, "rss_bytes", (json_int_t)report->rss_bytes,
                     "engines", engines);
}
