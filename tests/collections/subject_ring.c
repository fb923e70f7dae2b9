/* SPDX-License-Identifier: MIT */
/* A ring of two items under puts, gets, batches and a shutdown, and its model. */
#include <shale/ring.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

enum { PUT, GET, PUT_MANY, GET_MANY, WAIT_PUT, WAIT_GET, SHUTDOWN };
enum { CAPACITY = 2, LENGTH = 0, CLOSED = 1, FIRST = 2 };

static struct shale_ring *ring;

static void make(uint64_t seed)
{
    struct shale_ring_options options = {.capacity = CAPACITY};
    if (shale_ring_create(&options, &ring) != 0)
        abort();
}

static bool end(void)
{
    shale_ring_destroy(ring);
    return true;
}

/* Two small items in one word. A batch may be shorter than it could be, but never empty. */
static void put_many(struct lin_operation *operation)
{
    uint64_t items[2] = {operation->in, operation->in2};
    size_t done = 0;
    operation->result = shale_ring_put_many(ring, items, 2, &done);
    operation->out = done;
}

static void get_many(struct lin_operation *operation)
{
    uint64_t items[2] = {0, 0};
    size_t done = 0;
    operation->result = shale_ring_get_many(ring, items, 2, &done);
    operation->out = items[0] | items[1] << 32;
    operation->in2 = done;
}

static void act(struct lin_operation *operation, unsigned thread, uint64_t *random)
{
    operation->code = (int)pct_below(random, pct_below(random, 8) == 0 ? 7 : 4);
    operation->in = 1 + pct_below(random, 1000);
    operation->in2 = 1 + pct_below(random, 1000);
    switch (operation->code) {
    case PUT:
        operation->result = shale_ring_try_put(ring, operation->in);
        break;
    case GET:
        operation->result = shale_ring_try_get(ring, &operation->out);
        break;
    case PUT_MANY:
        put_many(operation);
        break;
    case GET_MANY:
        get_many(operation);
        break;
    case WAIT_PUT:
        operation->result = shale_ring_put(ring, operation->in, 0);
        break;
    case WAIT_GET:
        operation->result = shale_ring_get(ring, 0, &operation->out);
        break;
    default:
        shale_ring_shutdown(ring);
    }
}

static bool step_put(struct lin_state *state, uint64_t count, const uint64_t *items, int result,
                     int full, uint64_t done)
{
    uint64_t *words = state->words;
    if (words[CLOSED])
        return result == SHALE_ESHUTDOWN;
    if (words[LENGTH] == CAPACITY)
        return result == full;
    uint64_t room = CAPACITY - words[LENGTH];
    if (result != 0 || done == 0 || done > (count < room ? count : room))
        return false;
    for (uint64_t i = 0; i < done; i++) /* done <= count */
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
        words[FIRST + words[LENGTH]++] = items[i];
    return true;
}

static bool step_get(struct lin_state *state, uint64_t count, int result, int empty, uint64_t out,
                     uint64_t done)
{
    uint64_t *words = state->words;
    if (words[LENGTH] == 0)
        return result == (words[CLOSED] ? SHALE_ESHUTDOWN : empty);
    if (result != 0 || done == 0 || done > (count < words[LENGTH] ? count : words[LENGTH]))
        return false;
    for (uint64_t i = 0; i < done; i++) {
        if (words[FIRST] != (out >> (32 * i) & UINT32_MAX))
            return false;
        words[FIRST] = words[FIRST + 1];
        words[FIRST + 1] = 0;
        words[LENGTH]--;
    }
    return true;
}

static bool step(struct lin_state *state, const struct lin_operation *operation)
{
    uint64_t items[2] = {operation->in, operation->in2};
    switch (operation->code) {
    case PUT:
        return step_put(state, 1, items, operation->result, SHALE_EFULL, 1);
    case WAIT_PUT:
        return step_put(state, 1, items, operation->result, SHALE_ETIMEOUT, 1);
    case PUT_MANY:
        return step_put(state, 2, items, operation->result, SHALE_EFULL, operation->out);
    case GET:
        return step_get(state, 1, operation->result, SHALE_EEMPTY, operation->out, 1);
    case WAIT_GET:
        return step_get(state, 1, operation->result, SHALE_ETIMEOUT, operation->out, 1);
    case GET_MANY:
        return step_get(state, 2, operation->result, SHALE_EEMPTY, operation->out, operation->in2);
    default:
        state->words[CLOSED] = 1;
        return true;
    }
}

static void print(const struct lin_operation *operation)
{
    static const char *const names[] = {"put",      "get",      "put_many", "get_many",
                                        "wait_put", "wait_get", "shutdown"};
    printf("%s in %llu %llu, out %#llx: %s", names[operation->code],
           (unsigned long long)operation->in, (unsigned long long)operation->in2,
           (unsigned long long)operation->out, shale_strerror(operation->result));
}

static const struct lin_model model = {.step = step, .print = print};

const struct subject ring_subject = {.name = "ring",
                                     .model = &model,
                                     .threads = 3,
                                     .operations = 6,
                                     .points = 6,
                                     .make = make,
                                     .act = act,
                                     .end = end};
