/* SPDX-License-Identifier: MIT */
/*
 * Controlled scheduling of real threads: probabilistic concurrency testing (Burckhardt et al.).
 *
 * One thread runs at a time. At each point the thread of the highest priority goes on; a few steps
 * chosen by the seed drop the runner below all others, and so does a point in a waiting loop. A
 * bug that needs d ordering constraints is met with a probability of at least 1 / (n * k^(d-1)) for
 * n threads and k steps, whatever the machine does; the same seed gives the same run.
 *
 * The threads live as long as the pool, so that what they attach to is attached once.
 */
#ifndef SHALE_TESTS_PCT_H
#define SHALE_TESTS_PCT_H

#include <stdbool.h>
#include <stdint.h>

enum { PCT_THREADS_MAX = 8, PCT_CHANGES_MAX = 16 };

struct pct_run {
    uint64_t seed;
    unsigned threads;
    unsigned changes;    /* priority change points; 0: only waiting loops switch */
    unsigned steps;      /* points among which the change points are drawn */
    unsigned steps_most; /* beyond it the run counts as stuck: every thread runs free */
    void (*stuck)(void); /* called then, before; may be NULL */
    void (*body)(unsigned thread, void *argument);
    void *argument;
};

/* Runs body in each thread. False when the run was stuck. The first call makes the pool. */
bool pct_run(const struct pct_run *run);

/* Ends the pool's threads. */
void pct_end(void);

/* A step that others may see comes next. Nothing outside a run. */
void pct_point(void);

/* The thread waits for another one. */
void pct_spin(void);

/* The run is stuck and threads run free: waiting loops have to end. */
bool pct_is_stuck(void);

/* True in a thread of a run. */
bool pct_is_on(void);

/* xorshift*: a stream of numbers from a seed; the state must not be 0. */
static inline uint64_t pct_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static inline unsigned pct_below(uint64_t *state, unsigned limit)
{
    return (unsigned)(((pct_random(state) >> 32) * limit) >> 32);
}

#endif
