/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of the reclamation layer fails once, and four in a row: each call then gives its
 * documented result, nothing leaks, nothing is freed twice, and the domain goes on working. With
 * the backend mock.
 */
#include "test.h"

#include <pthread.h>
#include <stdbool.h>

#include <shale/backend/mock.h>
#include <shale/error.h>
#include <shale/shale.h>

#include "smr_nodes.h"

enum { NODES = 200 };

struct outcome {
    unsigned refused_creates;
    unsigned refused_attaches;
    unsigned refused_reserves;
    unsigned refused_nodes;
};

static struct outcome outcome;

static void retire_one(struct shale_smr_thread *thread)
{
    bool promised = shale_smr_reserve(thread, 1) == 0;
    outcome.refused_reserves += !promised;
    struct node *node = node_new(thread, 1);
    if (!node) {
        outcome.refused_nodes++;
        return;
    }
    int code = node_retire(thread, node);
    assert_true(code == 0 || (code == SHALE_ENOMEM && !promised));
    if (code == 0)
        return;
    node_reclaim(node, NULL); /* it is still ours */
}

/* The whole life of a domain. */
static void use_domain(enum shale_smr_scheme scheme, uint32_t flags)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    struct shale_smr_thread *thread = NULL;
    options.scheme = scheme;
    options.flags = flags;
    options.bag_size = 16;
    int code = shale_smr_create(&options, &domain);
    assert_true(code == 0 || code == SHALE_ENOMEM);
    if (code) {
        outcome.refused_creates++;
        assert_null(domain);
        return;
    }
    code = shale_smr_attach(domain, &thread);
    assert_true(code == 0 || code == SHALE_ENOMEM);
    for (; code == SHALE_ENOMEM; code = shale_smr_attach(domain, &thread)) {
        outcome.refused_attaches++;
        assert_null(thread);
    }
    assert_int_equal(code, 0);
    for (int i = 0; i < NODES; i++)
        retire_one(thread);
    assert_int_equal(shale_smr_barrier(domain, UINT64_MAX), 0);
    for (int i = 0; i < NODES; i++)
        retire_one(thread);
    assert_int_equal(shale_smr_detach(domain), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

struct life {
    enum shale_smr_scheme scheme;
    uint32_t flags;
};

static void *live(void *argument)
{
    const struct life *life = argument;
    use_domain(life->scheme, life->flags);
    return NULL;
}

/* In a thread of its own, whose table of domains is allocated and freed too. */
static void use_domain_in_thread(enum shale_smr_scheme scheme, uint32_t flags)
{
    struct life life = {scheme, flags};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, live, &life), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* `width` allocations fail in a row, wherever that row begins. */
static void fail_each(enum shale_smr_scheme scheme, uint32_t flags, uint64_t width)
{
    struct shale_mock_report report;
    uint64_t failed = 0;
    for (uint64_t n = 1; n == 1 || failed > 0; n++) {
        nodes_reset();
        shale_mock_reset();
        shale_mock_fail(n, width);
        use_domain_in_thread(scheme, flags);
        shale_mock_fail(0, 0);
        shale_mock_report(&report);
        failed = report.failed_count;
        assert_int_equal(report.live_count, 0);
        assert_int_equal(report.double_free_count + report.foreign_count + report.written_count, 0);
        assert_int_equal(nodes_alive(), 0);
        assert_int_equal(shale_atomic_load_relaxed(&nodes_broken), 0);
    }
}

static void fail_all(enum shale_smr_scheme scheme, uint32_t flags)
{
    outcome = (struct outcome){0};
    fail_each(scheme, flags, 1);
    fail_each(scheme, flags, 4);
    assert_true(outcome.refused_creates > 0);
    assert_true(outcome.refused_attaches > 0);
    assert_true(outcome.refused_reserves > 0);
    assert_true(outcome.refused_nodes > 0);
}

static void oom_each_allocation_of_ebr_fails(void **state)
{
    (void)state;
    fail_all(SHALE_SMR_EBR, SHALE_SMR_CHECK_RETIRES);
}

static void oom_each_allocation_of_ibr_fails(void **state)
{
    (void)state;
    fail_all(SHALE_SMR_IBR, SHALE_SMR_RECLAIM_IN_POLL);
}

/* Memory is gone for good: what was reserved can be retired, the rest is refused. */
static void oom_lasting_reserved_retires_succeed(void **state)
{
    struct shale_smr *domain = smr_new(SHALE_SMR_EBR, SHALE_SMR_RECLAIM_IN_POLL);
    struct shale_smr_thread *thread = NULL;
    static struct node *nodes[1000];
    int refused = 0;
    (void)state;
    nodes_reset();
    assert_int_equal(shale_smr_attach(domain, &thread), 0);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(nodes); i++)
        nodes[i] = node_new(thread, 1);
    assert_int_equal(shale_smr_reserve(thread, 500), 0);
    shale_mock_fail(1, UINT64_MAX);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(nodes); i++) {
        int code = node_retire(thread, nodes[i]);
        assert_true(code == 0 || (code == SHALE_ENOMEM && i >= 500));
        if (code) {
            node_reclaim(nodes[i], NULL);
            refused++;
        }
    }
    assert_true(refused > 0);
    assert_int_equal(shale_smr_reserve(thread, 5000), SHALE_ENOMEM);
    assert_int_equal(shale_smr_barrier(domain, UINT64_MAX), 0); /* needs no memory */
    assert_int_equal(nodes_alive(), 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
    shale_mock_fail(0, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(oom_each_allocation_of_ebr_fails),
    cmocka_unit_test(oom_each_allocation_of_ibr_fails),
    cmocka_unit_test(oom_lasting_reserved_retires_succeed),
};

RUN_TESTS("smr_oom")
