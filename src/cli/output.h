/* SPDX-License-Identifier: MIT */
/* What commands that measure share: reports in files, and signals that end the work. Layer 6. */
#ifndef SHALE_CLI_OUTPUT_H
#define SHALE_CLI_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cmd.h"

/* Writes a report; a negative SHALE_E* gives up, and what was written is thrown away. */
typedef int output_write_fn(const void *report, FILE *out);

bool output_is_stdout(const char *path);

/* Says that the file cannot be written, by errno; returns CMD_EXIT_IO. */
int output_error(const struct cmd_entry *self, const char *path);

/*
 * Asks before minutes of work whether files can be put there.
 *
 * @param paths  may be NULL each; "-" is stdout.
 * @return  CMD_EXIT_OK, or the exit status after a message.
 */
int output_probe(const struct cmd_entry *self, const char *const *paths, size_t count);

/*
 * Writes a report whole or not at all.
 *
 * @param path  NULL: nothing is written; "-" is stdout.
 * @return  CMD_EXIT_OK, or the exit status after a message.
 */
int output_write(const struct cmd_entry *self, const char *path, output_write_fn *write,
                 const void *report);

/* One report of several: where it goes, NULL: nowhere, and what writes it. */
struct output {
    const char *path;
    output_write_fn *write;
};

/* Does one of them go to stdout, in the place of the table? */
bool output_any_is_stdout(const struct output *outputs, size_t count);

/* As output_probe; two reports in one place are an error of usage. */
int output_probe_all(const struct cmd_entry *self, const struct output *outputs, size_t count);

/* Writes every one; one that fails does not keep the others from being written. Flushes stdout. */
int output_write_all(const struct cmd_entry *self, const struct output *outputs, size_t count,
                     const void *report);

/*
 * From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT are noted: the returned number becomes the
 * signal's. What our caller ignores (nohup ignores SIGHUP) stays ignored.
 */
const volatile sig_atomic_t *output_catch_signals(void);

#endif
