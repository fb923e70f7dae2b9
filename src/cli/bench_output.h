/* SPDX-License-Identifier: MIT */
/* Where the results of `shale bench` go: the terminal, files, a plot. Layer 6. */
#ifndef SHALE_CLI_BENCH_OUTPUT_H
#define SHALE_CLI_BENCH_OUTPUT_H

#include "cli/cmd.h"
#include "measure/bench_report.h"

/* Paths that the user gave, each NULL where none was; "-" is stdout. */
struct bench_output {
    char *csv, *json;
    char *plot; /* a folder, made where there is none */
};

/* Can the files be put there? CMD_EXIT_OK, or the status to end with, after a message. */
int bench_output_probe(const struct cmd_entry *self, const struct bench_output *output);

/*
 * Writes everything that was asked for. The table goes to stdout unless another form goes there.
 *
 * @return  CMD_EXIT_OK, or the status to end with, after a message.
 */
int bench_output_write(const struct cmd_entry *self, const struct bench_report *report,
                       const struct bench_output *output);

#endif
