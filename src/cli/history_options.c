/* SPDX-License-Identifier: MIT */
/* Keeps results: see history_options.h. Layer 6. */
#include "cli/history_options.h"

#include "gate/history_report.h"

enum { REGRESSIONS_MAX = 16 };

static int refuse(const struct cmd_entry *self, const char *file, const char *reason, int error)
{
    cmd_error(self, "cannot use the history '%s': %s; try another --history, or --no-history", file,
              reason);
    return error == SHALE_EFORMAT ? CMD_EXIT_DATA : CMD_EXIT_IO;
}

int history_options_probe(const struct cmd_entry *self, const struct history_options *options)
{
    char reason[256];
    struct history *history;
    if (options->off || !options->file)
        return CMD_EXIT_OK;
    int error = history_open(options->file, true, &history, reason, sizeof reason);
    if (error)
        return refuse(self, options->file, reason, error);
    history_close(history);
    return CMD_EXIT_OK;
}

static void say_regressions(struct history *history, FILE *out)
{
    struct history_regression worse[REGRESSIONS_MAX];
    char text[256];
    long long last = history_last(history, "gate");
    long long go = history_last_go(history, last);
    size_t count = history_regressions(history, last, go, worse, REGRESSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        history_regression_text(&worse[i], text, sizeof text);
        fprintf(out, "worse than at the last GO (%s): %s\n", worse[i].then.run.taken, text);
    }
}

int history_options_keep(const struct cmd_entry *self, const struct history_options *options,
                         json_t *document, FILE *out)
{
    char reason[256] = "out of memory";
    struct history *history;
    int error = SHALE_OK;
    if (!options->off) {
        error = history_open(options->file, true, &history, reason, sizeof reason);
        if (!error) {
            error = history_add(history, document, reason, sizeof reason);
            if (!error && out)
                say_regressions(history, out);
            history_close(history);
        }
    }
    json_decref(document);
    if (error && options->file)
        return refuse(self, options->file, reason, error);
    if (error && !options->quiet)
        cmd_error(self, "the result is not kept: %s; --no-history asks for that", reason);
    return CMD_EXIT_OK;
}
