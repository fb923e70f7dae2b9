/* SPDX-License-Identifier: MIT */
/*
 * The counters behind shale_alloc_stats_*(). Layer 2. Only instrumented builds count; stats_off.c
 * stands in for stats.c in the others.
 */
#ifndef SHALE_ALLOC_STATS_H
#define SHALE_ALLOC_STATS_H

#include <stddef.h>

/* Counts a block of that many usable bytes; does nothing while switched off. errno is kept. */
void stats_count_alloc(size_t usable_bytes);
void stats_count_free(size_t usable_bytes);

#endif
