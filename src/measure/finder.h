/* SPDX-License-Identifier: MIT */
/*
 * Finds the allocators of this machine: which libraries there are, their version, and whether
 * they can be preloaded here. Layer 4.
 *
 * Searched, in this order: the folders of SHALE_ALLOCATOR_PATH (a colon list, each with its
 * subfolders to a depth of 8), the library folders beside this program's own (where it is
 * installed, or its build tree), the system's library folders, /usr/local/lib and /opt/NAME/lib,
 * and the cache of `./x peers` (SHALE_PEERS, else $XDG_CACHE_HOME/shale/peers, else
 * ~/.cache/shale/peers). File names make candidates; the code in the file decides what it is and
 * which version. Found files are listed once, by their real path. Builds that look for errors, and
 * sanitizers, count only in SHALE_ALLOCATOR_PATH or named by their path.
 *
 * No code of a found library runs: it is read, and ld.so is asked to list what it would need.
 */
#ifndef SHALE_MEASURE_FINDER_H
#define SHALE_MEASURE_FINDER_H

#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

enum finder_source {
    FINDER_BUILT_IN, /* "system": the C library's own, nothing is preloaded */
    FINDER_PATH,     /* SHALE_ALLOCATOR_PATH */
    FINDER_OWN,      /* installed, or built, with this program */
    FINDER_SYSTEM,   /* the system's library folders */
    FINDER_LOCAL,    /* /usr/local and /opt */
    FINDER_PEERS,    /* unpacked by ./x peers */
    FINDER_GIVEN,    /* a file named by the user */
};

struct finder_allocator {
    const char *name; /* "system", "mimalloc", ...; "unknown" for a given file of no known kind */
    const char *version; /* "3.6.0"; "" when it cannot be told */
    const char *path;    /* what goes into LD_PRELOAD; NULL for "system" */
    const char *reason;  /* why it cannot be loaded here; NULL: it can */
    unsigned rank;       /* among the libraries of one project, 0 is the usual one */
    enum finder_source source;
};

/* Allocators with the strings they point to; free with finder_free. */
struct finder_list {
    struct finder_allocator *items;
    size_t count;
};

/*
 * Lists every allocator found, "system" first, then by name, loadable before not, newest first.
 *
 * @return 0, SHALE_ENOMEM.
 * Cost: a walk over the folders, and per library a read and one run of ld.so: some ms each.
 */
SHALE_NODISCARD int finder_scan(struct finder_list *list);

/*
 * The allocator a user means: NAME, NAME@VERSION (3.6.0, or the beginning 3.6 or 3), or a path
 * (whatever has a slash in it).
 *
 * Of several that fit, loadable ones come before others, then SHALE_ALLOCATOR_PATH, then the
 * system's folders, then the rest; the newest within a place, then the project's usual library.
 *
 * @param list    one entry on success: the one to use.
 * @param reason  gets why not, in words, on error: what is there instead, or why it cannot be
 *                loaded; never cut in the middle of a word for sizes from 512.
 * @return        0; SHALE_ENOENT: nothing fits; SHALE_ENOTSUP: it is there but cannot be loaded
 *                on this machine; SHALE_ENOMEM.
 */
SHALE_NODISCARD int finder_find(const char *request, struct finder_list *list, char *reason,
                                size_t reason_size);

void finder_free(struct finder_list *list);

/* "system", "path", "local", "peers", ...: for tables and JSON. */
const char *finder_source_name(enum finder_source source);

/* Where ./x peers unpacks to; the caller frees it. NULL when neither HOME nor XDG names a place. */
char *finder_peers_dir(void);

#endif
