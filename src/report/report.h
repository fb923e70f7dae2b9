/* SPDX-License-Identifier: MIT */
/*
 * A profile as text, JSON, CSV, Prometheus' format, pprof, collapsed stacks, speedscope or HTML.
 * Layer 4.
 *
 * Every writer reads the model (profile/model.h) and nothing else. Where the stream cannot be
 * written, it is the caller who sees it (ferror, outfile_commit); what a writer returns is why it
 * could not make its text: 0, or SHALE_ENOMEM, or SHALE_ENOTSUP where the build left it out.
 */
#ifndef SHALE_REPORT_REPORT_H
#define SHALE_REPORT_REPORT_H

#include <stdio.h>

#include <shale/error.h>

#include "profile/model.h"

/* What a call site can be weighed by. */
enum report_weight {
    REPORT_ALLOCATED_BYTES,
    REPORT_ALLOCATIONS,
    REPORT_PEAK_BYTES,
    REPORT_LIVE_BYTES,
    REPORT_LIVE_BLOCKS,
    REPORT_TEMPORARY,
    REPORT_WEIGHTS,
};

/* The word for it on the command line: "allocated", "allocations", "peak", ... */
const char *report_weight_name(enum report_weight weight);

/* The weight of that name, or REPORT_WEIGHTS. */
enum report_weight report_weight_find(const char *name);

bool report_weight_is_bytes(enum report_weight weight);
uint64_t report_weight_of(const struct profile_site *site, enum report_weight weight);

/* The tables of a profile, one CSV file each. */
enum report_table {
    REPORT_TABLE_SITES,
    REPORT_TABLE_LEAKS,
    REPORT_TABLE_THREADS,
    REPORT_TABLE_FLOWS,
    REPORT_TABLE_TIMELINE,
    REPORT_TABLE_SIZES,
    REPORT_TABLES,
};

const char *report_table_name(enum report_table table);
enum report_table report_table_find(const char *name); /* or REPORT_TABLES */

struct report_text_options {
    unsigned sites; /* how many call sites of each list; 0: 10 */
    bool colour;    /* escape sequences for a terminal */
};

/* What a person wants to know first: totals, the weightiest sites, leaks, what to try. */
int report_text(const struct shale_profile_report *report,
                const struct report_text_options *options, FILE *out);

/* share/schema/profile.schema.json, in one line for each element of a list. */
int report_json(const struct shale_profile_report *report, FILE *out);

/* One table, with a line of headings (RFC 4180, lines end in LF). */
int report_csv(const struct shale_profile_report *report, enum report_table table, FILE *out);

/*
 * Prometheus' text format; no threads and no stacks, which would be labels without bound.
 *
 * @param openmetrics  OpenMetrics 1.0 instead, which ends with # EOF.
 */
int report_prometheus(const struct shale_profile_report *report, bool openmetrics, FILE *out);

/* pprof's protobuf, gzip. SHALE_ENOTSUP in a build without protobuf-c: report_pprof_available. */
int report_pprof(const struct shale_profile_report *report, FILE *out);
bool report_pprof_available(void);

/* Collapsed stacks, a line each: "main;parse;new_node 4096", the outermost function first. */
int report_flame(const struct shale_profile_report *report, enum report_weight weight, FILE *out);

/* speedscope's JSON, a profile for each weight that is not all zero. */
int report_speedscope(const struct shale_profile_report *report, FILE *out);

/* The dashboard, one file. SHALE_ENOTSUP in a build that had no npm: report_html_available. */
int report_html(const struct shale_profile_report *report, FILE *out);
bool report_html_available(void);

enum report_format {
    REPORT_TEXT,
    REPORT_HTML,
    REPORT_JSON,
    REPORT_CSV,
    REPORT_PROMETHEUS,
    REPORT_OPENMETRICS,
    REPORT_PPROF,
    REPORT_FLAME,
    REPORT_SPEEDSCOPE,
    REPORT_FORMATS,
};

/* The word for it on the command line: "text", "html", ... */
const char *report_format_name(enum report_format format);

/* The format of that name, or REPORT_FORMATS. */
enum report_format report_format_find(const char *name);

/* Is the format no text, so that it should not go to a terminal? */
bool report_format_is_binary(enum report_format format);

/* What a format may be told; all zero is the default. */
struct report_options {
    enum report_table table;         /* of CSV */
    enum report_weight weight;       /* of collapsed stacks */
    struct report_text_options text; /* of the text */
};

/* Any of the above. */
SHALE_NODISCARD int report_write(const struct shale_profile_report *report,
                                 enum report_format format, const struct report_options *options,
                                 FILE *out);

#endif
