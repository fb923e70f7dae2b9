/* SPDX-License-Identifier: MIT */
/* What purges were sorry for. Layer 1. */
#include "slab/keep.h"

enum {
    LEAST = 32,      /* units: 2 MiB are always worth keeping, */
    LEAST_SHARE = 8, /* and an eighth of what is used */
    WEIGHT = 2,      /* of a regretted unit: keeping it costs a tenth of what its faults did */
    HALF_LIFE_NS = 1000000000,
    HALVINGS_MAX = 31,
};

static _Atomic uint32_t regretted;
static _Atomic uint64_t halved_ns; /* up to when */

void slab_keep_regret(uint32_t units)
{
    shale_atomic_fetch_add_relaxed(&regretted, WEIGHT * units);
}

uint32_t slab_keep_least(uint32_t used)
{
    return used / LEAST_SHARE > LEAST ? used / LEAST_SHARE : LEAST;
}

/* Each second is taken by one thread. */
static void halve(uint64_t now_ns)
{
    uint64_t since = shale_atomic_load_relaxed(&halved_ns);
    if (now_ns < since + HALF_LIFE_NS)
        return;
    uint64_t halvings = (now_ns - since) / HALF_LIFE_NS;
    if (!shale_atomic_cas_relaxed(&halved_ns, &since, since + halvings * HALF_LIFE_NS))
        return;
    uint32_t before = shale_atomic_load_relaxed(&regretted);
    uint32_t after = before >> (halvings < HALVINGS_MAX ? halvings : HALVINGS_MAX);
    shale_atomic_fetch_sub_relaxed(&regretted, before - after);
}

uint32_t slab_keep_regretted(uint64_t now_ns)
{
    halve(now_ns);
    return shale_atomic_load_relaxed(&regretted);
}
