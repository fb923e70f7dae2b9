/* SPDX-License-Identifier: MIT */
/*
 * Two profiles of one program compared, stack by stack. Layer 4.
 *
 * Stacks are the same when their functions are, whatever their addresses and lines: the program may
 * have been built anew in between.
 */
#ifndef SHALE_REPORT_DIFF_H
#define SHALE_REPORT_DIFF_H

#include <stdio.h>

#include <shale/error.h>

#include "report/intern.h"
#include "report/report.h"

/* A stack's figures before and after. */
struct report_diff_stack {
    uint64_t before[REPORT_WEIGHTS];
    uint64_t after[REPORT_WEIGHTS];
};

struct report_diff {
    const struct shale_profile_report *before;
    const struct shale_profile_report *after;
    struct intern names; /* "inner;outer;main", by number of the stack */
    struct report_diff_stack *stacks;
    uint32_t count;
};

/*
 * Compares.
 *
 * @param diff  filled; report_diff_free frees it. It points to both reports.
 * @return 0 or SHALE_ENOMEM.
 */
SHALE_NODISCARD int report_diff_make(const struct shale_profile_report *before,
                                     const struct shale_profile_report *after,
                                     struct report_diff *diff);

void report_diff_free(struct report_diff *diff);

/* Totals side by side, then the stacks that changed most by that weight. */
SHALE_NODISCARD int report_diff_text(const struct report_diff *diff, enum report_weight weight,
                                     unsigned stacks, FILE *out);

/* A line for each stack, with all figures before and after. */
void report_diff_csv(const struct report_diff *diff, FILE *out);

/* "main;outer;inner BEFORE AFTER", as differential flame graphs want it. */
SHALE_NODISCARD int report_diff_flame(const struct report_diff *diff, enum report_weight weight,
                                      FILE *out);

#endif
