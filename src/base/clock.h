/* SPDX-License-Identifier: MIT */
/*
 * Time: monotonic nanoseconds, and ticks of a calibrated cycle counter for short spans. Layer 0.
 *
 * Ticks come from the processor's counter where that runs at one rate in all states and on all
 * cores (invariant TSC on x86-64, the generic timer on aarch64), else they are nanoseconds of
 * CLOCK_MONOTONIC. shale_clock_start chooses, at the cost of microseconds. The counter's rate is
 * measured against CLOCK_MONOTONIC_RAW between the start and the first conversion, so a program
 * that runs for 10 ms before it converts never waits for it. A counter that does not
 * prove itself then is given up for good: from then on ticks are nanoseconds, and spans that began
 * before are worthless (shale_clock_describe tells).
 *
 * Ticks of two threads can differ by the cores' skew; spans across threads are good to about the
 * floor that shale_clock_floor measures, on machines whose kernel itself uses the counter.
 */
#ifndef SHALE_BASE_CLOCK_H
#define SHALE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

enum shale_clock_source {
    SHALE_CLOCK_UNSET,     /* before shale_clock_start: ticks are nanoseconds */
    SHALE_CLOCK_CYCLES,    /* the processor's counter */
    SHALE_CLOCK_MONOTONIC, /* clock_gettime */
    SHALE_CLOCK_TEST,      /* a function of shale_clock_set_test_source */
};

struct shale_clock_info {
    enum shale_clock_source source;
    double ticks_per_second;
    const char *reason; /* why this source, a static English phrase */
};

/* Shortest spans that can be told: the difference of two readings with nothing in between. */
struct shale_clock_floor {
    uint64_t min_ns;
    uint64_t median_ns;
    uint64_t p99_ns;
};

/* Chooses the source, once per process; more calls do nothing. Threads: any. */
void shale_clock_start(void);

/* Ticks now. Threads, signals: any. Cost: 7 to 35 ns. */
uint64_t shale_clock_ticks(void);

/*
 * A span of ticks in nanoseconds, rounded down. Spans of up to 100 years are exact in width.
 * Cost: a multiplication; the first call may sleep for up to 10 ms to calibrate.
 */
uint64_t shale_clock_ticks_to_ns(uint64_t ticks);

/* Nanoseconds in ticks, rounded down. Cost: as above. */
uint64_t shale_clock_ns_to_ticks(uint64_t ns);

/* CLOCK_MONOTONIC (or the test source). Cost: 20 to 40 ns. */
uint64_t shale_clock_monotonic_ns(void);

/* Nanoseconds since 1970, UTC: for reports, never for spans. */
uint64_t shale_clock_wall_ns(void);

/* Calibrates if that was not done yet, and says what is used and why. */
void shale_clock_describe(struct shale_clock_info *info);

/* Measures the floor with 10,000 readings. Cost: under a millisecond. */
void shale_clock_measure_floor(struct shale_clock_floor *floor);

/*
 * For tests: ticks and nanoseconds come from now(), one tick a nanosecond. NULL goes back to what
 * was used before. Only while no other thread reads the clock.
 */
void shale_clock_set_test_source(uint64_t (*now)(void));

/* For tests: forgets the source and calibration; the next start ignores the counter if told so. */
void shale_clock_restart(bool without_counter);

#endif
