/* SPDX-License-Identifier: MIT */
/* Numbers and places as people read them, and the order of a stack's functions. Layer 4. */
#ifndef SHALE_REPORT_NAMES_H
#define SHALE_REPORT_NAMES_H

#include <stdio.h>

#include "profile/model.h"

enum { REPORT_NUMBER_MAX = 32 };

/* A number in a buffer of the caller's, so that a call can be an argument of printf. */
struct report_number {
    char text[REPORT_NUMBER_MAX];
};

struct report_number report_bytes(uint64_t bytes);  /* "3.5 MiB" */
struct report_number report_count(uint64_t count);  /* "1,234,567" */
struct report_number report_duration(uint64_t ns);  /* "1.20 ms" */
struct report_number report_share(double ratio);    /* "12 %", "0.3 %" */
double report_ratio(uint64_t part, uint64_t whole); /* 0 where there is no whole */

/* UTC, ISO 8601. */
struct report_number report_time(uint64_t since_1970_ns);

/* The last part of a path. */
const char *report_base_name(const char *path);

/* The name of the program that was profiled; "" unknown. */
const char *report_program_name(const struct shale_profile_report *report);

/*
 * A function's name, or where it has none "module+0x1f30", or "??".
 *
 * @return line->function, or text.
 */
const char *report_function(const struct shale_profile_report *report,
                            const struct profile_frame *frame, const struct profile_line *line,
                            char *text, size_t size);

/* Goes over the functions of a stack, those inlined too. Start with report_walk_begin. */
struct report_walk {
    const struct shale_profile_report *report;
    const struct profile_site *site;
    bool outermost_first;
    uint32_t frames_done;
    uint32_t lines_done; /* of the frame at hand */
    const struct profile_frame *frame;
    const struct profile_line *line;
    char unknown[128]; /* the name of what has none */
};

void report_walk_begin(struct report_walk *walk, const struct shale_profile_report *report,
                       const struct profile_site *site, bool outermost_first);

/* The next function's name, with walk->frame and walk->line; NULL at the end. */
const char *report_walk_next(struct report_walk *walk);

/* The functions of a stack in one text; ';' and line ends in a name become blanks. */
void report_write_stack(const struct shale_profile_report *report, const struct profile_site *site,
                        bool outermost_first, FILE *out);

#endif
