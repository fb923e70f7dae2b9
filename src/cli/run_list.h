/* SPDX-License-Identifier: MIT */
/* `shale run --list`: the allocators of this machine as a table and as JSON. Layer 6. */
#ifndef SHALE_CLI_RUN_LIST_H
#define SHALE_CLI_RUN_LIST_H

#include "cli/cmd.h"

/* Prints the list and returns the exit status. */
int run_list(const struct cmd_entry *self, bool as_json);

#endif
