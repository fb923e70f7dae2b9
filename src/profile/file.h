/* SPDX-License-Identifier: MIT */
/*
 * The layout of a .shprof file: the recorder's memory, mapped and shared. Layer 3.
 *
 *     | about | live | (end of the first part) | threads, levels, sites, stacks, modules, ... |
 *
 * The recorder works in the file itself, so nothing has to be written when the program ends: what
 * a killed program leaves is what it had counted. `about` is written once and carries a checksum of
 * itself; `live` changes; everything else is found by the offsets in `live`, which the reader
 * checks. When a recording ends in good order `seal` becomes the checksum of all `used` bytes.
 *
 * Offsets are from the start of the file; 0 is nowhere. Numbers are in the byte order of the
 * machine; `order` tells. Words that several threads write are atomic; the reader has a copy.
 */
#ifndef SHALE_PROFILE_FILE_H
#define SHALE_PROFILE_FILE_H

#include <stdint.h>

#include "base/atomic.h"
#include "base/histogram.h"

#define PROFILE_FILE_MAGIC "SHPROF\r\n"

enum {
    PROFILE_FILE_VERSION = 1,
    PROFILE_FILE_ORDER = 0x01020304,
    PROFILE_FILE_THREADS = 1024,   /* records; more share those of threads that ended */
    PROFILE_FILE_LEVELS = 32,      /* of the table of live blocks */
    PROFILE_FILE_SITE_BLOCKS = 17, /* block i has 256 << i sites */
    PROFILE_FILE_SITES_FIRST = 256,
    PROFILE_FILE_MOMENTS = 1024, /* when full every second one goes */
    PROFILE_FILE_OCTAVES = 40,   /* sizes by powers of two; the last holds all above */
    PROFILE_FILE_DEPTH = 128,    /* frames of a stack */
    PROFILE_FILE_SLOTS = 7,      /* of a bucket */
    PROFILE_FILE_SIZES = (40 - SHALE_HISTOGRAM_SUB_BITS + 1) * SHALE_HISTOGRAM_SUB_BUCKETS,
    PROFILE_FILE_CACHE = 1024, /* stacks a thread knows by heart */
    PROFILE_FILE_FLOWS = 64,   /* threads whose blocks a thread freed; the last: all others */
    PROFILE_FILE_SCALE = 1024, /* estimated counts are in 1/1024 */
};

/* Written before anything else. */
struct profile_file_about {
    char magic[8];
    uint32_t version;
    uint32_t order;
    uint64_t about_bytes; /* sizeof this structure */
    uint64_t live_bytes;  /* sizeof struct profile_file_live */
    uint64_t thread_bytes;
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t processors;
    uint32_t mode; /* enum profile_mode */
    uint64_t started_wall_ns;
    uint64_t started_ns; /* CLOCK_MONOTONIC */
    uint64_t started_ticks;
    uint64_t timer_ticks; /* between two readings with nothing in between */
    uint64_t sample_bytes;
    uint64_t sample_count;
    uint64_t latency_every;
    uint64_t page_bytes;
    char program[1024];
    char command[1024];
    char allocator[64];
    char recorder[32];
    char host[64];
    char system[128];
    uint64_t checksum; /* of all above */
};

/* What is true now. */
struct profile_file_live {
    _Atomic uint64_t seal;        /* 0: not sealed */
    _Atomic uint64_t used;        /* bytes of the file that mean something */
    _Atomic uint32_t end;         /* enum profile_end */
    uint32_t end_errno;           /* of PROFILE_DISK_FULL and PROFILE_FAILED */
    _Atomic uint64_t ended_ticks; /* or of the last look at the clock */
    _Atomic uint64_t ended_ns;
    _Atomic int64_t live_bytes; /* less what is in the threads' own balances */
    _Atomic uint64_t peak_bytes;
    _Atomic uint64_t peak_ticks;
    _Atomic uint64_t peak_rss_bytes;
    _Atomic uint64_t heap_rss_bytes;  /* when live bytes were about the most; 0: not looked */
    _Atomic uint64_t heap_live_bytes; /* then */
    _Atomic uint64_t private_bytes;   /* of the recorder, outside the file */
    _Atomic uint64_t stacks_walked;   /* by frame pointers; those found in a thread's cache too */
    _Atomic uint64_t stacks_unwound;
    _Atomic uint64_t stacks_cut;
    _Atomic uint64_t samples_lost;
    _Atomic uint64_t sample_ticks; /* time of the samples that were timed, and how many */
    _Atomic uint64_t sample_timed;
    _Atomic uint32_t thread_count;
    _Atomic uint32_t level_count;
    _Atomic uint32_t site_count;
    _Atomic uint32_t moment_count;
    _Atomic uint64_t moments_at;
    _Atomic uint64_t modules_at; /* the newest; each knows the one before */
    _Atomic uint64_t python_at;  /* the newest Python code; likewise */
    _Atomic uint64_t thread_at[PROFILE_FILE_THREADS];
    _Atomic uint64_t level_at[PROFILE_FILE_LEVELS];
    _Atomic uint64_t level_buckets[PROFILE_FILE_LEVELS]; /* a power of two */
    _Atomic uint64_t site_block_at[PROFILE_FILE_SITE_BLOCKS];
};

struct profile_file_header {
    struct profile_file_about about;
    struct profile_file_live live;
};

/* A stack that a thread knows: what it allocated there since it last told the site. */
struct profile_file_cached {
    uint64_t hash;
    uint32_t site;
    uint32_t known; /* 0: the entry is empty */
    _Atomic uint64_t allocations;
    _Atomic uint64_t bytes;
    _Atomic uint64_t temporary;
};

struct profile_file_flow {
    _Atomic uint64_t owner; /* 1 + the record of the thread that allocated; 0: unused */
    _Atomic uint64_t frees; /* in 1/1024 */
    _Atomic uint64_t bytes;
};

/* What one thread counts: it alone writes, or whoever has its record after it. */
struct profile_file_thread {
    uint64_t id;
    uint32_t os_id;
    _Atomic uint32_t ended;
    _Atomic uint32_t users; /* threads that had this record, one after the other */
    uint32_t unused;
    char name[16];
    _Atomic uint64_t first_ticks;
    _Atomic uint64_t last_ticks;
    _Atomic uint64_t allocations;
    _Atomic uint64_t allocated_bytes;
    _Atomic uint64_t frees;
    _Atomic uint64_t freed_bytes; /* of the blocks in the table */
    _Atomic uint64_t reallocations;
    _Atomic uint64_t failed;
    _Atomic uint64_t temporary;
    _Atomic uint64_t foreign_frees;
    _Atomic uint64_t samples;
    _Atomic uint64_t requested_bytes; /* of blocks whose usable size was asked for */
    _Atomic uint64_t usable_bytes;
    _Atomic int64_t balance;     /* live bytes not yet in live.live_bytes */
    _Atomic int64_t balance_max; /* its highest since it was last emptied */
    struct profile_file_flow flows[PROFILE_FILE_FLOWS];
    struct profile_file_cached cache[PROFILE_FILE_CACHE];
    _Atomic uint64_t sizes[PROFILE_FILE_SIZES];
    struct shale_histogram alloc_ticks;
    struct shale_histogram free_ticks;
    struct shale_histogram lifetime_ticks;
};

/* A distinct stack. Counts are of what no thread's cache holds any more. */
struct profile_file_site {
    uint64_t hash;
    uint64_t frames_at; /* frame_count addresses, innermost first */
    uint32_t frame_count;
    uint32_t flags;               /* enum profile_file_site_flags */
    _Atomic uint64_t allocations; /* in sample mode estimated, in 1/1024 */
    _Atomic uint64_t bytes;
    _Atomic uint64_t temporary;
    _Atomic uint64_t samples;
};

enum profile_file_site_flags {
    PROFILE_SITE_TRUNCATED = 1,
    PROFILE_SITE_UNWOUND = 2,
};

/*
 * The table of live blocks is made of levels, each twice the one before; a level of buckets:
 *
 *     key    address (48 bits) | tags (6) | thread's record (10)        0: free
 *     what   size (40) | site (24)
 *     birth  ticks
 *
 * A bucket that was ever passed over because it was full says so in `passed`: who looks for a block
 * goes on to the next.
 */
struct profile_file_block {
    _Atomic uint64_t what;
    _Atomic uint64_t birth;
};

struct profile_file_bucket {
    _Atomic uint64_t keys[PROFILE_FILE_SLOTS];
    _Atomic uint64_t passed;
    struct profile_file_block blocks[PROFILE_FILE_SLOTS];
    uint64_t unused[2];
};

_Static_assert(sizeof(struct profile_file_bucket) == 192, "three cache lines");

enum {
    PROFILE_BLOCK_THREAD_BITS = 10,
    PROFILE_BLOCK_BY_BYTES = 1 << 10, /* sampled by bytes, or every block is there */
    PROFILE_BLOCK_BY_COUNT = 1 << 11, /* sampled by count, or every block is there */
    PROFILE_BLOCK_ADDRESS_SHIFT = 16,
    PROFILE_BLOCK_SITE_BITS = 24,
};

/* No site: a block that was sampled by count alone. */
#define PROFILE_BLOCK_NO_SITE  ((UINT64_C(1) << PROFILE_BLOCK_SITE_BITS) - 1)
#define PROFILE_BLOCK_SIZE_MAX ((UINT64_C(1) << 40) - 1)

/* A moment of the timeline. */
struct profile_file_moment {
    uint64_t ticks;
    uint64_t ns; /* CLOCK_MONOTONIC */
    uint64_t live_bytes;
    uint64_t rss_bytes;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t octaves[PROFILE_FILE_OCTAVES]; /* allocations by size, since the start */
};

enum { PROFILE_FILE_BUILD_ID = 32 };

/* A mapping of a file with code. The path follows, then the next record at a multiple of 8. */
struct profile_file_module {
    uint64_t before_at; /* the record written before this one; 0 none */
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint32_t build_id_bytes;
    uint32_t path_bytes; /* without a NUL */
    uint8_t build_id[PROFILE_FILE_BUILD_ID];
    char path[];
};

#endif
