/* SPDX-License-Identifier: MIT */
/* Takes documents of gates and comparisons into the history. Layer 5. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gate/history_internal.h"
#include "measure/stats.h"

enum { RUNS_KEPT = 10000 };

struct writer {
    sqlite3 *db;
    const json_t *document;
    sqlite3_stmt *run, *finding;
    int status;
};

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

static void bind_number(sqlite3_stmt *statement, int index, double value)
{
    if (isfinite(value))
        sqlite3_bind_double(statement, index, value);
    else
        sqlite3_bind_null(statement, index);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* -------------------------------------------------------------------------------- a run */

/* The words and the load in one text, by which runs of one program are found. */
static void program_text(const json_t *argv, const char *load, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(argv) && used < size; i++) {
        const char *word = json_string_value(json_array_get(argv, i));
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", word ? word : "");
    }
    if (load && used < size)
        snprintf(text + used, size - used, " | %s", load);
}

static void machine_words(const json_t *machine, char *text, size_t size)
{
    const char *cpu = text_of(machine, "cpu");
    const char *kernel = text_of(machine, "kernel");
    snprintf(text, size, "%s, %s", cpu ? cpu : "?", kernel ? kernel : "?");
}

struct run_row {
    const char *kind, *program, *verdict, *reason;
    const json_t *baseline, *candidate; /* arms */
};

static void step(struct writer *writer, sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    if (writer->status == SQLITE_OK && status != SQLITE_DONE)
        writer->status = status;
    sqlite3_reset(statement);
}

static long long add_run(struct writer *writer, const struct run_row *row)
{
    char machine[512];
    machine_words(json_object_get(writer->document, "machine"), machine, sizeof machine);
    const char *const texts[] = {row->kind,
                                 text_of(writer->document, "taken"),
                                 row->program,
                                 text_of(row->baseline, "name"),
                                 text_of(row->candidate, "name"),
                                 text_of(row->baseline, "label"),
                                 text_of(row->candidate, "label"),
                                 row->verdict,
                                 row->reason,
                                 machine,
                                 text_of(writer->document, "shale")};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(texts); i++)
        bind_text(writer->run, (int)i + 1, texts[i]);
    step(writer, writer->run);
    return sqlite3_last_insert_rowid(writer->db);
}

struct finding_row {
    const char *phase, *metric, *title, *unit, *verdict;
    double value, low, high, median;
};

static void add_finding(struct writer *writer, long long run, const struct finding_row *row)
{
    const char *const texts[] = {row->phase, row->metric, row->title, row->unit, row->verdict};
    const double numbers[] = {row->value, row->low, row->high, row->median};
    sqlite3_bind_int64(writer->finding, 1, run);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(texts); i++)
        bind_text(writer->finding, (int)i + 2, texts[i]);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(numbers); i++)
        bind_number(writer->finding, (int)i + 7, numbers[i]);
    step(writer, writer->finding);
}

/* ------------------------------------------------------------------------------ of a gate */

/* The median of what the candidate's runs had of that metric. */
static double median_of(const json_t *phase, const char *metric)
{
    const json_t *candidate = json_object_get(json_object_get(phase, "samples"), "candidate");
    const json_t *values = json_object_get(json_object_get(candidate, metric), "candidate");
    double numbers[STATS_PAIRS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(values) && count < STATS_PAIRS_MAX; i++)
        if (json_is_number(json_array_get(values, i)))
            numbers[count++] = json_number_value(json_array_get(values, i));
    return count > 0 ? stats_median(numbers, count) : NAN;
}

static void add_phase(struct writer *writer, long long run, const json_t *phase)
{
    const json_t *findings = json_object_get(phase, "findings");
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *finding = json_array_get(findings, i);
        const struct finding_row row = {
            .phase = text_of(phase, "phase"),
            .metric = text_of(finding, "metric"),
            .title = text_of(finding, "title"),
            .unit = text_of(finding, "unit"),
            .verdict = text_of(finding, "verdict"),
            .value = number_of(finding, "value"),
            .low = number_of(finding, "low"),
            .high = number_of(finding, "high"),
            .median = median_of(phase, text_of(finding, "metric")),
        };
        add_finding(writer, run, &row);
    }
}

static void add_gate(struct writer *writer)
{
    char program[1024];
    const json_t *plan = json_object_get(writer->document, "plan");
    const json_t *phases = json_object_get(writer->document, "phases");
    program_text(json_object_get(json_object_get(plan, "candidate"), "argv"), text_of(plan, "load"),
                 program, sizeof program);
    const struct run_row row = {
        .kind = "gate",
        .program = program,
        .verdict = text_of(writer->document, "verdict"),
        .reason = text_of(writer->document, "reason"),
        .baseline = json_object_get(writer->document, "baseline"),
        .candidate = json_object_get(writer->document, "candidate"),
    };
    long long run = add_run(writer, &row);
    for (size_t i = 0; i < json_array_size(phases); i++)
        add_phase(writer, run, json_array_get(phases, i));
}

/* ------------------------------------------------------------------------ of a comparison */

static const char *title_of(const json_t *document, const char *name)
{
    const json_t *figures = json_object_get(document, "figures");
    for (size_t i = 0; name && i < json_array_size(figures); i++) {
        const json_t *figure = json_array_get(figures, i);
        const char *other = text_of(figure, "name");
        if (other && strcmp(other, name) == 0)
            return text_of(figure, "title");
    }
    return name;
}

static void add_comparison(struct writer *writer, const char *program, const json_t *comparison)
{
    const json_t *arms = json_object_get(writer->document, "arms");
    const json_t *readings = json_object_get(comparison, "readings");
    const json_t *candidate = json_object_get(comparison, "candidate");
    const struct run_row row = {
        .kind = "compare",
        .program = program,
        .baseline = json_array_get(arms, 0),
        .candidate = json_array_get(arms, (size_t)json_integer_value(candidate)),
    };
    long long run = add_run(writer, &row);
    for (size_t i = 0; i < json_array_size(readings); i++) {
        const json_t *reading = json_array_get(readings, i);
        const char *metric = text_of(reading, "figure");
        const struct finding_row finding = {
            .phase = "compare",
            .metric = metric,
            .title = title_of(writer->document, metric),
            .unit = "ratio",
            .verdict = text_of(reading, "verdict"),
            .value = number_of(reading, "ratio") - 1,
            .low = number_of(reading, "ratio_low") - 1,
            .high = number_of(reading, "ratio_high") - 1,
            .median = number_of(reading, "candidate_median"),
        };
        add_finding(writer, run, &finding);
    }
}

static void add_compare(struct writer *writer)
{
    char text[1024];
    const json_t *program = json_object_get(writer->document, "program");
    const json_t *comparisons = json_object_get(writer->document, "comparisons");
    program_text(json_object_get(program, "argv"), text_of(program, "load"), text, sizeof text);
    for (size_t i = 0; i < json_array_size(comparisons); i++) {
        const json_t *comparison = json_array_get(comparisons, i);
        if (json_integer_value(json_object_get(comparison, "candidate")) > 0)
            add_comparison(writer, text, comparison);
    }
}

/* ------------------------------------------------------------------------------- together */

static void prepare(struct writer *writer)
{
    writer->status = sqlite3_exec(writer->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (writer->status == SQLITE_OK)
        writer->status = sqlite3_prepare_v2(
            writer->db,
            "INSERT INTO runs(kind, taken, program, baseline_name, candidate_name, baseline, "
            "candidate, verdict, reason, machine, shale) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
            -1, &writer->run, NULL);
    if (writer->status == SQLITE_OK)
        writer->status =
            sqlite3_prepare_v2(writer->db,
                               "INSERT INTO findings(run, phase, metric, title, unit, verdict, "
                               "value, low, high, median) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                               -1, &writer->finding, NULL);
}

/* The history stays small: the oldest go. */
static void forget(struct writer *writer)
{
    char query[256];
    snprintf(query, sizeof query,
             "DELETE FROM findings WHERE run <= (SELECT max(id) FROM runs) - %d;"
             "DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - %d",
             RUNS_KEPT, RUNS_KEPT);
    if (writer->status == SQLITE_OK)
        writer->status = sqlite3_exec(writer->db, query, NULL, NULL, NULL);
}

static const char *wrong_with(const json_t *document)
{
    if (json_integer_value(json_object_get(document, "schema")) != 1 || !text_of(document, "taken"))
        return "it is no result of shale gate or shale compare";
    if (json_is_array(json_object_get(document, "comparisons")))
        return json_is_object(json_array_get(json_object_get(document, "arms"), 0))
                   ? NULL
                   : "the comparison is damaged";
    if (!json_is_array(json_object_get(document, "phases")))
        return "it is no result of shale gate or shale compare";
    return text_of(document, "verdict") ? NULL : "the gate was not finished";
}

int history_add(struct history *history, const json_t *document, char *reason, size_t reason_size)
{
    struct writer writer = {.db = history->db, .document = document};
    const char *wrong = wrong_with(document);
    if (wrong) {
        snprintf(reason, reason_size, "%s", wrong);
        return SHALE_EFORMAT;
    }
    prepare(&writer);
    if (writer.status == SQLITE_OK && json_object_get(document, "comparisons"))
        add_compare(&writer);
    else if (writer.status == SQLITE_OK)
        add_gate(&writer);
    forget(&writer);
    if (writer.status != SQLITE_OK)
        snprintf(reason, reason_size, "%s", sqlite3_errmsg(history->db));
    sqlite3_finalize(writer.run);
    sqlite3_finalize(writer.finding);
    const char *end = writer.status == SQLITE_OK ? "COMMIT" : "ROLLBACK";
    int status = sqlite3_exec(history->db, end, NULL, NULL, NULL);
    if (writer.status == SQLITE_OK && status != SQLITE_OK) {
        snprintf(reason, reason_size, "%s", sqlite3_errmsg(history->db));
        writer.status = status;
    }
    return writer.status == SQLITE_OK ? SHALE_OK : SHALE_EIO;
}
