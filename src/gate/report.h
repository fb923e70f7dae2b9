/* SPDX-License-Identifier: MIT */
/*
 * A gate's result in words and in files. Layer 5.
 *
 * Writers leave it to the caller to see whether writing worked (ferror, outfile_commit).
 */
#ifndef SHALE_GATE_REPORT_H
#define SHALE_GATE_REPORT_H

#include <stdio.h>

#include "gate/gate.h"

struct gate_report {
    const struct gate_plan *plan;
    const struct gate_result *result;
};

/* The table for people, ending with the verdict. */
void gate_report_text(const struct gate_report *report, FILE *out);

/* share/schema/gate.schema.json; NULL without memory. */
json_t *gate_report_json(const struct gate_report *report);

/* A test suite per phase, a case per finding: NO-GO is a failure, CONDITIONAL says so in its
 * output. */
void gate_report_junit(const struct gate_report *report, FILE *out);

/* A section for a pull request. */
void gate_report_markdown(const struct gate_report *report, FILE *out);

/* One file that needs nothing else, and works without scripts. */
void gate_report_html(const struct gate_report *report, FILE *out);

/* Workflow commands of GitHub: an error or a warning for each finding that is not GO. */
void gate_report_github(const struct gate_report *report, FILE *out);

/* For the textfile collector of Prometheus' node exporter. */
void gate_report_prometheus(const struct gate_report *report, FILE *out);

/* The steps that put the baseline back, for whoever is on call. */
void gate_report_rollback(const struct gate_plan *plan, const struct arm *baseline,
                          const struct arm *candidate, FILE *out);

/*
 * Takes the phases that an interrupted gate had finished out of what gate_report_json wrote.
 *
 * @param reason  gets why not.
 * @return  0; SHALE_EFORMAT: that is no such file; SHALE_EINVAL: it is about another plan or other
 *          allocators.
 */
SHALE_NODISCARD int gate_report_resume(const json_t *document, const struct gate_plan *plan,
                                       struct gate_result *result, char *reason,
                                       size_t reason_size);

/* For the writers: a finding's numbers, as text. */
struct gate_cells {
    char value[64];  /* "+42.0 % (+41.1 to +43.0)" */
    char limits[64]; /* "10 % / 20 %" */
};
void gate_cells(const struct gate_finding *finding, struct gate_cells *cells);

/* "mimalloc 3.6.0" of an arm_json; "" without. */
const char *gate_arm_label(const json_t *arm);

#endif
