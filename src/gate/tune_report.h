/* SPDX-License-Identifier: MIT */
/*
 * A tuning's result in words and in files. Layer 5.
 *
 * Writers leave it to the caller to see whether writing worked (ferror, outfile_commit).
 */
#ifndef SHALE_GATE_TUNE_REPORT_H
#define SHALE_GATE_TUNE_REPORT_H

#include <stdio.h>

#include "gate/tune.h"

struct tune_report {
    const struct gate_plan *plan;
    const struct tune_result *result;
    enum tune_objective objective;
};

/* The table for people, ending with the advice. */
void tune_report_text(const struct tune_report *report, FILE *out);

/* share/schema/tune.schema.json; NULL without memory. */
json_t *tune_report_json(const struct tune_report *report);

/* A section for a pull request. */
void tune_report_markdown(const struct tune_report *report, FILE *out);

/* One page, with the settings as points: latency across, RSS upwards. */
void tune_report_html(const struct tune_report *report, FILE *out);

#endif
