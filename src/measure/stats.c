/* SPDX-License-Identifier: MIT */
/* The statistics of paired runs: see stats.h for what is computed and why. Layer 4. */
#include "measure/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <shale/error.h>

#define Z_800 0.841621233572914 /* the normal quantile of 80 % power */

/* Twice the largest rank sum of the exact test: ranks are doubled so that mid-ranks are whole. */
enum { DOUBLED_SUM_MAX = STATS_EXACT_MAX * (STATS_EXACT_MAX + 1) };

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static int compare_magnitudes(const void *left, const void *right)
{
    double a = fabs(*(const double *)left);
    double b = fabs(*(const double *)right);
    return (a > b) - (a < b);
}

static double normal_upper_tail(double z)
{
    return 0.5 * erfc(z / sqrt(2.0));
}

/* The z that leaves `tail` above it, 0 < tail <= 1/2, by halving: erfc has no inverse in C. */
static double normal_quantile(double tail)
{
    double low = 0;
    double high = 40; /* beyond, erfc is 0 */
    for (int i = 0; i < 64; i++) {
        double middle = (low + high) / 2;
        if (normal_upper_tail(middle) > tail)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double stats_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* ------------------------------------------------------------------ the signed-rank test */

struct signed_ranks {
    size_t n;                          /* differences that are not zero */
    unsigned doubled[STATS_PAIRS_MAX]; /* twice the rank of each, ascending */
    unsigned long doubled_positive;    /* twice the sum of the ranks of positive differences */
    double ties;                       /* sum of t^3 - t over groups of t equal magnitudes */
};

/* Ranks the non-zero differences by magnitude; equal magnitudes share their mean rank. */
static void rank_differences(const double *differences, size_t n, struct signed_ranks *ranks)
{
    double sorted[STATS_PAIRS_MAX];
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (differences[i] != 0)
            sorted[used++] = differences[i];
    qsort(sorted, used, sizeof *sorted, compare_magnitudes);
    *ranks = (struct signed_ranks){.n = used};
    for (size_t first = 0, end; first < used; first = end) {
        end = first + 1;
        while (end < used && fabs(sorted[end]) == fabs(sorted[first]))
            end++;
        double tied = (double)(end - first);
        ranks->ties += tied * tied * tied - tied;
        for (size_t i = first; i < end; i++) {
            ranks->doubled[i] = (unsigned)(first + 1 + end); /* ranks first + 1 .. end */
            if (sorted[i] > 0)
                ranks->doubled_positive += ranks->doubled[i];
        }
    }
}

/*
 * chance[s] = the probability that the doubled ranks given a fair coin each add up to s.
 * Returns the largest sum. Dividing by two at every step keeps the numbers exact: 2^-25 is far
 * inside a double.
 */
static size_t rank_sum_chances(const unsigned *doubled, size_t n, double *chance)
{
    size_t top = 0;
    memset(chance, 0, (DOUBLED_SUM_MAX + 1) * sizeof *chance);
    chance[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t rank = doubled[i];
        top += rank;
        for (size_t sum = top + 1; sum-- > 0;)
            chance[sum] = (chance[sum] + (sum >= rank ? chance[sum - rank] : 0)) / 2;
    }
    return top;
}

static double exact_p(const struct signed_ranks *ranks)
{
    double chance[DOUBLED_SUM_MAX + 1];
    size_t top = rank_sum_chances(ranks->doubled, ranks->n, chance);
    size_t smaller = ranks->doubled_positive;
    if (top - smaller < smaller)
        smaller = top - smaller;
    double tail = 0;
    for (size_t sum = 0; sum <= smaller; sum++)
        tail += chance[sum];
    return fmin(1, 2 * tail);
}

static double signed_rank_variance(double n, double ties)
{
    return n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
}

static double approximate_p(const struct signed_ranks *ranks)
{
    double n = (double)ranks->n;
    double distance = fabs((double)ranks->doubled_positive / 2 - n * (n + 1) / 4) - 0.5;
    double p = 2 * normal_upper_tail(distance / sqrt(signed_rank_variance(n, ranks->ties)));
    return fmin(1, p);
}

double stats_signed_rank_p(const double *differences, size_t n)
{
    struct signed_ranks ranks;
    rank_differences(differences, n, &ranks);
    if (ranks.n == 0)
        return 1;
    return ranks.n <= STATS_EXACT_MAX ? exact_p(&ranks) : approximate_p(&ranks);
}

/* ------------------------------------------------------------- the estimate and its interval */

/*
 * The largest rank sum that the test of n untied differences rejects at alpha, or -1 when it
 * rejects none; the confidence that leaves is stored too.
 */
static long rejected_rank_sum(size_t n, double alpha, double *confidence)
{
    if (n > STATS_EXACT_MAX) {
        double count = (double)n;
        double spread = sqrt(signed_rank_variance(count, 0));
        *confidence = 1 - alpha;
        return (long)floor(count * (count + 1) / 4 - 0.5 - normal_quantile(alpha / 2) * spread);
    }
    unsigned doubled[STATS_EXACT_MAX];
    for (size_t i = 0; i < n; i++)
        doubled[i] = 2 * (unsigned)(i + 1);
    double chance[DOUBLED_SUM_MAX + 1];
    rank_sum_chances(doubled, n, chance);
    double tail = 0;
    long sum = 0;
    while (2 * (tail + chance[2 * sum]) <= alpha)
        tail += chance[2 * sum++];
    *confidence = sum > 0 ? 1 - 2 * tail : 1 - 2 * chance[0];
    return sum - 1;
}

static size_t walsh_averages(const double *differences, size_t n, double *walsh)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            walsh[count++] = (differences[i] + differences[j]) / 2;
    qsort(walsh, count, sizeof *walsh, compare_doubles);
    return count;
}

static bool all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* The difference that 80 % of repetitions would show, from half the width of the interval. */
static double detectable(double half_width, double alpha)
{
    double z = normal_quantile(alpha / 2);
    return half_width * (z + Z_800) / z;
}

int stats_paired(const double *differences, size_t n, struct stats_paired *out)
{
    return stats_paired_at(differences, n, STATS_ALPHA, out);
}

int stats_paired_at(const double *differences, size_t n, double alpha, struct stats_paired *out)
{
    if (n < 1 || n > STATS_PAIRS_MAX || !all_finite(differences, n) || !(alpha > 0 && alpha < 1))
        return SHALE_EINVAL;
    double *walsh = malloc(n * (n + 1) / 2 * sizeof *walsh);
    if (!walsh)
        return SHALE_ENOMEM;
    struct stats_paired result = {.pairs = n, .p = stats_signed_rank_p(differences, n)};
    size_t count = walsh_averages(differences, n, walsh);
    long rejected = rejected_rank_sum(n, alpha, &result.confidence);
    size_t edge = rejected < 0 ? 0 : (size_t)rejected; /* from 0: the average after the rejected */
    result.low = walsh[edge];
    result.high = walsh[count - 1 - edge];
    result.mde = rejected < 0 ? INFINITY : detectable((result.high - result.low) / 2, alpha);
    result.estimate = stats_median(walsh, count);
    free(walsh);
    *out = result;
    return SHALE_OK;
}

/* --------------------------------------------------------------------------- many tests */

/* How many of the tests have a smaller p than test i, counting earlier equals: its place. */
static size_t holm_place(const double *p, size_t n, size_t i)
{
    size_t place = 0;
    for (size_t j = 0; j < n; j++)
        place += p[j] < p[i] || (p[j] == p[i] && j < i);
    return place;
}

void stats_holm(const double *p, size_t n, double *adjusted)
{
    size_t family = 0;
    for (size_t i = 0; i < n; i++)
        family += !isnan(p[i]);
    double *stepped = calloc(n ? n : 1, sizeof *stepped);
    for (size_t i = 0; stepped && i < n; i++)
        stepped[i] = fmin(1, (double)(family - holm_place(p, n, i)) * p[i]);
    for (size_t i = 0; stepped && i < n; i++) {
        double highest = stepped[i];
        for (size_t j = 0; j < n; j++)
            if (p[j] <= p[i] && stepped[j] > highest)
                highest = stepped[j];
        stepped[i] = isnan(p[i]) ? NAN : highest;
    }
    for (size_t i = 0; i < n; i++)
        adjusted[i] = stepped ? stepped[i] : 1; /* without memory nothing is claimed */
    free(stepped);
}

double stats_smallest_p(size_t pairs)
{
    return ldexp(2, -(int)pairs);
}

size_t stats_pairs_needed(size_t tests)
{
    size_t pairs = STATS_PAIRS_MIN;
    while (stats_smallest_p(pairs) * (double)tests > STATS_ALPHA)
        pairs++;
    return pairs;
}
