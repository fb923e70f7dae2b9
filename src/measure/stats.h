/* SPDX-License-Identifier: MIT */
/*
 * The statistics of paired runs. Layer 4, pure: no allocation outlives a call, no I/O, no state.
 *
 * A comparison is n pairs of neighbouring runs. Each pair gives one number, the logarithm of
 * candidate / baseline, so that "1.5 times" and "2/3 of" weigh the same and drift that both runs
 * of a pair share falls out. From these numbers:
 *
 *   estimate   Hodges-Lehmann: the median of all Walsh averages (d[i] + d[j]) / 2, i <= j. It is as
 *              good as the mean on clean data and shrugs off the spikes of a noisy machine.
 *   interval   the Walsh averages at which Wilcoxon's signed-rank test turns, at 5 % unless another
 *              alpha is asked for: exact for up to STATS_EXACT_MAX pairs, by the normal
 *              approximation with continuity beyond.
 *   p          the two-sided Wilcoxon signed-rank test of "no difference". Zero differences are
 *              dropped (Wilcoxon's rule); ties get mid-ranks. Up to STATS_EXACT_MAX differences
 *              the distribution given those ranks is counted out, so p is exact with ties too;
 *              beyond, the normal approximation with tie and continuity correction.
 *   mde        the minimum detectable effect: the true difference that a repetition with this
 *              many pairs and this spread would show about 4 times of 5 (simulated: 78 to 80 %,
 *              67 to 76 % where one run in twenty is a spike). The interval's half width is
 *              z(0.975) = 1.96 standard errors, so 80 % power needs 1.96 + 0.84 of them: 1.43 half
 *              widths. It is taken from the interval, and thus from all pairs, because a standard
 *              deviation of ten runs is the size of the one spike among them.
 */
#ifndef SHALE_MEASURE_STATS_H
#define SHALE_MEASURE_STATS_H

#include <stddef.h>

#include "base/attributes.h"

enum {
    STATS_EXACT_MAX = 25,  /* pairs up to which p and interval are exact */
    STATS_PAIRS_MIN = 6,   /* fewer cannot reach 95 %: at 5 the smallest p is 0.0625 */
    STATS_PAIRS_MAX = 1000 /* the n (n + 1) / 2 Walsh averages are held in memory */
};

#define STATS_ALPHA 0.05

struct stats_paired {
    size_t pairs;
    double estimate;   /* log ratio */
    double low, high;  /* log ratio; the whole range of Walsh averages below STATS_PAIRS_MIN */
    double confidence; /* what the interval reaches: >= 0.95, or less below STATS_PAIRS_MIN */
    double p;          /* two-sided; 1 when every difference is zero */
    double mde;        /* log ratio; INFINITY below STATS_PAIRS_MIN */
};

/*
 * Estimate, interval, p and minimum detectable effect of n paired differences.
 *
 * @param differences  n finite log ratios, 1 <= n <= STATS_PAIRS_MAX.
 * @return  0, SHALE_EINVAL for a bad n or a number that is not finite, SHALE_ENOMEM.
 * Cost: n * n log n. At 1000 pairs 4 MB for the duration of the call.
 */
SHALE_NODISCARD int stats_paired(const double *differences, size_t n, struct stats_paired *out);

/*
 * As stats_paired, with an interval of 1 - alpha. The mde keeps its meaning, at this alpha.
 *
 * @param alpha  two-sided, 0 < alpha < 1; where n pairs cannot reach it, the interval is the whole
 *               range of Walsh averages, the confidence says what that is, and the mde is INFINITY.
 */
SHALE_NODISCARD int stats_paired_at(const double *differences, size_t n, double alpha,
                                    struct stats_paired *out);

/* The two-sided p of the signed-rank test of n <= STATS_PAIRS_MAX finite differences. */
double stats_signed_rank_p(const double *differences, size_t n);

/*
 * Holm's step-down adjustment: adjusted[i] <= alpha says that test i stands among all n at a
 * family-wise error of alpha. A p that is NaN (no test) is no member of the family and stays NaN.
 *
 * @param adjusted  gets n values; may be p itself.
 */
void stats_holm(const double *p, size_t n, double *adjusted);

/* The smallest two-sided p that n pairs can give: 2 / 2^n. */
double stats_smallest_p(size_t pairs);

/* The fewest pairs with which the first of `tests` tests can stand after Holm at STATS_ALPHA. */
size_t stats_pairs_needed(size_t tests);

/* The median of n > 0 numbers; sorts them in place. */
double stats_median(double *values, size_t n);

#endif
