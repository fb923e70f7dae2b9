/* SPDX-License-Identifier: MIT */
/* The history's file: opening, reading. history_add.c writes. Layer 5. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gate/history_internal.h"

enum { VERSION = 1, BUSY_MS = 5000 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS runs(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, taken TEXT NOT "
    "NULL, program TEXT NOT NULL, baseline_name TEXT, candidate_name TEXT, baseline TEXT, "
    "candidate TEXT, verdict TEXT, reason TEXT, machine TEXT, shale TEXT);"
    "CREATE TABLE IF NOT EXISTS findings(run INTEGER NOT NULL REFERENCES runs(id), phase TEXT, "
    "metric TEXT NOT NULL, title TEXT, unit TEXT, verdict TEXT, value REAL, low REAL, high REAL, "
    "median REAL);"
    "CREATE INDEX IF NOT EXISTS findings_run ON findings(run);"
    "PRAGMA user_version = 1;";

char *history_default_path(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int length;
    if (state && state[0] == '/') /* as the specification has it, others are ignored */
        length = asprintf(&path, "%s/shale/history.db", state);
    else if (home && home[0])
        length = asprintf(&path, "%s/.local/state/shale/history.db", home);
    else
        return NULL;
    return length < 0 ? NULL : path;
}

/* Makes the folders of a file, for the user alone. */
static void make_folders(const char *path)
{
    char *copy = strdup(path);
    for (char *slash = copy; slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            break; /* opening will say why */
        *slash = '/';
    }
    free(copy);
}

/* ------------------------------------------------------------------------------- opening */

static int user_version(sqlite3 *db, int *version)
{
    sqlite3_stmt *statement;
    int status = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (status == SQLITE_OK && (status = sqlite3_step(statement)) == SQLITE_ROW)
        *version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return status == SQLITE_ROW ? SQLITE_OK : status;
}

static bool is_empty(sqlite3 *db)
{
    sqlite3_stmt *statement;
    bool empty =
        sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_master", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return empty;
}

static int error_of(int status)
{
    if (status == SQLITE_NOTADB || status == SQLITE_CORRUPT)
        return SHALE_EFORMAT;
    return status == SQLITE_NOMEM ? SHALE_ENOMEM : SHALE_EIO;
}

/* Two that open a new file at once: the second waits, and finds what the first has made. */
static int make_tables(sqlite3 *db, int *version)
{
    int status = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (status != SQLITE_OK)
        return status;
    status = user_version(db, version);
    if (status == SQLITE_OK && *version == 0 && is_empty(db)) {
        status = sqlite3_exec(db, schema, NULL, NULL, NULL);
        *version = VERSION;
    }
    int ended = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    return status == SQLITE_OK ? ended : status;
}

static int check_version(sqlite3 *db, bool create, char *reason, size_t reason_size)
{
    int version = 0;
    int status = user_version(db, &version);
    if (status == SQLITE_OK && version == 0 && create)
        status = make_tables(db, &version);
    if (status == SQLITE_OK && version == VERSION)
        return SHALE_OK;
    snprintf(reason, reason_size, "%s",
             status == SQLITE_OK ? "it is no history of this version" : sqlite3_errmsg(db));
    return status == SQLITE_OK ? SHALE_EFORMAT : error_of(status);
}

static int open_file(const char *path, bool create, struct history *history, char *reason,
                     size_t reason_size)
{
    struct stat found;
    if (create)
        make_folders(path);
    else if (stat(path, &found) != 0) {
        snprintf(reason, reason_size, "%s", strerror(errno));
        return SHALE_ENOENT;
    }
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int status = sqlite3_open_v2(path, &history->db, flags, NULL);
    if (status == SQLITE_OK) {
        sqlite3_busy_timeout(history->db, BUSY_MS);
        return check_version(history->db, create, reason, reason_size);
    }
    snprintf(reason, reason_size, "%s",
             history->db ? sqlite3_errmsg(history->db) : "out of memory");
    return error_of(status);
}

int history_open(const char *path, bool create, struct history **out, char *reason,
                 size_t reason_size)
{
    char *usual = path ? NULL : history_default_path();
    struct history *history = calloc(1, sizeof *history);
    int error = SHALE_ENOMEM;
    snprintf(reason, reason_size, "out of memory");
    if (!path && !usual) {
        snprintf(reason, reason_size, "neither XDG_STATE_HOME nor HOME names a place");
        error = SHALE_ENOENT;
    } else if (history) {
        error = open_file(path ? path : usual, create, history, reason, reason_size);
    }
    free(usual);
    if (error)
        history_close(history);
    else
        *out = history;
    return error;
}

void history_close(struct history *history)
{
    if (history)
        sqlite3_close(history->db);
    free(history);
}

/* ------------------------------------------------------------------------------- reading */

static void take_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(statement, column);
    snprintf(text, size, "%s", value ? (const char *)value : "");
}

static double take_number(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(statement, column);
}

enum { RUN_COLUMNS = 8 };
#define SELECT_RUN "runs.id, kind, taken, program, baseline, candidate, runs.verdict, reason"

static void take_run(sqlite3_stmt *statement, struct history_run *run)
{
    run->id = sqlite3_column_int64(statement, 0);
    take_text(statement, 1, run->kind, sizeof run->kind);
    take_text(statement, 2, run->taken, sizeof run->taken);
    take_text(statement, 3, run->program, sizeof run->program);
    take_text(statement, 4, run->baseline, sizeof run->baseline);
    take_text(statement, 5, run->candidate, sizeof run->candidate);
    take_text(statement, 6, run->verdict, sizeof run->verdict);
    take_text(statement, 7, run->reason, sizeof run->reason);
}

#define WHERE                                                                                      \
    " WHERE (?1 IS NULL OR instr(program, ?1)) AND (?2 IS NULL OR instr(candidate, ?2))"           \
    " AND (?3 IS NULL OR kind = ?3) AND (?4 = 0 OR runs.id = ?4)"

static void bind_filter(sqlite3_stmt *statement, const struct history_filter *filter)
{
    sqlite3_bind_text(statement, 1, filter->program, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, filter->candidate, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, filter->kind, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, filter->id);
    sqlite3_bind_int64(statement, 5, filter->last > 0 ? (long long)filter->last : -1);
}

int history_runs(struct history *history, const struct history_filter *filter,
                 void (*each)(const struct history_run *run, void *context), void *context)
{
    static const char query[] = "SELECT * FROM (SELECT " SELECT_RUN " FROM runs" WHERE
                                " ORDER BY taken DESC, runs.id DESC LIMIT ?5) ORDER BY taken, id";
    sqlite3_stmt *statement;
    struct history_run run;
    int status = sqlite3_prepare_v2(history->db, query, -1, &statement, NULL);
    if (status == SQLITE_OK) {
        bind_filter(statement, filter);
        while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
            take_run(statement, &run);
            each(&run, context);
        }
    }
    sqlite3_finalize(statement);
    return status == SQLITE_DONE ? SHALE_OK : SHALE_EIO;
}

int history_points(struct history *history, const struct history_filter *filter, const char *metric,
                   void (*each)(const struct history_point *point, void *context), void *context)
{
    static const char query[] =
        "SELECT " SELECT_RUN ", phase, metric, title, unit, findings.verdict, value, low, high, "
        "median FROM runs JOIN findings ON run = runs.id WHERE (?6 IS NULL OR metric = ?6) AND "
        "runs.id IN (SELECT runs.id FROM runs" WHERE " ORDER BY taken DESC, runs.id DESC LIMIT ?5) "
        "ORDER BY taken, runs.id, findings.rowid";
    sqlite3_stmt *statement;
    struct history_point point;
    int status = sqlite3_prepare_v2(history->db, query, -1, &statement, NULL);
    if (status == SQLITE_OK) {
        bind_filter(statement, filter);
        sqlite3_bind_text(statement, 6, metric, -1, SQLITE_STATIC);
        while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
            take_run(statement, &point.run);
            take_text(statement, RUN_COLUMNS, point.phase, sizeof point.phase);
            take_text(statement, RUN_COLUMNS + 1, point.metric, sizeof point.metric);
            take_text(statement, RUN_COLUMNS + 2, point.title, sizeof point.title);
            take_text(statement, RUN_COLUMNS + 3, point.unit, sizeof point.unit);
            take_text(statement, RUN_COLUMNS + 4, point.verdict, sizeof point.verdict);
            point.value = take_number(statement, RUN_COLUMNS + 5);
            point.low = take_number(statement, RUN_COLUMNS + 6);
            point.high = take_number(statement, RUN_COLUMNS + 7);
            point.median = take_number(statement, RUN_COLUMNS + 8);
            each(&point, context);
        }
    }
    sqlite3_finalize(statement);
    return status == SQLITE_DONE ? SHALE_OK : SHALE_EIO;
}

/* One number of a query with at most one text and one number in it; 0 where there is none. */
static long long ask(struct history *history, const char *query, const char *text, long long number)
{
    sqlite3_stmt *statement;
    long long answer = 0;
    if (sqlite3_prepare_v2(history->db, query, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, number);
        if (sqlite3_step(statement) == SQLITE_ROW)
            answer = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return answer;
}

long long history_last(struct history *history, const char *kind)
{
    return ask(history,
               "SELECT id FROM runs WHERE kind = ?1 AND ?2 = 0 ORDER BY taken DESC, id DESC", kind,
               0);
}

long long history_last_go(struct history *history, long long before)
{
    return ask(history,
               "SELECT old.id FROM runs AS old JOIN runs AS new ON new.id = ?2 WHERE old.kind = "
               "'gate' AND old.verdict = ?1 AND old.program = new.program AND old.baseline_name IS "
               "new.baseline_name AND old.candidate_name IS new.candidate_name AND old.id < new.id "
               "ORDER BY old.taken DESC, old.id DESC",
               "GO", before);
}

void history_metrics(struct history *history, char *text, size_t size)
{
    sqlite3_stmt *statement;
    size_t used = 0;
    text[0] = '\0';
    if (sqlite3_prepare_v2(history->db, "SELECT DISTINCT metric FROM findings ORDER BY metric", -1,
                           &statement, NULL) == SQLITE_OK)
        while (sqlite3_step(statement) == SQLITE_ROW && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                                     (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
}
