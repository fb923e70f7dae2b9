/* SPDX-License-Identifier: MIT */
/*
 * What IBR asks of a structure: a list head -> first -> second, where `second` is born late, linked
 * behind `first`, and both are then unlinked by one store to the head. A reader that stands on
 * `first` goes on to `second` only after it has seen that the head still leads to `first`. All is
 * seq_cst: no order repairs a traversal that does not validate.
 *
 *   BROKEN_VALIDATE  the reader goes on without looking at the head again
 */
#include "litmus.h"

enum { OUTSIDE = 99, TRIES = 2 };

struct link {
    struct node node;
    _Atomic(struct link *) next;
};

static atomic_int era, lo, hi;
static _Atomic(struct link *) head;

static struct link *link_born(int at)
{
    struct link *link = malloc(sizeof *link);
    link->node.birth = at;
    atomic_init(&link->node.dead, 0);
    atomic_init(&link->next, NULL);
    return link;
}

static void litmus_reset(void)
{
    atomic_init(&era, 1);
    atomic_init(&lo, OUTSIDE);
    atomic_init(&hi, 0);
    atomic_init(&head, link_born(1));
}

static struct link *load(_Atomic(struct link *) *place, int *mine)
{
    for (int i = 0; i < TRIES; i++) {
        struct link *found = atomic_load(place);
        int now = atomic_load(&era);
        if (now == *mine)
            return found;
        *mine = now;
        atomic_store(&hi, now);
    }
    return NULL;
}

static void *reader(void *argument)
{
    int mine = atomic_load(&era);
    atomic_store(&hi, mine);
    atomic_store(&lo, mine);
    struct link *first = load(&head, &mine);
    struct link *second = first ? load(&first->next, &mine) : NULL;
#ifndef BROKEN_VALIDATE
    if (atomic_load(&head) != first)
        second = NULL;
#endif
    if (second)
        node_use(&second->node);
    atomic_store(&lo, OUTSIDE);
    return argument;
}

static void *writer(void *argument)
{
    struct link *first = atomic_load(&head);
    atomic_fetch_add(&era, 1);
    struct link *second = link_born(atomic_load(&era));
    atomic_store(&first->next, second);
    atomic_store(&head, NULL);
    int retired = atomic_load(&era);
    int low = atomic_load(&lo);
    int high = atomic_load(&hi);
    if (low == OUTSIDE || high < second->node.birth || low > retired)
        node_free(&second->node);
    return argument;
}

static void *(*const litmus_parts[])(void *) = {reader, writer};

#include "litmus_main.h"
