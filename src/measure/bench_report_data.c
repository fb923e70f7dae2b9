/* SPDX-License-Identifier: MIT */
/* The results of a benchmark as JSON, CSV and gnuplot's data. Layer 4. */
#include <math.h>
#include <string.h>

#include <shale/version.h>

#include "identify/identify.h"
#include "measure/bench_report.h"
#include "measure/outfile.h"

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *samples_json(const struct bench_results *results, const struct bench_row *row,
                            size_t allocator)
{
    json_t *samples = json_array();
    for (size_t round = 0; round < results->rounds; round++)
        json_array_append_new(samples,
                              number_or_null(row->values[allocator * results->rounds + round]));
    return samples;
}

static json_t *ratio_json(const struct bench_results *results, const struct bench_row *row,
                          size_t allocator, long reference)
{
    if (reference == BENCH_NONE)
        return json_null();
    return number_or_null(bench_row_ratio(results, row, allocator, (size_t)reference).median);
}

static json_t *result_json(const struct bench_report *report, const struct bench_row *row,
                           size_t allocator)
{
    const struct bench_results *results = &report->suite->results;
    struct bench_summary summary = bench_row_summary(results, row, allocator);
    long best = row->note ? BENCH_NONE : bench_row_best(results, row, (long)allocator);
    bool tie = best != BENCH_NONE && bench_row_tie(results, row, allocator, (size_t)best);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "allocator",
                     report->suite->allocators[allocator].label, "samples",
                     samples_json(results, row, allocator), "median",
                     number_or_null(summary.median), "q1", number_or_null(summary.q1), "q3",
                     number_or_null(summary.q3), "min", number_or_null(summary.min), "max",
                     number_or_null(summary.max), "ratio_to_first",
                     ratio_json(results, row, allocator, 0), "ratio_to_best_other",
                     ratio_json(results, row, allocator, best), "tie_with_best_other", tie);
}

static json_t *row_json(const struct bench_report *report, const struct bench_row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->suite->allocator_count; i++)
        json_array_append_new(list, result_json(report, row, i));
    const char *unit = strrchr(row->figure, '_');
    return json_pack("{s:s, s:s, s:b, s:b, s:o}", "name", row->figure, "unit", unit ? unit + 1 : "",
                     "lead", row->lead, "note", row->note, "results", list);
}

static json_t *case_json(const struct bench_report *report, size_t index)
{
    const struct bench_case *item = &report->suite->cases.items[index];
    const struct bench_results *results = &report->suite->results;
    json_t *rows = json_array();
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].case_index == index)
            json_array_append_new(rows, row_json(report, &results->rows[i]));
    return json_pack("{s:s, s:s, s:s, s:o}", "suite", item->suite, "name", item->name, "summary",
                     item->summary, "figures", rows);
}

static json_t *allocators_json(const struct bench_suite *suite)
{
    json_t *list = json_array();
    for (size_t i = 0; i < suite->allocator_count; i++) {
        const struct finder_allocator *found = suite->allocators[i].found;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o, s:s}", "label",
                                        suite->allocators[i].label, "name", found->name, "version",
                                        found->version, "path", identify_json_text(found->path),
                                        "source", finder_source_name(found->source)));
    }
    return list;
}

static json_t *failures_json(const struct bench_suite *suite)
{
    json_t *list = json_array();
    for (size_t i = 0; i < suite->results.failure_count; i++) {
        const struct bench_failure *failure = &suite->results.failures[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I, s:o}", "workload",
                                        suite->cases.items[failure->case_index].name, "allocator",
                                        suite->allocators[failure->allocator].label, "round",
                                        (json_int_t)failure->round + 1, "reason",
                                        identify_json_text(failure->reason)));
    }
    return list;
}

json_t *bench_report_json(const struct bench_report *report)
{
    const struct bench_suite *suite = report->suite;
    json_t *cases = json_array();
    for (size_t i = 0; i < suite->cases.count; i++)
        json_array_append_new(cases, case_json(report, i));
    return json_pack("{s:i, s:s, s:o, s:s, s:o, s:I, s:I, s:f, s:o, s:o, s:o}", "schema", 1,
                     "shale_version", SHALE_VERSION_STRING, "command",
                     identify_json_text(report->command), "started", report->started, "machine",
                     machine_json(&report->machine), "rounds", (json_int_t)suite->rounds, "seed",
                     (json_int_t)suite->settings.seed, "seconds", suite->settings.seconds,
                     "allocators", allocators_json(suite), "cases", cases, "failures",
                     failures_json(suite));
}

static void print_csv_row(const struct bench_report *report, const struct bench_row *row,
                          const char *machine, FILE *out)
{
    const struct bench_suite *suite = report->suite;
    const struct bench_case *item = &suite->cases.items[row->case_index];
    for (size_t i = 0; i < suite->allocator_count; i++)
        for (size_t round = 0; round < suite->rounds; round++) {
            double value = row->values[i * suite->rounds + round];
            if (!isfinite(value))
                continue;
            fprintf(out, "%s,%s,%s,%d,%s,%s,%zu,%.10g,", item->suite, item->name, row->figure,
                    row->note, suite->allocators[i].label, suite->allocators[i].found->version,
                    round + 1, value);
            outfile_csv_field(machine, out);
            fputc('\n', out);
        }
}

void bench_report_csv(const struct bench_report *report, FILE *out)
{
    char machine[512];
    machine_text(&report->machine, machine, sizeof machine);
    fprintf(out, "suite,workload,figure,note,allocator,version,round,value,machine\n");
    for (size_t i = 0; i < report->suite->results.row_count; i++)
        print_csv_row(report, &report->suite->results.rows[i], machine, out);
}

/* The first column that has a value in the row: not every peer can run every workload. */
static size_t first_column(const struct bench_results *results, const struct bench_row *row)
{
    size_t first = 0;
    while (first + 1 < results->allocators && bench_row_summary(results, row, first).count == 0)
        first++;
    return first;
}

static void print_plot_row(const struct bench_report *report, const struct bench_row *row,
                           FILE *out)
{
    const struct bench_results *results = &report->suite->results;
    bool peers = report->suite->allocators[0].fits;
    size_t reference = peers ? first_column(results, row) : 0;
    fprintf(out, "\"%s\"", report->suite->cases.items[row->case_index].name);
    for (size_t i = 0; i < results->allocators; i++) {
        struct bench_summary ratio = bench_row_ratio(results, row, i, reference);
        if (ratio.count)
            fprintf(out, " %.6g", ratio.median);
        else
            fputs(" ?", out);
    }
    fputc('\n', out);
}

void bench_report_plot_data(const struct bench_report *report, FILE *out)
{
    const struct bench_suite *suite = report->suite;
    char machine[512];
    machine_text(&report->machine, machine, sizeof machine);
    fprintf(out, "# %s\n# %s, %s\n# the leading figure of each workload over that of %s\n",
            report->command, report->started, machine, suite->allocators[0].label);
    fputs("workload", out);
    for (size_t i = 0; i < suite->allocator_count; i++)
        fprintf(out, " \"%s\"", suite->allocators[i].label);
    fputc('\n', out);
    for (size_t i = 0; i < suite->results.row_count; i++)
        if (suite->results.rows[i].lead)
            print_plot_row(report, &suite->results.rows[i], out);
}
