/* SPDX-License-Identifier: MIT */
/*
 * Phases of NEUTRALIZE (shale_smr_write(), smr_is_writing()): a reader that reserves what it found
 * and uses it in a write phase, then begins another guard, against who unlinks and scans.
 *
 *   BROKEN_RESERVE  the phase is published with a relaxed store: the reserved node may come later
 *   BROKEN_REENTER  no fence in the second guard
 */
#include "litmus.h"

enum { OUTSIDE = 99, PLAIN = 0, READ = 1, WRITE = 2 };

#ifdef BROKEN_RESERVE
#define WRITE_ORDER RELAXED
#else
#define WRITE_ORDER RELEASE
#endif

static atomic_int era, lo, phase;
static _Atomic(struct node *) place, reserved;

static void litmus_reset(void)
{
    atomic_init(&era, 1);
    atomic_init(&lo, OUTSIDE);
    atomic_init(&phase, PLAIN);
    atomic_init(&reserved, NULL);
    atomic_init(&place, node_born(1));
}

static void search_and_write(int second)
{
    atomic_store_explicit(&phase, READ, RELAXED);
    atomic_store_explicit(&lo, atomic_load_explicit(&era, ACQUIRE), RELEASE);
#ifdef BROKEN_REENTER
    if (!second)
#endif
        fence();
    (void)second;
    struct node *node = atomic_load_explicit(&place, ACQUIRE);
    atomic_store_explicit(&reserved, node, RELAXED);
    atomic_store_explicit(&phase, WRITE, WRITE_ORDER);
    if (node)
        node_use(node);
    atomic_store_explicit(&phase, PLAIN, RELAXED);
    atomic_store_explicit(&lo, OUTSIDE, RELEASE);
}

static void *reader(void *argument)
{
    search_and_write(0);
    search_and_write(1);
    return argument;
}

static void *reclaimer(void *argument)
{
    struct node *node = atomic_load_explicit(&place, RELAXED);
    atomic_store_explicit(&place, NULL, RELAXED);
    fence();
    int retired = atomic_load_explicit(&era, ACQUIRE);
    atomic_fetch_add_explicit(&era, 1, ACQ_REL);
    fence();
    int low = atomic_load_explicit(&lo, ACQUIRE);
    int held = low != OUTSIDE && low <= retired;
    if (low != OUTSIDE && atomic_load_explicit(&phase, ACQUIRE) == WRITE)
        held = atomic_load_explicit(&reserved, RELAXED) == node;
    if (!held)
        node_free(node);
    return argument;
}

static void *(*const litmus_parts[])(void *) = {reader, reclaimer};

#include "litmus_main.h"
