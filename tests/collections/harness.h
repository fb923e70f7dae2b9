/* SPDX-License-Identifier: MIT */
/*
 * Histories of a collection under the scheduler of pct.h, checked by linearize.h.
 *
 * A subject says how to make the object, what a thread does, and what the sequential model is. Each
 * history is one seed; a failure prints it with the operations. SHALE_HISTORIES is their number.
 */
#ifndef SHALE_TESTS_COLLECTIONS_HARNESS_H
#define SHALE_TESTS_COLLECTIONS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "linearize.h"
#include "pct.h"

struct subject {
    const char *name;
    const struct lin_model *model;
    bool by_key;
    unsigned threads;
    unsigned operations; /* of each thread */
    unsigned points;     /* about how many an operation has */
    void (*make)(uint64_t seed);
    /* Chooses and does one operation; fills code, key, in and, afterwards, result and out. Where it
     * counts as two at the same time, it fills operation[1] too. */
    void (*act)(struct lin_operation *operation, unsigned thread, uint64_t *random);
    bool (*end)(void); /* destroys the object; false: something is wrong with what is left */
};

/* Histories of SHALE_HISTORIES, or `plain` of them. */
uint64_t harness_count(uint64_t plain);

/* True when every history from seed `first` on is good; else the bad one has been printed. */
bool harness_run(const struct subject *subject, uint64_t first, uint64_t count);

/* The first bad seed, quietly; 0 when there is none among `count`. */
uint64_t harness_find(const struct subject *wanted, uint64_t first, uint64_t count);

/* Called when a history is stuck, before its threads run free; NULL: nothing is. */
extern void (*harness_stuck)(void);

/* The n-th allocation from now on fails, and only that; 0: none does. */
void harness_fail_allocation(uint64_t n);

extern const struct subject ring_subject, waiting_subject;
extern const struct subject skiplist_subject, skiplist_order_subject;

extern const struct subject treemap_subject, treemap_order_subject;
extern const struct subject queue_subject, stack_subject;

/* Ends the pool and the domains that the subjects share. */
void harness_end(void);
void map_subjects_end(void);
void queue_subjects_end(void);

#endif
