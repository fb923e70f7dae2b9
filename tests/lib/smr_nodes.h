/* SPDX-License-Identifier: MIT */
/*
 * Nodes that know whether they are alive, for tests of reclamation: a reclaimed node loses its
 * canary before its memory goes back, so a reader that comes too late finds it even where the
 * allocator has not used the memory again.
 */
#ifndef SHALE_TESTS_SMR_NODES_H
#define SHALE_TESTS_SMR_NODES_H

#include <stdbool.h>

#include <shale/alloc.h>
#include <shale/error.h>
#include <shale/smr.h>

#include "base/atomic.h"

enum { NODE_ALIVE = 0x5a1e11fe, NODE_DEAD = 0x0dead000 };

struct node {
    _Atomic uint32_t canary;
    uint32_t value;
    uint64_t birth;
    _Atomic uintptr_t next;
};

static _Atomic uint64_t nodes_made;
static _Atomic uint64_t nodes_reclaimed;
static _Atomic uint64_t nodes_broken; /* seen dead, or reclaimed twice */

static inline struct node *node_new(struct shale_smr_thread *thread, uint32_t value)
{
    struct node *node = shale_alloc_node(sizeof *node);
    if (!node)
        return NULL;
    node->value = value;
    node->birth = thread ? shale_smr_birth(thread) : 0;
    shale_atomic_store_relaxed(&node->next, 0);
    shale_atomic_store_relaxed(&node->canary, NODE_ALIVE);
    shale_atomic_fetch_add_relaxed(&nodes_made, 1);
    return node;
}

static inline void node_check(const struct node *node)
{
    if (shale_atomic_load_relaxed(&node->canary) != NODE_ALIVE)
        shale_atomic_fetch_add_relaxed(&nodes_broken, 1);
}

static inline void node_reclaim(void *pointer, void *argument)
{
    struct node *node = pointer;
    (void)argument;
    node_check(node);
    shale_atomic_store_relaxed(&node->canary, NODE_DEAD);
    shale_free(node);
    shale_atomic_fetch_add_relaxed(&nodes_reclaimed, 1);
}

static inline int node_retire(struct shale_smr_thread *thread, struct node *node)
{
    if (!node)
        return SHALE_ENOMEM; /* of node_new() */
    return shale_smr_retire(thread, node, sizeof *node, node->birth, node_reclaim, NULL);
}

static inline void nodes_reset(void)
{
    shale_atomic_store_relaxed(&nodes_made, 0);
    shale_atomic_store_relaxed(&nodes_reclaimed, 0);
    shale_atomic_store_relaxed(&nodes_broken, 0);
}

static inline uint64_t nodes_alive(void)
{
    return shale_atomic_load_relaxed(&nodes_made) - shale_atomic_load_relaxed(&nodes_reclaimed);
}

static inline struct shale_smr *smr_new(enum shale_smr_scheme scheme, uint32_t flags)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain = NULL;
    options.scheme = scheme;
    options.flags = flags;
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    return domain;
}

static inline struct shale_smr_stats smr_stats_of(struct shale_smr *domain)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    assert_int_equal(shale_smr_stats_snapshot(domain, &stats), 0);
    return stats;
}

#endif
