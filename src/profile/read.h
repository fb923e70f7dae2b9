/* SPDX-License-Identifier: MIT */
/*
 * Inside the reader: what its parts share. Layer 3.
 *
 * All bytes of the file are in memory first, a copy that no longer changes; every offset and count
 * in it is looked at as if an enemy had written it.
 */
#ifndef SHALE_PROFILE_READ_H
#define SHALE_PROFILE_READ_H

#include "base/bump.h"
#include "profile/file.h"
#include "profile/reader.h"

struct profile_reading {
    const char *bytes; /* the copy */
    size_t size;
    size_t mapped_bytes;
    const struct profile_file_about *about;
    const struct profile_file_live *live;
    struct profile_read_options options;
    struct shale_profile_report *report;
    struct profile_problem *problem;
    struct shale_bump scratch; /* gone when reading ends */
    double ns_per_tick;
    uint32_t thread_count;
    const struct profile_file_thread **threads;
    uint32_t *thread_of; /* record -> index in report->threads, or PROFILE_NONE */
    uint32_t site_count;
    struct profile_reading_site *sites; /* by number in the file */
    struct profile_reading_part *parts; /* of pages that blocks lie in */
    uint64_t part_count, part_room;
};

/* What a block fills of a page. */
struct profile_reading_part {
    uint64_t page;
    uint64_t bytes;
    uint32_t site; /* in the report */
};

struct profile_reading_site {
    const struct profile_file_site *record;
    double allocations, bytes, temporary;
    double live_blocks, live_bytes;
    uint64_t samples, live_samples;
    uint64_t first_birth, last_birth;
    uint32_t report_site; /* index in report->sites */
    uint32_t seen_count;
    struct profile_block *seen; /* NULL: not among the first leaks */
};

/* Notes the reason, as printf, and returns the code. */
int profile_read_fail(struct profile_reading *reading, int code, const char *format, ...)
    SHALE_PRINTF(3, 4);

/* count pieces of size bytes at an offset, aligned to 8; NULL when they are not in the file. */
const void *profile_read_piece(const struct profile_reading *reading, uint64_t offset,
                               uint64_t count, size_t size);

/* Nanoseconds of the recording at these ticks; 0 before its start. */
uint64_t profile_read_time(const struct profile_reading *reading, uint64_t ticks);

/* How many blocks of its size a sampled one stands for; 1 where all are there. */
double profile_read_weight(const struct profile_reading *reading, uint64_t size);

/* The steps, in their order: 0 or SHALE_E*. */
int profile_read_load(struct profile_reading *reading, const char *path);
int profile_read_threads(struct profile_reading *reading);
int profile_read_times(struct profile_reading *reading);
int profile_read_sites(struct profile_reading *reading);
int profile_read_blocks(struct profile_reading *reading);
int profile_read_modules(struct profile_reading *reading);
int profile_read_frames(struct profile_reading *reading);
int profile_read_leaks(struct profile_reading *reading);
int profile_read_fragmentation(struct profile_reading *reading);

/* Visits every entry of the table of live blocks. */
typedef void (*profile_read_block)(struct profile_reading *reading, uint64_t key, uint64_t what,
                                   uint64_t birth);
int profile_read_each_block(struct profile_reading *reading, profile_read_block visit);

/* symbolize.c: lines for the frames, where they can be found. */
void profile_symbolize(struct shale_profile_report *report);

/* suppress.c: marks leaks. SHALE_ENOENT, SHALE_EFORMAT, ... */
int profile_suppress(struct shale_profile_report *report, const char *path,
                     struct profile_problem *problem);

#endif
