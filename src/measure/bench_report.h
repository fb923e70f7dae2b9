/* SPDX-License-Identifier: MIT */
/* A benchmark's results as a table, as JSON, as CSV and as the data of a plot. Layer 4. */
#ifndef SHALE_MEASURE_BENCH_REPORT_H
#define SHALE_MEASURE_BENCH_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "measure/bench_suite.h"
#include "measure/machine.h"

struct bench_report {
    const struct bench_suite *suite;
    struct machine_note machine;
    const char *command; /* as it was typed */
    const char *started; /* ISO 8601, UTC */
};

/*
 * Tables for people: medians with their spread, the best of each row marked (also what ties with
 * it), geometric means of the ratio to the first allocator, and what failed.
 */
void bench_report_text(const struct bench_report *report, FILE *out);

/* By share/schema/bench.schema.json; NULL without memory. */
json_t *bench_report_json(const struct bench_report *report);

/* One line per value of each run: suite, workload, figure, allocator, round, value, machine. */
void bench_report_csv(const struct bench_report *report, FILE *out);

/*
 * The leading figures as gnuplot reads them: a line per case, a column per allocator with the
 * ratio to the first one; comment lines name the machine and the command.
 */
void bench_report_plot_data(const struct bench_report *report, FILE *out);

/* A leading figure that sums of the suite are made of: time in both suites, and the programs' peak
 * RSS. `context` is the unit that the figure's name ends in ("ns", "s", "kib"), or NULL for any. */
bool bench_report_counts(const struct bench_row *row, const void *context);

#endif
