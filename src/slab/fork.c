/* SPDX-License-Identifier: MIT */
/* The three fork handlers. Layer 1. */
#include "slab/fork.h"

#include "base/thread.h"
#include "slab/bias.h"
#include "slab/close.h"
#include "slab/epoch.h"
#include "slab/huge.h"
#include "slab/late.h"
#include "slab/pool.h"
#include "slab/range.h"
#include "slab/registry.h"
#include "slab/stop.h"

enum { PATIENCE_NS = 100000000 };

static _Atomic uint64_t forking; /* shale_thread_id of who forks; 0 */

bool slab_fork_is_mine(void)
{
    uint64_t id = shale_atomic_load_relaxed(&forking);
    return SHALE_UNLIKELY(id != 0) && id == shale_thread_id();
}

/* In the order of their ranks. */
static struct shale_lock *const locks[] = {&slab_visit_lock, &slab_gate, &slab_late_lock,
                                           &slab_huge_lock, &slab_range_lock};

static void release_locks(void)
{
    shale_atomic_store_relaxed(&forking, 0);
    for (size_t i = SHALE_ARRAY_LENGTH(locks); i-- > 0;)
        shale_lock_release(locks[i]);
}

static void prepare(void)
{
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(locks); i++)
        shale_lock_acquire(locks[i]);
    shale_atomic_store_relaxed(&forking, shale_thread_id());
    (void)slab_stop_all(PATIENCE_NS);
}

static void parent(void)
{
    slab_continue_all();
    release_locks();
}

/* What a thread that is not in the child had goes to whoever needs it. */
static void take_over(struct slab_thr *thr)
{
    while (!slab_thr_empty_heap(thr))
        continue; /* one slice a time; nobody holds the epoch's lock */
    shale_atomic_store_relaxed(&thr->state, SLAB_THR_FREE);
    slab_let_go(thr, SLAB_ATTN_INBOX | SLAB_ATTN_TIDY | SLAB_ATTN_CLOSE);
    slab_thr_recycle_locked(thr);
}

/* Internal locks are taken with op == 1 only: whoever had one is SUSPECT, or this very thread. */
static void reset_internal_locks(void)
{
    if (shale_atomic_load_relaxed(&slab_self->op) != 0 && slab_self != &slab_thr_empty)
        return;
    shale_lock_reset(&slab_epoch_eternal.lock);
    shale_lock_reset(&slab_epoch_nursery.lock);
    shale_lock_reset(slab_registry_lock());
    slab_close_reset();
    shale_lock_reset(slab_pool_lock());
}

static void child(void)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    reset_internal_locks();
    for (uint32_t id = SLAB_LATE + 1; id < end; id++) {
        struct slab_thr *thr = slab_thr_at(id);
        if (thr == slab_self || shale_atomic_load_relaxed(&thr->state) != SLAB_THR_LIVE)
            continue;
        if (thr->held)
            take_over(thr);
        else
            shale_atomic_store_relaxed(&thr->state, SLAB_THR_SUSPECT);
        thr->held = false;
    }
    release_locks();
}

int slab_fork_start(void)
{
    static const struct shale_fork_hooks hooks = {prepare, parent, child, SHALE_RANK_SLAB_VISIT};
    return shale_fork_hooks_register(&hooks);
}
