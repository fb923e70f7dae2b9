/* SPDX-License-Identifier: MIT */
/*
 * IBR (smr_publish(), smr_load(), close_for(), the scan of ibr.c): a reader that loads twice, a
 * thread that replaces a node by one that is born meanwhile, then takes that away too, and a third
 * one that moves the era.
 *
 *   BROKEN_CLOSE  no fence between the unlink and the bag's era: an old era can be read
 *   BROKEN_ENTER  no fence in the guard
 *   BROKEN_WIDEN  no fence after the interval was widened
 */
#include "litmus.h"

enum { OUTSIDE = 99, TRIES = 3 };

static atomic_int era, lo, hi;
static _Atomic(struct node *) place;

static void litmus_reset(void)
{
    atomic_init(&era, 1);
    atomic_init(&lo, OUTSIDE);
    atomic_init(&hi, 1);
    atomic_init(&place, node_born(1));
}

static struct node *load(int *mine)
{
    for (int i = 0; i < TRIES; i++) {
        struct node *node = atomic_load_explicit(&place, ACQUIRE);
        int now = atomic_load_explicit(&era, ACQUIRE);
        if (now == *mine)
            return node;
        *mine = now;
        atomic_store_explicit(&hi, now, RELAXED);
#ifndef BROKEN_WIDEN
        fence();
#endif
    }
    return NULL;
}

static void *reader(void *argument)
{
    int mine = 1; /* hi is still that of the guard before */
    atomic_store_explicit(&lo, atomic_load_explicit(&era, ACQUIRE), RELEASE);
#ifndef BROKEN_ENTER
    fence();
#endif
    struct node *node = load(&mine);
    if (node)
        node_use(node);
    atomic_store_explicit(&lo, OUTSIDE, RELEASE);
    return argument;
}

static int close_bag(void)
{
#ifndef BROKEN_CLOSE
    fence();
#endif
    return atomic_load_explicit(&era, ACQUIRE);
}

static void scan(struct node *node, int retired)
{
    fence();
    int low = atomic_load_explicit(&lo, ACQUIRE);
    int high = atomic_load_explicit(&hi, RELAXED);
    if (low == OUTSIDE || high < node->birth || low > retired)
        node_free(node);
}

static void *writer(void *argument)
{
    struct node *old = atomic_load_explicit(&place, RELAXED);
    struct node *fresh = node_born(atomic_load_explicit(&era, ACQUIRE));
    atomic_store_explicit(&place, fresh, RELEASE);
    scan(old, close_bag());
    atomic_store_explicit(&place, NULL, RELAXED);
    scan(fresh, close_bag());
    return argument;
}

static void *mover(void *argument)
{
    atomic_fetch_add_explicit(&era, 1, ACQ_REL);
    return argument;
}

static void *(*const litmus_parts[])(void *) = {reader, writer, mover};

#include "litmus_main.h"
