/* SPDX-License-Identifier: MIT */
/* Retiring and reclaiming as one thread sees it, for each scheme. */
#include "test.h"

#include <shale/error.h>
#include <shale/shale.h>

#include "smr_nodes.h"

enum { BAG = 128, FEW_BAGS = 4 * BAG };

static const enum shale_smr_scheme schemes[] = {SHALE_SMR_EBR, SHALE_SMR_IBR, SHALE_SMR_NEUTRALIZE};

#define EACH_SCHEME(i) (size_t i = 0; i < SHALE_ARRAY_LENGTH(schemes); i++)

static void retire_nodes(struct shale_smr *domain, unsigned count)
{
    struct shale_smr_thread *thread = NULL;
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(node_retire(thread, node_new(thread, i)), 0);
}

static void create_bad_options_einval(void **state)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    (void)state;
    assert_int_equal(shale_smr_create(NULL, NULL), SHALE_EINVAL);
    options.scheme = 3;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
    options.scheme = SHALE_SMR_EBR;
    options.flags = 1u << 20;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
    options.flags = 0;
    options.bag_size = 65537;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
    options.bag_size = 0;
    options.struct_size = 4;
    assert_int_equal(shale_smr_create(&options, &domain), SHALE_EINVAL);
    assert_null(domain);
    assert_int_equal(shale_smr_destroy(NULL), 0);
}

static void stats_bad_arguments_einval(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr_stats stats = {.struct_size = 8};
    (void)state;
    assert_int_equal(shale_smr_stats_snapshot(domain, NULL), SHALE_EINVAL);
    assert_int_equal(shale_smr_stats_snapshot(domain, &stats), SHALE_EINVAL);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void retire_outside_of_guards_all_but_some_bags_reclaimed(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], 0);
            nodes_reset();
            retire_nodes(domain, 100 * BAG);
            assert_true(nodes_alive() <= FEW_BAGS);
            struct shale_smr_stats stats = smr_stats_of(domain);
            assert_int_equal(stats.retired_count, 100 * BAG);
            assert_int_equal(stats.limbo_count, nodes_alive());
            assert_int_equal(stats.limbo_bytes, nodes_alive() * sizeof(struct node));
            assert_int_equal(shale_smr_destroy(domain), 0);
            assert_int_equal(nodes_alive(), 0);
            assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
        }
}

static void retire_inside_short_guards_all_but_some_bags_reclaimed(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], 0);
            nodes_reset();
            for (unsigned n = 0; n < 100 * BAG; n++) {
                struct shale_smr_thread *guard = shale_smr_enter(domain);
                assert_int_equal(node_retire(guard, node_new(guard, n)), 0);
                shale_smr_exit(guard);
            }
            assert_true(nodes_alive() <= FEW_BAGS);
            assert_int_equal(shale_smr_destroy(domain), 0);
            assert_int_equal(nodes_alive(), 0);
        }
}

static void retire_in_open_guard_nothing_seen_is_reclaimed(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], 0);
            nodes_reset();
            struct shale_smr_thread *guard = shale_smr_enter(domain);
            struct node *node = node_new(guard, 7);
            _Atomic uintptr_t head = (uintptr_t)node;
            assert_ptr_equal(shale_smr_load(guard, &head), node);
            assert_int_equal(node_retire(guard, node), 0);
            retire_nodes(domain, 20 * BAG);
            (void)shale_smr_flush(domain);
            node_check(node);
            assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
            assert_int_equal(node->value, 7);
            shale_smr_exit(guard);
            (void)shale_smr_flush(domain);
            assert_int_equal(nodes_alive(), 0);
            assert_int_equal(shale_smr_destroy(domain), 0);
        }
}

static void flush_outside_of_guards_reclaims_all(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], 0);
            nodes_reset();
            retire_nodes(domain, 1000);
            (void)shale_smr_flush(domain);
            assert_int_equal(nodes_alive(), 0);
            assert_int_equal(smr_stats_of(domain).limbo_count, 0);
            assert_int_equal(shale_smr_destroy(domain), 0);
        }
}

static void poll_with_limit_reclaims_no_more(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], SHALE_SMR_RECLAIM_IN_POLL);
            nodes_reset();
            retire_nodes(domain, 10 * BAG);
            assert_int_equal(nodes_alive(), 10 * BAG);
            assert_int_equal(shale_smr_poll(domain, 0), 0);
            assert_int_equal(shale_smr_poll(domain, 5), 5);
            assert_int_equal(nodes_alive(), 10 * BAG - 5);
            assert_int_equal(shale_smr_flush(domain), 10 * BAG - 5);
            assert_int_equal(shale_smr_destroy(domain), 0);
        }
}

static void barrier_in_guard_ebusy(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    (void)state;
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    assert_int_equal(shale_smr_barrier(domain, 0), SHALE_EBUSY);
    assert_int_equal(shale_smr_detach(domain), SHALE_EBUSY);
    assert_int_equal(shale_smr_destroy(domain), SHALE_EBUSY);
    shale_smr_exit(guard);
    assert_int_equal(shale_smr_barrier(domain, 0), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static void barrier_without_guards_all_reclaimed(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], SHALE_SMR_RECLAIM_IN_POLL);
            nodes_reset();
            retire_nodes(domain, 300);
            assert_int_equal(shale_smr_barrier(domain, UINT64_MAX), 0);
            assert_int_equal(nodes_alive(), 0);
            assert_int_equal(shale_smr_destroy(domain), 0);
        }
}

/* ---- reclaim functions ---- */

struct chain {
    struct shale_smr *domain;
    unsigned left;
    unsigned depth;
    unsigned deepest;
};

/* Retires the next one of a chain, from inside the reclaiming of this one. */
static void reclaim_and_retire_next(void *pointer, void *argument)
{
    struct chain *chain = argument;
    shale_free(pointer);
    if (++chain->depth > chain->deepest)
        chain->deepest = chain->depth;
    if (chain->left > 0) {
        chain->left--;
        struct shale_smr_thread *guard = shale_smr_enter(chain->domain);
        assert_int_equal(shale_smr_poll(chain->domain, 1000), 0);
        assert_int_equal(shale_smr_barrier(chain->domain, 0), SHALE_EBUSY);
        assert_int_equal(
            shale_smr_retire(guard, shale_alloc(16), 16, 0, reclaim_and_retire_next, chain), 0);
        shale_smr_exit(guard);
    }
    chain->depth--;
}

static void retire_in_reclaim_function_never_nests(void **state)
{
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct chain chain = {.domain = smr_new(schemes[i], 0), .left = 5000};
            struct shale_smr_thread *thread = NULL;
            assert_int_equal(shale_smr_attach(chain.domain, &thread), 0);
            for (int n = 0; n < 3 * BAG; n++)
                assert_int_equal(shale_smr_retire(thread, shale_alloc(16), 16, 0,
                                                  reclaim_and_retire_next, &chain),
                                 0);
            assert_int_equal(shale_smr_destroy(chain.domain), 0);
            assert_int_equal(chain.left, 0);
            assert_int_equal(chain.deepest, 1);
        }
}

static void count_reclaim(void *pointer, size_t size, void *context)
{
    size_t *bytes = context;
    *bytes += size;
    shale_free(pointer);
}

static void reclaim_of_domain_gets_size(void **state)
{
    size_t bytes = 0;
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    struct shale_smr_thread *thread = NULL;
    (void)state;
    options.reclaim = count_reclaim;
    options.context = &bytes;
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    for (size_t size = 1; size <= 100; size++)
        assert_int_equal(shale_smr_retire(thread, shale_alloc(size), size, 0, NULL, NULL), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
    assert_int_equal(bytes, 5050);
}

static void retire_without_functions_frees(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr_thread *thread = NULL;
    (void)state;
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    assert_int_equal(shale_smr_retire(thread, shale_alloc_node(40), 40, 0, NULL, NULL), 0);
    assert_int_equal(shale_smr_flush(domain), 1); /* leak sanitizer sees the rest */
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* ---- checks and caps ---- */

static void retire_twice_with_check_refused(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, SHALE_SMR_CHECK_RETIRES);
    struct shale_smr_thread *thread = NULL;
    (void)state;
    nodes_reset();
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    struct node *node = node_new(thread, 1);
    assert_int_equal(node_retire(thread, node), 0);
    assert_int_equal(node_retire(thread, node), SHALE_EINVAL);
    retire_nodes(domain, 3000); /* the set grows and shrinks */
    assert_int_equal(smr_stats_of(domain).refused_retires_count, 1);
    assert_int_equal(shale_smr_destroy(domain), 0);
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
}

struct events {
    unsigned count[3];
    uint64_t amount[3];
};

static void note_event(enum shale_smr_event event, uint64_t amount, void *context)
{
    struct events *events = context;
    events->count[event]++;
    events->amount[event] = amount;
}

static void retire_beyond_cap_event_and_faster_draining(void **state)
{
    struct events events = {.count = {0}};
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    (void)state;
    nodes_reset();
    options.limbo_cap_bytes = 1000 * sizeof(struct node);
    options.event = note_event;
    options.context = &events;
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    struct shale_smr_thread *guard = shale_smr_enter(domain);
    retire_nodes(domain, 3000);
    assert_int_equal(nodes_alive(), 3000);
    assert_int_equal(events.count[SHALE_SMR_EVENT_OVER_CAP], 1);
    assert_true(events.amount[SHALE_SMR_EVENT_OVER_CAP] > options.limbo_cap_bytes);
    assert_true(events.count[SHALE_SMR_EVENT_STALL] > 0);
    assert_int_equal(smr_stats_of(domain).over_cap_count, 1);
    assert_true(smr_stats_of(domain).stall_count > 0);
    shale_smr_exit(guard);
    retire_nodes(domain, 3 * BAG); /* 64 at a time: 3000 are gone long before 3 bags are */
    assert_true(nodes_alive() <= FEW_BAGS);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

/* Few large nodes: the cap counts, not the bag. */
static void retire_large_nodes_limbo_stays_near_cap(void **state)
{
    enum { LARGE = 1 << 20 };
    (void)state;
    for
        EACH_SCHEME(i)
        {
            struct shale_smr *domain = smr_new(schemes[i], 0);
            struct shale_smr_thread *thread = NULL;
            assert_int_equal(shale_smr_attach(domain, &thread), 0);
            for (int n = 0; n < 200; n++) {
                assert_int_equal(shale_smr_retire(thread, shale_alloc(16), LARGE, 0, NULL, NULL),
                                 0);
                assert_true(smr_stats_of(domain).limbo_bytes <= 16 * (uint64_t)LARGE);
            }
            assert_int_equal(shale_smr_destroy(domain), 0);
        }
}

static void reserve_much_all_retires_succeed(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, 0);
    struct shale_smr_thread *thread = NULL;
    (void)state;
    nodes_reset();
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    assert_int_equal(shale_smr_reserve(thread, 5000), 0);
    retire_nodes(domain, 5000);
    assert_int_equal(shale_smr_destroy(domain), 0);
    assert_int_equal(nodes_alive(), 0);
}

static void birth_of_ibr_moves_the_era(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_IBR, 0);
    struct shale_smr_thread *thread = NULL;
    (void)state;
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    uint64_t first = shale_smr_birth(thread);
    uint64_t last = first;
    for (int i = 0; i < 128 * 10; i++) {
        uint64_t birth = shale_smr_birth(thread);
        assert_true(birth >= last);
        last = birth;
    }
    assert_int_equal(last - first, 10);
    assert_int_equal(smr_stats_of(domain).era, last);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(create_bad_options_einval),
    cmocka_unit_test(stats_bad_arguments_einval),
    cmocka_unit_test(retire_outside_of_guards_all_but_some_bags_reclaimed),
    cmocka_unit_test(retire_inside_short_guards_all_but_some_bags_reclaimed),
    cmocka_unit_test(retire_in_open_guard_nothing_seen_is_reclaimed),
    cmocka_unit_test(flush_outside_of_guards_reclaims_all),
    cmocka_unit_test(poll_with_limit_reclaims_no_more),
    cmocka_unit_test(barrier_in_guard_ebusy),
    cmocka_unit_test(barrier_without_guards_all_reclaimed),
    cmocka_unit_test(retire_in_reclaim_function_never_nests),
    cmocka_unit_test(reclaim_of_domain_gets_size),
    cmocka_unit_test(retire_without_functions_frees),
    cmocka_unit_test(retire_twice_with_check_refused),
    cmocka_unit_test(retire_beyond_cap_event_and_faster_draining),
    cmocka_unit_test(retire_large_nodes_limbo_stays_near_cap),
    cmocka_unit_test(reserve_much_all_retires_succeed),
    cmocka_unit_test(birth_of_ibr_moves_the_era),
};

RUN_TESTS("smr_limbo")
