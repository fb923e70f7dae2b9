/* SPDX-License-Identifier: MIT */
/* Guards: what they publish, nesting, loads, and a membarrier that is forbidden later. */
#include "test.h"

#include <pthread.h>
#include <semaphore.h>

#include <shale/error.h>
#include <shale/shale.h>

#include "smr/domain.h"
#include "smr/guard.h"
#include "smr_nodes.h"

static uint64_t lo_of(struct shale_smr_thread *thread)
{
    return shale_atomic_load_relaxed(&thread->lo);
}

static void guard_nested_only_outermost_counts(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    assert_int_equal(lo_of(guard), 1);
    assert_ptr_equal(shale_smr_enter(domain), guard);
    shale_smr_exit(guard);
    assert_int_equal(lo_of(guard), 1);
    shale_smr_exit(guard);
    assert_int_equal(lo_of(guard), SMR_OUTSIDE);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void guard_of_two_domains_are_independent(void **state)
{
    struct shale_smr *first = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr *second = smr_new(SHALE_SMR_IBR, 0);
    (void)state;
    nodes_reset();
    struct shale_smr_thread *one = shale_smr_enter(first);
    struct shale_smr_thread *two = shale_smr_enter(second);
    assert_ptr_not_equal(one, two);
    shale_smr_exit(two);
    assert_int_equal(node_retire(two, node_new(two, 1)), 0);
    assert_int_equal(shale_smr_barrier(second, 0), 0);
    assert_int_equal(nodes_alive(), 0);
    shale_smr_exit(one);
    assert_int_equal(shale_smr_destroy(first), 0);
    assert_int_equal(shale_smr_destroy(second), 0);
}

static void load_after_era_moved_widens_the_interval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_IBR, 0);
    _Atomic uintptr_t place = 64 + 3; /* bits of the structure's own */
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    (void)!shale_smr_load(guard, &place);
    smr_next_era(domain);
    smr_next_era(domain);
    assert_int_equal(shale_atomic_load_relaxed(&guard->hi), 1);
    assert_ptr_equal(shale_smr_load(guard, &place), (void *)(uintptr_t)67);
    assert_int_equal(shale_atomic_load_relaxed(&guard->hi), 3);
    assert_int_equal(lo_of(guard), 1);
    assert_int_equal(smr_stats_of(domain).oldest_lag, 2);
    shale_smr_exit(guard);
    assert_int_equal(smr_stats_of(domain).oldest_lag, 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void stats_tell_scheme_and_fences(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, SHALE_SMR_PLAIN_FENCES);
    (void)state;
    assert_int_equal(smr_stats_of(domain).asymmetric, 0);
    assert_int_equal(smr_stats_of(domain).scheme, SHALE_SMR_EBR);
    assert_int_equal(shale_smr_destroy(domain), 0);
    domain = smr_new(SHALE_SMR_IBR, 0);
    assert_int_equal(smr_stats_of(domain).asymmetric, shale_membarrier_available());
    assert_int_equal(smr_stats_of(domain).scheme, SHALE_SMR_IBR);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* ---- membarrier refused after it was there ---- */

struct helper {
    struct shale_smr *domain;
    sem_t go;
    sem_t done;
};

/* Enters a guard each time it is told to. */
static void *enter_when_told(void *argument)
{
    struct helper *helper = argument;
    for (int i = 0; i < 2; i++) {
        sem_wait(&helper->go);
        struct shale_smr_thread *guard = shale_smr_enter(helper->domain);
        shale_smr_exit(guard);
        sem_post(&helper->done);
    }
    return NULL;
}

static void tell(struct helper *helper)
{
    sem_post(&helper->go);
    sem_wait(&helper->done);
}

/* A thread that may have a guard in its store buffer is waited for until it has fenced. */
static void guard_membarrier_refused_later_nothing_freed_early(void **state)
{
    struct helper helper = {.domain = smr_new(SHALE_SMR_EBR, 0)};
    pthread_t thread;
    (void)state;
    nodes_reset();
    sem_init(&helper.go, 0, 0);
    sem_init(&helper.done, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, enter_when_told, &helper), 0);
    tell(&helper);
    bool was_light = smr_stats_of(helper.domain).asymmetric;
    smr_give_up_membarrier(helper.domain);
    assert_int_equal(smr_stats_of(helper.domain).asymmetric, 0);
    struct shale_smr_thread *guard = shale_smr_enter(helper.domain);
    assert_int_equal(node_retire(guard, node_new(guard, 1)), 0);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_barrier(helper.domain, 0), was_light ? SHALE_ETIMEOUT : 0);
    tell(&helper);
    assert_int_equal(shale_smr_barrier(helper.domain, 0), 0);
    assert_int_equal(nodes_alive(), 0);
    pthread_join(thread, NULL);
    assert_int_equal(shale_smr_destroy(helper.domain), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(guard_nested_only_outermost_counts),
    cmocka_unit_test(guard_of_two_domains_are_independent),
    cmocka_unit_test(load_after_era_moved_widens_the_interval),
    cmocka_unit_test(stats_tell_scheme_and_fences),
    cmocka_unit_test(guard_membarrier_refused_later_nothing_freed_early),
};

RUN_TESTS("smr_guard")
