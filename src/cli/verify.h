/* SPDX-License-Identifier: MIT */
/* What the two halves of `shale verify` share: cmd_verify.c (arguments, output) and verify_start.c
 * (commands and process trees). Layer 6. */
#ifndef SHALE_CLI_VERIFY_H
#define SHALE_CLI_VERIFY_H

#include <stdio.h>
#include <sys/types.h>

#include "cli/cmd.h"
#include "identify/identify.h"

struct verify_options {
    char *expect;
    char *output;
    int follow, stop, all, json; /* flags */
    double wait_s;
};

/* Where reports go. */
struct verify_out {
    FILE *stream;
    const struct verify_options *options;
    unsigned printed;
};

/* Opens the output; CMD_EXIT_OK or the status to end with. */
int verify_open(const struct cmd_entry *self, const struct verify_options *wanted,
                struct verify_out *out);

/* Prints one report; the exit status of its verdict, or CMD_EXIT_INTERNAL. */
int verify_print(const struct cmd_entry *self, struct verify_out *out,
                 const struct identify_report *report);

/* Closes the output; `status`, or CMD_EXIT_IO when it could not be written. */
int verify_close(const struct cmd_entry *self, struct verify_out *out, int status);

/* Says on stderr why the subject could not be judged; the status to end with. */
int verify_failed(const struct cmd_entry *self, const char *subject, int error,
                  const struct identify_report *report);

/* The worse of two statuses. */
int verify_worse(int one, int other);

/* Starts the command, judges it, and lets it run on or ends it; the exit status. */
int verify_command(const struct cmd_entry *self, const struct verify_options *options,
                   const char **argv);

/* Judges a process and all its descendants; the exit status. */
int verify_tree(const struct cmd_entry *self, const struct verify_options *options, pid_t root);

#endif
