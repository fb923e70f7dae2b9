/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process, read without making any of it resident. Layer 1.
 *
 * A page that /proc/PID/mem reads is brought into the process, with its neighbours: reading the
 * symbol table of the C library adds most of a megabyte to the RSS of a small program, and that to
 * the figures which somebody takes of it. So a page of a mapped file that the process has not
 * touched (/proc/PID/pagemap tells) is read from the file: its content is the same by definition.
 * All others, and files that cannot be opened as what is mapped, are read as ever.
 */
#ifndef SHALE_IDENTIFY_UNTOUCHED_H
#define SHALE_IDENTIFY_UNTOUCHED_H

#include "identify/memory.h"

struct identify_untouched {
    struct identify_memory memory;  /* to read by */
    struct identify_memory process; /* what is resident */
    int pagemap;
    struct identify_mapping *mappings; /* of files, by address */
    size_t count;
    char *text; /* /proc/PID/maps, which they point into */
};

/*
 * Where the pages or the mappings cannot be read, memory reads everything through the process.
 *
 * @param files  false: everything through the process anyway.
 * @return       as identify_memory_open().
 * Ownership: identify_untouched_close. It must not move while memory is in use.
 */
SHALE_NODISCARD int identify_untouched_open(pid_t pid, bool files,
                                            struct identify_untouched *untouched);

/* Did the process map or unmap files since? Then a page may have been read from a wrong one. */
SHALE_NODISCARD bool identify_untouched_moved(const struct identify_untouched *untouched);

void identify_untouched_close(struct identify_untouched *untouched);

#endif
