/* SPDX-License-Identifier: MIT */
/*
 * The memory of a target as bytes at addresses: a live process, read without stopping it, or the
 * image of a file. Layer 1; part of the self-check.
 *
 * Everything read from it is untrusted: a target may write whatever it likes into its own tables.
 * So a reader checks each size, bounds each loop and copies before it looks.
 */
#ifndef SHALE_IDENTIFY_MEMORY_H
#define SHALE_IDENTIFY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shale/error.h>

#include "base/attributes.h"

struct identify_memory {
    /* Copies `size` bytes: 0; SHALE_EIO where nothing is mapped; SHALE_EGONE, SHALE_EPERM. */
    int (*read)(const struct identify_memory *self, uint64_t address, void *out, size_t size);
    const void *context; /* of other kinds than a process */
    pid_t pid;
    int fd; /* of /proc/PID/mem, or -1: process_vm_readv */
};

/*
 * Opens the memory of a process, the own one too.
 *
 * @return 0; SHALE_EPERM: it may not be read; SHALE_ENOENT: there is no such process; SHALE_EGONE:
 *         it has no memory any more; SHALE_EIO.
 */
SHALE_NODISCARD int identify_memory_open(pid_t pid, struct identify_memory *memory);

void identify_memory_close(struct identify_memory *memory);

/* Copies `size` bytes from the address; 0 or what memory->read returns. */
SHALE_NODISCARD int identify_memory_read(const struct identify_memory *memory, uint64_t address,
                                         void *out, size_t size);

/*
 * Copies a NUL-terminated text of fewer than `size` bytes.
 *
 * @return 0; SHALE_ERANGE: it is longer (out holds its beginning, terminated); or a read error.
 */
SHALE_NODISCARD int identify_memory_text(const struct identify_memory *memory, uint64_t address,
                                         char *out, size_t size);

/*
 * Looks at every byte of [start, end) in overlapping pieces until `found` returns true.
 *
 * @param overlap  bytes at the end of a piece that are shown again at the start of the next.
 * @return         whether found did. What cannot be read is passed over.
 */
bool identify_memory_scan(const struct identify_memory *memory, uint64_t start, uint64_t end,
                          size_t overlap,
                          bool (*found)(const char *bytes, size_t size, void *context),
                          void *context);

#endif
