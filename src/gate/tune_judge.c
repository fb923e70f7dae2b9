/* SPDX-License-Identifier: MIT */
/* Scores, and which setting is best: see tune.h. Layer 5, pure. */
#include <math.h>
#include <stdio.h>

#include "gate/judge.h"
#include "gate/tune.h"

const char *tune_objective_name(enum tune_objective objective)
{
    static const char *const names[] = {"latency", "rss", "both"};
    return names[objective];
}

const char *tune_outcome_name(enum tune_outcome outcome)
{
    static const char *const names[] = {"failed", "screened out", "beaten", "front"};
    return names[outcome];
}

/* -------------------------------------------------------------------------------- scores */

static bool has_metric_of_time(const struct gate_plan *plan)
{
    for (size_t i = 0; i < plan->trial.picker_count; i++)
        if (plan->metrics[i].kind == GATE_PERFORMANCE)
            return true;
    return false;
}

static bool counts_for(const struct gate_plan *plan, const struct figure_list *figures,
                       size_t figure, enum tune_axis axis)
{
    enum gate_kind kind = gate_metric_of(plan, figures, figure).kind;
    if (axis == TUNE_AXIS_RSS)
        return kind == GATE_MEMORY;
    if (!has_metric_of_time(plan))
        return figure == FIGURE_WALL;
    return kind == GATE_PERFORMANCE && figure >= figures->count - plan->trial.picker_count;
}

static struct tune_score score(const struct gate_plan *plan, const struct comparison_set *set,
                               size_t comparison, double alpha, enum tune_axis axis)
{
    double sums[STATS_PAIRS_MAX] = {0};
    double ratios[STATS_PAIRS_MAX];
    struct stats_paired stats;
    size_t figures = 0;
    for (size_t i = 0; i < set->figures.count; i++) {
        if (!counts_for(plan, &set->figures, i, axis) ||
            gate_badness(plan, set, comparison, i, ratios) != set->pairs)
            continue; /* a run too short to be sampled has no steady RSS */
        figures++;
        for (size_t pair = 0; pair < set->pairs; pair++)
            sums[pair] += ratios[pair];
    }
    for (size_t pair = 0; pair < set->pairs; pair++)
        sums[pair] /= (double)figures;
    if (figures == 0 || stats_paired_at(sums, set->pairs, alpha, &stats) != SHALE_OK)
        return (struct tune_score){NAN, NAN, NAN};
    return (struct tune_score){expm1(stats.estimate), expm1(stats.low), expm1(stats.high)};
}

void tune_score(const struct gate_plan *plan, const struct comparison_set *set, size_t comparison,
                double alpha, struct tune_score scores[TUNE_AXES])
{
    for (int axis = 0; axis < TUNE_AXES; axis++)
        scores[axis] = score(plan, set, comparison, alpha, (enum tune_axis)axis);
}

/* -------------------------------------------------------------------------------- judging */

/* Is left shown to be lower? Never of what has no score. */
static bool shown_lower(const struct tune_entry *left, const struct tune_entry *right, int axis)
{
    return left->scores[axis].high < right->scores[axis].low;
}

/* Better in an axis of the objective, and not shown to be worse in another of it. */
static bool beats(const struct tune_entry *left, const struct tune_entry *right,
                  enum tune_objective objective)
{
    bool lower = false;
    for (int axis = 0; axis < TUNE_AXES; axis++) {
        if (objective != TUNE_BOTH && axis != (int)objective)
            continue;
        if (shown_lower(right, left, axis))
            return false;
        lower = lower || shown_lower(left, right, axis);
    }
    return lower;
}

static bool is_finalist(const struct tune_entry *entry)
{
    return entry->outcome == TUNE_BEATEN || entry->outcome == TUNE_FRONT;
}

static void find_front(struct tune_result *result, enum tune_objective objective)
{
    for (size_t i = 0; i < result->count; i++) {
        struct tune_entry *entry = &result->entries[i];
        if (!is_finalist(entry))
            continue;
        entry->outcome = TUNE_FRONT;
        for (size_t j = 0; j < result->count; j++)
            if (j != i && is_finalist(&result->entries[j]) &&
                beats(&result->entries[j], entry, objective))
                entry->outcome = TUNE_BEATEN;
    }
}

/* The sum of the objective's log scores, without what was not measured: the best has least. */
static double cost(const struct tune_entry *entry, enum tune_objective objective)
{
    double sum = 0;
    for (int axis = 0; axis < TUNE_AXES; axis++)
        if ((objective == TUNE_BOTH || axis == (int)objective) && !isnan(entry->scores[axis].value))
            sum += log1p(entry->scores[axis].value);
    return sum;
}

static int find_best(const struct tune_result *result, enum tune_objective objective)
{
    int best = TUNE_NOTHING;
    for (size_t i = 1; i < result->count; i++) {
        const struct tune_entry *entry = &result->entries[i];
        if (!is_finalist(entry) || !beats(entry, &result->entries[0], objective))
            continue;
        if (best == TUNE_NOTHING ||
            cost(entry, objective) < cost(&result->entries[best], objective))
            best = (int)i;
    }
    return best;
}

static void say_axis(const struct tune_entry *entry, enum tune_axis axis, char *text, size_t size)
{
    const struct tune_score *at = &entry->scores[axis];
    const char *name = axis == TUNE_AXIS_LATENCY ? "latency" : "RSS";
    if (isnan(at->value))
        snprintf(text, size, "%s not measured", name);
    else
        snprintf(text, size, "%s %+.1f %% (%+.1f to %+.1f)", name, 100 * at->value, 100 * at->low,
                 100 * at->high);
}

static size_t trades(const struct tune_result *result)
{
    size_t count = 0;
    for (size_t i = 1; i < result->count; i++)
        count += result->entries[i].outcome == TUNE_FRONT &&
                 (shown_lower(&result->entries[i], &result->entries[0], TUNE_AXIS_LATENCY) ||
                  shown_lower(&result->entries[i], &result->entries[0], TUNE_AXIS_RSS));
    return count;
}

static void advise(struct tune_result *result, enum tune_objective objective)
{
    char axes[TUNE_AXES][96];
    if (result->best == TUNE_NOTHING && objective == TUNE_BOTH && trades(result) > 0) {
        snprintf(
            result->advice, sizeof result->advice,
            "no setting is better than none without a price: the front trades memory for time");
        return;
    }
    if (result->best == TUNE_NOTHING) {
        snprintf(result->advice, sizeof result->advice,
                 "no setting is shown to be better than none; more pairs would show smaller "
                 "differences");
        return;
    }
    const struct tune_entry *best = &result->entries[result->best];
    for (int axis = 0; axis < TUNE_AXES; axis++)
        say_axis(best, (enum tune_axis)axis, axes[axis], sizeof axes[axis]);
    snprintf(result->advice, sizeof result->advice, "%.200s: %s, %s", best->setting.text,
             axes[TUNE_AXIS_LATENCY], axes[TUNE_AXIS_RSS]);
}

void tune_judge(struct tune_result *result, enum tune_objective objective)
{
    find_front(result, objective);
    result->best = find_best(result, objective);
    advise(result, objective);
}
