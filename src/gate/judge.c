/* SPDX-License-Identifier: MIT */
/* From figures to verdicts: see judge.h. Layer 5, pure. */
#include "gate/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------------------------- looks */

static double spent(double share)
{
    return STATS_ALPHA * log1p((exp(1) - 1) * share);
}

size_t gate_looks(size_t pairs_max, struct gate_look looks[GATE_LOOKS_MAX])
{
    static const size_t planned[] = {10, 16};
    size_t count = 0;
    double before = 0;
    for (size_t i = 0; i <= SHALE_ARRAY_LENGTH(planned); i++) {
        size_t pairs = i < SHALE_ARRAY_LENGTH(planned) ? planned[i] : pairs_max;
        /* A look shortly before the last would leave that one next to nothing to spend. */
        if (i < SHALE_ARRAY_LENGTH(planned) && 4 * pairs > 3 * pairs_max)
            continue;
        double now = spent((double)pairs / (double)pairs_max);
        looks[count++] = (struct gate_look){pairs, now - before};
        before = now;
    }
    return count;
}

/* ----------------------------------------------------------------------------- the limits */

enum gate_verdict gate_judge_interval(double low, double high, const struct gate_limit *limit)
{
    if (!isfinite(low) || !isfinite(high))
        return GATE_NO_GO;
    if (high <= limit->warn)
        return GATE_GO;
    return low > limit->fail ? GATE_NO_GO : GATE_CONDITIONAL;
}

enum gate_verdict gate_judge_value(double value, const struct gate_limit *limit)
{
    return gate_judge_interval(value, value, limit);
}

/* ---------------------------------------------------------------------- what a figure is */

static bool is_performance(size_t figure)
{
    return figure == FIGURE_WALL || figure == FIGURE_CPU;
}

struct gate_metric gate_metric_of(const struct gate_plan *plan, const struct figure_list *figures,
                                  size_t index)
{
    size_t first_picker = figures->count - plan->trial.picker_count;
    if (index >= first_picker)
        return plan->metrics[index - first_picker];
    if (!figures->items[index].primary || !figures->items[index].shown)
        return (struct gate_metric){GATE_INFORMATION, false};
    return (struct gate_metric){is_performance(index) ? GATE_PERFORMANCE : GATE_MEMORY, false};
}

static bool is_ratio(enum gate_kind kind)
{
    return kind == GATE_PERFORMANCE || kind == GATE_MEMORY;
}

size_t gate_badness(const struct gate_plan *plan, const struct comparison_set *set,
                    size_t comparison, size_t figure, double *ratios)
{
    size_t count = compare_log_ratios(set, &set->comparisons[comparison], figure, ratios);
    if (gate_metric_of(plan, &set->figures, figure).higher_is_better)
        for (size_t i = 0; i < count; i++)
            ratios[i] = -ratios[i];
    return count;
}

/* Of how many runs there is a value, and of how many pairs there are two. */
static size_t count_measured(const struct comparison_set *set, size_t comparison, size_t figure,
                             size_t *pairs)
{
    size_t runs = 0;
    *pairs = 0;
    for (size_t i = 0; i < set->pairs; i++) {
        const struct compare_pair *pair = &set->comparisons[comparison].pairs[i];
        size_t values = (isfinite(pair->baseline.values[figure]) ? 1U : 0U) +
                        (isfinite(pair->candidate.values[figure]) ? 1U : 0U);
        runs += values;
        *pairs += values / 2;
    }
    return runs;
}

/*
 * A value that is missing in one run is a finding, with one exception: a run that ends before the
 * sampler saw it often enough has no steady RSS. Its pair says nothing of that figure then, and
 * where few pairs are left the peak, which each run has, stands alone.
 */
static bool is_judged(const struct comparison_set *set, size_t comparison, size_t figure)
{
    size_t pairs;
    size_t runs = count_measured(set, comparison, figure, &pairs);
    if (figure == FIGURE_STEADY && runs < 2 * set->pairs)
        return pairs >= STATS_PAIRS_MIN;
    return runs > 0;
}

static bool is_whole(const struct comparison_set *set, size_t comparison, size_t figure)
{
    size_t pairs;
    count_measured(set, comparison, figure, &pairs);
    return pairs == set->pairs || figure == FIGURE_STEADY;
}

/* -------------------------------------------------------------------------- ratios judged */

static struct gate_limit limit_of(const struct gate_plan *plan, const struct comparison_set *set,
                                  size_t figure, double alpha)
{
    double ratios[STATS_PAIRS_MAX];
    struct stats_paired aa;
    if (gate_metric_of(plan, &set->figures, figure).kind != GATE_PERFORMANCE)
        return plan->limits.memory;
    struct gate_limit limit = plan->limits.performance;
    size_t count = gate_badness(plan, set, set->aa, figure, ratios);
    if (count > 0 && stats_paired_at(ratios, count, alpha, &aa) == SHALE_OK)
        limit.warn = fmin(fmax(limit.warn, expm1(aa.mde)), limit.fail);
    return limit;
}

/* The one-sided p of "it is not beyond the limit". */
static double p_beyond(const double *ratios, size_t count, double limit)
{
    double shifted[STATS_PAIRS_MAX];
    struct stats_paired stats;
    for (size_t i = 0; i < count; i++)
        shifted[i] = ratios[i] - log1p(limit);
    if (!isfinite(limit) || stats_paired(shifted, count, &stats) != SHALE_OK || stats.estimate <= 0)
        return 1;
    return stats.p / 2;
}

static void say_ratio(struct gate_finding *finding, size_t pairs)
{
    char range[96];
    snprintf(range, sizeof range, "%+.1f %% (%+.1f to %+.1f) over %zu pairs", 100 * finding->value,
             100 * finding->low, 100 * finding->high, pairs);
    if (finding->verdict == GATE_GO)
        snprintf(finding->text, sizeof finding->text, "%s: inside %.1f %%", range,
                 100 * finding->warn);
    else if (finding->verdict == GATE_NO_GO)
        snprintf(finding->text, sizeof finding->text, "%s: beyond %.1f %%", range,
                 100 * finding->fail);
    else if (finding->high > finding->fail)
        snprintf(finding->text, sizeof finding->text,
                 "%s: more than %.1f %% could not be excluded; more pairs would tell", range,
                 100 * finding->fail);
    else
        snprintf(finding->text, sizeof finding->text,
                 "%s: below %.1f %%, but more than %.1f %% could not be excluded", range,
                 100 * finding->fail, 100 * finding->warn);
}

static void say_missing(struct gate_finding *finding)
{
    finding->verdict = GATE_NO_GO;
    snprintf(finding->text, sizeof finding->text,
             "it has no ratio: a value is missing, or is zero on one side only");
}

/* Judges all but Holm's adjustment; *p is for that. */
static void judge_ratio(const struct gate_plan *plan, const struct comparison_set *set,
                        size_t comparison, size_t figure, double alpha,
                        struct gate_finding *finding, double *p)
{
    double ratios[STATS_PAIRS_MAX];
    struct stats_paired stats;
    struct gate_limit limit = limit_of(plan, set, figure, alpha);
    size_t count = gate_badness(plan, set, comparison, figure, ratios);
    finding->warn = limit.warn;
    finding->fail = limit.fail;
    if (!is_whole(set, comparison, figure) || count == 0 ||
        stats_paired_at(ratios, count, alpha, &stats) != SHALE_OK) {
        say_missing(finding);
        return;
    }
    finding->value = expm1(stats.estimate);
    finding->low = expm1(stats.low);
    finding->high = expm1(stats.high);
    finding->verdict = gate_judge_interval(finding->low, finding->high, &limit);
    if (isinf(stats.mde)) /* so few pairs have no interval at this alpha */
        finding->verdict = GATE_CONDITIONAL;
    *p = p_beyond(ratios, count, limit.fail);
}

static void judge_fragmentation(const struct gate_plan *plan, const struct comparison_set *set,
                                size_t comparison, size_t figure, struct gate_finding *finding)
{
    double values[STATS_PAIRS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < set->pairs; i++) {
        double value = set->comparisons[comparison].pairs[i].candidate.values[figure];
        if (isfinite(value))
            values[count++] = value - 1;
    }
    finding->unit = GATE_SHARE;
    finding->warn = plan->limits.fragmentation.warn;
    finding->fail = plan->limits.fragmentation.fail;
    finding->value = count > 0 ? stats_median(values, count) : NAN;
    finding->verdict = gate_judge_value(finding->value, &plan->limits.fragmentation);
    snprintf(finding->text, sizeof finding->text, "%.1f %% beyond what is used, over %zu runs",
             100 * finding->value, count);
}

/* NO-GO of a ratio must also stand among all figures of the gate. */
static void adjust(struct gate_finding *findings, double *p, size_t count, double alpha,
                   size_t pairs)
{
    stats_holm(p, count, p);
    for (size_t i = 0; i < count; i++) {
        if (isnan(p[i]))
            continue;
        if (findings[i].verdict == GATE_NO_GO && p[i] > alpha / 2)
            findings[i].verdict = GATE_CONDITIONAL;
        say_ratio(&findings[i], pairs);
    }
}

size_t gate_judge_figures(const struct gate_plan *plan, const struct comparison_set *set,
                          size_t comparison, double alpha, struct gate_finding *findings)
{
    double p[FIGURES_MAX] = {0};
    size_t count = 0;
    for (size_t i = 0; i < set->figures.count; i++) {
        enum gate_kind kind = gate_metric_of(plan, &set->figures, i).kind;
        if (kind == GATE_INFORMATION || !is_judged(set, comparison, i))
            continue;
        struct gate_finding *finding = &findings[count];
        *finding = (struct gate_finding){
            .unit = GATE_RATIO, .value = NAN, .low = NAN, .high = NAN, .warn = NAN, .fail = NAN};
        snprintf(finding->metric, sizeof finding->metric, "%s", set->figures.items[i].name);
        snprintf(finding->title, sizeof finding->title, "%s", set->figures.items[i].title);
        p[count] = NAN;
        if (is_ratio(kind))
            judge_ratio(plan, set, comparison, i, alpha, finding, &p[count]);
        else
            judge_fragmentation(plan, set, comparison, i, finding);
        count++;
    }
    adjust(findings, p, count, alpha, set->pairs);
    return count;
}

/* A difference of the baseline from itself that is real, but too small to matter, is let pass. */
static double attention(const struct gate_plan *plan, const struct comparison_set *set,
                        size_t figure)
{
    return gate_metric_of(plan, &set->figures, figure).kind == GATE_MEMORY
               ? plan->limits.memory.warn
               : plan->limits.performance.warn;
}

/* How far the baseline is from itself in each figure, and the p of that after Holm. */
static void read_machine(const struct gate_plan *plan, const struct comparison_set *set,
                         double alpha, double *shift, double *p)
{
    for (size_t i = 0; i < set->figures.count; i++) {
        double ratios[STATS_PAIRS_MAX];
        struct stats_paired stats;
        bool counts = is_ratio(gate_metric_of(plan, &set->figures, i).kind);
        size_t pairs = counts ? gate_badness(plan, set, set->aa, i, ratios) : 0;
        bool read = pairs > 0 && stats_paired_at(ratios, pairs, alpha, &stats) == SHALE_OK;
        p[i] = read ? stats.p : NAN;
        shift[i] = read ? expm1(stats.estimate) : NAN;
    }
    stats_holm(p, set->figures.count, p);
}

static void doubt(struct gate_finding *findings, size_t count, const char *metric, double shift)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(findings[i].metric, metric) != 0)
            continue;
        size_t used = strlen(findings[i].text);
        findings[i].verdict = GATE_INCONCLUSIVE;
        snprintf(findings[i].text + used, sizeof findings[i].text - used,
                 "; but the baseline differs from itself by %+.1f %%", 100 * shift);
    }
}

size_t gate_judge_machine(const struct gate_plan *plan, const struct comparison_set *set,
                          double alpha, struct gate_finding *findings, size_t count, char *text,
                          size_t size)
{
    double p[FIGURES_MAX] = {0};
    double shift[FIGURES_MAX] = {0};
    size_t unsteady = 0;
    read_machine(plan, set, alpha, shift, p);
    for (size_t i = 0; i < set->figures.count; i++) {
        if (!(p[i] <= alpha) || fabs(shift[i]) <= attention(plan, set, i))
            continue;
        if (unsteady++ == 0)
            snprintf(text, size, "%s differs from itself by %+.1f %% in %s", set->arms[0].label,
                     100 * shift[i], set->figures.items[i].title);
        doubt(findings, count, set->figures.items[i].name, shift[i]);
    }
    return unsteady;
}
