/* SPDX-License-Identifier: MIT */
/*
 * Who really serves malloc: in this process, in another one, in a file before it runs. Layer 1.
 *
 * By symbol resolution and pointer ownership, never by name, maps, environment or the program's
 * own report. Each function below fills one report; a verdict comes with the evidence it rests on.
 */
#ifndef SHALE_IDENTIFY_IDENTIFY_H
#define SHALE_IDENTIFY_IDENTIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include <shale/verify.h>

#include "base/attributes.h"
#include "identify/catalog.h"
#include "identify/report.h"

/*
 * Both fill an initialised report, as identify_self (report.h) does for the calling process.
 *
 * @param options  may be NULL.
 * @return 0 whatever the verdict; else a negative SHALE_E* with report->reason (what is wrong) and
 *         report->remedy (what to do, or NULL) filled in: SHALE_EINVAL for an unknown name in
 *         options->expect, SHALE_ENOENT for no such process or file, SHALE_EGONE for a process
 *         that ended while it was read, SHALE_EPERM for one that may not be read, SHALE_EFORMAT
 *         for a file that is no program or library, SHALE_EIO, SHALE_ENOMEM.
 * Ownership: free the report with identify_report_free, also after an error.
 */
SHALE_NODISCARD int identify_pid(pid_t pid, const struct identify_options *options,
                                 struct identify_report *report);
SHALE_NODISCARD int identify_file(const char *path, const struct identify_options *options,
                                  struct identify_report *report);

/* The exit status of a verdict: 0 active, 1 absent or inert, 2 partial, 3 unknown. */
int identify_exit_status(enum shale_verdict verdict);

/*
 * A text as a new JSON string, or null for NULL. Paths, arguments and what programs print may hold
 * any bytes, JSON holds UTF-8: a text that is none has "?" for each byte that is not ASCII.
 */
json_t *identify_json_text(const char *text);

/* The same, with null for an empty text too: a member that may be absent. */
json_t *identify_json_optional(const char *text);

/* The report as a new JSON object (share/schema/verify.schema.json); NULL without memory. */
json_t *identify_report_json(const struct identify_report *report);

/* The report as text for people; with `all`, every function and piece of evidence. */
void identify_report_text(const struct identify_report *report, bool all, FILE *out);

/* What stands between a preloaded library and a program. */
enum identify_obstacle_kind {
    IDENTIFY_OBSTACLE_NONE,
    IDENTIFY_OBSTACLE_UNREADABLE,      /* the program or library cannot be read */
    IDENTIFY_OBSTACLE_NOT_ELF,         /* neither ELF nor a script */
    IDENTIFY_OBSTACLE_STATIC,          /* no dynamic linker: LD_PRELOAD is not looked at */
    IDENTIFY_OBSTACLE_PRIVILEGED,      /* setuid, setgid or capabilities: LD_PRELOAD is dropped */
    IDENTIFY_OBSTACLE_ARCHITECTURE,    /* program and library are for different machines */
    IDENTIFY_OBSTACLE_OTHER_LIBC,      /* musl program with a glibc library, or the reverse */
    IDENTIFY_OBSTACLE_OLD_LIBC,        /* the library needs a newer glibc than is installed */
    IDENTIFY_OBSTACLE_DEFINES_MALLOC,  /* the executable's own malloc comes first */
    IDENTIFY_OBSTACLE_NOT_AN_ALLOCATOR /* the library defines no malloc */
};

struct identify_obstacle {
    enum identify_obstacle_kind kind;
    char program[512]; /* the ELF file that would run: the interpreter of a script */
    char reason[512];  /* a clause: "it is linked statically, so no library can be preloaded" */
    char remedy[512];  /* what would work: "link it with mimalloc instead: ..." */
};

/*
 * Would preloading the library into the program work? Reads files only, runs nothing. Looks at the
 * program as the calling user would run it; scripts are followed to their interpreter.
 *
 * @param program  path of the program.
 * @param library  path of the library to preload; NULL checks the program alone.
 * @param obstacle gets the first obstacle found, or kind IDENTIFY_OBSTACLE_NONE.
 * @return 0, or SHALE_EINVAL or SHALE_ENOMEM.
 */
SHALE_NODISCARD int identify_preload_obstacle(const char *program, const char *library,
                                              struct identify_obstacle *obstacle);

/* A library on disk, as far as reading it tells. */
struct identify_library {
    const struct identify_allocator *allocator; /* NULL: a malloc that is not in the catalog */
    bool defines_malloc;                        /* it exports malloc and free */
    char version[64];                           /* empty: not known */
    char soname[128];                           /* empty: none */
};

/*
 * Reads which allocator a library is, without loading it.
 *
 * @param library  gets the finding; untouched on an error.
 * @return 0, SHALE_ENOENT, SHALE_EPERM, SHALE_EFORMAT (no ELF library of this machine), SHALE_EIO,
 *         SHALE_ENOMEM.
 */
SHALE_NODISCARD int identify_library_file(const char *path, struct identify_library *library);

#endif
