/* SPDX-License-Identifier: MIT */
/*
 * The engine of another process, read while it runs. Layer 2.
 *
 * Nothing in the process is stopped, called or written: its objects are searched for the engine's
 * note (slab/map.h), which leads to its tables, and these are copied out. So the figures are
 * approximate (<shale/stats.h>), and a process pays nothing for being looked at.
 */
#ifndef SHALE_INSPECT_INSPECT_H
#define SHALE_INSPECT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shale/diagnose.h>
#include <shale/stats.h>

#include "base/attributes.h"

enum { INSPECT_CLASSES_MAX = 128, INSPECT_ENGINES_MAX = 8 };

/* What the system says of a range, in bytes. */
struct inspect_resident {
    uint64_t resident;
    uint64_t huge; /* in huge pages */
    uint64_t lazy; /* given back, and the system did not want it so far (MADV_FREE) */
    uint64_t swapped;
    uint64_t locked;
};

/* One copy of the engine: a preloaded library's, libshale's, or a program's own. */
struct inspect_engine {
    char object[4096]; /* the file that carries it */
    char release[16];  /* of Shale */
    bool readable;     /* false: another release with other tables; no figures */
    bool started;      /* it has handed out a block, or tried to */
    struct shale_stats stats;
    struct shale_stats_class classes[INSPECT_CLASSES_MAX];
    size_t class_count;
    struct shale_stats_thread *threads;
    size_t thread_count;
    struct shale_stats_epoch *epochs; /* the eternal one first */
    size_t epoch_count;
    uint64_t reservation; /* address */
    uint64_t reserved_bytes;
    struct inspect_resident resident; /* of the engine's reservation; zero where smaps is hidden */
};

struct inspect_report {
    pid_t pid;
    char command[64];
    uint64_t rss_bytes;
    uint64_t time_ns; /* of a clock that no adjustment touches */
    struct inspect_engine *engines;
    size_t engine_count; /* 0: no engine of Shale in this process */
};

/*
 * Reads every engine of a process.
 *
 * @param report  filled; also after an error it is to be freed.
 * @return  0; SHALE_ENOENT: no such process; SHALE_EPERM: it may not be read; SHALE_EGONE: it
 *          ended, or became another program, while it was read; SHALE_EFORMAT: its tables make no
 *          sense; SHALE_EIO; SHALE_ENOMEM.
 * Ownership: inspect_free(). Cost: about 170 bytes copied for each 64 KiB that the engine uses.
 */
SHALE_NODISCARD int inspect_process(pid_t pid, struct inspect_report *report);

/*
 * Judges the figures of an engine (<shale/diagnose.h>).
 *
 * @param epoch_age_ns  from where on an open epoch with live blocks is suspect; 0: a minute.
 * @param found         gets up to `room` findings; may be NULL where that is 0.
 * @return              how many there are; none of an engine that cannot be read.
 */
size_t inspect_diagnose(const struct inspect_engine *engine, uint64_t epoch_age_ns,
                        struct shale_finding *found, size_t room);

void inspect_free(struct inspect_report *report);

#endif
