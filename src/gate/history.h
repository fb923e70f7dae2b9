/* SPDX-License-Identifier: MIT */
/*
 * Results of `shale compare` and `shale gate`, kept in a small SQLite file. Layer 5.
 *
 *     runs      one row per gate, and per candidate of a comparison
 *     findings  the figures of each: candidate against baseline, and the candidate's own median
 *
 * Rows are taken out of the documents that --json writes, so results of other machines can be added
 * as well. Several processes may use one file: each statement waits for others up to five seconds.
 */
#ifndef SHALE_GATE_HISTORY_H
#define SHALE_GATE_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

struct history;

struct history_run {
    long long id;
    char kind[16]; /* "gate", "compare" */
    char taken[32];
    char program[512]; /* the words apart by blanks, then the load */
    char baseline[160], candidate[160];
    char verdict[32]; /* of a comparison: "" */
    char reason[512];
};

/* A figure of a run. */
struct history_point {
    struct history_run run;
    char phase[16], metric[64], title[64], unit[20], verdict[32];
    double value, low, high; /* ratio minus 1, or what the unit says; NaN: none */
    double median;           /* of the candidate's runs; NaN: none */
};

/* What to read; NULL or 0: any. */
struct history_filter {
    const char *program, *candidate; /* texts that are in it */
    const char *kind;
    long long id;
    size_t last; /* so many, the latest */
};

/* $XDG_STATE_HOME/shale/history.db, or below ~/.local/state; to be freed; NULL without a home. */
char *history_default_path(void);

/*
 * Opens, and where `create` is set makes, the file and its folders.
 *
 * @param path    NULL: history_default_path.
 * @param reason  gets why not.
 * @return  0; SHALE_ENOENT: there is none; SHALE_EFORMAT: it is something else, or of a newer
 *          version; SHALE_EIO; SHALE_ENOMEM.
 * Ownership: history_close after success.
 */
SHALE_NODISCARD int history_open(const char *path, bool create, struct history **out, char *reason,
                                 size_t reason_size);

void history_close(struct history *history);

/*
 * Adds what --json of a gate or a comparison wrote; all of it or nothing.
 *
 * @return  0; SHALE_EFORMAT: it is no such document, or of a gate that was not finished; SHALE_EIO.
 */
SHALE_NODISCARD int history_add(struct history *history, const json_t *document, char *reason,
                                size_t reason_size);

/* The last run of that kind, 0 when there is none. */
long long history_last(struct history *history, const char *kind);

/*
 * The last gate before this one that said GO of the same program, baseline and candidate, whatever
 * their versions; 0 when there is none.
 */
long long history_last_go(struct history *history, long long before);

/* Calls for each run, the oldest first. 0, SHALE_EIO. */
SHALE_NODISCARD int history_runs(struct history *history, const struct history_filter *filter,
                                 void (*each)(const struct history_run *run, void *context),
                                 void *context);

/*
 * Calls for each figure, the oldest first.
 *
 * @param metric  NULL: all.
 * @return  0, SHALE_EIO.
 */
SHALE_NODISCARD int history_points(struct history *history, const struct history_filter *filter,
                                   const char *metric,
                                   void (*each)(const struct history_point *point, void *context),
                                   void *context);

/* A figure that is worse than it was: its interval lies wholly above the other's. */
struct history_regression {
    struct history_point now, then;
};

/*
 * What is worse in a gate than it was at the last GO: of ratios, those with an interval in both.
 *
 * @param go   history_last_go.
 * @param out  gets at most max.
 * @return  how many.
 */
size_t history_regressions(struct history *history, long long run, long long go,
                           struct history_regression *out, size_t max);

/* The names of all metrics, apart by ", ". */
void history_metrics(struct history *history, char *text, size_t size);

#endif
