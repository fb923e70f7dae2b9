/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers on an array of shared nodes, more threads than cores, threads that come and
 * go: every node that is read must be alive. SHALE_TEST_SECONDS and SHALE_TEST_SEED set the length
 * of each case and the seed.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include <shale/shale.h>

#include "base/clock.h"
#include "blocks.h"
#include "smr_nodes.h"

enum { PLACES = 64, THREADS = 8, OVERSUBSCRIBED = 16, LIFE = 3000 };

static _Atomic uintptr_t places[PLACES];
static struct shale_smr *domain;
static _Atomic bool stop;
static _Atomic uint64_t operations;

static struct node *load_node(struct shale_smr_thread *guard, uint64_t *random)
{
    return shale_smr_load(guard, &places[random_below(random, PLACES)]);
}

/* Reads some nodes and looks at all of them again, after the others had their turn. */
static void read_nodes(uint64_t *random)
{
    struct node *seen[4];
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    for (int i = 0; i < 4; i++)
        seen[i] = load_node(guard, random);
    if (random_below(random, 64) == 0)
        sched_yield();
    for (int i = 0; i < 4; i++)
        if (seen[i])
            node_check(seen[i]);
    shale_smr_exit(guard);
}

static void replace_node(uint64_t *random)
{
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    struct node *node = random_below(random, 8) == 0 ? NULL : node_new(guard, 1);
    _Atomic uintptr_t *place = &places[random_below(random, PLACES)];
    struct node *old = (struct node *)shale_atomic_exchange_acq_rel(place, (uintptr_t)node);
    if (old && node_retire(guard, old) != 0)
        shale_atomic_fetch_add_relaxed(&nodes_broken, 1);
    shale_smr_exit(guard);
}

/* A search and a change in phases: a restart must do no harm. */
static void replace_in_phases(uint64_t *random)
{
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    struct node *fresh = node_new(guard, 2);
    size_t index = random_below(random, PLACES);
    SHALE_SMR_READ(guard);
    struct node *old = shale_smr_load(guard, &places[index]);
    struct node *other = shale_smr_load(guard, &places[(index + 1) % PLACES]);
    if (other)
        node_check(other);
    if (old)
        node_check(old);
    void *reserved[] = {old, other};
    (void)!shale_smr_write(guard, reserved, 2);
    if (other)
        node_check(other);
    uintptr_t expected = (uintptr_t)old;
    bool replaced = shale_atomic_cas_acq_rel(&places[index], &expected, (uintptr_t)fresh);
    if (old)
        node_check(old);
    (void)!node_retire(guard, replaced && old ? old : replaced ? node_new(guard, 0) : fresh);
    shale_smr_exit(guard);
}

static void *live_once(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    int done = 0;
    for (; done < LIFE && !shale_atomic_load_relaxed(&stop); done++) {
        uint64_t what = random_below(&random, 100);
        if (what < 50)
            read_nodes(&random);
        else if (what < 90)
            replace_node(&random);
        else
            replace_in_phases(&random);
        if (what == 0)
            (void)shale_smr_poll(domain, 10);
    }
    shale_atomic_fetch_add_relaxed(&operations, (uint64_t)done);
    return NULL;
}

static void *lives(void *argument)
{
    uint64_t random = *(uint64_t *)argument;
    while (!shale_atomic_load_relaxed(&stop)) {
        pthread_t thread;
        void *seed = (void *)(uintptr_t)random_next(&random);
        if (random_below(&random, 2) == 0)
            live_once(seed);
        else if (pthread_create(&thread, NULL, live_once, seed) == 0)
            pthread_join(thread, NULL);
    }
    return NULL;
}

static void run_threads(uint64_t seed, int count, uint64_t seconds_tenth)
{
    const char *given = getenv("SHALE_TEST_SECONDS");
    uint64_t ns = given ? strtoull(given, NULL, 0) * 1000000000u : seconds_tenth * 100000000u;
    uint64_t seeds[OVERSUBSCRIBED];
    pthread_t threads[OVERSUBSCRIBED];
    struct timespec length = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    shale_atomic_store_relaxed(&stop, false);
    for (int i = 0; i < count; i++) {
        seeds[i] = seed + (uint64_t)i * 0x9e3779b97f4a7c15u;
        assert_int_equal(pthread_create(&threads[i], NULL, lives, &seeds[i]), 0);
    }
    nanosleep(&length, NULL);
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void run_stress(const char *name, enum shale_smr_scheme scheme, uint32_t flags, int count)
{
    uint64_t seed = random_seed(name);
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    nodes_reset();
    options.scheme = scheme;
    options.flags = flags;
    options.bag_size = 32;
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    run_threads(seed, count, 8);
    for (int i = 0; i < PLACES; i++) {
        struct node *left = (struct node *)shale_atomic_exchange_acq_rel(&places[i], 0);
        if (left)
            node_reclaim(left, NULL);
    }
    struct shale_smr_stats stats = smr_stats_of(domain);
    printf("# %llu operations, %llu scans, %llu thrown out, %llu of %llu orphaned\n",
           (unsigned long long)shale_atomic_load_relaxed(&operations),
           (unsigned long long)stats.scan_count, (unsigned long long)stats.neutralized_count,
           (unsigned long long)stats.orphaned_count, (unsigned long long)stats.retired_count);
    assert_true(stats.reclaimed_count > 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
    assert_int_equal(nodes_alive(), 0);
}

static void stress_ebr_nothing_broken(void **state)
{
    (void)state;
    run_stress("ebr", SHALE_SMR_EBR, 0, THREADS);
}

static void stress_ibr_nothing_broken(void **state)
{
    (void)state;
    run_stress("ibr", SHALE_SMR_IBR, SHALE_SMR_CHECK_RETIRES, THREADS);
}

static void stress_neutralize_nothing_broken(void **state)
{
    (void)state;
    run_stress("neutralize", SHALE_SMR_NEUTRALIZE, 0, THREADS);
}

static void stress_plain_fences_nothing_broken(void **state)
{
    (void)state;
    run_stress("ebr, plain fences", SHALE_SMR_EBR, SHALE_SMR_PLAIN_FENCES, THREADS);
    run_stress("ibr, plain fences", SHALE_SMR_IBR, SHALE_SMR_PLAIN_FENCES, THREADS);
}

static void stress_threads_come_and_go_nothing_broken(void **state)
{
    (void)state;
    run_stress("oversubscribed", SHALE_SMR_EBR, SHALE_SMR_RECLAIM_IN_POLL, OVERSUBSCRIBED);
    run_stress("oversubscribed, ibr", SHALE_SMR_IBR, 0, OVERSUBSCRIBED);
    run_stress("oversubscribed, neutralize", SHALE_SMR_NEUTRALIZE, 0, OVERSUBSCRIBED);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(stress_ebr_nothing_broken),
    cmocka_unit_test(stress_ibr_nothing_broken),
    cmocka_unit_test(stress_neutralize_nothing_broken),
    cmocka_unit_test(stress_plain_fences_nothing_broken),
    cmocka_unit_test(stress_threads_come_and_go_nothing_broken),
};

RUN_TESTS("smr_stress")
