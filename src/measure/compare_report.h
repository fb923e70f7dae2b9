/* SPDX-License-Identifier: MIT */
/*
 * A comparison in words and in files: terminal, JSON, CSV, Markdown. Layer 4.
 *
 * Each function writes to a stream and leaves it to the caller to see whether that worked
 * (ferror, outfile_commit).
 */
#ifndef SHALE_MEASURE_COMPARE_REPORT_H
#define SHALE_MEASURE_COMPARE_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "measure/compare.h"
#include "measure/machine.h"

struct compare_report {
    const struct compare_plan *plan;
    const struct comparison_set *set;
    const char *ready; /* as the user wrote it; NULL */
    struct machine_note machine;
    char taken[32]; /* when, ISO 8601, UTC */
};

/* Fills in the machine and the time. */
void compare_report_init(struct compare_report *report, const struct compare_plan *plan,
                         const struct comparison_set *set, const char *ready);

/* The table for people, with the sentence that reads it. */
void compare_write_text(const struct compare_report *report, FILE *out);

/* One sentence per candidate: what differs, by how much, and what was not shown to. */
void compare_write_sentences(const struct compare_report *report, FILE *out);

/* What compare_write_json writes, as a new object; NULL without memory. */
json_t *compare_json(const struct compare_report *report);

/* share/schema/compare.schema.json. 0, SHALE_ENOMEM, SHALE_EIO. */
SHALE_NODISCARD int compare_write_json(const struct compare_report *report, FILE *out);

/* One line per run and figure: the raw samples. */
void compare_write_csv(const struct compare_report *report, FILE *out);

/* A section for a pull request. */
void compare_write_markdown(const struct compare_report *report, FILE *out);

/* "Only 6 pairs ...": what this many pairs cannot show, and how many could; "" when enough. */
void compare_pairs_warning(const struct comparison_set *set, char *text, size_t size);

/* The table's cells of one figure, as text. */
struct compare_cells {
    char baseline[24], candidate[24], ratio[16], interval[32], could_show[16], verdict[40];
};
void compare_cells(const struct figure *figure, const struct compare_reading *reading,
                   struct compare_cells *cells);

#endif
