/* SPDX-License-Identifier: MIT */
/* Where each thread's random numbers start. Layer 4. */
#include "collections/random.h"

SHALE_THREAD_LOCAL uint64_t coll_random_state;

uint64_t coll_random_start(void)
{
    return shale_thread_id() * UINT64_C(0x9E3779B97F4A7C15) | 1;
}
