/* SPDX-License-Identifier: MIT */
/* What `shale profile` was asked for, and what that means for the program's environment. Layer 6.
 */
#ifndef SHALE_CLI_PROFILE_OPTIONS_H
#define SHALE_CLI_PROFILE_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "cli/cmd.h"

struct profile_options {
    const char *mode;
    const char *output;
    const char *allocator;
    const char *sample;
    const char *suppressions;
    long latency;
    int no_follow;
    int no_symbols;
    int quiet;
};

extern struct profile_options profile_options;
extern const struct poptOption profile_option_table[];
extern const struct cmd_status profile_statuses[];
extern const struct cmd_example profile_examples[];
extern const struct cmd_section profile_sections[];

/* The environment of the program, as launch_spec wants it, with the texts it points to. */
enum { PROFILE_VARIABLES = 8 };
struct profile_environment {
    const char *entries[PROFILE_VARIABLES + 1];
    unsigned count;
    char texts[PROFILE_VARIABLES][PATH_MAX + 64];
};

/* Checks the options; -1 to go on, else the exit status after a message. */
int profile_options_check(const struct cmd_entry *self);

/*
 * Fills the environment.
 *
 * @param path     of the file, absolute; may hold %p.
 * @param preload  of the allocator to profile under; NULL: the program's own.
 */
void profile_environment_fill(struct profile_environment *environment, const char *path,
                              const char *preload);

#endif
