/* SPDX-License-Identifier: MIT */
/*
 * What a profile says, as one tree of plain structures: the model. Layer 3.
 *
 * The reader fills it from a file (reader.h), every exporter of report/ reads it and nothing else.
 * Pointers point into memory of the report itself; texts are NUL-terminated and never NULL ("" is
 * unknown), arrays may be NULL where their count is 0. Indices are checked by whoever fills the
 * tree (profile_report_validate), so that an exporter need not look again.
 *
 * Times are nanoseconds since the start of the recording, sizes are bytes as they were asked for,
 * unless a name says usable. In a sampled profile (provenance.mode) what a comment calls estimated
 * is scaled up from samples, without bias; all else is counted, whatever the mode.
 *
 * Threads: a finished report may be read by many, written by one. Ownership: profile_report_free
 * frees all of it.
 */
#ifndef SHALE_PROFILE_MODEL_H
#define SHALE_PROFILE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/histogram.h"

/* The version of the model, for exporters that carry one. Additions keep it. */
enum { PROFILE_MODEL_VERSION = 1 };

/* No thread, no frame, no site, no module. */
#define PROFILE_NONE UINT32_MAX

enum profile_mode {
    PROFILE_COUNTERS, /* counts, sizes and latencies: no stacks, no blocks */
    PROFILE_SAMPLE,   /* and a sample of the blocks, with stacks */
    PROFILE_FULL,     /* and every block */
};

/* How the recording ended. */
enum profile_end {
    PROFILE_RUNNING,   /* the program was still there when the file was read */
    PROFILE_EXITED,    /* it ended, or the recording was stopped, in good order */
    PROFILE_KILLED,    /* the program is gone without notice: a signal, _exit or exec */
    PROFILE_DISK_FULL, /* the file could not grow: recording stopped, the program went on */
    PROFILE_FAILED,    /* recording stopped for another reason: end_reason */
};

struct profile_provenance {
    const char *program;    /* path of the executable */
    const char *command;    /* its arguments, joined by blanks */
    const char *allocator;  /* who served malloc, such as "glibc"; "" unknown */
    const char *recorder;   /* version of the recorder */
    const char *host;       /* name of the machine */
    const char *system;     /* kernel and its release */
    const char *end_reason; /* a phrase for PROFILE_FAILED, else "" */
    const char *file;       /* the file that was read */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t processors; /* that were online */
    enum profile_mode mode;
    enum profile_end end;
    bool sealed;              /* the checksum of the whole file was right */
    bool symbolized;          /* frames have lines where those could be found */
    bool python;              /* Python frames are among the frames */
    uint64_t started_wall_ns; /* since 1970, UTC */
    uint64_t duration_ns;     /* from the start of the recording to its end */
    uint64_t sample_bytes;    /* mean bytes between two samples; 0: every block */
    uint64_t sample_count;    /* mean allocations between two samples by count; 0: every one */
    uint64_t latency_every;   /* one operation of so many was timed; 0: none */
};

/* Sums over all threads. */
struct profile_totals {
    uint64_t allocations; /* malloc, calloc, realloc with a new block, ... */
    uint64_t allocated_bytes;
    uint64_t frees;              /* that were given a block: not of NULL */
    uint64_t freed_bytes;        /* estimated */
    uint64_t reallocations;      /* counted as one free and one allocation as well */
    uint64_t failed;             /* allocations that returned NULL */
    uint64_t temporary;          /* freed by their thread before its next allocation */
    uint64_t cross_thread_frees; /* estimated: freed by another thread than had allocated */
    uint64_t cross_thread_bytes; /* estimated */
    uint64_t foreign_frees;      /* of blocks from before the recording, a fork's for example;
                                    counted in full mode only */
    uint64_t live_blocks;        /* at the end; estimated */
    uint64_t live_bytes;         /* estimated */
    uint64_t peak_bytes;         /* most live bytes at one time; estimated. With several threads
                                    good to 64 KiB for each */
    uint64_t peak_ns;            /* when */
    uint64_t peak_rss_bytes;     /* of the process, as the kernel counts it */
};

/* Blocks of sizes from low to high, both included. Only buckets with a count are there. */
struct profile_size_bucket {
    uint64_t low;
    uint64_t high;
    uint64_t allocations;
    uint64_t live_blocks; /* estimated */
};

struct profile_thread {
    uint64_t id;      /* 1, 2, ... in the order of their first allocation */
    uint32_t os_id;   /* the kernel's */
    const char *name; /* the kernel's; "" unknown */
    bool ended;
    bool many; /* stands for all threads that found no room of their own */
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t freed_bytes; /* estimated */
    uint64_t temporary;
    uint64_t live_bytes;           /* of the blocks it allocated; estimated */
    uint64_t cross_frees_sent;     /* it freed blocks of others; estimated */
    uint64_t cross_bytes_sent;     /* estimated */
    uint64_t cross_frees_received; /* others freed its blocks; estimated */
    uint64_t cross_bytes_received; /* estimated */
    uint64_t first_ns;             /* of its first operation */
    uint64_t last_ns;              /* of its last, about */
};

/* Blocks that one thread allocated and another freed; indices into threads. Both estimated. */
struct profile_flow {
    uint32_t from; /* the thread that allocated */
    uint32_t to;   /* the thread that freed */
    uint64_t frees;
    uint64_t bytes;
};

/* Time inside the allocator, the timer's own cost taken away; nanoseconds. */
struct profile_latency {
    struct shale_histogram *alloc; /* never NULL; empty when nothing was timed */
    struct shale_histogram *free;
    uint64_t timer_ns; /* what a pair of readings cost, and was taken away */
};

/* Read at one moment. Counts are since the start. */
struct profile_moment {
    uint64_t time_ns;
    uint64_t live_bytes; /* estimated */
    uint64_t rss_bytes;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
};

/*
 * Allocations by size over time: columns x rows numbers, cell (column, row) at
 * counts[column * rows + row]. Column i goes from column_ns[i] to column_ns[i + 1]; row j from
 * row_bytes[j] to row_bytes[j + 1] - 1.
 */
struct profile_heatmap {
    uint32_t columns;
    uint32_t rows;
    const uint64_t *column_ns; /* columns + 1 */
    const uint64_t *row_bytes; /* rows + 1; the last may be UINT64_MAX */
    const uint64_t *counts;
};

/* A file that code came from. */
struct profile_module {
    const char *path;     /* "[vdso]" and the like as the kernel names them */
    const char *build_id; /* lower-case hex; "" none */
    uint64_t start;       /* address of its first mapping */
    uint64_t end;
    uint64_t offset; /* into the file of that mapping */
};

enum profile_frame_kind {
    PROFILE_FRAME_NATIVE,
    PROFILE_FRAME_PYTHON,
};

/* One function at one place. */
struct profile_line {
    const char *function; /* demangled where it can be; "" unknown */
    const char *file;     /* as the debug information has it; "" unknown */
    uint32_t line;        /* 0 unknown */
    uint32_t column;      /* 0 unknown */
};

/*
 * A place that was on the stack: an address, or a line of Python. Its lines are the functions that
 * were inlined there, the innermost first; the last is the function that really has a frame.
 */
struct profile_frame {
    enum profile_frame_kind kind;
    uint64_t address;        /* of the call, one less than the address of return; 0 for Python */
    uint32_t module;         /* index into modules, or PROFILE_NONE */
    uint64_t module_address; /* the address as the file has it (what addr2line takes); 0 unknown */
    uint32_t line_count;     /* at least 1; of an unknown place one line with an empty function */
    const struct profile_line *lines;
};

/* A distinct stack that allocated. Estimated, all but in full mode. */
struct profile_site {
    uint32_t frame_count;
    const uint32_t *frames; /* indices into frames; [0] called the allocator, the last is main or
                               a thread's start */
    bool truncated;         /* the outermost frames are missing */
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t temporary;
    uint64_t live_blocks; /* at the end */
    uint64_t live_bytes;
    uint64_t peak_bytes;   /* live at the peak of the process; 0 when peak_known is false */
    uint64_t samples;      /* that the figures rest on */
    uint64_t pinned_bytes; /* of pages mostly empty that its live blocks keep resident */
};

/* A block that was live at the end. */
struct profile_block {
    uint64_t address;
    uint64_t size;
    uint64_t time_ns; /* when it was allocated, good to a millisecond or to 64 operations */
    uint32_t thread;  /* index into threads */
    uint32_t site;    /* index into sites, or PROFILE_NONE */
};

/* Live blocks of one site at the end, most bytes first. */
struct profile_leak {
    uint32_t site;     /* index into sites */
    uint64_t blocks;   /* estimated */
    uint64_t bytes;    /* estimated */
    uint64_t samples;  /* blocks that were seen */
    uint64_t first_ns; /* the oldest and the newest of those seen */
    uint64_t last_ns;
    const char *suppressed; /* pattern of the suppression that it matches; "" reported */
    uint32_t block_count;   /* some of those seen, the largest first: at most 16 */
    const struct profile_block *blocks_seen;
};

/* How long blocks lived, of those that were freed. */
struct profile_lifetimes {
    struct shale_histogram *ns; /* never NULL. Estimated; good to a millisecond or 64 operations */
};

enum { PROFILE_OCCUPANCY_BUCKETS = 10 };

/* A site whose live blocks keep pages resident that are mostly empty. */
struct profile_pin {
    uint32_t site;
    uint64_t pages;
    uint64_t bytes; /* free bytes of those pages */
};

struct profile_fragmentation {
    bool internal_known;
    double internal;          /* (usable - requested) / usable: 0 to 1 */
    uint64_t requested_bytes; /* of the blocks that the figure rests on */
    uint64_t usable_bytes;
    bool external_known;
    double external;         /* (heap_rss - live usable) / heap_rss: 0 to 1 */
    uint64_t heap_rss_bytes; /* resident memory of the mappings that hold blocks */
    uint64_t live_usable_bytes;
    bool free_known; /* the allocator told the next two */
    uint64_t free_block_count;
    uint64_t largest_free_bytes;
    uint64_t page_bytes;
    /* Pages with live blocks by how full they are: [0] to 10 %, ... [9] 90 to 100 %. Full mode. */
    uint64_t occupancy[PROFILE_OCCUPANCY_BUCKETS];
    uint32_t pin_count;
    const struct profile_pin *pins; /* most bytes first */
};

/* What the recording itself cost the program. */
struct profile_cost {
    uint64_t memory_bytes; /* of the recorder, in the program */
    uint64_t file_bytes;
    uint64_t samples; /* blocks recorded with a stack */
    uint64_t stacks_walked;
    uint64_t stacks_unwound; /* by the slow unwinder, where frame pointers did not lead through */
    uint64_t stacks_cut;     /* deeper than the limit, or broken */
    uint64_t samples_lost;   /* for want of memory or room */
    double sample_ns;        /* mean time of one, where it was measured; else 0 */
};

struct shale_profile_report {
    struct profile_provenance provenance;
    struct profile_totals totals;
    struct profile_latency latency;
    struct profile_lifetimes lifetimes;
    struct profile_fragmentation fragmentation;
    struct profile_cost cost;
    struct profile_heatmap heatmap;
    bool peak_known; /* sites[].peak_bytes is */

    uint32_t size_count;
    struct profile_size_bucket *sizes; /* by low */
    uint32_t thread_count;
    struct profile_thread *threads; /* by id */
    uint32_t flow_count;
    struct profile_flow *flows; /* most frees first; from and to differ */
    uint32_t moment_count;
    struct profile_moment *moments; /* by time: the timeline */
    uint32_t module_count;
    struct profile_module *modules; /* by start */
    uint32_t frame_count;
    struct profile_frame *frames;
    uint32_t site_count;
    struct profile_site *sites; /* most allocated bytes first */
    uint32_t leak_count;
    struct profile_leak *leaks;
};

/* An empty report with its histograms. NULL without memory. */
struct shale_profile_report *profile_report_new(void);

/* NULL is ignored. */
void profile_report_free(struct shale_profile_report *report);

/*
 * Zeroed memory that lives as long as the report, for whoever fills it.
 *
 * @return NULL without memory, or for count * size beyond what there is.
 */
void *profile_report_array(struct shale_profile_report *report, size_t count, size_t size);

/* A copy of text that lives as long as the report; NULL without memory. */
const char *profile_report_text(struct shale_profile_report *report, const char *text);

/*
 * Whether every index, count and order that the comments above promise holds.
 *
 * @param reason  gets what is wrong, a phrase; may be NULL.
 * @return  0 or SHALE_EFORMAT.
 */
SHALE_NODISCARD int profile_report_validate(const struct shale_profile_report *report,
                                            const char **reason);

/*
 * A made-up report in which everything is there, for tests and demonstrations: four threads with
 * flows, a timeline with a peak, Python and inlined frames, leaks (one suppressed), pins. The same
 * seed gives the same report; totals agree with their parts.
 *
 * @param seed  shapes the numbers; any value.
 */
struct shale_profile_report *profile_report_synthetic(uint64_t seed);

#endif
