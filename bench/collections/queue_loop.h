/* SPDX-License-Identifier: MIT */
/*
 * The loops over a queue's operations. QUEUE_LOOPS(prefix) makes them of prefix_try_put() and
 * prefix_try_get(), inline functions that return whether they did it.
 */
#ifndef BENCH_COLLECTIONS_QUEUE_LOOP_H
#define BENCH_COLLECTIONS_QUEUE_LOOP_H

#include "peer.h"

#define QUEUE_LOOPS(prefix)                                                                        \
    static size_t prefix##_put_run(void *queue, uint64_t first, size_t count)                      \
    {                                                                                              \
        size_t done = 0;                                                                           \
        while (done < count && prefix##_try_put(queue, first + done))                              \
            done++;                                                                                \
        return done;                                                                               \
    }                                                                                              \
    static size_t prefix##_get_run(void *queue, size_t count, uint64_t *sum)                       \
    {                                                                                              \
        size_t done = 0;                                                                           \
        uint64_t item;                                                                             \
        for (; done < count && prefix##_try_get(queue, &item); done++)                             \
            *sum += item;                                                                          \
        return done;                                                                               \
    }                                                                                              \
    static uint64_t prefix##_pairs(void *queue, size_t count)                                      \
    {                                                                                              \
        uint64_t item, sum = 0;                                                                    \
        for (size_t i = 0; i < count; i++) {                                                       \
            if (prefix##_try_put(queue, i + 1) && prefix##_try_get(queue, &item))                  \
                sum += item;                                                                       \
        }                                                                                          \
        return sum;                                                                                \
    }

#endif
