/* SPDX-License-Identifier: MIT */
/*
 * Clock choice, calibration and conversion. Layer 0.
 *
 * The source is one word. The rate is one fixed-point word (nanoseconds per tick * 2^32) that is
 * zero until calibration: readers that find it zero calibrate under `calibration_lock`. The anchor
 * (counter and CLOCK_MONOTONIC_RAW read together) is written before the source says CYCLES.
 */
#define _GNU_SOURCE
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/atomic.h"
#include "base/histogram.h"
#include "base/lock.h"

enum {
    RATE_SHIFT = 32,
    ANCHOR_TRIES = 8,
    FLOOR_READINGS = 10000,
};
#define NS_PER_SECOND  1000000000ULL
#define CALIBRATION_NS 10000000ULL /* a reading is good to about 50 ns: 5 parts in a million */
#define RATE_UNITY     (1ULL << RATE_SHIFT)

struct anchor {
    uint64_t ticks;
    uint64_t ns;
};

static _Atomic int source;        /* enum shale_clock_source */
static _Atomic uint64_t rate;     /* nanoseconds per tick << RATE_SHIFT; 0 is not yet known */
static _Atomic(const char *) why; /* static text */
static uint64_t (*test_now)(void);
static struct anchor start_anchor; /* under calibration_lock */
static int source_before_test;
static struct shale_lock calibration_lock = SHALE_LOCK_INIT(SHALE_RANK_CLOCK);

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
static inline uint64_t read_counter(void)
{
    return __builtin_ia32_rdtsc();
}

/* CPUID 0x80000007 EDX bit 8: one rate in all P-, C- and T-states, the same on all cores. */
static bool has_steady_counter(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1U << 8)) != 0;
}
#elif defined(__aarch64__)
static inline uint64_t read_counter(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

static bool has_steady_counter(void)
{
    return true; /* by the architecture */
}
#else
static inline uint64_t read_counter(void)
{
    return 0;
}

static bool has_steady_counter(void)
{
    return false;
}
#endif

/* Both clocks at one moment: the pair with the least time between the two raw readings. */
static struct anchor read_anchor(void)
{
    struct anchor best = {0};
    uint64_t best_gap = UINT64_MAX;
    for (int i = 0; i < ANCHOR_TRIES; i++) {
        uint64_t before = read_clock(CLOCK_MONOTONIC_RAW);
        uint64_t ticks = read_counter();
        uint64_t after = read_clock(CLOCK_MONOTONIC_RAW);
        if (after - before < best_gap) {
            best_gap = after - before;
            best = (struct anchor){.ticks = ticks, .ns = before + best_gap / 2};
        }
    }
    return best;
}

/* ---- choosing ---- */

static void choose(bool with_counter)
{
    bool steady = with_counter && has_steady_counter();
    if (steady)
        start_anchor = read_anchor();
    shale_atomic_store_relaxed(&rate, steady ? 0 : RATE_UNITY);
    shale_atomic_store_relaxed(&why, steady ? "the processor's counter runs at one rate"
                                            : "the processor has no counter of one rate");
    shale_atomic_store_relaxed(&source, steady ? SHALE_CLOCK_CYCLES : SHALE_CLOCK_MONOTONIC);
}

void shale_clock_start(void)
{
    shale_lock_acquire(&calibration_lock);
    if (shale_atomic_load_relaxed(&source) == SHALE_CLOCK_UNSET)
        choose(true);
    shale_lock_release(&calibration_lock);
}

void shale_clock_restart(bool without_counter)
{
    shale_lock_acquire(&calibration_lock);
    choose(!without_counter);
    shale_lock_release(&calibration_lock);
}

void shale_clock_set_test_source(uint64_t (*now)(void))
{
    int current = shale_atomic_load_relaxed(&source);
    if (now && current != SHALE_CLOCK_TEST)
        source_before_test = current;
    test_now = now;
    if (now)
        shale_atomic_store_relaxed(&source, SHALE_CLOCK_TEST);
    else if (current == SHALE_CLOCK_TEST)
        shale_atomic_store_relaxed(&source, source_before_test);
}

/* ---- reading ---- */

uint64_t shale_clock_ticks(void)
{
    int now_source = shale_atomic_load_relaxed(&source);
    if (SHALE_LIKELY(now_source == SHALE_CLOCK_CYCLES))
        return read_counter();
    return shale_clock_monotonic_ns();
}

uint64_t shale_clock_monotonic_ns(void)
{
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&source) == SHALE_CLOCK_TEST))
        return test_now();
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t shale_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* ---- calibration ---- */

static void sleep_until_measurable(void)
{
    uint64_t elapsed = read_clock(CLOCK_MONOTONIC_RAW) - start_anchor.ns;
    if (elapsed >= CALIBRATION_NS)
        return;
    struct timespec rest = {.tv_nsec = (long)(CALIBRATION_NS - elapsed)};
    nanosleep(&rest, NULL); /* cut short by a signal: a little less exact */
}

/* A rate of 1 MHz to 16 GHz is a counter; anything else is a broken or virtualised one. */
static bool is_credible(uint64_t ticks, uint64_t ns)
{
    return ns != 0 && ticks < ns * 16 && ticks > ns / 1000;
}

static void calibrate(void)
{
    sleep_until_measurable();
    struct anchor end = read_anchor();
    uint64_t ticks = end.ticks - start_anchor.ticks;
    uint64_t ns = end.ns - start_anchor.ns;
    if (is_credible(ticks, ns)) {
        unsigned __int128 scaled = (unsigned __int128)ns << RATE_SHIFT;
        shale_atomic_store_relaxed(&rate, (uint64_t)(scaled / ticks));
        return;
    }
    shale_atomic_store_relaxed(&why, "the processor's counter did not keep to the clock");
    shale_atomic_store_relaxed(&source, SHALE_CLOCK_MONOTONIC);
    shale_atomic_store_relaxed(&rate, RATE_UNITY);
}

static SHALE_COLD uint64_t calibrated_rate(void)
{
    shale_clock_start();
    shale_lock_acquire(&calibration_lock);
    if (shale_atomic_load_relaxed(&rate) == 0)
        calibrate();
    uint64_t measured = shale_atomic_load_relaxed(&rate);
    shale_lock_release(&calibration_lock);
    return measured;
}

static uint64_t current_rate(void)
{
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&source) == SHALE_CLOCK_TEST))
        return RATE_UNITY;
    uint64_t known = shale_atomic_load_relaxed(&rate);
    return SHALE_LIKELY(known != 0) ? known : calibrated_rate();
}

/* ---- conversion ---- */

uint64_t shale_clock_ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * current_rate()) >> RATE_SHIFT);
}

uint64_t shale_clock_ns_to_ticks(uint64_t ns)
{
    return (uint64_t)(((unsigned __int128)ns << RATE_SHIFT) / current_rate());
}

void shale_clock_describe(struct shale_clock_info *info)
{
    uint64_t ns_per_tick = current_rate();
    int current = shale_atomic_load_relaxed(&source);
    info->source = (enum shale_clock_source)current;
    info->ticks_per_second = (double)NS_PER_SECOND * (double)RATE_UNITY / (double)ns_per_tick;
    info->reason = current == SHALE_CLOCK_TEST ? "a test put its own clock in"
                                               : shale_atomic_load_relaxed(&why);
}

void shale_clock_measure_floor(struct shale_clock_floor *floor)
{
    struct shale_histogram gaps = {0};
    uint64_t last = shale_clock_ticks();
    for (int i = 0; i < FLOOR_READINGS; i++) {
        uint64_t now = shale_clock_ticks();
        /* A thread that moved between cores can read a little less than before. */
        shale_histogram_record(&gaps, now > last ? now - last : 0);
        last = now;
    }
    floor->min_ns = shale_clock_ticks_to_ns(shale_histogram_min(&gaps));
    floor->median_ns = shale_clock_ticks_to_ns(shale_histogram_percentile(&gaps, 50.0));
    floor->p99_ns = shale_clock_ticks_to_ns(shale_histogram_percentile(&gaps, 99.0));
}
