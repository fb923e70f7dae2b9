/* SPDX-License-Identifier: MIT */
/*
 * The allocators that are known by name: how to find each on disk, how to recognise its code, how
 * to read its version. Layer 1; part of the self-check (no libelf).
 */
#ifndef SHALE_IDENTIFY_CATALOG_H
#define SHALE_IDENTIFY_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

/* Where the version of an allocator's code is written. */
enum identify_version_method {
    IDENTIFY_VERSION_NONE,     /* nowhere in the code */
    IDENTIFY_VERSION_MIMALLOC, /* mi_version() returns a constant: 209 = 2.0.9, 30600 = 3.6.0 */
    IDENTIFY_VERSION_TEXT,     /* a text in the image: version_before, then the version */
    IDENTIFY_VERSION_JEMALLOC, /* "5.3.0-0-g<40 hex digits>" in the image */
};

struct identify_allocator {
    const char *name;            /* as on the command line: "mimalloc" */
    const char *title;           /* as in a sentence: "TCMalloc (gperftools)" */
    const char *const *sonames;  /* of its preloadable library, best first; NULL-terminated */
    const char *const *patterns; /* fnmatch patterns of its files' base names; NULL-terminated */
    const char *const *symbols;  /* any one defined symbol identifies its code; NULL-terminated */
    const char *const *strings;  /* any one, with more text behind it, identifies stripped code */
    enum identify_version_method version_method;
    const char *version_before; /* IDENTIFY_VERSION_TEXT: the text right before the version */
    const char *debian_package; /* that holds it, or NULL */
};

/* All of them; "system" is the first. Ends with a NULL name. */
extern const struct identify_allocator identify_allocators[];

/* The entry of that command-line name (also "glibc" and "libc" for "system"), or NULL. */
const struct identify_allocator *identify_allocator_by_name(const char *name);

/* The entry one of whose patterns fits the base name of that path, or NULL. A hint for finding
 * files; never a proof. */
const struct identify_allocator *identify_allocator_by_file(const char *path);

/* Is that a build which looks for errors or profiles, or a retired one: a sanitizer's runtime, a
 * debug variant? By its base name. Such libraries serve who names them; nobody means them by
 * "tcmalloc" or "scudo". */
bool identify_is_debugging_file(const char *path);

/*
 * Splits "NAME[@VERSION]".
 *
 * @param name     gets NAME, cut to name_size - 1 bytes.
 * @param version  gets what follows the first '@' in text, NULL when there is none.
 */
void identify_split_name(const char *text, char *name, size_t name_size, const char **version);

/* Is `version` the wanted one? By whole components: "3" and "3.6" fit "3.6.0"; "3.60" does not. */
bool identify_version_fits(const char *version, const char *wanted);

/* Writes the decoded return value of mi_version(): 209 gives "2.0.9", 30600 gives "3.6.0". */
void identify_mimalloc_version(int number, char *text, size_t size);

#endif
