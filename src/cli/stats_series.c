/* SPDX-License-Identifier: MIT */
/* Figures for those who look again and again: Prometheus, and lines on a terminal. Layer 6. */
#include <inttypes.h>
#include <string.h>

#include "cli/stats_output.h"

/* ---- Prometheus -------------------------------------------------------------------------------
 */

/* A label's value: backslash, quote and line end are escaped. */
static void print_label(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '\\' || *value == '"')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

static void print_labels(FILE *out, const struct inspect_report *report,
                         const struct inspect_engine *engine)
{
    const char *file = strrchr(engine->object, '/');
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)report->pid);
    print_label(out, "pid", pid);
    fputc(',', out);
    print_label(out, "command", report->command);
    fputc(',', out);
    print_label(out, "engine", file ? file + 1 : engine->object);
}

static void print_head(FILE *out, const char *name, const char *help, bool counter)
{
    const char *total = counter ? "_total" : "";
    fprintf(out, "# HELP shale_%s%s %s\n", name, total, help);
    fprintf(out, "# TYPE shale_%s%s %s\n", name, total, counter ? "counter" : "gauge");
}

static void print_metric(FILE *out, const struct inspect_report *report,
                         const struct stats_figure *figure)
{
    print_head(out, figure->name, figure->help, figure->counter);
    for (size_t i = 0; i < report->engine_count; i++) {
        const struct inspect_engine *engine = &report->engines[i];
        if (!engine->readable)
            continue;
        fprintf(out, "shale_%s%s{", figure->name, figure->counter ? "_total" : "");
        print_labels(out, report, engine);
        fprintf(out, "} %" PRIu64 "\n", stats_value(&engine->stats, figure));
    }
}

static void print_class_metric(FILE *out, const struct inspect_report *report, const char *name,
                               const char *help, size_t offset)
{
    print_head(out, name, help, false);
    for (size_t i = 0; i < report->engine_count; i++) {
        const struct inspect_engine *engine = &report->engines[i];
        for (size_t k = 0; k < engine->class_count; k++) {
            const struct shale_stats_class *class = &engine->classes[k];
            uint64_t value;
            memcpy(&value, (const char *)class + offset, sizeof value);
            if (class->allocs == 0)
                continue;
            fprintf(out, "shale_%s{", name);
            print_labels(out, report, engine);
            fprintf(out, ",block_bytes=\"%" PRIu64 "\"} %" PRIu64 "\n", class->block_bytes, value);
        }
    }
}

void stats_print_prometheus(FILE *out, const struct inspect_report *report)
{
    print_head(out, "resident_bytes", "of the whole process", false);
    fputs("shale_resident_bytes{", out);
    fprintf(out, "pid=\"%ld\",", (long)report->pid);
    print_label(out, "command", report->command);
    fprintf(out, "} %" PRIu64 "\n", report->rss_bytes);
    for (const struct stats_figure *figure = stats_figures; figure->name; figure++)
        print_metric(out, report, figure);
    print_class_metric(out, report, "class_live_blocks", "live blocks of a size class",
                       offsetof(struct shale_stats_class, live_blocks));
    print_class_metric(out, report, "class_slabs", "slabs of a size class",
                       offsetof(struct shale_stats_class, slabs));
}

/* ---- watching ---------------------------------------------------------------------------------
 */

/* A figure summed over the engines of a process. */
static uint64_t sum(const struct inspect_report *report, size_t offset)
{
    const struct stats_figure figure = {.offset = offset};
    uint64_t total = 0;
    for (size_t i = 0; i < report->engine_count; i++)
        total += stats_value(&report->engines[i].stats, &figure);
    return total;
}
#define SUM(report, name) sum(report, offsetof(struct shale_stats, name))

static double mebibytes(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

void stats_print_watch_head(FILE *out)
{
    fprintf(out, "%9s %9s %9s %9s %9s %12s %12s %10s %10s\n", "live_MiB", "used_MiB", "dirty_MiB",
            "rss_MiB", "threads", "allocs/s", "frees/s", "slow/s", "purged_MiB");
}

void stats_print_watch(FILE *out, const struct inspect_report *before,
                       const struct inspect_report *now)
{
    double seconds = (double)(now->time_ns - before->time_ns) / 1e9;
    fprintf(out, "%9.1f %9.1f %9.1f %9.1f %9" PRIu64, mebibytes(SUM(now, live_bytes)),
            mebibytes(SUM(now, used_bytes)), mebibytes(SUM(now, dirty_bytes)),
            mebibytes(now->rss_bytes), SUM(now, threads));
    if (seconds <= 0) { /* the first line has nothing before it */
        fprintf(out, " %12s %12s %10s %10s\n", "-", "-", "-", "-");
        return;
    }
    /* Approximate sums can lie a little below those of the look before. */
#define RATE(name) ((double)(int64_t)(SUM(now, name) - SUM(before, name)) / seconds)
    double slow = RATE(slow_allocs) + RATE(slow_frees);
    fprintf(out, " %12.0f %12.0f %10.0f %10.1f\n", RATE(allocs), RATE(frees), slow,
            mebibytes(SUM(now, purged_bytes) - SUM(before, purged_bytes)));
#undef RATE
}
