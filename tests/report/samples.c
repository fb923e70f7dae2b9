/* SPDX-License-Identifier: MIT */
/*
 * report_samples KIND FORMAT: a made-up profile in that format, on stdout.
 *
 * full     everything is there (profile_report_synthetic)
 * empty    a program that allocated nothing
 * hostile  names that would end a script, an element, a text or a line
 */
#include <stdlib.h>
#include <string.h>

#include "profile/model.h"
#include "report/report.h"

static const char bad[] =
    "</script><img src=x onerror=\"window.broken=1\"><!-- a;b,\"c\"\n\\ \xff\xc3\x28";

static struct shale_profile_report *empty(void)
{
    struct shale_profile_report *report = profile_report_new();
    if (report != NULL)
        report->provenance.end = PROFILE_EXITED;
    return report;
}

static void spoil_frames(struct shale_profile_report *report)
{
    struct profile_frame *frames =
        profile_report_array(report, report->frame_count, sizeof *frames);
    for (uint32_t i = 0; i < report->frame_count; i++) {
        struct profile_line *line = profile_report_array(report, 1, sizeof *line);
        *line = (struct profile_line){bad, bad, i + 1, 0};
        frames[i] = report->frames[i];
        frames[i].line_count = 1;
        frames[i].lines = line;
    }
    report->frames = frames;
}

static struct shale_profile_report *hostile(void)
{
    struct shale_profile_report *report = profile_report_synthetic(2);
    if (report == NULL)
        return NULL;
    struct profile_provenance *about = &report->provenance;
    about->program = about->command = about->allocator = about->host = bad;
    for (uint32_t i = 0; i < report->thread_count; i++)
        report->threads[i].name = bad;
    for (uint32_t i = 0; i < report->module_count; i++)
        report->modules[i].path = bad;
    spoil_frames(report);
    return report;
}

static struct shale_profile_report *make(const char *kind)
{
    if (strcmp(kind, "empty") == 0)
        return empty();
    return strcmp(kind, "hostile") == 0 ? hostile() : profile_report_synthetic(1);
}

int main(int argc, char **argv)
{
    enum report_format format = argc == 3 ? report_format_find(argv[2]) : REPORT_FORMATS;
    if (format == REPORT_FORMATS)
        return 64;
    struct shale_profile_report *report = make(argv[1]);
    if (report == NULL)
        return 70;
    const struct report_options options = {0};
    int result = report_write(report, format, &options, stdout);
    profile_report_free(report);
    return result == 0 && fflush(stdout) == 0 ? 0 : 1;
}
