/* SPDX-License-Identifier: MIT */
/*
 * EBR (smr_publish(), close_for(), smr_ebr_advance()): a reader with two guards, a thread that
 * retires and reclaims, and a third one that moves the epoch.
 *
 *   BROKEN_CLOSE  no fence between the unlink and the bag's epoch: an old epoch can be read
 *   BROKEN_ENTER  no fence in the guard
 */
#include "litmus.h"

enum { OUTSIDE = 99 };

static atomic_int epoch, reader_lo, retirer_lo;
static _Atomic(struct node *) place;

static void litmus_reset(void)
{
    atomic_init(&epoch, 1);
    atomic_init(&reader_lo, OUTSIDE);
    atomic_init(&retirer_lo, OUTSIDE);
    atomic_init(&place, node_born(0));
}

static void read_in_guard(void)
{
    atomic_store_explicit(&reader_lo, atomic_load_explicit(&epoch, ACQUIRE), RELEASE);
#ifndef BROKEN_ENTER
    fence();
#endif
    struct node *node = atomic_load_explicit(&place, ACQUIRE);
    if (node)
        node_use(node);
    atomic_store_explicit(&reader_lo, OUTSIDE, RELEASE);
}

static void *reader(void *argument)
{
    read_in_guard();
    read_in_guard();
    return argument;
}

static int has_announced(atomic_int *lo, int e)
{
    int announced = atomic_load_explicit(lo, ACQUIRE);
    return announced == OUTSIDE || announced == e;
}

static void advance(void)
{
    int e = atomic_load_explicit(&epoch, ACQUIRE);
    fence();
    if (has_announced(&reader_lo, e) && has_announced(&retirer_lo, e))
        atomic_compare_exchange_strong_explicit(&epoch, &e, e + 1, SEQ_CST, ACQUIRE);
}

static void *retirer(void *argument)
{
    atomic_store_explicit(&retirer_lo, atomic_load_explicit(&epoch, ACQUIRE), RELEASE);
    fence();
    struct node *node = atomic_load_explicit(&place, RELAXED);
    atomic_store_explicit(&place, NULL, RELAXED); /* any order will do */
#ifndef BROKEN_CLOSE
    fence();
#endif
    int tag = atomic_load_explicit(&epoch, ACQUIRE);
    atomic_store_explicit(&retirer_lo, OUTSIDE, RELEASE);
    advance();
    if (atomic_load_explicit(&epoch, ACQUIRE) >= tag + 2)
        node_free(node);
    return argument;
}

static void *mover(void *argument)
{
    advance();
    return argument;
}

static void *(*const litmus_parts[])(void *) = {reader, retirer, mover};

#include "litmus_main.h"
