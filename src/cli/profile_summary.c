/* SPDX-License-Identifier: MIT */
/* What `shale profile` says when the program has ended: see profile_summary.h. */
#define _GNU_SOURCE
#include "cli/profile_summary.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/profile_options.h"
#include "profile/reader.h"

enum { IMAGES_MAX = 32, SITES = 5, FRAMES = 8 };

/* As the recorder names its files. */
static void expand(const char *pattern, pid_t pid, unsigned image, char *path, size_t size)
{
    const char *place = strstr(pattern, "%p");
    int length;
    if (place != NULL)
        length =
            snprintf(path, size, "%.*s%d%s", (int)(place - pattern), pattern, (int)pid, place + 2);
    else if (image == 0)
        length = snprintf(path, size, "%s", pattern);
    else
        length = snprintf(path, size, "%s.%d", pattern, (int)pid);
    if (place == NULL && image > 0)
        image--;
    if (image > 0 && length > 0 && (size_t)length < size)
        snprintf(path + length, size - (size_t)length, ".%u", image);
}

/* A process that executes another program goes on in a new file: which one did the work? */
static bool find_main(const char *pattern, pid_t pid, char *path, size_t size)
{
    const struct profile_read_options options = {.no_symbols = true};
    char candidate[PATH_MAX];
    uint64_t most = 0;
    bool found = false;
    for (unsigned image = 0; image < IMAGES_MAX; image++) {
        struct shale_profile_report *report;
        expand(pattern, pid, image, candidate, sizeof(candidate));
        if (access(candidate, F_OK) != 0)
            break;
        if (profile_read(candidate, &options, &report, NULL) != 0)
            continue;
        uint64_t allocations = report->totals.allocations;
        if (report->provenance.pid == (uint32_t)pid && (!found || allocations > most)) {
            snprintf(path, size, "%s", candidate);
            most = allocations;
            found = true;
        }
        profile_report_free(report);
    }
    return found;
}

static void print_totals(const struct shale_profile_report *report, FILE *out)
{
    const struct profile_totals *totals = &report->totals;
    fprintf(out, "  allocations  %12" PRIu64 "  (%" PRIu64 " bytes, %" PRIu64 " temporary)\n",
            totals->allocations, totals->allocated_bytes, totals->temporary);
    fprintf(out, "  frees        %12" PRIu64 "  (%" PRIu64 " by another thread)\n", totals->frees,
            totals->cross_thread_frees);
    fprintf(out, "  peak         %12" PRIu64 " bytes, resident %" PRIu64 "\n", totals->peak_bytes,
            totals->peak_rss_bytes);
    fprintf(out, "  live         %12" PRIu64 " bytes in %" PRIu64 " blocks\n", totals->live_bytes,
            totals->live_blocks);
}

static void print_latency(const char *name, const struct shale_histogram *histogram, FILE *out)
{
    if (shale_histogram_count(histogram) == 0)
        return;
    fprintf(out,
            "  %-12s p50 %" PRIu64 " ns, p95 %" PRIu64 " ns, p99 %" PRIu64 " ns, p99.9 %" PRIu64
            " ns\n",
            name, shale_histogram_percentile(histogram, 50),
            shale_histogram_percentile(histogram, 95), shale_histogram_percentile(histogram, 99),
            shale_histogram_percentile(histogram, 99.9));
}

static void print_site(const struct shale_profile_report *report, const struct profile_site *site,
                       FILE *out)
{
    fprintf(out, "  %" PRIu64 " bytes in %" PRIu64 " allocations, %" PRIu64 " bytes live\n",
            site->allocated_bytes, site->allocations, site->live_bytes);
    for (uint32_t i = 0; i < site->frame_count && i < FRAMES; i++) {
        const struct profile_frame *frame = &report->frames[site->frames[i]];
        for (uint32_t line = 0; line < frame->line_count; line++) {
            const struct profile_line *place = &frame->lines[line];
            const char *module =
                frame->module != PROFILE_NONE ? report->modules[frame->module].path : "?";
            if (*place->function == '\0')
                fprintf(out, "      0x%" PRIx64 " in %s\n", frame->address, module);
            else if (*place->file == '\0')
                fprintf(out, "      %s in %s\n", place->function, module);
            else
                fprintf(out, "      %s at %s:%u\n", place->function, place->file, place->line);
        }
    }
}

static void print(const struct shale_profile_report *report, FILE *out)
{
    fprintf(out, "shale: profile of '%s' in '%s'\n", report->provenance.command,
            report->provenance.file);
    print_totals(report, out);
    print_latency("malloc", report->latency.alloc, out);
    print_latency("free", report->latency.free, out);
    for (uint32_t i = 0; i < report->site_count && i < SITES; i++)
        print_site(report, &report->sites[i], out);
}

void profile_summary_print(const struct cmd_entry *self, const char *pattern, pid_t pid)
{
    const struct profile_read_options options = {.no_symbols = profile_options.no_symbols,
                                                 .suppressions = profile_options.suppressions};
    struct shale_profile_report *report;
    struct profile_problem problem;
    char path[PATH_MAX];
    if (!find_main(pattern, pid, path, sizeof(path))) {
        cmd_error(self, "the program left no profile: it may be static, or it was given no room");
        return;
    }
    if (profile_read(path, &options, &report, &problem) != 0) {
        cmd_error(self, "cannot read '%s': %s", path, problem.text);
        return;
    }
    print(report, stderr);
    profile_report_free(report);
}
