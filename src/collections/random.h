/* SPDX-License-Identifier: MIT */
/* Random numbers of a thread: for heights and places, not for secrets. Layer 4. */
#ifndef SHALE_COLLECTIONS_RANDOM_H
#define SHALE_COLLECTIONS_RANDOM_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/thread.h"

/* 0 before the first number; tests set it to repeat a run. */
extern SHALE_THREAD_LOCAL uint64_t coll_random_state;

/* The state's first value: different in every thread. */
SHALE_COLD uint64_t coll_random_start(void);

/* xorshift*. Cost: a nanosecond. */
static inline uint64_t coll_random(void)
{
    uint64_t state = coll_random_state;
    if (SHALE_UNLIKELY(state == 0))
        state = coll_random_start();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    coll_random_state = state;
    uint64_t product = state * UINT64_C(0x2545F4914F6CDD1D);
    return product ^ product >> 32;
}

#endif
