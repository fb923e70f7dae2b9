/* SPDX-License-Identifier: MIT */
/* Prints a profile's figures for the tests, a line "name value" each: profile_dump FILE. */
#include <stdio.h>

#include "profile/reader.h"

static void print_leaks(const struct shale_profile_report *report)
{
    for (uint32_t i = 0; i < report->leak_count; i++) {
        const struct profile_leak *leak = &report->leaks[i];
        const struct profile_site *site = &report->sites[leak->site];
        printf("leak %llu %llu", (unsigned long long)leak->blocks, (unsigned long long)leak->bytes);
        for (uint32_t frame = 0; frame < site->frame_count; frame++) {
            const struct profile_frame *at = &report->frames[site->frames[frame]];
            for (uint32_t line = 0; line < at->line_count; line++)
                printf(" %s", *at->lines[line].function ? at->lines[line].function : "?");
        }
        printf("\n");
    }
}

int main(int count, char **arguments)
{
    struct shale_profile_report *report;
    struct profile_problem problem;
    if (count != 2 || profile_read(arguments[1], NULL, &report, &problem) != 0) {
        fprintf(stderr, "%s\n", count == 2 ? problem.text : "usage: profile_dump FILE");
        return 1;
    }
#define PRINT(name, value) printf("%s %llu\n", name, (unsigned long long)(value))
    PRINT("allocations", report->totals.allocations);
    PRINT("bytes", report->totals.allocated_bytes);
    PRINT("frees", report->totals.frees);
    PRINT("temporary", report->totals.temporary);
    PRINT("crossed", report->totals.cross_thread_frees);
    PRINT("foreign", report->totals.foreign_frees);
    PRINT("live_blocks", report->totals.live_blocks);
    PRINT("live_bytes", report->totals.live_bytes);
    PRINT("peak", report->totals.peak_bytes);
    PRINT("end", report->provenance.end);
    PRINT("sealed", report->provenance.sealed);
    PRINT("threads", report->thread_count);
    PRINT("sites", report->site_count);
    PRINT("moments", report->moment_count);
    print_leaks(report);
    profile_report_free(report);
    return 0;
}
