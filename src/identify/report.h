/* SPDX-License-Identifier: MIT */
/*
 * What identification found: a verdict and the evidence it rests on. Layer 1; part of the
 * self-check.
 */
#ifndef SHALE_IDENTIFY_REPORT_H
#define SHALE_IDENTIFY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <shale/error.h>
#include <shale/verify.h>

#include "base/attributes.h"

struct identify_options {
    const char *expect;  /* NAME[@VERSION], or NULL: LD_PRELOAD, the first replacement, system */
    const char *preload; /* of files: the LD_PRELOAD they would be started with, or NULL */
};

/* One thing that was seen. */
struct identify_evidence {
    char *kind;    /* one of the schema's: "resolution", "binding", "object", "probe", ... */
    char *subject; /* a function, an object, a variable */
    char *text;    /* a sentence without a period */
};

/* Who serves one function of the malloc family. */
struct identify_server {
    const char *function; /* "malloc", "operator new" */
    char *allocator;      /* "mimalloc", or the base name of an object that is not in the catalog */
    char *object;         /* the file that holds the code */
    bool called;          /* a loaded object is bound to it or imports it */
};

/* An object whose calls go elsewhere than the process's first definer. */
struct identify_deviation {
    char *object;    /* the file that calls */
    char *function;  /* what it calls */
    char *allocator; /* who serves that call */
    char *server;    /* the file that holds the code */
};

struct identify_report {
    enum shale_verdict verdict;
    const char *method;     /* "self", "process" or "file" */
    pid_t pid;              /* 0 for a file */
    char *target;           /* the program's command or the file's path */
    char *executable;       /* the path of the executable */
    char *build_id;         /* of the executable, in hex; NULL when it has none */
    char *expected;         /* the allocator the verdict is about */
    char *expected_version; /* as it was asked for, or NULL */
    char *expected_from;    /* "--expect", "LD_PRELOAD", "a linked library", ... */
    char *allocator;        /* who serves malloc; NULL when not known */
    char *version;          /* of that one; NULL when not known */
    char *object;           /* the file that holds that malloc */
    char *reason;           /* one or two sentences: why this verdict, or why this error */
    char *remedy;           /* what to do about it, or NULL */
    struct identify_server *servers;
    size_t server_count;
    struct identify_deviation *deviations;
    size_t deviation_count;
    struct identify_evidence *evidence;
    size_t evidence_count;
    char **layers; /* allocators above malloc: "small objects by pymalloc" */
    size_t layer_count;
    bool out_of_memory; /* something could not be noted */
};

/* Empties a report that holds nothing yet. Every other function needs this first. */
void identify_report_init(struct identify_report *report);

/* Frees what the report holds and empties it. */
void identify_report_free(struct identify_report *report);

/*
 * Adds one entry to a list of the report. Without memory they set report->out_of_memory and add
 * nothing, so that a caller checks once at the end.
 */
void identify_add_evidence(struct identify_report *report, const char *kind, const char *subject,
                           const char *text, ...) SHALE_PRINTF(4, 5);
void identify_add_server(struct identify_report *report, const char *function,
                         const char *allocator, const char *object, bool called);
void identify_add_deviation(struct identify_report *report, const char *object,
                            const char *function, const char *allocator, const char *server);
void identify_add_layer(struct identify_report *report, const char *text, ...) SHALE_PRINTF(2, 3);

/* Replaces a text of the report by a formatted one. */
void identify_set(struct identify_report *report, char **text, const char *format, ...)
    SHALE_PRINTF(3, 4);

/* Is options->expect a name that is known? 0, or SHALE_EINVAL with report->reason and remedy. */
SHALE_NODISCARD int identify_check_options(const struct identify_options *options,
                                           struct identify_report *report);

/*
 * Proves who serves malloc in the calling process. See identify_pid in identify.h for the rest.
 *
 * @param options  may be NULL.
 * @return 0 whatever the verdict; SHALE_EINVAL for an unknown name in options->expect;
 *         SHALE_ENOMEM. report->reason says why.
 */
SHALE_NODISCARD int identify_self(const struct identify_options *options,
                                  struct identify_report *report);

#endif
