/* SPDX-License-Identifier: MIT */
/*
 * A command of `shale` as one table: what it does, its options, its exit statuses, its examples.
 * Layer 6.
 *
 * Help texts, man pages, shell completion and the reference are all made from these tables
 * (tools/cli-docs.c), so they cannot disagree with the program.
 */
#ifndef SHALE_CLI_CMD_H
#define SHALE_CLI_CMD_H

#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"

/* Exit statuses of every command, beside those a command documents itself. */
enum cmd_exit {
    CMD_EXIT_OK = 0,
    CMD_EXIT_USAGE = 64,       /* wrong arguments (EX_USAGE) */
    CMD_EXIT_DATA = 65,        /* malformed input (EX_DATAERR) */
    CMD_EXIT_UNAVAILABLE = 69, /* a tool, an allocator or a target is missing (EX_UNAVAILABLE) */
    CMD_EXIT_INTERNAL = 70,    /* our own failure (EX_SOFTWARE) */
    CMD_EXIT_IO = 74,          /* a file could not be written (EX_IOERR) */
    CMD_EXIT_RUN_FAILED = 125, /* `run`: it failed itself, as env and timeout say it */
    CMD_EXIT_NOT_EXECUTABLE = 126,
    CMD_EXIT_NOT_FOUND = 127,
};

struct cmd_status {
    int code;
    const char *meaning;
};

struct cmd_example {
    const char *command; /* a whole line, as a user types it */
    const char *says;    /* what it is for, one line */
};

struct cmd_section {
    const char *title; /* a heading of the man page, such as "VERDICTS" */
    const char *text;  /* see text.h: paragraphs, verbatim lines, entries "TERM: text" */
};

struct cmd_entry {
    const char *name;
    const char *summary;     /* one line, lower case, no period */
    const char *synopsis;    /* what follows `shale NAME`, such as "[OPTION...] [PID | FILE]" */
    const char *description; /* see text.h: paragraphs and verbatim lines */
    /* The rest is NULL, but for run, in the entry of a command that is a program of its own. */
    const struct poptOption *options;   /* of this command alone, ends with POPT_TABLEEND */
    const struct cmd_status *statuses;  /* ends with a NULL meaning */
    const struct cmd_example *examples; /* ends with a NULL command */
    const struct cmd_section *sections; /* may be NULL; ends with a NULL title */
    int (*run)(const struct cmd_entry *self, int argc, const char **argv);
};

/* All commands in the order of `shale help`, ends with NULL. */
extern const struct cmd_entry *const cmd_entries[];

/* The entry of that name, or NULL. */
const struct cmd_entry *cmd_find(const char *name);

/*
 * Parses argv (argv[0] is the command's name) by self->options.
 *
 * Option values go where the table points. Parsing stops at the first word that is no option, so
 * that `shale run --allocator X prog --its-own-option` works; "--" ends the options too.
 *
 * @param rest   gets the words left, NULL-terminated, owned by the context.
 * @param context gets the popt context; free it with poptFreeContext after the last use of rest.
 * @return  -1 to go on; otherwise the exit status to end with: --help (0) or an error that was
 *          reported on stderr (CMD_EXIT_USAGE).
 */
int cmd_parse(const struct cmd_entry *self, int argc, const char **argv, poptContext *context,
              const char ***rest);

/* Prints "shale NAME: message" and a newline on stderr. */
void cmd_error(const struct cmd_entry *self, const char *format, ...) SHALE_PRINTF(2, 3);

/* cmd_error, then a hint at the help; returns CMD_EXIT_USAGE. */
int cmd_usage_error(const struct cmd_entry *self, const char *format, ...) SHALE_PRINTF(2, 3);

/* Says that there is no such command, and which may have been meant; returns CMD_EXIT_USAGE. */
int cmd_unknown(const char *name);

/* Writes "-o, --option=VALUE" as help shows it; four blanks stand for a missing short name. */
void cmd_option_flag(const struct poptOption *option, char *text, size_t size);

/* Prints what `shale help` says. */
void cmd_print_overview(FILE *out);

/* Prints the help page of one command, as `shale help NAME` and `shale NAME --help` do. */
void cmd_print_help(const struct cmd_entry *self, FILE *out);

/* The output was written whole: flushes stdout; CMD_EXIT_OK, or CMD_EXIT_IO with a message. */
int cmd_finish_output(const struct cmd_entry *self);

#endif
