/* SPDX-License-Identifier: MIT */
/*
 * Litmus programs: a protocol cut down to the accesses that matter, as C11, for a model checker and
 * as a test of this machine.
 *
 *     genmc -- -DLITMUS_CHECKER tests/litmus/NAME.c                    no error
 *     genmc -- -DLITMUS_CHECKER -DBROKEN_X tests/litmus/NAME.c         an assertion
 *
 * GenMC explores every execution that RC11 allows, one round of them. Compiled plainly, main() runs
 * LITMUS_ROUNDS rounds with real threads; a node that is freed is only marked, and using it is an
 * error. The broken forms, which the files name, are for the checker: this machine may never show
 * them.
 *
 * A program defines litmus_reset() and litmus_parts, its threads, and includes litmus_main.h last.
 */
#ifndef SHALE_TESTS_LITMUS_H
#define SHALE_TESTS_LITMUS_H

#undef NDEBUG
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct node {
    int birth;
    atomic_int dead;
};

#define RELAXED memory_order_relaxed
#define ACQUIRE memory_order_acquire
#define RELEASE memory_order_release
#define ACQ_REL memory_order_acq_rel
#define SEQ_CST memory_order_seq_cst

static inline void fence(void)
{
    atomic_thread_fence(SEQ_CST);
}

/* Freeing is a store, using a load that must not see it: the checker lets it be seen whenever no
 * order forbids it, which is whenever the use could come after the free. */
static inline void node_use(struct node *node)
{
    assert(!atomic_load_explicit(&node->dead, RELAXED));
}

static inline void node_free(struct node *node)
{
    atomic_store_explicit(&node->dead, 1, RELAXED);
}

static inline struct node *node_born(int era)
{
    struct node *node = malloc(sizeof *node);
    node->birth = era;
    atomic_init(&node->dead, 0);
    return node;
}

#endif
