/* SPDX-License-Identifier: MIT */
/*
 * Where tests may interfere: yield points, memory that fails, and seeded bugs. Layer 4.
 *
 * A second build of this layer for tests (SHALE_COLLECTIONS_TEST) calls coll_test_point() before
 * each step that another thread may see, so that a scheduler can try interleavings, and
 * coll_test_spin() where a thread waits for another one. In all other builds these are nothing.
 *
 * COLL_BUG(name) is true in a test build where the seeded bug of that name is on: each one is a
 * mistake that the checker of histories has to find (tests/collections/test_seeded.c).
 */
#ifndef SHALE_COLLECTIONS_POINT_H
#define SHALE_COLLECTIONS_POINT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <shale/alloc.h>

#include "base/atomic.h"

#ifndef SHALE_COLLECTIONS_TEST
#define SHALE_COLLECTIONS_TEST 0
#endif

#if SHALE_COLLECTIONS_TEST
enum coll_bug {
    COLL_BUG_NONE,
    COLL_BUG_FENCE,        /* eventcount: a waiter looks before it is counted, as without a fence */
    COLL_BUG_VALIDATION,   /* tree map: a leaf is not validated after it was read */
    COLL_BUG_RETIRE_TWICE, /* skip list: the link count is not heeded */
    COLL_BUG_LOST_REPLACE, /* skip list: the value is stored, not compared and swapped */
    COLL_BUG_LATE_LINK,    /* skip list: a level is linked after the entry went */
    COLL_BUG_FALSE_EMPTY,  /* queue: empty is told from the first segment alone */
};
extern enum coll_bug coll_bug;
void coll_test_point(void);
void coll_test_spin(void);
bool coll_test_alloc_fails(void);
/* Waits in place of a futex while *word is `value`; false: the real one is to be used. */
bool coll_test_sleep(_Atomic uint32_t *word, uint32_t value);
#define COLL_SLEEP(word, value) coll_test_sleep(word, value)
#define COLL_POINT()            coll_test_point()
#define COLL_BUG(name)          (coll_bug == COLL_BUG_##name)
#define COLL_ALLOC_FAILS        coll_test_alloc_fails()
#define COLL_SPIN_POINT()       coll_test_spin()
#else
#define COLL_SLEEP(word, value) false
#define COLL_POINT()            ((void)0)
#define COLL_BUG(name)          false
#define COLL_ALLOC_FAILS        false
#define COLL_SPIN_POINT()       ((void)0)
#endif

enum { COLL_SPINS = 64 };

/* One round of waiting for a thread that is in the middle of a step: soon the processor is given
 * away, since that thread may wait for one. */
static inline void coll_backoff(unsigned *rounds)
{
    COLL_SPIN_POINT();
    if (++*rounds < COLL_SPINS)
        shale_cpu_relax();
    else
        sched_yield();
}

static inline void *coll_alloc(size_t size)
{
    return COLL_ALLOC_FAILS ? NULL : shale_alloc(size);
}

/* On cache lines of its own. */
static inline void *coll_alloc_node(size_t size)
{
    return COLL_ALLOC_FAILS ? NULL : shale_alloc_aligned(SHALE_FALSE_SHARING, size);
}

static inline void coll_free_node(void *block, size_t size)
{
    shale_free_aligned(block, SHALE_FALSE_SHARING, size);
}

#endif
