/* SPDX-License-Identifier: MIT */
/* Theil-Sen's slope with Kendall's interval: see trend.h. Layer 4. */
#include "measure/trend.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stats.h"

enum { SLOPES_MAX = TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2 };

static bool well_formed(const struct trend_point *points, size_t n)
{
    if (n < TREND_POINTS_MIN || n > TREND_POINTS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y) ||
            (i > 0 && points[i].x <= points[i - 1].x))
            return false;
    return true;
}

/*
 * chance[k] = the probability that n values in random order have k inversions: the value put in
 * i-th makes 0 .. i - 1 new ones, each as likely.
 */
static void inversion_chances(size_t n, double *chance)
{
    double before[SLOPES_MAX + 1];
    size_t top = 0;
    memset(chance, 0, (SLOPES_MAX + 1) * sizeof *chance);
    chance[0] = 1;
    for (size_t i = 2; i <= n; i++) {
        memcpy(before, chance, sizeof before);
        top += i - 1;
        for (size_t k = 0; k <= top; k++) {
            chance[k] = 0;
            for (size_t more = 0; more < i && more <= k; more++)
                chance[k] += before[k - more];
            chance[k] /= (double)i;
        }
    }
}

/* How many slopes the test leaves out at each end, and the confidence that this gives. */
static size_t rejected_slopes(size_t n, double alpha, double *confidence)
{
    double chance[SLOPES_MAX + 1];
    inversion_chances(n, chance);
    double tail = 0;
    size_t count = 0;
    while (2 * (tail + chance[count]) <= alpha)
        tail += chance[count++];
    *confidence = count > 0 ? 1 - 2 * tail : 1 - 2 * chance[0];
    return count > 0 ? count - 1 : 0;
}

int trend_of(const struct trend_point *points, size_t n, double alpha, struct trend *out)
{
    if (!well_formed(points, n))
        return SHALE_EINVAL;
    double slopes[SLOPES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slopes[count++] = (points[j].y - points[i].y) / (points[j].x - points[i].x);
    struct trend result = {.slope = stats_median(slopes, count)}; /* sorts them */
    size_t edge = rejected_slopes(n, alpha, &result.confidence);
    result.low = slopes[edge];
    result.high = slopes[count - 1 - edge];
    *out = result;
    return SHALE_OK;
}

size_t trend_block_minima(const struct trend_point *points, size_t n, struct trend_point *blocks)
{
    size_t count = 0;
    size_t current = TREND_BLOCKS; /* of the last of `blocks`; none yet */
    for (size_t i = 0; i < n; i++) {
        double share = (points[i].x - points[0].x) / (points[n - 1].x - points[0].x);
        size_t block = share < 1 ? (size_t)(share * TREND_BLOCKS) : TREND_BLOCKS - 1;
        if (block != current || count == 0)
            blocks[count++] = points[i];
        else if (points[i].y < blocks[count - 1].y)
            blocks[count - 1] = points[i];
        current = block;
    }
    return count;
}

int trend_of_what_stays(const struct trend_point *points, size_t n, double alpha, struct trend *out)
{
    const double filling = 0.1;
    struct trend_point blocks[TREND_BLOCKS];
    size_t first = 0;
    while (first < n && points[first].x < filling * points[n - 1].x)
        first++;
    if (first == n)
        return SHALE_EINVAL;
    return trend_of(blocks, trend_block_minima(points + first, n - first, blocks), alpha, out);
}
