/* SPDX-License-Identifier: MIT */
/* Reading a file into the model: the steps in their order. */
#include "profile/reader.h"

#include <shale/error.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/os.h"
#include "profile/read.h"

int profile_read_fail(struct profile_reading *reading, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (reading->problem != NULL)
        vsnprintf(reading->problem->text, sizeof(reading->problem->text), format, arguments);
    va_end(arguments);
    return code;
}

const void *profile_read_piece(const struct profile_reading *reading, uint64_t offset,
                               uint64_t count, size_t size)
{
    if (offset == 0 || offset % 8 != 0 || offset > reading->size ||
        count > (reading->size - offset) / size)
        return NULL;
    return reading->bytes + offset;
}

static int read_steps(struct profile_reading *reading, const char *path)
{
    int result = profile_read_load(reading, path);
    result = result != 0 ? result : profile_read_threads(reading);
    result = result != 0 ? result : profile_read_times(reading);
    result = result != 0 ? result : profile_read_sites(reading);
    result = result != 0 ? result : profile_read_blocks(reading);
    result = result != 0 ? result : profile_read_modules(reading);
    result = result != 0 ? result : profile_read_frames(reading);
    result = result != 0 ? result : profile_read_leaks(reading);
    result = result != 0 ? result : profile_read_fragmentation(reading);
    if (result != 0)
        return result;
    if (!reading->options.no_symbols)
        profile_symbolize(reading->report);
    if (reading->options.suppressions != NULL)
        result = profile_suppress(reading->report, reading->options.suppressions, reading->problem);
    const char *reason = "";
    if (result == 0 && profile_report_validate(reading->report, &reason) != 0)
        return profile_read_fail(reading, SHALE_EFORMAT, "it contradicts itself: %s", reason);
    return result;
}

int profile_read(const char *path, const struct profile_read_options *options,
                 struct shale_profile_report **report, struct profile_problem *problem)
{
    struct profile_reading reading = {.problem = problem};
    if (options != NULL)
        reading.options = *options;
    profile_read_fail(&reading, 0, "no memory");
    reading.report = profile_report_new();
    if (reading.report == NULL)
        return SHALE_ENOMEM;
    int result = read_steps(&reading, path);
    shale_bump_release(&reading.scratch);
    if (reading.bytes != NULL)
        shale_os_release((void *)reading.bytes, reading.mapped_bytes);
    if (result == 0)
        *report = reading.report;
    else
        profile_report_free(reading.report);
    return result;
}
