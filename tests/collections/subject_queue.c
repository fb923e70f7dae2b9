/* SPDX-License-Identifier: MIT */
/*
 * The queue and the stack under all their operations, and their models, whose items are bytes. A
 * queue starts near the end of a segment, or right behind it, so that histories cross it.
 */
#include <shale/queue.h>
#include <shale/stack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { PUT, GET, PUT_TWO, GET_TWO, WAIT_GET, SHUTDOWN };
enum { LENGTH, CLOSED, FIRST };

static struct shale_smr *domains[2];
static struct shale_queue *queue;
static struct shale_stack *stack;

static struct shale_smr *domain_of(uint64_t seed)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    options.scheme = seed % 2 == 0 ? SHALE_SMR_IBR : SHALE_SMR_EBR;
    options.flags = SHALE_SMR_CHECK_RETIRES;
    options.bag_size = 1;
    options.era_frequency = 1;
    if (!domains[seed % 2] && shale_smr_create(&options, &domains[seed % 2]) != 0)
        abort();
    return domains[seed % 2];
}

void queue_subjects_end(void)
{
    shale_smr_destroy(domains[0]);
    shale_smr_destroy(domains[1]);
    domains[0] = domains[1] = NULL;
}

/* Nothing was retired twice. */
static bool retired_once(void)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    bool good = true;
    for (int i = 0; i < 2; i++)
        if (domains[i])
            good = good && shale_smr_stats_snapshot(domains[i], &stats) == 0 &&
                   stats.refused_retires_count == 0;
    return good;
}

static void make_queue(uint64_t seed)
{
    struct shale_queue_options options = {.domain = domain_of(seed)};
    uint64_t items[1024];
    size_t used = 1018 + seed % 8, done = 0;
    for (size_t i = 0; i < used && i < 1024; i++)
        items[i] = 1;
    used = used < 1024 ? used : 1024;
    if (shale_queue_create(&options, &queue) != 0 ||
        shale_queue_put_many(queue, items, used, &done) != 0 || done != used ||
        shale_queue_get_many(queue, items, used, &done) != 0 || done != used)
        abort();
}

static bool end_queue(void)
{
    shale_queue_destroy(queue);
    return retired_once();
}

/* A batch takes effect item by item: it is recorded as two operations at the same time. */
static void act_batch(struct lin_operation *op, const uint64_t *items)
{
    uint64_t got[2] = {0, 0};
    size_t done = 0;
    bool put = op->code == PUT_TWO;
    op->result = put ? shale_queue_put_many(queue, items, 2, &done)
                     : shale_queue_get_many(queue, got, 2, &done);
    op->code = put ? PUT : GET;
    op->out = got[0];
    if (op->result == 0 && done == 2) {
        op[1] = op[0];
        op[1].in = items[1];
        op[1].out = got[1];
    }
}

static void act_queue(struct lin_operation *op, unsigned thread, uint64_t *random)
{
    uint64_t items[2] = {1 + pct_below(random, 200), 1 + pct_below(random, 200)};
    op->code = (int)pct_below(random, pct_below(random, 10) == 0 ? 6 : 5);
    op->in = items[0];
    switch (op->code) {
    case PUT:
        op->result = shale_queue_put(queue, op->in);
        break;
    case GET:
        op->result = shale_queue_try_get(queue, &op->out);
        break;
    case PUT_TWO:
    case GET_TWO:
        act_batch(op, items);
        break;
    case WAIT_GET:
        op->result = shale_queue_get(queue, 0, &op->out);
        break;
    default:
        shale_queue_shutdown(queue);
    }
}

static unsigned char *content(struct lin_state *state)
{
    return (unsigned char *)&state->words[FIRST];
}

static bool step_put(struct lin_state *state, const struct lin_operation *op)
{
    if (state->words[CLOSED])
        return op->result == SHALE_ESHUTDOWN;
    content(state)[state->words[LENGTH]++] = (unsigned char)op->in;
    return op->result == 0;
}

static bool step_queue(struct lin_state *state, const struct lin_operation *op)
{
    if (op->code == SHUTDOWN) {
        state->words[CLOSED] = 1;
        return true;
    }
    if (op->code == PUT)
        return step_put(state, op);
    unsigned char *items = content(state);
    uint64_t *length = &state->words[LENGTH];
    if (*length == 0)
        return op->result == (state->words[CLOSED]   ? SHALE_ESHUTDOWN
                              : op->code == WAIT_GET ? SHALE_ETIMEOUT
                                                     : SHALE_EEMPTY);
    if (op->result != 0 || items[0] != op->out)
        return false;
    memmove(items, items + 1, --*length);
    items[*length] = 0;
    return true;
}

static void print(const struct lin_operation *op)
{
    static const char *const names[] = {"put", "get", "put", "get", "wait_get", "shutdown"};
    printf("%s in %llu, out %llu: %s", names[op->code], (unsigned long long)op->in,
           (unsigned long long)op->out, shale_strerror(op->result));
}

static const struct lin_model queue_model = {.step = step_queue, .print = print};

const struct subject queue_subject = {.name = "queue",
                                      .model = &queue_model,
                                      .threads = 3,
                                      .operations = 6,
                                      .points = 12,
                                      .make = make_queue,
                                      .act = act_queue,
                                      .end = end_queue};

/* ---- the stack ---- */

static void make_stack(uint64_t seed)
{
    struct shale_stack_options options = {.domain = domain_of(seed)};
    if (shale_stack_create(&options, &stack) != 0)
        abort();
}

static bool end_stack(void)
{
    shale_stack_destroy(stack);
    return retired_once();
}

static void act_stack(struct lin_operation *op, unsigned thread, uint64_t *random)
{
    op->code = (int)pct_below(random, 2);
    op->in = 1 + pct_below(random, 200);
    op->result =
        op->code == PUT ? shale_stack_push(stack, op->in) : shale_stack_try_pop(stack, &op->out);
}

static bool step_stack(struct lin_state *state, const struct lin_operation *op)
{
    if (op->code == PUT)
        return step_put(state, op);
    uint64_t *length = &state->words[LENGTH];
    if (*length == 0)
        return op->result == SHALE_EEMPTY;
    if (op->result != 0 || content(state)[*length - 1] != op->out)
        return false;
    content(state)[--*length] = 0;
    return true;
}

static const struct lin_model stack_model = {.step = step_stack, .print = print};

const struct subject stack_subject = {.name = "stack",
                                      .model = &stack_model,
                                      .threads = 4,
                                      .operations = 6,
                                      .points = 10,
                                      .make = make_stack,
                                      .act = act_stack,
                                      .end = end_stack};
