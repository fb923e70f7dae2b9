/* SPDX-License-Identifier: MIT */
/* Turns the pairs of a comparison into readings: see compare.h. Layer 4, pure. */
#include <math.h>
#include <stdlib.h>

#include "measure/compare.h"

/* The log ratio of one pair; NaN when it has none. Two zeros are the same. */
static double log_ratio(double baseline, double candidate)
{
    if (baseline == 0 && candidate == 0)
        return 0;
    if (!(baseline > 0) || !(candidate > 0))
        return NAN;
    return log(candidate / baseline);
}

static bool both_finite(const struct compare_pair *pair, size_t figure)
{
    return isfinite(pair->baseline.values[figure]) && isfinite(pair->candidate.values[figure]);
}

size_t compare_log_ratios(const struct comparison_set *set,
                          const struct compare_comparison *comparison, size_t figure,
                          double *ratios)
{
    size_t count = 0;
    for (size_t i = 0; i < set->pairs; i++) {
        const struct compare_pair *pair = &comparison->pairs[i];
        if (!both_finite(pair, figure))
            continue;
        ratios[count] = log_ratio(pair->baseline.values[figure], pair->candidate.values[figure]);
        if (!isfinite(ratios[count++]))
            return 0;
    }
    return count;
}

static void read_medians(const struct comparison_set *set,
                         const struct compare_comparison *comparison, size_t figure,
                         struct compare_reading *reading)
{
    double baseline[STATS_PAIRS_MAX];
    double candidate[STATS_PAIRS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < set->pairs; i++) {
        const struct compare_pair *pair = &comparison->pairs[i];
        if (!both_finite(pair, figure))
            continue;
        baseline[count] = pair->baseline.values[figure];
        candidate[count++] = pair->candidate.values[figure];
    }
    reading->baseline_median = count > 0 ? stats_median(baseline, count) : NAN;
    reading->candidate_median = count > 0 ? stats_median(candidate, count) : NAN;
}

static void read_figure(const struct comparison_set *set, struct compare_comparison *comparison,
                        size_t figure)
{
    double ratios[STATS_PAIRS_MAX];
    struct compare_reading *reading = &comparison->readings[figure];
    *reading = (struct compare_reading){.adjusted_p = NAN};
    read_medians(set, comparison, figure, reading);
    size_t count = compare_log_ratios(set, comparison, figure, ratios);
    if (count == 0 || stats_paired(ratios, count, &reading->stats) != SHALE_OK)
        return;
    reading->verdict = count < STATS_PAIRS_MIN ? COMPARE_TOO_FEW : COMPARE_NO_DIFFERENCE;
}

static bool in_family(const struct comparison_set *set, const struct compare_comparison *comparison,
                      size_t figure)
{
    const struct figure *about = &set->figures.items[figure];
    return about->primary && about->shown &&
           comparison->readings[figure].verdict != COMPARE_NOT_COMPARABLE;
}

static void adjust(const struct comparison_set *set, struct compare_comparison *comparison)
{
    double p[FIGURES_MAX];
    for (size_t i = 0; i < set->figures.count; i++)
        p[i] = in_family(set, comparison, i) ? comparison->readings[i].stats.p : NAN;
    stats_holm(p, set->figures.count, p);
    for (size_t i = 0; i < set->figures.count; i++)
        comparison->readings[i].adjusted_p = p[i];
}

static void judge(struct compare_reading *reading, bool primary)
{
    if (reading->verdict != COMPARE_NO_DIFFERENCE)
        return;
    const struct stats_paired *stats = &reading->stats;
    bool excludes = stats->low > 0 || stats->high < 0;
    if (!excludes || stats->p > STATS_ALPHA)
        return;
    bool sure = !primary || reading->adjusted_p <= STATS_ALPHA;
    if (stats->estimate < 0)
        reading->verdict = sure ? COMPARE_LOWER : COMPARE_UNSURE_LOWER;
    else
        reading->verdict = sure ? COMPARE_HIGHER : COMPARE_UNSURE_HIGHER;
}

void compare_analyse(struct comparison_set *set)
{
    for (size_t i = 0; i < set->comparison_count; i++) {
        struct compare_comparison *comparison = &set->comparisons[i];
        for (size_t figure = 0; figure < set->figures.count; figure++)
            read_figure(set, comparison, figure);
        adjust(set, comparison);
        for (size_t figure = 0; figure < set->figures.count; figure++)
            judge(&comparison->readings[figure], set->figures.items[figure].primary);
    }
    set->aa_quiet = true;
    for (size_t figure = 0; figure < set->figures.count; figure++) {
        enum compare_verdict verdict = set->comparisons[set->aa].readings[figure].verdict;
        if (set->figures.items[figure].primary && set->figures.items[figure].shown &&
            (verdict == COMPARE_LOWER || verdict == COMPARE_HIGHER))
            set->aa_quiet = false;
    }
}

size_t compare_family_size(const struct comparison_set *set, size_t comparison)
{
    size_t size = 0;
    for (size_t i = 0; i < set->figures.count; i++)
        size += in_family(set, &set->comparisons[comparison], i);
    return size;
}

const char *compare_verdict_name(enum compare_verdict verdict)
{
    switch (verdict) {
    case COMPARE_TOO_FEW:
        return "too few pairs";
    case COMPARE_NO_DIFFERENCE:
        return "no difference shown";
    case COMPARE_UNSURE_LOWER:
        return "lower alone, not after Holm";
    case COMPARE_UNSURE_HIGHER:
        return "higher alone, not after Holm";
    case COMPARE_LOWER:
        return "lower";
    case COMPARE_HIGHER:
        return "higher";
    default:
        return "not comparable";
    }
}
