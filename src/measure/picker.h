/* SPDX-License-Identifier: MIT */
/*
 * Picks a number out of what a program printed: `--metric NAME=REGEX` and NAME=json:PATH. Layer 4.
 *
 * A regex is POSIX extended; ^ and $ fit at lines, and a carriage return ends a line too, as
 * programs that redraw a progress line use it. The number is the first group, or the whole match
 * without a group; of several matches the last one counts, as summaries come last.
 * A path leads through JSON by keys and array places apart by dots: json:latency.p99,
 * json:tests.0.rps. The JSON is the whole output, or the last line of it that is an object.
 */
#ifndef SHALE_MEASURE_PICKER_H
#define SHALE_MEASURE_PICKER_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

struct picker {
    char *name;
    char *pattern; /* as the user wrote it */
    bool is_json;
    regex_t regex; /* unless is_json */
};

/*
 * Compiles NAME=REGEX or NAME=json:PATH. NAME is lower case letters, digits and _.
 *
 * @param reason  gets what is wrong, in words, on an error.
 * @return  0, SHALE_EINVAL, SHALE_ENOMEM.
 * Ownership: picker_free after success.
 */
SHALE_NODISCARD int picker_parse(const char *text, struct picker *picker, char *reason,
                                 size_t reason_size);

/* Finds the number in text; false when there is none. */
bool picker_find(const struct picker *picker, const char *text, double *value);

void picker_free(struct picker *picker);

/* Is this a name for a metric or phase: [a-z][a-z0-9_]*, followed by `end`? */
bool picker_valid_name(const char *text, char end);

#endif
