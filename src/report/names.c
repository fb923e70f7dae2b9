/* SPDX-License-Identifier: MIT */
/* Numbers, places and the order of a stack. */
#include "report/names.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* ---- numbers ----------------------------------------------------------------------------------
 */

static struct report_number scaled(double value, double step, const char *const *units,
                                   size_t count)
{
    struct report_number number;
    size_t unit = 0;
    for (; value >= step && unit + 1 < count; unit++)
        value /= step;
    int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(number.text, sizeof number.text, "%.*f %s", digits, value, units[unit]);
    return number;
}

struct report_number report_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    return scaled((double)bytes, 1024, units, SHALE_ARRAY_LENGTH(units));
}

struct report_number report_duration(uint64_t ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled((double)ns, 1000, units, SHALE_ARRAY_LENGTH(units));
}

struct report_number report_count(uint64_t count)
{
    struct report_number number;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *at = number.text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return number;
}

struct report_number report_share(double ratio)
{
    struct report_number number;
    double percent = ratio * 100;
    int digits = percent == 0 || fabs(percent) >= 10 ? 0 : fabs(percent) >= 1 ? 1 : 2;
    snprintf(number.text, sizeof number.text, "%.*f %%", digits, percent);
    return number;
}

double report_ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

struct report_number report_time(uint64_t since_1970_ns)
{
    struct report_number number;
    time_t seconds = (time_t)(since_1970_ns / 1000000000U);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(number.text, sizeof number.text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(number.text, sizeof number.text, "1970-01-01T00:00:00Z");
    return number;
}

/* ---- places -----------------------------------------------------------------------------------
 */

const char *report_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

const char *report_program_name(const struct shale_profile_report *report)
{
    return report_base_name(report->provenance.program);
}

const char *report_function(const struct shale_profile_report *report,
                            const struct profile_frame *frame, const struct profile_line *line,
                            char *text, size_t size)
{
    if (line->function[0] != '\0')
        return line->function;
    if (frame->module == PROFILE_NONE)
        snprintf(text, size, "??");
    else
        snprintf(text, size, "%.*s+0x%" PRIx64, (int)size - 24,
                 report_base_name(report->modules[frame->module].path), frame->module_address);
    return text;
}

/* ---- stacks -----------------------------------------------------------------------------------
 */

void report_walk_begin(struct report_walk *walk, const struct shale_profile_report *report,
                       const struct profile_site *site, bool outermost_first)
{
    *walk =
        (struct report_walk){.report = report, .site = site, .outermost_first = outermost_first};
}

const char *report_walk_next(struct report_walk *walk)
{
    if (walk->frame != NULL && walk->lines_done == walk->frame->line_count) {
        walk->frames_done++;
        walk->lines_done = 0;
    }
    uint32_t count = walk->site->frame_count;
    if (walk->frames_done == count)
        return NULL;
    uint32_t at = walk->outermost_first ? count - 1 - walk->frames_done : walk->frames_done;
    walk->frame = &walk->report->frames[walk->site->frames[at]];
    uint32_t lines = walk->frame->line_count;
    walk->line =
        &walk->frame
             ->lines[walk->outermost_first ? lines - 1 - walk->lines_done : walk->lines_done];
    walk->lines_done++;
    return report_function(walk->report, walk->frame, walk->line, walk->unknown,
                           sizeof walk->unknown);
}

static void write_name(const char *name, FILE *out)
{
    for (; *name; name++)
        fputc(*name == ';' || *name == '\n' || *name == '\r' ? ' ' : *name, out);
}

void report_write_stack(const struct shale_profile_report *report, const struct profile_site *site,
                        bool outermost_first, FILE *out)
{
    struct report_walk walk;
    report_walk_begin(&walk, report, site, outermost_first);
    bool any = false;
    for (const char *name; (name = report_walk_next(&walk)) != NULL; any = true) {
        if (any)
            fputc(';', out);
        write_name(name, out);
    }
    if (!any)
        fputs("(no stack)", out);
}
