/* SPDX-License-Identifier: MIT */
/*
 * LeakSanitizer's suppression files: a line "leak:PATTERN" each, # for comments. A pattern fits a
 * function, a source file or a module of any frame of the stack; * stands for any text, ^ and $
 * for its ends, and without those it may fit anywhere in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <shale/error.h>
#include <stdio.h>
#include <string.h>

#include "profile/read.h"

/* As LeakSanitizer's template match: parts between stars, in their order. */
static bool fits(const char *pattern, const char *text)
{
    bool anchored = pattern[0] == '^';
    pattern += anchored;
    while (*pattern != '\0' && !(pattern[0] == '$' && pattern[1] == '\0')) {
        if (*pattern == '*') {
            anchored = false;
            pattern++;
            continue;
        }
        size_t length = strcspn(pattern, "*");
        bool to_end = pattern[length] == '\0' && pattern[length - 1] == '$';
        length -= to_end;
        const char *found = memmem(text, strlen(text), pattern, length);
        if (to_end && strlen(text) >= length &&
            memcmp(text + strlen(text) - length, pattern, length) == 0 && !anchored)
            return true;
        if (found == NULL || (anchored && found != text))
            return false;
        if (to_end)
            return found[length] == '\0';
        text = found + length;
        pattern += length;
        anchored = false;
    }
    return *pattern == '\0' || *text == '\0';
}

static bool fits_frame(const struct shale_profile_report *report, const char *pattern,
                       const struct profile_frame *frame)
{
    for (uint32_t i = 0; i < frame->line_count; i++)
        if (fits(pattern, frame->lines[i].function) || fits(pattern, frame->lines[i].file))
            return true;
    return frame->module != PROFILE_NONE && fits(pattern, report->modules[frame->module].path);
}

static bool fits_site(const struct shale_profile_report *report, const char *pattern,
                      const struct profile_site *site)
{
    for (uint32_t i = 0; i < site->frame_count; i++)
        if (fits_frame(report, pattern, &report->frames[site->frames[i]]))
            return true;
    return false;
}

static int apply(struct shale_profile_report *report, const char *pattern)
{
    const char *kept = profile_report_text(report, pattern);
    if (kept == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < report->leak_count; i++) {
        struct profile_leak *leak = &report->leaks[i];
        if (*leak->suppressed == '\0' && fits_site(report, kept, &report->sites[leak->site]))
            leak->suppressed = kept;
    }
    return 0;
}

static int fail(struct profile_problem *problem, int code, const char *path, const char *reason)
{
    if (problem != NULL)
        snprintf(problem->text, sizeof(problem->text), "the suppressions '%.300s': %s", path,
                 reason);
    return code;
}

/* Other kinds (race:, mutex: and so on) are for other sanitizers, which share such files. */
static int apply_line(struct shale_profile_report *report, char *line, const char *path,
                      struct profile_problem *problem)
{
    static const char kind[] = "leak:";
    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    for (size_t end = strlen(line); end > 0 && strchr(" \t", line[end - 1]) != NULL;)
        line[--end] = '\0';
    if (*line == '\0' || *line == '#')
        return 0;
    if (strchr(line, ':') == NULL)
        return fail(problem, SHALE_EFORMAT, path, "a line is not 'leak:PATTERN'");
    if (strncmp(line, kind, strlen(kind)) != 0 || line[strlen(kind)] == '\0')
        return 0;
    return apply(report, line + strlen(kind));
}

int profile_suppress(struct shale_profile_report *report, const char *path,
                     struct profile_problem *problem)
{
    char line[4096];
    int result = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(problem, errno == ENOENT ? SHALE_ENOENT : SHALE_EIO, path, strerror(errno));
    while (result == 0 && fgets(line, sizeof(line), file) != NULL)
        result = apply_line(report, line, path, problem);
    fclose(file);
    return result;
}
