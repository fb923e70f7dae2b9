/* SPDX-License-Identifier: MIT */
/* The functions of the rows of workloads.c. */
#ifndef BENCH_EPOCHS_SCOPES_H
#define BENCH_EPOCHS_SCOPES_H

#include "../malloc/bench.h"
#include "../malloc/latency.h"
#include "subject.h"

void scopes_prepare(struct bench *bench); /* scopes.c */
void scopes_run(struct bench *bench, uint64_t operations);
void scopes_frames_run(struct bench *bench, uint64_t operations);
void scopes_discard_measure(struct bench *bench);
void scopes_many_measure(struct bench *bench);
void scopes_latency_measure(struct bench *bench);
void handles_measure(struct bench *bench); /* handles.c */

#endif
