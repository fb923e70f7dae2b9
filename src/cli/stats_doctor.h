/* SPDX-License-Identifier: MIT */
/* `shale stats --doctor`, and the parts of the JSON that it shares. Layer 6. */
#ifndef SHALE_CLI_STATS_DOCTOR_H
#define SHALE_CLI_STATS_DOCTOR_H

#include <jansson.h>
#include <stdio.h>

#include "inspect/inspect.h"

/* What is wrong in each engine, what kept it busy, and where its memory is. True: all is well. */
bool stats_print_doctor(FILE *out, const struct inspect_report *report, uint64_t epoch_age_ns);

/* True when nothing is wrong. */
bool stats_is_healthy(const struct inspect_report *report, uint64_t epoch_age_ns);

/* Adds "epochs", "derived", "resident" and "findings" to an engine's object. 0, or -1. */
int stats_add_doctor_json(json_t *json, const struct inspect_engine *engine, uint64_t epoch_age_ns);

#endif
