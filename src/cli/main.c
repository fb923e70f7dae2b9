/* SPDX-License-Identifier: MIT */
/* The program `shale`: finds the command and hands it the rest of the line. Layer 6. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <shale/version.h>

#include "cli/cmd.h"

static int finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CMD_EXIT_OK;
    perror("shale: cannot write the output");
    return CMD_EXIT_IO;
}

static int help(const char *name)
{
    if (!name) {
        cmd_print_overview(stdout);
        return finish();
    }
    const struct cmd_entry *entry = cmd_find(name);
    if (!entry)
        return cmd_unknown(name);
    if (!entry->options) { /* a program of its own prints its help */
        const char *argv[] = {entry->name, "--help", NULL};
        return entry->run(entry, 2, argv);
    }
    cmd_print_help(entry, stdout);
    return finish();
}

int main(int argc, const char **argv)
{
    /* Ignored by a caller, it would make the kernel throw away how our children ended. */
    signal(SIGCHLD, SIG_DFL);
    if (argc < 2) {
        cmd_print_overview(stderr);
        return CMD_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(argv[2]);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("shale %s\n", SHALE_VERSION_STRING);
        return finish();
    }
    const struct cmd_entry *entry = cmd_find(word);
    if (!entry)
        return cmd_unknown(word);
    return entry->run(entry, argc - 1, argv + 1);
}
