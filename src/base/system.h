/* SPDX-License-Identifier: MIT */
/*
 * What this machine and this process's limits are: processors, memory, huge pages. Layer 0.
 *
 * Containers are seen: cgroup v1 and v2 limits are read for this process's own group and all its
 * ancestors, and the smallest counts. Nothing is cached except where a comment says so. No malloc;
 * the functions read files of /proc and /sys, so they are not for hot paths. errno is kept.
 */
#ifndef SHALE_BASE_SYSTEM_H
#define SHALE_BASE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

struct shale_system_memory {
    uint64_t total_bytes;            /* of the machine */
    uint64_t available_bytes;        /* of the machine, without swapping, as the kernel estimates */
    uint64_t swap_free_bytes;        /* of the machine */
    uint64_t limit_bytes;            /* smallest cgroup limit; UINT64_MAX without one */
    uint64_t limit_used_bytes;       /* charged to the cgroup whose limit is the tightest, else 0 */
    uint64_t usable_total_bytes;     /* min(total, limit) */
    uint64_t usable_available_bytes; /* min(available, limit - used) */
};

enum shale_system_thp {
    SHALE_SYSTEM_THP_MISSING, /* the kernel has no transparent huge pages */
    SHALE_SYSTEM_THP_NEVER,
    SHALE_SYSTEM_THP_MADVISE,
    SHALE_SYSTEM_THP_ALWAYS,
    SHALE_SYSTEM_THP_DISABLED, /* for this process, by PR_SET_THP_DISABLE */
};

/* vm.overcommit_memory */
enum shale_system_overcommit {
    SHALE_SYSTEM_OVERCOMMIT_HEURISTIC = 0,
    SHALE_SYSTEM_OVERCOMMIT_ALWAYS = 1,
    SHALE_SYSTEM_OVERCOMMIT_NEVER = 2,
};

/*
 * Processors this process can use at once: the affinity mask, cut by the cgroup's CPU quota
 * (rounded up). At least 1.
 */
unsigned shale_system_cpu_count(void);

/* Memory of the machine and of this process's cgroup. SHALE_EIO when /proc/meminfo is unreadable.
 */
SHALE_NODISCARD int shale_system_memory(struct shale_system_memory *memory);

enum shale_system_thp shale_system_thp_mode(void);

/* "missing", "never", "madvise", "always" or "disabled for this process". */
SHALE_CONST const char *shale_system_thp_name(enum shale_system_thp mode);

/* Bytes of a transparent huge page; 0 without them. */
size_t shale_system_huge_page_size(void);

/* Bytes of a line of the first data cache; 64 where the system does not tell. */
size_t shale_system_cache_line_size(void);

/* SHALE_EIO when it cannot be read. */
SHALE_NODISCARD int shale_system_overcommit(enum shale_system_overcommit *overcommit);

/* Bytes that RLIMIT_AS still lets this process map; SIZE_MAX without a limit. */
size_t shale_system_address_space_left(void);

/*
 * Reads a whole small file, without malloc, and ends it with a NUL.
 *
 * @return bytes read (the file is cut at size - 1), or SHALE_ENOENT, SHALE_EPERM, SHALE_EGONE (a
 *         process of /proc ended), SHALE_EIO.
 */
SHALE_NODISCARD ssize_t shale_system_read_file(const char *path, char *text, size_t size);

/* For tests: every path above is looked up below root. NULL is the real one again. Not copied. */
void shale_system_set_root(const char *root);

#endif
