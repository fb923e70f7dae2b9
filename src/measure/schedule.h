/* SPDX-License-Identifier: MIT */
/*
 * In which order the runs of a comparison happen. Layer 4, pure.
 *
 * A round runs one pair of every comparison: the baseline and a candidate, back to back. From
 * round to round each pair turns round (A B, then B A), so that what drifts over the minutes - a
 * CPU that warms up, a page cache that fills - hits both alike and cancels out over two rounds.
 * The pairs of a round take turns in going first, so that no candidate is always the one that
 * follows a particular other.
 */
#ifndef SHALE_MEASURE_SCHEDULE_H
#define SHALE_MEASURE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

struct schedule_step {
    size_t comparison;
    bool baseline;
};

/*
 * The step-th run, 0 <= step < 2 * comparisons, of a round: of which comparison it is, and whether
 * the baseline or the candidate runs.
 */
struct schedule_step schedule_step(size_t round, size_t step, size_t comparisons);

#endif
