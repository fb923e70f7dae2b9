/* SPDX-License-Identifier: MIT */
/* The lines of /proc files, read without malloc, and what a line about a mapping says. Layer 3. */
#ifndef SHALE_PROFILE_LINES_H
#define SHALE_PROFILE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line of maps, or the first of a mapping in smaps. */
struct profile_mapping {
    uint64_t start, end, offset;
    char access[4];   /* "r-xp" */
    const char *path; /* not NUL-terminated where the line was not; "" of no file */
    size_t path_bytes;
};

/*
 * Calls visit for each line; `end` is where its newline was, a NUL now. A line of 8 KiB or more is
 * left out. A file that cannot be read has no lines. errno may change.
 */
void profile_lines_each(const char *path,
                        void (*visit)(const char *line, const char *end, void *context),
                        void *context);

/* False: the line is about no mapping. */
bool profile_lines_mapping(const char *line, const char *end, struct profile_mapping *mapping);

#endif
