/* SPDX-License-Identifier: MIT */
/*
 * The history in words and in files. Layer 5.
 *
 * Writers leave it to the caller to see whether writing worked (ferror, outfile_commit).
 */
#ifndef SHALE_GATE_HISTORY_REPORT_H
#define SHALE_GATE_HISTORY_REPORT_H

#include <stdio.h>

#include "gate/history.h"

struct history_report {
    struct history *history;
    struct history_filter filter;
    const char *metric; /* NULL: the runs, not the trend of a figure */
    struct history_run *runs;
    size_t run_count;
    struct history_point *points; /* of the metric */
    size_t point_count;
};

/*
 * Reads what the filter asks for.
 *
 * @return  0, SHALE_EIO, SHALE_ENOMEM.
 * Ownership: history_report_free in every case.
 */
SHALE_NODISCARD int history_report_read(struct history_report *report);

void history_report_free(struct history_report *report);

/* A line for each run; with a metric the line of each of its figures, and whether they rise. */
void history_report_text(const struct history_report *report, FILE *out);

/* One page: the runs, and the metric over time with its intervals. */
void history_report_html(const struct history_report *report, FILE *out);

/* NULL without memory. */
json_t *history_report_json(const struct history_report *report);

/* The figures of the last gate, for the node exporter's textfile collector. */
void history_report_prometheus(const struct history_report *report, FILE *out);

/* "RSS loaded: +12.0 % (+11.0..+13.0), at the last GO +3.0 % (+2.0..+4.0)" */
void history_regression_text(const struct history_regression *regression, char *text, size_t size);

#endif
