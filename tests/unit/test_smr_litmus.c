/* SPDX-License-Identifier: MIT */
/*
 * The small races of the protocols, run many times on the real code: a reader, who unlinks and
 * retires, and a third thread that moves the era, started together in each round. tests/litmus has
 * the same races as programs for a model checker.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include <shale/shale.h>

#include "blocks.h"
#include "smr_nodes.h"

enum { ROUNDS = 3000, PARTIES = 3 };

struct race {
    struct shale_smr *domain;
    _Atomic uintptr_t head;
    _Atomic uintptr_t other;
    _Atomic unsigned arrived;
    bool through_other; /* the reader goes on to a node that was born meanwhile */
};

/* All parties leave together; `turn` counts how often that was. */
static void meet(struct race *race, unsigned *turn)
{
    ++*turn;
    shale_atomic_fetch_add_acq_rel(&race->arrived, 1);
    for (int i = 0; shale_atomic_load_acquire(&race->arrived) < *turn * PARTIES; i++)
        if (i > 50)
            sched_yield();
}

static void check_if_there(struct shale_smr_thread *guard, const _Atomic uintptr_t *place)
{
    struct node *node = shale_smr_load(guard, place);
    if (node)
        node_check(node);
}

static void *reader(void *argument)
{
    struct race *race = argument;
    unsigned turn = 0;
    for (int i = 0; i < ROUNDS; i++) {
        meet(race, &turn);
        struct shale_smr_thread *guard = shale_smr_enter(race->domain);
        check_if_there(guard, &race->head);
        if (race->through_other)
            check_if_there(guard, &race->other);
        shale_smr_exit(guard);
        meet(race, &turn);
    }
    return NULL;
}

static void unlink_and_retire(struct race *race, _Atomic uintptr_t *place)
{
    struct shale_smr_thread *guard = shale_smr_enter(race->domain);
    struct node *node = (struct node *)shale_atomic_exchange_acq_rel(place, 0);
    if (node && node_retire(guard, node) != 0)
        shale_atomic_fetch_add_relaxed(&nodes_broken, 1);
    shale_smr_exit(guard);
}

static void *retirer(void *argument)
{
    struct race *race = argument;
    unsigned turn = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct shale_smr_thread *guard = shale_smr_enter(race->domain);
        shale_atomic_store_release(&race->head, (uintptr_t)node_new(guard, 1));
        shale_smr_exit(guard);
        meet(race, &turn);
        unlink_and_retire(race, &race->head);
        (void)shale_smr_flush(race->domain);
        meet(race, &turn);
    }
    return NULL;
}

static void *era_mover(void *argument)
{
    struct race *race = argument;
    unsigned turn = 0;
    for (int i = 0; i < ROUNDS; i++) {
        meet(race, &turn);
        struct shale_smr_thread *guard = shale_smr_enter(race->domain);
        if (race->through_other)
            shale_atomic_store_release(&race->other, (uintptr_t)node_new(guard, 2));
        shale_smr_exit(guard);
        if (race->through_other)
            unlink_and_retire(race, &race->other);
        (void)shale_smr_flush(race->domain);
        meet(race, &turn);
    }
    return NULL;
}

static void run_race(enum shale_smr_scheme scheme, uint32_t flags, bool through_other)
{
    void *(*const parts[PARTIES])(void *) = {reader, retirer, era_mover};
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct race race = {.through_other = through_other};
    pthread_t threads[PARTIES];
    options.scheme = scheme;
    options.flags = flags;
    options.era_frequency = 1;
    nodes_reset();
    assert_int_equal(shale_smr_create(&options, &race.domain), 0);
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parts[i], &race), 0);
    for (int i = 0; i < PARTIES; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shale_smr_destroy(race.domain), 0);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
    assert_int_equal(nodes_alive(), 0);
}

static void smr_litmus_reader_and_reclaimer_see_each_other(void **state)
{
    (void)state;
    run_race(SHALE_SMR_EBR, 0, false);
    run_race(SHALE_SMR_EBR, SHALE_SMR_PLAIN_FENCES, false);
}

static void smr_litmus_stale_era_is_never_read(void **state)
{
    (void)state;
    run_race(SHALE_SMR_IBR, 0, false);
    run_race(SHALE_SMR_IBR, SHALE_SMR_PLAIN_FENCES, false);
}

static void smr_litmus_interval_covers_what_was_found(void **state)
{
    (void)state;
    run_race(SHALE_SMR_IBR, 0, true);
    run_race(SHALE_SMR_IBR, SHALE_SMR_PLAIN_FENCES, true);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(smr_litmus_reader_and_reclaimer_see_each_other),
    cmocka_unit_test(smr_litmus_stale_era_is_never_read),
    cmocka_unit_test(smr_litmus_interval_covers_what_was_found),
};

RUN_TESTS("smr_litmus")
