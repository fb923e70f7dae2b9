/* SPDX-License-Identifier: MIT */
/* A profile as text for a terminal: what a person wants to know first. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/advise.h"
#include "report/names.h"
#include "report/report.h"

enum { SITES_DEFAULT = 10, FRAMES_SHOWN = 6, BAR_WIDTH = 50, LINE_WIDTH = 96 };

struct text {
    const struct shale_profile_report *report;
    FILE *out;
    unsigned sites;
    bool colour;
};

static void heading(const struct text *text, const char *title)
{
    fprintf(text->out, text->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", title);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static const char *mode_says(enum profile_mode mode)
{
    static const char *const says[] = {
        [PROFILE_COUNTERS] = "counted, without stacks",
        [PROFILE_SAMPLE] = "sampled: figures of call sites are estimates",
        [PROFILE_FULL] = "every allocation recorded",
    };
    return says[mode];
}

static void write_about(const struct text *text)
{
    static const char *const ends[] = {
        [PROFILE_RUNNING] = ", still running",
        [PROFILE_EXITED] = "",
        [PROFILE_KILLED] = ", killed",
        [PROFILE_DISK_FULL] = ", recording stopped: the disk was full",
        [PROFILE_FAILED] = ", recording stopped",
    };
    const struct profile_provenance *about = &text->report->provenance;
    fprintf(text->out, "%s (process %" PRIu32 "%s%s%s)\n", about->command, about->pid,
            ends[about->end], about->end_reason[0] ? ": " : "", about->end_reason);
    fprintf(text->out, "%s%s%s; %s\n", report_duration(about->duration_ns).text,
            about->allocator[0] ? " on " : "", about->allocator, mode_says(about->mode));
}

static void figure(const struct text *text, const char *name, const char *value, const char *note)
{
    fprintf(text->out, "  %-22s %14s%s%s\n", name, value, note[0] ? "  " : "", note);
}

static void write_totals(const struct text *text)
{
    const struct profile_totals *totals = &text->report->totals;
    char note[96];
    heading(text, "Totals");
    snprintf(note, sizeof note, "%s in all", report_bytes(totals->allocated_bytes).text);
    figure(text, "allocations", report_count(totals->allocations).text, note);
    snprintf(note, sizeof note, "%s of all allocations",
             report_share(report_ratio(totals->temporary, totals->allocations)).text);
    figure(text, "temporary", report_count(totals->temporary).text, note);
    figure(text, "frees", report_count(totals->frees).text, "");
    snprintf(note, sizeof note, "%s of all frees",
             report_share(report_ratio(totals->cross_thread_frees, totals->frees)).text);
    figure(text, "of another thread", report_count(totals->cross_thread_frees).text, note);
    if (totals->failed > 0)
        figure(text, "failed", report_count(totals->failed).text, "");
    snprintf(note, sizeof note, "after %s", report_duration(totals->peak_ns).text);
    figure(text, "peak of live bytes", report_bytes(totals->peak_bytes).text, note);
    figure(text, "peak resident", report_bytes(totals->peak_rss_bytes).text, "");
    snprintf(note, sizeof note, "%s blocks", report_count(totals->live_blocks).text);
    figure(text, "live at the end", report_bytes(totals->live_bytes).text, note);
}

static void write_latency(const struct text *text, const char *name,
                          const struct shale_histogram *histogram)
{
    static const double percents[] = {50, 95, 99, 99.9, 100};
    fprintf(text->out, "  %-8s", name);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(percents); i++)
        fprintf(text->out, "%11s",
                report_duration(shale_histogram_percentile(histogram, percents[i])).text);
    fputc('\n', text->out);
}

static void write_latencies(const struct text *text)
{
    const struct profile_latency *latency = &text->report->latency;
    if (shale_histogram_count(latency->alloc) == 0)
        return;
    heading(text, "Latency");
    fprintf(text->out, "  %8s%11s%11s%11s%11s%11s\n", "", "P50", "P95", "P99", "P99.9", "longest");
    write_latency(text, "malloc", latency->alloc);
    if (shale_histogram_count(latency->free) > 0)
        write_latency(text, "free", latency->free);
}

static void write_fragmentation(const struct text *text)
{
    const struct profile_fragmentation *shares = &text->report->fragmentation;
    if (!shares->internal_known && !shares->external_known)
        return;
    heading(text, "Fragmentation");
    if (shares->internal_known)
        figure(text, "internal", report_share(shares->internal).text,
               "of the blocks is rounding up");
    if (shares->external_known)
        figure(text, "external", report_share(shares->external).text,
               "of the resident heap holds no live block");
    if (shares->free_known)
        figure(text, "largest free block", report_bytes(shares->largest_free_bytes).text, "");
}

/* ---- threads, sizes ---------------------------------------------------------------------------
 */

static void write_threads(const struct text *text)
{
    const struct shale_profile_report *report = text->report;
    if (report->thread_count < 2)
        return;
    heading(text, "Threads");
    fprintf(text->out, "  %-18s %9s %14s %14s %12s %12s\n", "", "id", "allocations", "frees",
            "of others'", "by others");
    for (uint32_t i = 0; i < report->thread_count && i < text->sites * 2; i++) {
        const struct profile_thread *thread = &report->threads[i];
        fprintf(text->out, "  %-18.18s %9" PRIu32 " %14s %14s %12s %12s\n",
                thread->many ? "(all others)" : thread->name, thread->os_id,
                report_count(thread->allocations).text, report_count(thread->frees).text,
                report_count(thread->cross_frees_sent).text,
                report_count(thread->cross_frees_received).text);
    }
}

static void write_sizes(const struct text *text)
{
    const struct shale_profile_report *report = text->report;
    uint64_t octaves[65] = {0};
    uint64_t most = 0;
    for (uint32_t i = 0; i < report->size_count; i++) {
        uint64_t low = report->sizes[i].low;
        unsigned octave = low == 0 ? 0 : 64U - (unsigned)__builtin_clzll(low);
        octaves[octave] += report->sizes[i].allocations;
        most = octaves[octave] > most ? octaves[octave] : most;
    }
    if (most == 0)
        return;
    heading(text, "Sizes");
    for (unsigned i = 0; i < SHALE_ARRAY_LENGTH(octaves); i++) {
        if (octaves[i] == 0)
            continue;
        int width = (int)(octaves[i] * BAR_WIDTH / most);
        fprintf(text->out, "  from %9s %14s  %.*s\n",
                report_bytes(i == 0 ? 0 : UINT64_C(1) << (i - 1)).text,
                report_count(octaves[i]).text, width,
                "##################################################");
    }
}

/* ---- call sites -------------------------------------------------------------------------------
 */

static void write_stack(const struct text *text, const struct profile_site *site)
{
    struct report_walk walk;
    report_walk_begin(&walk, text->report, site, false);
    const char *name;
    for (unsigned shown = 0; (name = report_walk_next(&walk)) != NULL; shown++) {
        if (shown == FRAMES_SHOWN) {
            fputs("      ...\n", text->out);
            break;
        }
        fprintf(text->out, "      %.*s", LINE_WIDTH, name);
        if (walk.line->file[0] != '\0')
            fprintf(text->out, "  %s:%" PRIu32, report_base_name(walk.line->file), walk.line->line);
        else if (walk.frame->module != PROFILE_NONE)
            fprintf(text->out, "  %s",
                    report_base_name(text->report->modules[walk.frame->module].path));
        fputc('\n', text->out);
    }
}

struct ranked {
    const struct profile_site *site;
    uint64_t weight;
};

static int by_weight(const void *left, const void *right)
{
    uint64_t a = ((const struct ranked *)left)->weight;
    uint64_t b = ((const struct ranked *)right)->weight;
    return (a < b) - (a > b);
}

static int write_sites(const struct text *text, enum report_weight weight, const char *title)
{
    const struct shale_profile_report *report = text->report;
    uint64_t total = 0;
    struct ranked *ranked = calloc(report->site_count + 1U, sizeof *ranked);
    if (ranked == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < report->site_count; i++) {
        ranked[i] = (struct ranked){&report->sites[i], report_weight_of(&report->sites[i], weight)};
        total += ranked[i].weight;
    }
    qsort(ranked, report->site_count, sizeof *ranked, by_weight);
    if (total > 0)
        heading(text, title);
    for (uint32_t i = 0; i < report->site_count && i < text->sites && ranked[i].weight > 0; i++) {
        fprintf(text->out, "  %s (%s) in %s allocations of %s\n",
                report_weight_is_bytes(weight) ? report_bytes(ranked[i].weight).text
                                               : report_count(ranked[i].weight).text,
                report_share(report_ratio(ranked[i].weight, total)).text,
                report_count(ranked[i].site->allocations).text,
                report_bytes(ranked[i].site->allocated_bytes).text);
        write_stack(text, ranked[i].site);
    }
    free(ranked);
    return SHALE_OK;
}

static void write_leaks(const struct text *text)
{
    const struct shale_profile_report *report = text->report;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < report->leak_count && shown < text->sites; i++) {
        const struct profile_leak *leak = &report->leaks[i];
        if (leak->suppressed[0] != '\0')
            continue;
        if (shown++ == 0)
            heading(text, report->provenance.end == PROFILE_RUNNING ? "Live blocks"
                                                                    : "Not freed at the end");
        fprintf(text->out, "  %s in %s blocks\n", report_bytes(leak->bytes).text,
                report_count(leak->blocks).text);
        write_stack(text, &report->sites[leak->site]);
    }
}

/* ---- what to try ------------------------------------------------------------------------------
 */

/* Words of a paragraph, in lines that fit a terminal. */
static void write_wrapped(FILE *out, const char *label, const char *paragraph)
{
    enum { INDENT = 4, WIDTH = 80 };
    int column = fprintf(out, "%*s%s", INDENT, "", label);
    while (*paragraph) {
        int word = (int)strcspn(paragraph, " ");
        if (column + word + 1 > WIDTH)
            column = fprintf(out, "\n%*s", INDENT - 1, "") - 1;
        column += fprintf(out, " %.*s", word, paragraph);
        paragraph += word + (paragraph[word] == ' ');
    }
    fputc('\n', out);
}

static void write_advice(const struct text *text)
{
    struct report_advice advice[REPORT_ADVICE_KINDS];
    unsigned count = report_advise(text->report, advice);
    if (count > 0)
        heading(text, "Recommendations");
    for (unsigned i = 0; i < count; i++) {
        fprintf(text->out, "  %u. %s\n", i + 1, advice[i].title);
        write_wrapped(text->out, "Evidence:", advice[i].evidence);
        for (uint32_t j = 0; j < advice[i].site_count; j++) {
            struct report_walk walk;
            report_walk_begin(&walk, text->report, &text->report->sites[advice[i].sites[j]], false);
            const char *name = report_walk_next(&walk);
            fprintf(text->out, "    Where: %s\n", name == NULL ? "(no stack)" : name);
        }
        write_wrapped(text->out, "Try:", advice[i].remedy);
    }
}

int report_text(const struct shale_profile_report *report,
                const struct report_text_options *options, FILE *out)
{
    const struct text text = {report, out, options->sites ? options->sites : SITES_DEFAULT,
                              options->colour};
    write_about(&text);
    write_totals(&text);
    write_latencies(&text);
    write_fragmentation(&text);
    write_threads(&text);
    write_sizes(&text);
    int result = write_sites(&text, REPORT_ALLOCATED_BYTES, "Most bytes allocated");
    if (result == SHALE_OK && report->peak_known)
        result = write_sites(&text, REPORT_PEAK_BYTES, "Most bytes at the peak");
    if (result == SHALE_OK)
        result = write_sites(&text, REPORT_TEMPORARY, "Most temporary allocations");
    write_leaks(&text);
    write_advice(&text);
    return result;
}
