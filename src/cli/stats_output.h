/* SPDX-License-Identifier: MIT */
/* The forms of `shale stats`. Layer 6. */
#ifndef SHALE_CLI_STATS_OUTPUT_H
#define SHALE_CLI_STATS_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "inspect/inspect.h"

/* One figure of struct shale_stats. */
struct stats_figure {
    const char *name;
    const char *help;
    size_t offset;
    bool counter; /* else a gauge */
};

extern const struct stats_figure stats_figures[]; /* ends with a NULL name */
uint64_t stats_value(const struct shale_stats *stats, const struct stats_figure *figure);

struct stats_detail {
    bool all;     /* figures that are zero too */
    bool classes; /* a table of the size classes */
    bool threads; /* and of the threads */
};

void stats_print_text(FILE *out, const struct inspect_report *report,
                      const struct stats_detail *detail);

/* NULL without memory. Ownership: the caller's. */
json_t *stats_json(const struct inspect_report *report, uint64_t epoch_age_ns);

/* The text format of Prometheus, version 0.0.4. */
void stats_print_prometheus(FILE *out, const struct inspect_report *report);

/* One line per look: what is there, and what happened in a second since the look before. */
void stats_print_watch_head(FILE *out);
void stats_print_watch(FILE *out, const struct inspect_report *before,
                       const struct inspect_report *now);

#endif
