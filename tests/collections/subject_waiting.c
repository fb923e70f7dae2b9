/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers that wait for each other on a ring of two: a history in which a wake was
 * lost never ends, which the scheduler notices. What comes out is checked as a multiset.
 */
#include <shale/ring.h>
#include <stdlib.h>

#include "harness.h"

enum { ITEMS = 4 };

static struct shale_ring *ring;

static void make(uint64_t seed)
{
    struct shale_ring_options options = {.capacity = 2};
    if (shale_ring_create(&options, &ring) != 0)
        abort();
}

static bool end(void)
{
    bool empty = shale_ring_length(ring) == 0;
    shale_ring_destroy(ring);
    return empty;
}

/* Even threads put, odd ones get: as many of each. */
static void act(struct lin_operation *operation, unsigned thread, uint64_t *random)
{
    operation->code = (int)(thread % 2);
    operation->in = 1;
    operation->result = thread % 2 == 0 ? shale_ring_put(ring, operation->in, SHALE_FOREVER)
                                        : shale_ring_get(ring, SHALE_FOREVER, &operation->out);
}

static bool step(struct lin_state *state, const struct lin_operation *operation)
{
    uint64_t *length = &state->words[0];
    if (operation->result != 0 || (operation->code == 0 ? *length == 2 : *length == 0))
        return false;
    *length += operation->code == 0 ? 1 : UINT64_MAX;
    return operation->code == 0 || operation->out == 1;
}

static void print(const struct lin_operation *operation)
{
}

static const struct lin_model model = {.step = step, .print = print};

const struct subject waiting_subject = {.name = "waiting",
                                        .model = &model,
                                        .threads = 4,
                                        .operations = ITEMS,
                                        .points = 30,
                                        .make = make,
                                        .act = act,
                                        .end = end};
