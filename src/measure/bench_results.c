/* SPDX-License-Identifier: MIT */
/* The figures of a benchmark suite and what they say together. Layer 4. */
#include "measure/bench_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_results_init(struct bench_results *results, size_t allocators, size_t rounds)
{
    *results = (struct bench_results){.allocators = allocators, .rounds = rounds};
}

void bench_results_free(struct bench_results *results)
{
    for (size_t i = 0; i < results->row_count; i++)
        free(results->rows[i].values);
    free(results->rows);
    free(results->failures);
    *results = (struct bench_results){0};
}

/* Room for one more item of `size` bytes; false without memory. */
static bool make_room(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = reallocarray(*items, wanted, size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

static bool has_lead(const struct bench_results *results, size_t case_index)
{
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].case_index == case_index && results->rows[i].lead)
            return true;
    return false;
}

const struct bench_row *bench_results_row(const struct bench_results *results, size_t case_index,
                                          const char *figure)
{
    for (size_t i = 0; i < results->row_count; i++)
        if (results->rows[i].case_index == case_index &&
            strncmp(results->rows[i].figure, figure, BENCH_FIGURE_NAME_MAX - 1) == 0)
            return &results->rows[i];
    return NULL;
}

static const struct bench_row *new_row(struct bench_results *results, size_t case_index,
                                       const char *figure, bool note)
{
    if (!make_room((void **)&results->rows, &results->row_capacity, results->row_count,
                   sizeof *results->rows))
        return NULL;
    size_t count = results->allocators * results->rounds;
    double *values = malloc(count * sizeof *values);
    if (!values)
        return NULL;
    for (size_t i = 0; i < count; i++)
        values[i] = NAN;
    bool lead = !note && !has_lead(results, case_index);
    struct bench_row *row = &results->rows[results->row_count++];
    *row =
        (struct bench_row){.case_index = case_index, .lead = lead, .note = note, .values = values};
    snprintf(row->figure, sizeof row->figure, "%s", figure);
    return row;
}

int bench_results_add(struct bench_results *results, size_t case_index, const char *figure,
                      bool note, size_t allocator, size_t round, double value)
{
    if (allocator >= results->allocators || round >= results->rounds || !isfinite(value))
        return SHALE_EINVAL;
    const struct bench_row *row = bench_results_row(results, case_index, figure);
    if (!row)
        row = new_row(results, case_index, figure, note);
    if (!row)
        return SHALE_ENOMEM;
    row->values[allocator * results->rounds + round] = value;
    return 0;
}

int bench_results_fail(struct bench_results *results, size_t case_index, size_t allocator,
                       size_t round, const char *reason)
{
    if (!make_room((void **)&results->failures, &results->failure_capacity, results->failure_count,
                   sizeof *results->failures))
        return SHALE_ENOMEM;
    struct bench_failure *failure = &results->failures[results->failure_count++];
    *failure =
        (struct bench_failure){.case_index = case_index, .allocator = allocator, .round = round};
    snprintf(failure->reason, sizeof failure->reason, "%s", reason);
    return 0;
}

const struct bench_failure *bench_results_failure(const struct bench_results *results,
                                                  size_t case_index, size_t allocator)
{
    for (size_t i = 0; i < results->failure_count; i++)
        if (results->failures[i].case_index == case_index &&
            results->failures[i].allocator == allocator)
            return &results->failures[i];
    return NULL;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Linear between the neighbours, as R's default and numpy's. */
static double quantile(const double *sorted, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* Sorts the values. */
static struct bench_summary summarise(double *values, size_t count)
{
    if (count == 0)
        return (struct bench_summary){0, NAN, NAN, NAN, NAN, NAN};
    qsort(values, count, sizeof *values, compare_doubles);
    return (struct bench_summary){.count = count,
                                  .median = quantile(values, count, 0.5),
                                  .q1 = quantile(values, count, 0.25),
                                  .q3 = quantile(values, count, 0.75),
                                  .min = values[0],
                                  .max = values[count - 1]};
}

/* The values of the rounds, divided by the reference's unless there is none. */
static struct bench_summary summarise_rounds(const struct bench_results *results,
                                             const double *values, const double *reference)
{
    double *kept = malloc(results->rounds * sizeof *kept);
    size_t count = 0;
    for (size_t round = 0; kept && round < results->rounds; round++) {
        double divisor = reference ? reference[round] : 1;
        if (isfinite(values[round]) && isfinite(divisor) && divisor > 0)
            kept[count++] = values[round] / divisor;
    }
    struct bench_summary summary = summarise(kept, count);
    free(kept);
    return summary;
}

struct bench_summary bench_row_summary(const struct bench_results *results,
                                       const struct bench_row *row, size_t allocator)
{
    return summarise_rounds(results, row->values + allocator * results->rounds, NULL);
}

double bench_summary_spread(const struct bench_summary *summary)
{
    if (summary->median == 0)
        return 0;
    return (summary->q3 - summary->q1) / summary->median;
}

struct bench_summary bench_row_ratio(const struct bench_results *results,
                                     const struct bench_row *row, size_t allocator,
                                     size_t reference)
{
    return summarise_rounds(results, row->values + allocator * results->rounds,
                            row->values + reference * results->rounds);
}

struct bench_summary bench_results_cpu_share(const struct bench_results *results)
{
    size_t per_row = results->allocators * results->rounds;
    double *shares = calloc(results->row_count * per_row + 1, sizeof *shares);
    size_t count = 0;
    for (size_t i = 0; shares && i < results->row_count; i++) {
        const struct bench_row *row = &results->rows[i];
        const struct bench_row *threads = bench_results_row(results, row->case_index, "threads");
        for (size_t k = 0; strcmp(row->figure, "cores") == 0 && threads && k < per_row; k++)
            if (isfinite(row->values[k]) && threads->values[k] == 1)
                shares[count++] = row->values[k];
    }
    struct bench_summary summary = summarise(shares, count);
    free(shares);
    return summary;
}

long bench_row_best(const struct bench_results *results, const struct bench_row *row, long skip)
{
    long best = BENCH_NONE;
    double lowest = INFINITY;
    for (size_t i = 0; i < results->allocators; i++) {
        struct bench_summary summary = bench_row_summary(results, row, i);
        if ((long)i == skip || summary.count == 0 || summary.median >= lowest)
            continue;
        best = (long)i;
        lowest = summary.median;
    }
    return best;
}

bool bench_row_tie(const struct bench_results *results, const struct bench_row *row,
                   size_t allocator, size_t other)
{
    if (allocator == other)
        return true;
    struct bench_summary ratio = bench_row_ratio(results, row, allocator, other);
    if (ratio.count == 0) /* no reference above 0: equal only when both are 0 */
        return bench_row_summary(results, row, allocator).max == 0;
    return ratio.q1 <= 1 && ratio.q3 >= 1;
}

double bench_results_geomean(const struct bench_results *results,
                             bool (*wanted)(const struct bench_row *row, const void *context),
                             const void *context, size_t allocator, size_t reference, size_t *count)
{
    double sum = 0;
    *count = 0;
    for (size_t i = 0; i < results->row_count; i++) {
        if (!wanted(&results->rows[i], context))
            continue;
        struct bench_summary ratio =
            bench_row_ratio(results, &results->rows[i], allocator, reference);
        if (ratio.count == 0 || ratio.median <= 0)
            continue;
        sum += log(ratio.median);
        ++*count;
    }
    return *count ? exp(sum / (double)*count) : NAN;
}
