/* SPDX-License-Identifier: MIT */
/* What `shale profile` says when the program has ended. Layer 6. */
#ifndef SHALE_CLI_PROFILE_SUMMARY_H
#define SHALE_CLI_PROFILE_SUMMARY_H

#include <sys/types.h>

#include "cli/cmd.h"

/*
 * Prints the profile of a process on stderr: of the image that allocated most, where it executed
 * several.
 *
 * @param pattern  of the file's path, as the recorder had it.
 */
void profile_summary_print(const struct cmd_entry *self, const char *pattern, pid_t pid);

#endif
