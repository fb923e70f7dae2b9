/* SPDX-License-Identifier: MIT */
/*
 * liburcu in its `memb` form: guards behind membarrier. defer_rcu() is the one of its queues that
 * the retiring thread pays for; call_rcu() hands the work to a thread of the library.
 */
#define _LGPL_SOURCE
#include <urcu.h>
#include <urcu/defer.h> /* after <urcu.h>, whose form it takes */

#include "subject.h"

static void reclaim(void *pointer)
{
    (void)pointer;
}

static bool start(void)
{
    rcu_init();
    return true;
}

static void attach(void)
{
    rcu_register_thread();
    rcu_defer_register_thread();
}

static void detach(void)
{
    rcu_defer_unregister_thread();
    rcu_unregister_thread();
}

static void guards(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        rcu_read_lock();
        rcu_read_unlock();
    }
}

static void hops(struct node *_Atomic *head, uint64_t count)
{
    struct node **place = (struct node **)head;
    rcu_read_lock();
    for (uint64_t i = 0; i < count; i++)
        place = (struct node **)&rcu_dereference(*place)->next;
    rcu_read_unlock();
}

/* defer_rcu() may wait for a grace period: never inside a guard. */
static void retires(struct node *nodes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        rcu_read_lock();
        rcu_read_unlock();
        defer_rcu(reclaim, &nodes[i]);
    }
}

const struct subject subject_urcu = {"urcu_memb", start, attach,  detach,
                                     guards,      hops,  retires, NULL};
