/* SPDX-License-Identifier: MIT */
/* What a benchmark and the trial of remedies share. Layer 5. */
#ifndef SHALE_GATE_BENCHMARK_H
#define SHALE_GATE_BENCHMARK_H

#include "gate/gate_internal.h"

/*
 * A comparison ended with an error: of the baseline, which is ours to report, or of the candidate,
 * which is a finding.
 *
 * @return  0 where it became a finding; else the error, with gate->failure or SHALE_ECANCELED.
 */
int gate_comparison_failed(struct gate *gate, const struct compare_failure *failure,
                           struct gate_phase_result *result);

/* The values of every figure in the order of the pairs, for both sides. */
json_t *gate_comparison_samples(const struct comparison_set *set, size_t comparison);

#endif
