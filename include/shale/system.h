/* SPDX-License-Identifier: MIT */
/* What this process runs on: the allocator behind the front door and the machine below it. */
#ifndef SHALE_SYSTEM_H
#define SHALE_SYSTEM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Transparent huge pages: what the kernel gives this process. */
enum shale_thp {
    SHALE_THP_MISSING = 0, /* the kernel has none, or does not tell */
    SHALE_THP_NEVER = 1,
    SHALE_THP_MADVISE = 2,
    SHALE_THP_ALWAYS = 3,
    SHALE_THP_DISABLED = 4, /* for this process alone, by PR_SET_THP_DISABLE */
};

/* Whether the allocator named in `backend` was proven to serve the front door. */
enum shale_verified {
    SHALE_VERIFIED_UNKNOWN = 0, /* the backend cannot be told by its pointers or its symbols */
    SHALE_VERIFIED_YES = 1,     /* a real block belongs to it */
    SHALE_VERIFIED_NO = 2,      /* something else serves: a preload, a second copy */
};

/*
 * Filled by shale_system_info(). Fields are only ever appended; struct_size tells the library
 * which of them the caller knows, so a program keeps working with a newer library and the other
 * way round. A value that cannot be had is 0.
 */
struct shale_system {
    uint32_t struct_size; /* in: sizeof(struct shale_system); out: bytes filled */
    uint32_t verified;    /* enum shale_verified */
    const char *backend;  /* shale_backend_name() */
    const char *backend_version;
    const char *shale_version; /* of the library, not of the headers */
    uint64_t page_bytes;
    uint64_t cache_line_bytes;
    uint64_t huge_page_bytes;        /* of a transparent huge page */
    uint64_t memory_total_bytes;     /* of the machine, or the container's limit where smaller */
    uint64_t memory_available_bytes; /* of that, without swapping */
    uint32_t cpu_count;              /* that this process may run on */
    uint32_t thp;                    /* enum shale_thp */
    char serving[64]; /* who serves: the backend when verified, else what was found; may be empty */
};

/* An initialiser: struct shale_system info = SHALE_SYSTEM_INIT; */
#define SHALE_SYSTEM_INIT                                                                          \
    {                                                                                              \
        sizeof(struct shale_system)                                                                \
    }

/*
 * Tells which allocator serves the front door, whether that was proven, and the machine below.
 *
 * @param info  struct_size set by the caller (SHALE_SYSTEM_INIT), the rest filled.
 * @return      0; SHALE_EINVAL when info is NULL or struct_size is smaller than the first
 * release's, info is untouched then. Threads: safe. Signals: not safe. Fork: safe. Ownership: the
 * strings are static. Cost: milliseconds: reads files of /proc and /sys, and the backends system
 * and jemalloc are proven with shale_verify_self(). Allocates and frees memory. Since: 0.1.0
 * Example: examples/system_info.c
 */
#if defined(__GNUC__)
__attribute__((visibility("default"), warn_unused_result))
#endif
int
shale_system_info(struct shale_system *info);

#ifdef __cplusplus
}
#endif
#endif
