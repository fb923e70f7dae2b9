/* SPDX-License-Identifier: MIT */
/* The tables of a profile as CSV, for spreadsheets and scripts. */
#include <inttypes.h>
#include <string.h>

#include "report/names.h"
#include "report/report.h"

static const char *const names[REPORT_TABLES] = {
    [REPORT_TABLE_SITES] = "sites",       [REPORT_TABLE_LEAKS] = "leaks",
    [REPORT_TABLE_THREADS] = "threads",   [REPORT_TABLE_FLOWS] = "flows",
    [REPORT_TABLE_TIMELINE] = "timeline", [REPORT_TABLE_SIZES] = "sizes",
};

const char *report_table_name(enum report_table table)
{
    return names[table];
}

enum report_table report_table_find(const char *name)
{
    int table = 0;
    while (table < REPORT_TABLES && strcmp(names[table], name) != 0)
        table++;
    return (enum report_table)table;
}

/* In quotes, those inside doubled. */
static void write_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* function, file, line, stack: where a site is. */
static void write_place(const struct shale_profile_report *report, const struct profile_site *site,
                        FILE *out)
{
    struct report_walk walk;
    report_walk_begin(&walk, report, site, false);
    const char *function = report_walk_next(&walk);
    write_text(function == NULL ? "" : function, out);
    fputc(',', out);
    write_text(function == NULL ? "" : walk.line->file, out);
    fprintf(out, ",%" PRIu32 ",\"", function == NULL ? 0 : walk.line->line);
    bool first = true;
    for (; function != NULL; function = report_walk_next(&walk), first = false) {
        fputs(first ? "" : ";", out);
        for (const char *at = function; *at; at++) {
            if (*at == '"')
                fputc('"', out);
            fputc(*at == ';' || *at == '\n' ? ' ' : *at, out);
        }
    }
    fputc('"', out);
}

static void write_sites(const struct shale_profile_report *report, FILE *out)
{
    fputs("function,file,line,stack,allocations,allocated_bytes,temporary,live_blocks,live_bytes,"
          "peak_bytes,pinned_bytes,samples\n",
          out);
    for (uint32_t i = 0; i < report->site_count; i++) {
        const struct profile_site *site = &report->sites[i];
        write_place(report, site, out);
        fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
                site->allocations, site->allocated_bytes, site->temporary, site->live_blocks,
                site->live_bytes);
        if (report->peak_known)
            fprintf(out, "%" PRIu64, site->peak_bytes);
        fprintf(out, ",%" PRIu64 ",%" PRIu64 "\n", site->pinned_bytes, site->samples);
    }
}

static void write_leaks(const struct shale_profile_report *report, FILE *out)
{
    fputs("function,file,line,stack,blocks,bytes,first_ns,last_ns,suppressed\n", out);
    for (uint32_t i = 0; i < report->leak_count; i++) {
        const struct profile_leak *leak = &report->leaks[i];
        write_place(report, &report->sites[leak->site], out);
        fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", leak->blocks, leak->bytes,
                leak->first_ns, leak->last_ns);
        write_text(leak->suppressed, out);
        fputc('\n', out);
    }
}

static void write_threads(const struct shale_profile_report *report, FILE *out)
{
    fputs("id,os_id,name,allocations,allocated_bytes,frees,freed_bytes,temporary,live_bytes,"
          "cross_frees_sent,cross_frees_received,first_ns,last_ns\n",
          out);
    for (uint32_t i = 0; i < report->thread_count; i++) {
        const struct profile_thread *thread = &report->threads[i];
        fprintf(out, "%" PRIu64 ",%" PRIu32 ",", thread->id, thread->os_id);
        write_text(thread->name, out);
        const uint64_t rest[] = {
            thread->allocations,
            thread->allocated_bytes,
            thread->frees,
            thread->freed_bytes,
            thread->temporary,
            thread->live_bytes,
            thread->cross_frees_sent,
            thread->cross_frees_received,
            thread->first_ns,
            thread->last_ns,
        };
        for (size_t j = 0; j < SHALE_ARRAY_LENGTH(rest); j++)
            fprintf(out, ",%" PRIu64, rest[j]);
        fputc('\n', out);
    }
}

static void write_flows(const struct shale_profile_report *report, FILE *out)
{
    fputs("from,to,frees,bytes\n", out);
    for (uint32_t i = 0; i < report->flow_count; i++) {
        const struct profile_flow *flow = &report->flows[i];
        fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                report->threads[flow->from].id, report->threads[flow->to].id, flow->frees,
                flow->bytes);
    }
}

static void write_timeline(const struct shale_profile_report *report, FILE *out)
{
    fputs("time_ns,live_bytes,rss_bytes,allocations,allocated_bytes,frees\n", out);
    for (uint32_t i = 0; i < report->moment_count; i++) {
        const struct profile_moment *moment = &report->moments[i];
        fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                moment->time_ns, moment->live_bytes, moment->rss_bytes, moment->allocations,
                moment->allocated_bytes, moment->frees);
    }
}

static void write_sizes(const struct shale_profile_report *report, FILE *out)
{
    fputs("low_bytes,high_bytes,allocations,live_blocks\n", out);
    for (uint32_t i = 0; i < report->size_count; i++) {
        const struct profile_size_bucket *bucket = &report->sizes[i];
        fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", bucket->low, bucket->high,
                bucket->allocations, bucket->live_blocks);
    }
}

int report_csv(const struct shale_profile_report *report, enum report_table table, FILE *out)
{
    static void (*const writers[REPORT_TABLES])(const struct shale_profile_report *, FILE *) = {
        [REPORT_TABLE_SITES] = write_sites,       [REPORT_TABLE_LEAKS] = write_leaks,
        [REPORT_TABLE_THREADS] = write_threads,   [REPORT_TABLE_FLOWS] = write_flows,
        [REPORT_TABLE_TIMELINE] = write_timeline, [REPORT_TABLE_SIZES] = write_sizes,
    };
    writers[table](report, out);
    return SHALE_OK;
}
