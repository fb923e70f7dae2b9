/* SPDX-License-Identifier: MIT */
/*
 * From figures to verdicts. Layer 5, pure.
 *
 * Looks: a benchmark is looked at after 10, 16 and all of its pairs (an early look that would come
 * after three quarters of them is left out), and ends when nothing is
 * open any more. Looking three times with 5 % each would give more than 5 % of false alarms, so
 * the 5 % are spent: by the share of pairs that are in, as Pocock's spending function
 * 0.05 ln(1 + (e - 1) t) has it, each look getting what it adds. The looks' errors then add up to
 * at most 5 % whatever their dependence is (Bonferroni), with no normal approximation: the test is
 * exact, and rank sums of ten pairs are far from normal. (K. K. G. Lan, D. L. DeMets, Discrete
 * sequential boundaries for clinical trials, Biometrika 70, 1983.)
 *
 * Ratios: the interval of the paired ratio at the look's alpha. GO asks that every figure's bad end
 * be inside, so no figure can hide behind another and no adjustment is needed. NO-GO asks that one
 * figure be beyond its limit, and among many one may be so by chance: Holm's adjustment over the
 * figures of the gate.
 *
 * The limit for attention to performance is at least the smallest effect that the A/A check could
 * have shown: asking for less than the machine can tell would only measure its noise.
 */
#ifndef SHALE_GATE_JUDGE_H
#define SHALE_GATE_JUDGE_H

#include "gate/gate.h"
#include "measure/compare.h"

struct gate_look {
    size_t pairs;
    double alpha; /* two-sided, of this look alone */
};

enum { GATE_LOOKS_MAX = 3 };

/* The looks at a benchmark of at most pairs_max pairs; returns how many. */
size_t gate_looks(size_t pairs_max, struct gate_look looks[GATE_LOOKS_MAX]);

/* An interval against a limit, where more is worse. */
enum gate_verdict gate_judge_interval(double low, double high, const struct gate_limit *limit);

/* A number that is exact. */
enum gate_verdict gate_judge_value(double value, const struct gate_limit *limit);

/* What a figure is judged by: a metric as the plan says, of the fixed figures the primary ones. */
struct gate_metric gate_metric_of(const struct gate_plan *plan, const struct figure_list *figures,
                                  size_t index);

/*
 * The log ratios of a figure, turned so that more is worse.
 *
 * @param ratios  gets at most set->pairs numbers.
 * @return  how many; 0 where it has none.
 */
size_t gate_badness(const struct gate_plan *plan, const struct comparison_set *set,
                    size_t comparison, size_t figure, double *ratios);

/*
 * Judges every figure of one comparison.
 *
 * @param set       with set->pairs pairs, not necessarily analysed.
 * @param findings  gets at most FIGURES_MAX findings.
 * @return  how many.
 */
size_t gate_judge_figures(const struct gate_plan *plan, const struct comparison_set *set,
                          size_t comparison, double alpha, struct gate_finding *findings);

/*
 * The figures in which the baseline differs from itself, and by more than what asks for attention:
 * their findings become INCONCLUSIVE.
 *
 * @param text  gets the first of them in words.
 * @return  how many there are.
 */
size_t gate_judge_machine(const struct gate_plan *plan, const struct comparison_set *set,
                          double alpha, struct gate_finding *findings, size_t count, char *text,
                          size_t size);

#endif
