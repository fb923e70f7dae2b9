/* SPDX-License-Identifier: MIT */
/*
 * `shale migrate` as `shale` sees it: a program of its own, beside this one. Layer 6.
 *
 * libclang would make every start of `shale` slower and 50 MiB larger. The size matters: the kernel
 * starts the peak RSS of a measured program at the size of the one that started it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    char folder[PATH_MAX];
    char program[PATH_MAX + 16];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    snprintf(program, sizeof program, "%s/shale-migrate", slash ? folder : ".");
    execv(program, (char *const *)argv);
    cmd_error(self, "cannot start '%s': %s; is Shale installed whole?", program, strerror(errno));
    return CMD_EXIT_UNAVAILABLE;
}

/* The whole table is the other program's, in cmd_migrate.c. */
const struct cmd_entry cmd_migrate = {
    .name = "migrate",
    .summary = CMD_MIGRATE_SUMMARY,
    .run = run,
};
