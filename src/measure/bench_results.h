/* SPDX-License-Identifier: MIT */
/*
 * The figures of a benchmark suite: what each run gave, and what the runs say together. Layer 4,
 * pure: no I/O.
 *
 *     row = one figure of one case        values[allocator][round], NAN where a run gave none
 *
 * Allocators and cases are known here by their index alone. Lower is better in every figure.
 *
 *   median, quartiles  of one allocator's rounds; the spread is (q3 - q1) / median
 *   ratio              the median over the rounds of x / reference: both ran in the same round,
 *                      one soon after the other, so drift over the minutes falls out
 *   best               the allocator with the lowest median
 *   tie                the quartiles of the ratio's rounds enclose 1: the run does not tell them
 *                      apart
 */
#ifndef SHALE_MEASURE_BENCH_RESULTS_H
#define SHALE_MEASURE_BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

enum { BENCH_FIGURE_NAME_MAX = 40, BENCH_NONE = -1 };

struct bench_row {
    size_t case_index;
    char figure[BENCH_FIGURE_NAME_MAX]; /* ends in its unit: "time_ns" */
    bool lead;      /* the case's first figure: the one that sums of the suite are made of */
    bool note;      /* explains the others: not compared */
    double *values; /* [allocator * rounds + round] */
};

struct bench_failure {
    size_t case_index, allocator, round;
    char reason[256];
};

struct bench_results {
    size_t allocators, rounds;
    struct bench_row *rows; /* in the order of arrival: by case, figures as the case gave them */
    size_t row_count, row_capacity;
    struct bench_failure *failures;
    size_t failure_count, failure_capacity;
};

struct bench_summary {
    size_t count; /* rounds that gave a value; 0: the rest is NAN */
    double median, q1, q3, min, max;
};

void bench_results_init(struct bench_results *results, size_t allocators, size_t rounds);
void bench_results_free(struct bench_results *results);

/*
 * Stores one value. The first row of a case that is no note becomes its lead.
 *
 * @param figure  cut at BENCH_FIGURE_NAME_MAX - 1 bytes.
 * @return  0, SHALE_ENOMEM, SHALE_EINVAL for an index out of range or a value that is not finite.
 */
SHALE_NODISCARD int bench_results_add(struct bench_results *results, size_t case_index,
                                      const char *figure, bool note, size_t allocator, size_t round,
                                      double value);

/* The row of that figure of a case, or NULL. */
const struct bench_row *bench_results_row(const struct bench_results *results, size_t case_index,
                                          const char *figure);

/*
 * The part of its time that a run of a single thread had a CPU, over all such runs (notes "cores"
 * where "threads" is 1): well below 1 where the machine was busy with something else.
 */
struct bench_summary bench_results_cpu_share(const struct bench_results *results);

/* Stores why a run gave nothing. @return 0, SHALE_ENOMEM. */
SHALE_NODISCARD int bench_results_fail(struct bench_results *results, size_t case_index,
                                       size_t allocator, size_t round, const char *reason);

/* The first failure of that allocator in that case, or NULL. */
const struct bench_failure *bench_results_failure(const struct bench_results *results,
                                                  size_t case_index, size_t allocator);

struct bench_summary bench_row_summary(const struct bench_results *results,
                                       const struct bench_row *row, size_t allocator);

/* (q3 - q1) / median, 0 for one round, NAN for none. */
double bench_summary_spread(const struct bench_summary *summary);

/* The summary of x / reference over the rounds that have both (and a reference above 0). */
struct bench_summary bench_row_ratio(const struct bench_results *results,
                                     const struct bench_row *row, size_t allocator,
                                     size_t reference);

/*
 * The allocator with the lowest median.
 *
 * @param skip  one to leave out, or BENCH_NONE.
 * @return  its index, or BENCH_NONE when no other has a value.
 */
long bench_row_best(const struct bench_results *results, const struct bench_row *row, long skip);

/* Does the run not tell them apart? True also for an allocator and itself. */
bool bench_row_tie(const struct bench_results *results, const struct bench_row *row,
                   size_t allocator, size_t other);

/*
 * The geometric mean over the rows that `wanted` picks of the ratio to the reference.
 *
 * @param count  gets how many rows it rests on; rows without a value of either are left out.
 * @return  NAN when there is none.
 */
double bench_results_geomean(const struct bench_results *results,
                             bool (*wanted)(const struct bench_row *row, const void *context),
                             const void *context, size_t allocator, size_t reference,
                             size_t *count);

#endif
