/* SPDX-License-Identifier: MIT */
/* What /proc tells about a process, beside its memory. Layer 1. */
#ifndef SHALE_IDENTIFY_PROCFS_H
#define SHALE_IDENTIFY_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shale/error.h>

#include "base/attributes.h"

struct identify_process {
    char command[64];      /* comm */
    char executable[4096]; /* where /proc/PID/exe leads; may end in " (deleted)" */
    uid_t uid;
    bool zombie, kernel_thread;
    uint64_t start_time;       /* with the pid it names a process for good */
    uint64_t phdr, phdr_count; /* AT_PHDR, AT_PHNUM */
    uint64_t random;           /* AT_RANDOM: a new address with each exec */
    char *environment;         /* "NAME=value" texts, one after the other */
    size_t environment_size;
    const char *preload;       /* LD_PRELOAD in it, or NULL */
    const char *python_malloc; /* PYTHONMALLOC in it, or NULL */
    char *system_preload;      /* its /etc/ld.so.preload, or NULL */
};

/*
 * @return 0; SHALE_ENOENT: no such process; SHALE_EPERM: all but the private part was read;
 *         SHALE_EGONE; SHALE_ENOMEM.
 * Ownership: identify_process_free, also after an error.
 */
SHALE_NODISCARD int identify_process_read(pid_t pid, struct identify_process *process);
void identify_process_free(struct identify_process *process);

/*
 * Reads a file of /proc/PID whole, with a NUL added (4 MiB at most).
 *
 * @return NULL with *status set: SHALE_ENOENT, SHALE_EPERM, SHALE_EGONE, SHALE_ENOMEM, SHALE_EIO.
 * Ownership: free().
 */
SHALE_NODISCARD char *identify_process_file(pid_t pid, const char *name, size_t *size, int *status);

/* Do both describe the same program in the same process? */
bool identify_process_same(const struct identify_process *one,
                           const struct identify_process *other);

/* kernel.yama.ptrace_scope; 0 where there is no Yama. */
int identify_ptrace_scope(void);

#endif
