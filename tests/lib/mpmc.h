/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers on one queue: nothing lost, nothing doubled, and each consumer sees the
 * items of each producer in their order.
 */
#ifndef SHALE_TESTS_MPMC_H
#define SHALE_TESTS_MPMC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { MPMC_THREADS_MAX = 32 };

struct mpmc {
    void *object;
    unsigned producers;
    unsigned consumers;
    uint64_t items; /* of each producer */
    bool any_order; /* a stack */
    int (*put)(void *object, uint64_t item);
    int (*get)(void *object, uint64_t *item); /* not 0: closed and empty */
    void (*close)(void *object);
    /* the run's own */
    _Atomic uint64_t got;
    _Atomic unsigned char *seen; /* producers * items */
    _Atomic(const char *) wrong;
    _Atomic unsigned next;
};

static void *mpmc_produce(void *argument)
{
    struct mpmc *test = argument;
    uint64_t own = atomic_fetch_add(&test->next, 1);
    for (uint64_t i = 0; i < test->items; i++)
        if (test->put(test->object, (own + 1) << 32 | i) != 0)
            test->wrong = "a put failed";
    return NULL;
}

static void *mpmc_consume(void *argument)
{
    struct mpmc *test = argument;
    uint64_t last[MPMC_THREADS_MAX] = {0}, item;
    while (test->get(test->object, &item) == 0) {
        uint64_t producer = (item >> 32) - 1, number = item & UINT32_MAX;
        if (producer >= test->producers || number >= test->items) {
            test->wrong = "an item that nobody put";
            continue;
        }
        if (atomic_fetch_add(&test->seen[producer * test->items + number], 1) != 0)
            test->wrong = "an item twice";
        if (!test->any_order && last[producer] > number)
            test->wrong = "items out of order";
        last[producer] = number + 1;
        atomic_fetch_add(&test->got, 1);
    }
    return NULL;
}

/* What is wrong, or NULL. */
static inline const char *mpmc_run(struct mpmc *test)
{
    pthread_t producers[MPMC_THREADS_MAX], consumers[MPMC_THREADS_MAX];
    test->seen = calloc(test->producers, test->items);
    if (!test->seen)
        return "no memory";
    for (unsigned i = 0; i < test->consumers; i++)
        if (pthread_create(&consumers[i], NULL, mpmc_consume, test) != 0)
            abort();
    for (unsigned i = 0; i < test->producers; i++)
        if (pthread_create(&producers[i], NULL, mpmc_produce, test) != 0)
            abort();
    for (unsigned i = 0; i < test->producers; i++)
        pthread_join(producers[i], NULL);
    test->close(test->object);
    for (unsigned i = 0; i < test->consumers; i++)
        pthread_join(consumers[i], NULL);
    if (!test->wrong && test->got != test->producers * test->items)
        test->wrong = "items were lost";
    free((void *)test->seen);
    return test->wrong;
}

#endif
