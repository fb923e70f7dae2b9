/* SPDX-License-Identifier: MIT */
/*
 * What a build with tests/lib/yields.h calls before each atomic access. One in a few hundred gives
 * the processor away, drawn per thread from SHALE_TEST_SEED, which the tests print.
 */
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

enum { ONE_IN = 256 };

/* A thread's own, by where its variable lies: an atomic counter would come here again. */
static uint64_t next_stream(const void *of_thread)
{
    const char *given = getenv("SHALE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;
    return (seed + (uintptr_t)of_thread * 0x9e3779b97f4a7c15u) | 1;
}

void shale_test_step(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = next_stream(&state);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    if (state % ONE_IN == 0)
        sched_yield();
}
