/* SPDX-License-Identifier: MIT */
/*
 * Does a series rise, and how fast? Layer 4, pure: no allocation outlives a call, no I/O, no state.
 *
 *   slope      Theil-Sen: the median of the slopes between all pairs of points. A spike moves it
 *              less than it moves a fitted line.
 *   interval   the slopes at which Kendall's test of "no trend" turns, from the exact distribution
 *              of the number of inversions (ties in y count half; they make it wider, not wrong).
 *   blocks     RSS is noisy upwards only: what is freed soon comes on top of what stays. The lowest
 *              reading of each of 12 blocks of time is close to what stays, and blocks are far
 *              enough apart to be taken as independent.
 *
 * Sources: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63
 * (1968); M. G. Kendall, Rank Correlation Methods (1948), for the counting of inversions.
 */
#ifndef SHALE_MEASURE_TREND_H
#define SHALE_MEASURE_TREND_H

#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

enum { TREND_POINTS_MIN = 5, TREND_POINTS_MAX = 64, TREND_BLOCKS = 12 };

struct trend_point {
    double x, y;
};

struct trend {
    double slope;      /* y per x */
    double low, high;  /* the interval */
    double confidence; /* what it reaches: at least 1 - alpha */
};

/*
 * The trend of n points whose x rise.
 *
 * @param n      TREND_POINTS_MIN .. TREND_POINTS_MAX: below, no interval of 95 % exists.
 * @param alpha  0.05 for 95 %, two-sided.
 * @return  0, SHALE_EINVAL for a bad n, an x that does not rise, or a number that is not finite.
 * Cost: n * n log n.
 */
SHALE_NODISCARD int trend_of(const struct trend_point *points, size_t n, double alpha,
                             struct trend *out);

/*
 * The lowest point of each of TREND_BLOCKS equal parts of the time from the first point to the
 * last, in their order; a part without a point is left out.
 *
 * @param blocks  gets at most TREND_BLOCKS points.
 * @return  how many.
 */
size_t trend_block_minima(const struct trend_point *points, size_t n, struct trend_point *blocks);

/*
 * The trend of what stays: the first tenth of the time, in which caches fill, is left out, and of
 * the rest the slope of the block minima is taken.
 *
 * How far it holds where neighbouring readings depend on each other is simulated in
 * tests/unit/test_measure_trend.c.
 *
 * @return  as trend_of: SHALE_EINVAL also for fewer than TREND_POINTS_MIN blocks.
 */
SHALE_NODISCARD int trend_of_what_stays(const struct trend_point *points, size_t n, double alpha,
                                        struct trend *out);

#endif
