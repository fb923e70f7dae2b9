/* SPDX-License-Identifier: MIT */
/* Threads and processes: attaching, leaving, forking. */
#include "test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>
#include <shale/shale.h>

#include "base/attributes.h"
#include "smr/domain.h"
#include "smr/guard.h"
#include "smr_nodes.h"

static void run_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *retire_some(void *argument)
{
    struct shale_smr_thread *guard = shale_smr_enter(argument);
    for (unsigned i = 0; i < 100; i++)
        (void)!node_retire(guard, node_new(guard, i));
    shale_smr_exit(guard);
    return NULL;
}

static void thread_that_ends_leaves_nodes_to_others(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    nodes_reset();
    for (int i = 0; i < 20; i++)
        run_thread(retire_some, domain);
    struct shale_smr_stats stats = smr_stats_of(domain);
    assert_int_equal(stats.thread_count, 0);
    assert_true(stats.orphaned_count >= 100); /* each thread may adopt what the last one left */
    (void)shale_smr_flush(domain);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(smr_stats_of(domain).limbo_count, 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void *leave_guard_open(void *argument)
{
    return shale_smr_enter(argument) ? NULL : argument;
}

static void thread_that_ends_in_guard_holds_nothing_up(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    nodes_reset();
    run_thread(leave_guard_open, domain);
    run_thread(retire_some, domain);
    (void)shale_smr_flush(domain);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void attach_detach_slot_is_used_again(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_IBR, 0);
    struct shale_smr_thread *first = NULL;
    struct shale_smr_thread *second = NULL;
    (void)state;
    assert_int_equal(shale_smr_detach(domain), 0);
    assert_int_equal(shale_smr_attach(domain, &first), 0);
    assert_int_equal(shale_smr_attach(domain, &second), 0);
    assert_ptr_equal(first, second);
    assert_int_equal(smr_stats_of(domain).thread_count, 1);
    assert_int_equal(shale_smr_detach(domain), 0);
    assert_int_equal(smr_stats_of(domain).thread_count, 0);
    assert_int_equal(shale_smr_attach(domain, NULL), 0);
    assert_ptr_equal(shale_smr_enter(domain), first);
    shale_smr_exit(first);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void *attach_and_detach(void *argument)
{
    for (int i = 0; i < 200; i++) {
        (void)!shale_smr_attach(argument, NULL);
        retire_some(argument);
        (void)shale_smr_detach(argument);
    }
    return NULL;
}

static void attach_many_threads_at_once_nothing_lost(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_IBR, 0);
    pthread_t threads[12];
    (void)state;
    nodes_reset();
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, attach_and_detach, domain), 0);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(shale_smr_barrier(domain, UINT64_MAX), 0);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void create_as_many_domains_as_there_can_be(void **state)
{
    static struct shale_smr *domains[SHALE_SMR_DOMAINS_MAX];
    struct shale_smr *one_more = NULL;
    (void)state;
    for (int i = 0; i < SHALE_SMR_DOMAINS_MAX; i++)
        domains[i] = smr_new(SHALE_SMR_EBR, 0);
    assert_int_equal(shale_smr_create(NULL, &one_more), SHALE_ENOMEM);
    assert_null(one_more);
    for (int i = SHALE_SMR_DOMAINS_MAX - 1; i >= 0; i -= 512) { /* tables grow */
        struct shale_smr_thread *guard = shale_smr_enter(domains[i]);
        assert_ptr_equal(guard->domain, domains[i]);
        shale_smr_exit(guard);
    }
    for (int i = 0; i < SHALE_SMR_DOMAINS_MAX; i++)
        assert_int_equal(shale_smr_destroy(domains[i]), 0);
}

/* An index that is used again must not lead to the slot of the domain before. */
static void destroy_then_create_thread_attaches_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
        assert_null(smr_find(domain));
        struct shale_smr_thread *guard = shale_smr_enter(domain);
        assert_ptr_equal(guard->domain, domain);
        shale_smr_exit(guard);
        assert_int_equal(shale_smr_destroy(domain), 0);
    }
}

static void slots_of_many_threads_are_all_different(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    for (uint32_t i = 0; i < 100; i++) { /* the caller's table entry is taken back each time */
        struct shale_smr_thread *slot = NULL;
        assert_int_equal(smr_attach(domain, &slot), 0);
        assert_ptr_equal(slot, smr_slot_at(domain, i));
        assert_true(i == 0 || slot != smr_slot_at(domain, i - 1));
        assert_int_equal((uintptr_t)slot % SHALE_FALSE_SHARING, 0);
    }
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void attach_more_threads_than_there_can_be_ebusy(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr_thread *slot = NULL;
    (void)state;
    for (int i = 0; i < SHALE_SMR_THREADS_MAX; i++)
        assert_int_equal(smr_attach(domain, &slot), 0);
    assert_int_equal(smr_attach(domain, &slot), SHALE_EBUSY);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* ---- fork ---- */

struct forking {
    struct shale_smr *domain;
    _Atomic bool stop;
    _Atomic unsigned running;
};

static void *churn_until_stopped(void *argument)
{
    struct forking *forking = argument;
    shale_atomic_fetch_add_relaxed(&forking->running, 1);
    while (!shale_atomic_load_relaxed(&forking->stop)) {
        struct shale_smr_thread *guard = shale_smr_enter(forking->domain);
        (void)!node_retire(guard, node_new(guard, 1));
        shale_smr_exit(guard);
    }
    return NULL;
}

/* In the child: the others' guards are gone, and limbo can be emptied but for what was lost. */
static int check_child(struct shale_smr *domain)
{
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    if (!guard || node_retire(guard, node_new(guard, 2)) != 0)
        return 1;
    while (smr_is_inside(guard)) /* also the one of the parent */
        shale_smr_exit(guard);
    if (shale_smr_barrier(domain, UINT64_C(20000000000)) != 0)
        return 2;
    struct shale_smr_stats stats = smr_stats_of(domain);
    if (stats.thread_count != 1)
        return 3;
    /* Of each other thread one node may have been on its way in, one on its way out. */
    if (stats.limbo_count > stats.lost_count + 4)
        return 4;
    if (shale_atomic_load_relaxed(&nodes_broken) != 0)
        return 5;
    return shale_smr_destroy(domain) == 0 ? 0 : 6;
}

/* An open guard makes the others move what it holds up to and fro. */
static void fork_while_others_retire_child_reclaims(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct forking forking = {.domain = smr_new(round % 2 ? SHALE_SMR_IBR : SHALE_SMR_EBR, 0)};
        pthread_t threads[2];
        nodes_reset();
        struct shale_smr_thread *guard = shale_smr_enter(forking.domain);
        if (round % 4 < 2)
            shale_smr_exit(guard);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, churn_until_stopped, &forking), 0);
        while (shale_atomic_load_relaxed(&forking.running) < 2)
            usleep(100);
        usleep(500);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(check_child(forking.domain));
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        shale_atomic_store_relaxed(&forking.stop, true);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        if (smr_is_inside(guard))
            shale_smr_exit(guard);
        assert_int_equal(shale_smr_destroy(forking.domain), 0);
        assert_int_equal(nodes_alive(), 0);
    }
}

static void fork_in_guard_child_keeps_it(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(shale_smr_barrier(domain, 0) == SHALE_EBUSY ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(thread_that_ends_leaves_nodes_to_others),
    cmocka_unit_test(thread_that_ends_in_guard_holds_nothing_up),
    cmocka_unit_test(attach_detach_slot_is_used_again),
    cmocka_unit_test(attach_many_threads_at_once_nothing_lost),
    cmocka_unit_test(create_as_many_domains_as_there_can_be),
    cmocka_unit_test(destroy_then_create_thread_attaches_anew),
    cmocka_unit_test(slots_of_many_threads_are_all_different),
    cmocka_unit_test(attach_more_threads_than_there_can_be_ebusy),
    cmocka_unit_test(fork_while_others_retire_child_reclaims),
    cmocka_unit_test(fork_in_guard_child_keeps_it),
};

RUN_TESTS("smr_thread")
