/* SPDX-License-Identifier: MIT */
/* The tables of a benchmark for people. Layer 4. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "measure/bench_report.h"

enum { NAME_WIDTH = 44, CELL_WIDTH_MIN = 15, SPREAD_WIDTH = 6, OWN_WIDTH = 14 };

#define OWN_NAME "shale"

/* A unit for people: from a figure's own unit, for values of at least `from` of that. */
struct unit {
    const char *suffix;
    double from;
    double divisor;
    const char *name;
};

static const struct unit units[] = {
    {"_ns", 1e6, 1e6, "ms"},      {"_ns", 1e4, 1e3, "us"}, {"_ns", 0, 1, "ns"},   {"_s", 0, 1, "s"},
    {"_kib", 10240, 1024, "MiB"}, {"_kib", 0, 1, "KiB"},   {"_bytes", 0, 1, "B"}, {"", 0, 1, ""},
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

static const struct unit *choose_unit(const char *figure, double value)
{
    const struct unit *unit = units;
    while (!ends_with(figure, unit->suffix) || value < unit->from)
        unit++;
    return unit;
}

bool bench_report_counts(const struct bench_row *row, const void *context)
{
    const char *suffix = context;
    if (row->note || (suffix && !ends_with(row->figure, suffix)))
        return false;
    return row->lead || strcmp(row->figure, "rss_peak_kib") == 0;
}

/* A table: the cases from one on, as far as they belong together, and the columns that fit. */
struct table {
    const struct bench_report *report;
    size_t first, end; /* cases */
};

static bool is_column(const struct table *table, size_t allocator)
{
    const struct bench_suite *suite = table->report->suite;
    const char *pattern = suite->allocators[allocator].fits;
    for (size_t i = table->first; i < table->end; i++)
        if (!pattern || fnmatch(pattern, suite->cases.items[i].name, FNM_EXTMATCH) == 0)
            return true;
    return false;
}

/* Of a column: the longest label and a blank. */
static int cell_width(const struct bench_suite *suite)
{
    int width = CELL_WIDTH_MIN;
    for (size_t i = 0; i < suite->allocator_count; i++) {
        int length = (int)strlen(suite->allocators[i].label) + 2;
        width = length > width ? length : width;
    }
    return width;
}

/* INFINITY when no allocator has one. */
static double smallest_median(const struct bench_results *results, const struct bench_row *row)
{
    double smallest = INFINITY;
    for (size_t i = 0; i < results->allocators; i++)
        smallest = fmin(smallest, bench_row_summary(results, row, i).median); /* not of a NAN */
    return smallest;
}

static int decimals(double value)
{
    return value < 10 ? 2 : value < 100 ? 1 : 0;
}

static void print_cell(const struct bench_suite *suite, const struct bench_row *row,
                       size_t allocator, long best, const struct unit *unit, FILE *out)
{
    const struct bench_results *results = &suite->results;
    int width = cell_width(suite);
    char cell[64];
    struct bench_summary summary = bench_row_summary(results, row, allocator);
    if (summary.count == 0) {
        bool failed = bench_results_failure(results, row->case_index, allocator) != NULL;
        fprintf(out, "%*s", width, failed ? "failed" : "-");
        return;
    }
    double value = summary.median / unit->divisor;
    bool leads = best != BENCH_NONE && bench_row_tie(results, row, allocator, (size_t)best);
    snprintf(cell, sizeof cell, "%.*f%s", decimals(value), value, leads ? "*" : " ");
    fprintf(out, "%*s", width - SPREAD_WIDTH, cell);
    if (summary.count > 1)
        fprintf(out, " \u00b1%3.0f%%", fmin(999, 50 * bench_summary_spread(&summary)));
    else
        fprintf(out, "%*s", SPREAD_WIDTH, "");
}

/* The column of the project's own allocator, or BENCH_NONE. */
static long own_column(const struct bench_suite *suite)
{
    for (size_t i = 0; i < suite->allocator_count && suite->allocator_count > 1; i++)
        if (strcmp(suite->allocators[i].found->name, OWN_NAME) == 0)
            return (long)i;
    return BENCH_NONE;
}

/* The own allocator's ratio to the best of the others, "=" where they tie. */
static void print_own_ratio(const struct bench_suite *suite, const struct bench_row *row, FILE *out)
{
    const struct bench_results *results = &suite->results;
    long own = own_column(suite);
    long best = own != BENCH_NONE ? bench_row_best(results, row, own) : BENCH_NONE;
    if (best == BENCH_NONE || row->note)
        return;
    struct bench_summary ratio = bench_row_ratio(results, row, (size_t)own, (size_t)best);
    bool tie = results->rounds > 1 && bench_row_tie(results, row, (size_t)own, (size_t)best);
    if (ratio.count)
        fprintf(out, "%*.2f %s", OWN_WIDTH - 2, ratio.median, tie ? "=" : "");
}

/* Of workloads with several threads: how many cores they really had. */
static bool is_shown(const struct bench_results *results, const struct bench_row *row)
{
    const struct bench_row *threads = bench_results_row(results, row->case_index, "threads");
    bool several = threads && smallest_median(results, threads) > 1;
    return !row->note || (several && strcmp(row->figure, "cores") == 0);
}

static void print_row(const struct table *table, const struct bench_row *row, FILE *out)
{
    const struct bench_report *report = table->report;
    const struct bench_results *results = &report->suite->results;
    const char *name = report->suite->cases.items[row->case_index].name;
    const struct unit *unit = choose_unit(row->figure, smallest_median(results, row));
    const char *suffix = strrchr(row->figure, '_');
    int plain = suffix ? (int)(suffix - row->figure) : (int)strlen(row->figure);
    char label[128];
    int used = snprintf(label, sizeof label, "%s %.*s", name, plain, row->figure);
    if (*unit->name && used < (int)sizeof label)
        snprintf(label + used, sizeof label - (size_t)used, " [%s]", unit->name);
    fprintf(out, "%-*s", NAME_WIDTH, label);
    /* One round, or one allocator, says nothing about the best; a note has none. */
    bool ranked = !row->note && results->allocators > 1 && results->rounds > 1;
    long best = ranked ? bench_row_best(results, row, BENCH_NONE) : BENCH_NONE;
    for (size_t i = 0; i < results->allocators; i++)
        if (is_column(table, i))
            print_cell(report->suite, row, i, best, unit, out);
    print_own_ratio(report->suite, row, out);
    fputc('\n', out);
}

static void print_labels(const struct table *table, FILE *out)
{
    const struct bench_suite *suite = table->report->suite;
    fprintf(out, "%-*s", NAME_WIDTH, "");
    for (size_t i = 0; i < suite->allocator_count; i++)
        if (is_column(table, i))
            fprintf(out, "%*s", cell_width(suite), suite->allocators[i].label);
}

/* The rows of a case stand together, in the order of the cases. */
static void print_table(const struct table *table, FILE *out)
{
    const struct bench_suite *suite = table->report->suite;
    fprintf(out, "\n%s\n", suite->cases.items[table->first].suite);
    print_labels(table, out);
    if (own_column(suite) != BENCH_NONE)
        fprintf(out, "%*s", OWN_WIDTH, OWN_NAME "/best");
    fputc('\n', out);
    for (size_t i = table->first; i < table->end; i++)
        for (size_t r = 0; r < suite->results.row_count; r++)
            if (suite->results.rows[r].case_index == i &&
                is_shown(&suite->results, &suite->results.rows[r]))
                print_row(table, &suite->results.rows[r], out);
}

/* Of one suite and, where the columns are peers, with the same word before the first hyphen. */
static bool belong_together(const struct bench_suite *suite, size_t first, size_t other)
{
    const struct bench_case *a = &suite->cases.items[first], *b = &suite->cases.items[other];
    if (strcmp(a->suite, b->suite) != 0)
        return false;
    return !suite->allocators[0].fits || strncmp(a->name, b->name, strcspn(a->name, "-")) == 0;
}

static void print_tables(const struct bench_report *report, FILE *out)
{
    size_t count = report->suite->cases.count;
    for (struct table table = {.report = report}; table.first < count; table.first = table.end) {
        table.end = table.first + 1;
        while (table.end < count && belong_together(report->suite, table.first, table.end))
            table.end++;
        print_table(&table, out);
    }
}

struct picked {
    const struct bench_report *report;
    const char *suite;
    const char *unit;   /* of the leading figures that count, */
    const char *figure; /* or the one figure that does, of every case */
};

static bool is_picked(const struct bench_row *row, const void *context)
{
    const struct picked *picked = context;
    const char *suite = picked->report->suite->cases.items[row->case_index].suite;
    if (strcmp(suite, picked->suite) != 0)
        return false;
    return picked->figure ? strcmp(row->figure, picked->figure) == 0
                          : bench_report_counts(row, picked->unit);
}

static void print_geomean(const struct bench_report *report, const struct picked *picked,
                          const char *label, FILE *out)
{
    const struct bench_results *results = &report->suite->results;
    size_t count, most = 0;
    for (size_t i = 0; i < results->allocators; i++) {
        bench_results_geomean(results, is_picked, picked, i, 0, &count);
        most = count > most ? count : most;
    }
    if (most < 2)
        return;
    char text[128];
    snprintf(text, sizeof text, "%s of %zu, %s", picked->suite, most, label);
    fprintf(out, "%-*s", NAME_WIDTH, text);
    for (size_t i = 0; i < results->allocators; i++) {
        double mean = bench_results_geomean(results, is_picked, picked, i, 0, &count);
        char cell[48];
        snprintf(cell, sizeof cell, count == most ? "%.3f" : "%.3f of %zu", mean, count);
        fprintf(out, "%*s", cell_width(report->suite), count ? cell : "-");
    }
    fputc('\n', out);
}

static void print_failures(const struct bench_suite *suite, FILE *out)
{
    if (suite->results.failure_count)
        fprintf(out, "\nFailed:\n");
    for (size_t i = 0; i < suite->results.failure_count; i++) {
        const struct bench_failure *failure = &suite->results.failures[i];
        const struct bench_allocator *column = &suite->allocators[failure->allocator];
        fprintf(out, "  %s %s %s, round %zu: %s\n", suite->cases.items[failure->case_index].name,
                column->fits ? "with" : "under", column->label, failure->round + 1,
                failure->reason);
    }
}

static void print_allocators(const struct bench_suite *suite, FILE *out)
{
    for (size_t i = 0; i < suite->allocator_count; i++) {
        const struct finder_allocator *found = suite->allocators[i].found;
        fprintf(out, "  %-*s %-8s %s\n", cell_width(suite), suite->allocators[i].label,
                found->version[0] ? found->version : "-", found->path ? found->path : "");
    }
}

static void print_cpu_share(const struct bench_results *results, FILE *out)
{
    struct bench_summary share = bench_results_cpu_share(results);
    if (share.count)
        fprintf(
            out,
            "Runs of one thread had a CPU for %.0f %% of their time (median; lowest %.0f %%).\n",
            100 * share.median, 100 * share.min);
}

static void print_geomeans(const struct bench_report *report, FILE *out)
{
    static const struct {
        const char *suite, *unit, *figure, *label;
    } means[] = {
        {"malloc", "_ns", NULL, "time or latency"},
        {"malloc", "_kib", NULL, "memory"},
        {"malloc", NULL, "rss_peak_kib", "peak RSS"},
        {"programs", "_s", NULL, "time"},
        {"programs", NULL, "cpu_s", "CPU time"},
        {"programs", NULL, "rss_peak_kib", "peak RSS"},
    };
    fprintf(out, "\nGeometric means of the ratio to %s\n", report->suite->allocators[0].label);
    const struct table all = {.report = report, .end = report->suite->cases.count};
    print_labels(&all, out);
    fputc('\n', out);
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        const struct picked picked = {report, means[i].suite, means[i].unit, means[i].figure};
        print_geomean(report, &picked, means[i].label, out);
    }
}

void bench_report_text(const struct bench_report *report, FILE *out)
{
    const struct bench_suite *suite = report->suite;
    char machine[512];
    machine_text(&report->machine, machine, sizeof machine);
    fprintf(out, "%s\n%s, %s\n", report->command, report->started, machine);
    fprintf(out, "Medians of %zu interleaved round%s, each run %s, seed %lu; lower is better.\n",
            suite->rounds, suite->rounds == 1 ? "" : "s",
            suite->allocators[0].fits ? "a process" : "proven", suite->settings.seed);
    fprintf(out, "* the best, or a tie with it; \u00b1 half the quartiles' distance.\n");
    if (suite->runs_done < suite->runs_total)
        fprintf(out, "Interrupted after %zu of %zu runs.\n", suite->runs_done, suite->runs_total);
    print_cpu_share(&suite->results, out);
    print_allocators(suite, out);
    print_tables(report, out);
    if (suite->allocator_count > 1 && !suite->allocators[0].fits)
        print_geomeans(report, out);
    print_failures(suite, out);
}
