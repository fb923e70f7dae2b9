/* SPDX-License-Identifier: MIT */
/* Runs and records histories; the hooks of src/collections/point.h. */
#include "harness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "collections/point.h"
#include "collections/random.h"

enum coll_bug coll_bug;

static _Atomic uint64_t allocations_left;

void harness_fail_allocation(uint64_t n)
{
    atomic_store(&allocations_left, n);
}

bool coll_test_alloc_fails(void)
{
    uint64_t left = atomic_load(&allocations_left);
    while (left != 0)
        if (atomic_compare_exchange_weak(&allocations_left, &left, left - 1))
            return left == 1;
    return false;
}

void coll_test_point(void)
{
    pct_point();
}

void coll_test_spin(void)
{
    pct_spin();
}

bool coll_test_sleep(_Atomic uint32_t *word, uint32_t value)
{
    if (!pct_is_on())
        return false;
    while (atomic_load(word) == value && !pct_is_stuck())
        pct_spin();
    return true;
}

void (*harness_stuck)(void);
static const struct subject *subject;
static struct lin_history history;
static _Atomic uint64_t moments;
static _Atomic size_t recorded;
static uint64_t run_seed;

static void record(const struct lin_operation *operation)
{
    history.operations[atomic_fetch_add(&recorded, 1)] = *operation;
}

static void body(unsigned thread, void *unused)
{
    uint64_t random = (run_seed * 31 + thread) * 2 + 1;
    pct_random(&random);
    coll_random_state = pct_random(&random);
    for (unsigned i = 0; i < subject->operations && !pct_is_stuck(); i++) {
        struct lin_operation operation[2] = {{.thread = thread}, {.code = -1}};
        pct_point();
        operation[0].called = atomic_fetch_add(&moments, 1);
        subject->act(operation, thread, &random);
        operation[0].returned = atomic_fetch_add(&moments, 1);
        record(&operation[0]);
        operation[1].called = operation[0].called;
        operation[1].returned = operation[0].returned;
        if (operation[1].code >= 0)
            record(&operation[1]);
    }
}

/* What is wrong with the history of a seed, or NULL. */
static const char *check(uint64_t seed)
{
    run_seed = seed;
    atomic_store(&recorded, 0);
    atomic_store(&moments, 1);
    subject->make(seed);
    struct pct_run run = {.seed = seed,
                          .threads = subject->threads,
                          .changes = (unsigned)(seed % 6),
                          .steps = subject->threads * subject->operations * subject->points,
                          .steps_most = 20000,
                          .stuck = harness_stuck,
                          .body = body};
    bool finished = pct_run(&run);
    bool ended = subject->end();
    history.count = atomic_load(&recorded);
    if (!finished)
        return "stuck";
    if (!ended)
        return "bad at its end";
    bool good = subject->by_key ? lin_check_by_key(subject->model, &history)
                                : lin_check(subject->model, &history);
    return good ? NULL : "not linearizable";
}

uint64_t harness_count(uint64_t plain)
{
    const char *count = getenv("SHALE_HISTORIES");
    return count ? strtoull(count, NULL, 10) : plain;
}

uint64_t harness_find(const struct subject *wanted, uint64_t first, uint64_t count)
{
    subject = wanted;
    for (uint64_t seed = first; seed < first + count; seed++)
        if (check(seed))
            return seed;
    return 0;
}

bool harness_run(const struct subject *wanted, uint64_t first, uint64_t count)
{
    subject = wanted;
    for (uint64_t seed = first; seed < first + count; seed++) {
        const char *wrong = check(seed);
        if (wrong) {
            printf("# %s: the history of seed %llu is %s\n", subject->name,
                   (unsigned long long)seed, wrong);
            lin_print(subject->model, &history);
            return false;
        }
    }
    printf("# %s: %llu histories from seed %llu on\n", subject->name, (unsigned long long)count,
           (unsigned long long)first);
    return true;
}

void harness_end(void)
{
    pct_end();
    map_subjects_end();
    queue_subjects_end();
}
