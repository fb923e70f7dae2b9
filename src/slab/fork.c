/* SPDX-License-Identifier: MIT */
/* The three fork handlers, and the child that they did not see. Layer 1. */
#include "slab/fork.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/os.h"
#include "base/probe.h"
#include "base/thread.h"
#include "slab/bias.h"
#include "slab/close.h"
#include "slab/epoch.h"
#include "slab/huge.h"
#include "slab/late.h"
#include "slab/pool.h"
#include "slab/purger.h"
#include "slab/range.h"
#include "slab/rebuild.h"
#include "slab/registry.h"
#include "slab/stop.h"
#include "slab/watch.h"

enum { PATIENCE_NS = 100000000 };

/* *slab_fork_word, beside SLAB_FORK_WHOLE */
enum {
    WIPED = 0,
    MENDING = 2,
    HALF_MENDED = 3, /* the fork was in a handler inside an operation: its locks are its own */
};

static _Atomic uint64_t forking; /* shale_thread_id of who forks; 0 */
static _Atomic uint64_t mending; /* of who mends; 0 */
static _Atomic uint32_t unwatched = SLAB_FORK_WHOLE;
_Atomic uint32_t *_Atomic slab_fork_word = &unwatched; /* where the system has no wiping on fork */

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
    slab_fork_check();
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

/* ---- in the child -----------------------------------------------------------------------------
 */

/* What a thread that is not in the child had goes to whoever needs it. */
static void take_over(struct slab_thr *thr)
{
    while (!slab_thr_empty_heap(thr))
        continue; /* one slice a time; nobody holds the epoch's lock */
    shale_atomic_store_relaxed(&thr->state, SLAB_THR_FREE);
    slab_let_go(thr, SLAB_ATTN_INBOX | SLAB_ATTN_TIDY | SLAB_ATTN_CLOSE);
    slab_thr_recycle_locked(thr);
}

/*
 * Those that are held were outside; the others, and the one that was being visited, may be torn.
 * With `keep` the former may be of this process, and go on.
 */
static void take_over_all(uint32_t visited, bool keep)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = SLAB_LATE + 1; id < end; id++) {
        struct slab_thr *thr = slab_thr_at(id);
        if (thr == slab_self || shale_atomic_load_relaxed(&thr->state) != SLAB_THR_LIVE)
            continue;
        if (thr->held && id != visited && keep)
            slab_let_go(thr, 0);
        else if (thr->held && id != visited)
            take_over(thr);
        else
            shale_atomic_store_relaxed(&thr->state, SLAB_THR_SUSPECT);
        thr->held = false;
    }
}

static bool is_inside(void)
{
    const struct slab_thr *self = slab_self;
    return self != &slab_thr_empty && self != &slab_thr_gone &&
           shale_atomic_load_relaxed(&self->op) != 0;
}

static bool somebody_is_inside(void)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = SLAB_LATE + 1; id < end; id++) {
        const struct slab_thr *thr = slab_thr_at(id);
        if (thr != slab_self && !thr->held &&
            shale_atomic_load_relaxed(&thr->state) == SLAB_THR_LIVE)
            return true;
    }
    return false;
}

/*
 * Internal locks are taken with op == 1 only: whoever has one is not in this process, or is this
 * very thread, below a signal handler. Then nothing can be done yet. Who was inside may also have
 * had units in hand that are on no list.
 */
static bool free_internal_locks(void)
{
    if (is_inside())
        return false;
    bool torn = somebody_is_inside() || slab_epoch_eternal.purging_units != 0 ||
                shale_lock_is_held(&slab_epoch_eternal.lock) ||
                shale_lock_is_held(slab_pool_lock());
    shale_lock_reset(&slab_epoch_eternal.lock);
    shale_lock_reset(&slab_epoch_nursery.lock);
    shale_lock_reset(slab_registry_lock());
    slab_close_reset();
    shale_lock_reset(slab_pool_lock());
    if (torn)
        slab_rebuild();
    return true;
}

static _Atomic uint32_t *fork_word(void)
{
    return shale_atomic_load_relaxed(&slab_fork_word);
}

static void set_word(bool whole)
{
    if (fork_word() == &unwatched)
        return;
    /* ORDER FORK1 release -> acquire in wait_for_mender() [fork.c]. Publishes the mended state.
     * Test fork_raw_child_first_call_in_new_thread. */
    shale_atomic_store_release(fork_word(), whole ? SLAB_FORK_WHOLE : HALF_MENDED);
}

static void child(void)
{
    if (!slab_fork_is_mine())
        return; /* another handler's allocation found something to wait for, and mended */
    slab_watch_silence();
    bool whole = free_internal_locks();
    take_over_all(SLAB_NONE, false);
    slab_watch_speak();
    release_locks();
    set_word(whole);
}

/* ---- a child that no handler saw --------------------------------------------------------------
 */

static void wait_for_mender(void)
{
    /* ORDER FORK1 acquire <- release in set_word() [fork.c]. What was mended is seen. */
    while (shale_atomic_load_acquire(fork_word()) == MENDING)
        sched_yield();
}

/* A visitor that is gone would be waited for. */
static void forget_visitors(void)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = SLAB_LATE; id < end; id++)
        slab_let_go(slab_thr_at(id), 0);
}

static void forget_locks(bool *late_torn)
{
    *late_torn = shale_lock_is_held(&slab_late_lock);
    shale_atomic_store_relaxed(&forking, 0);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(locks); i++)
        shale_lock_reset(locks[i]);
}

/*
 * The process's first thread is the one that forked; if another looks first, or again, threads that
 * stand outside may be of this process and keep what they have.
 */
static bool mend(bool again)
{
    bool late_torn;
    bool alone = !again && shale_thread_os_id() == getpid();
    uint32_t visited = slab_bias_reset_visit();
    forget_locks(&late_torn);
    forget_visitors();
    slab_purger_forget();
    (void)slab_stop_all(alone ? 0 : PATIENCE_NS);
    bool whole = free_internal_locks();
    if (late_torn || visited == SLAB_LATE)
        slab_abandon(slab_thr_at(SLAB_LATE));
    if (visited != SLAB_NONE && visited == slab_self->id)
        slab_abandon(slab_self);
    take_over_all(visited, !alone);
    SHALE_PROBE2(slab_fork_mended, alone, whole);
    return whole;
}

void slab_fork_mend(void)
{
    sigset_t all;
    sigset_t saved;
    uint32_t word = shale_atomic_load_relaxed(fork_word());
    if (slab_fork_is_mine()) {
        child(); /* early: an internal lock is waited for that nobody holds any more */
        return;
    }
    if (shale_atomic_load_relaxed(&mending) == shale_thread_id() ||
        (word == HALF_MENDED && is_inside()))
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    if ((word == WIPED || word == HALF_MENDED) &&
        shale_atomic_cas_relaxed(fork_word(), &word, MENDING)) {
        shale_atomic_store_relaxed(&mending, shale_thread_id());
        slab_watch_silence();
        bool whole = mend(word == HALF_MENDED);
        slab_watch_speak();
        shale_atomic_store_relaxed(&mending, 0);
        set_word(whole);
    } else {
        wait_for_mender();
    }
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static void watch(void)
{
    void *page;
    size_t size = shale_os_page_size();
    if (fork_word() != &unwatched || shale_os_map(size, 0, &page) != 0)
        return;
    if (shale_os_wipe_on_fork(page, size) != 0) {
        (void)shale_os_release(page, size);
        return;
    }
    shale_atomic_store_relaxed((_Atomic uint32_t *)page, SLAB_FORK_WHOLE);
    /* ORDER FORK2 release -> acquire in slab_fork_check() [fork.h]. Publishes the word in the page.
     * Without it another thread could read 0 there, and mend what is whole. Test
     * stress_transfer_and_churn_nothing_broken. */
    shale_atomic_store_release(&slab_fork_word, (_Atomic uint32_t *)page);
}

int slab_fork_start(void)
{
    static const struct shale_fork_hooks hooks = {prepare, parent, child, SHALE_RANK_SLAB_VISIT};
    watch();
    return shale_fork_hooks_register(&hooks);
}
