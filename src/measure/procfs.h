/* SPDX-License-Identifier: MIT */
/*
 * What /proc says about a process and all its descendants. Layer 4.
 *
 * Sums over the tree count shared pages once per process in `rss_bytes` (as every tool that adds
 * up RSS does) and by share in `pss_bytes`. Processes that ended are no longer in the sums, a
 * process that ends while it is read is left out, and so is a daemon that left the tree. Children
 * are found through /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN, on in distribution kernels).
 */
#ifndef SHALE_MEASURE_PROCFS_H
#define SHALE_MEASURE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shale/error.h>

#include "base/attributes.h"

struct procfs_figures {
    unsigned processes;
    uint64_t rss_bytes;       /* resident now: /proc/PID/statm */
    uint64_t peak_bytes;      /* the sum of each process's own highest RSS: VmHWM */
    uint64_t pss_bytes;       /* smaps_rollup; valid where has_rollup */
    uint64_t anon_huge_bytes; /* AnonHugePages of smaps_rollup: transparent huge pages */
    bool has_rollup;          /* smaps_rollup of every process could be read */
};

enum procfs_detail {
    PROCFS_RSS,    /* processes and rss_bytes: one small file per process */
    PROCFS_ROLLUP, /* and the peak from status, and smaps_rollup, for which the kernel walks the
                      page tables: up to ms */
};

/*
 * Adds up the figures of `root` and its descendants.
 *
 * @return  0, or SHALE_EGONE when root has ended.
 * Threads: safe. Cost: per process about 20 us for PROCFS_RSS; with PROCFS_ROLLUP about 1 ms
 * per 100 MB.
 */
SHALE_NODISCARD int procfs_read_tree(pid_t root, enum procfs_detail detail,
                                     struct procfs_figures *out);

/* Calls visit for root and each of its descendants. */
void procfs_for_each(pid_t root, void (*visit)(pid_t pid, void *context), void *context);

/* Our own resident size in bytes. */
uint64_t procfs_own_rss(void);

#endif
