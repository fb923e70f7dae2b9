/* SPDX-License-Identifier: MIT */
/* Spans of time as people write them. Layer 4, pure. */
#ifndef SHALE_MEASURE_DURATION_H
#define SHALE_MEASURE_DURATION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "90", "90s", "2m", "1.5h" in seconds.
 *
 * @return  false, with *seconds untouched, for anything else, for nothing or less, and for more
 *          than a million seconds.
 */
bool duration_parse(const char *text, double *seconds);

/* "45 s", "12 min", "2 h 5 min": rounded up to what a reader plans with; "?" for NaN. */
void duration_text(double seconds, char *text, size_t size);

#endif
