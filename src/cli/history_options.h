/* SPDX-License-Identifier: MIT */
/* Where results are kept: what `shale compare`, `gate` and `history` share. Layer 6. */
#ifndef SHALE_CLI_HISTORY_OPTIONS_H
#define SHALE_CLI_HISTORY_OPTIONS_H

#include <jansson.h>
#include <popt.h>

#include "cli/cmd.h"

/* What popt stores. */
struct history_options {
    char *file;
    int off, quiet;
};

/* Rows of a popt table. */
#define HISTORY_OPTION_ROWS(at)                                                                    \
    {"history",  '\0', POPT_ARG_STRING,                                                            \
     &(at).file, 0,    "Keep the result here ($XDG_STATE_HOME/shale/history.db)",                  \
     "FILE"},                                                                                      \
    {                                                                                              \
        "no-history", '\0', POPT_ARG_NONE, &(at).off, 0, "Do not keep the result", NULL            \
    }

/* Before minutes of work: can a file that was named be used? CMD_EXIT_OK, or the status. */
int history_options_probe(const struct cmd_entry *self, const struct history_options *options);

/*
 * Keeps a result, unless it is not to be; says what is worse than at the last GO.
 *
 * @param document  what --json writes; taken, and NULL is fine.
 * @param out       where that is said; NULL: nowhere.
 * @return  CMD_EXIT_OK, also where the usual file cannot be written, which is said; else the
 * status.
 */
int history_options_keep(const struct cmd_entry *self, const struct history_options *options,
                         json_t *document, FILE *out);

#endif
