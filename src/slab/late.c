/* SPDX-License-Identifier: MIT */
/* The late heap. Layer 1. */
#include "slab/late.h"

#include <pthread.h>

#include "slab/fork.h"
#include "slab/range.h"

struct shale_lock slab_late_lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_LATE);
static sigset_t saved_signals; /* of the holder */
static _Atomic bool started;

int slab_late_start(void)
{
    int error = slab_range_grow_threads(SLAB_LATE);
    if (error != 0)
        return error;
    struct slab_thr *late = slab_thr_at(SLAB_LATE);
    slab_thr_prepare(late, SLAB_LATE);
    shale_atomic_store_relaxed(&late->state, SLAB_THR_LIVE);
    /* ORDER LATE1 release -> acquire in slab_enter_late() [late.c]. Publishes the structure.
     * Without it a signal handler could use one that is not ready. Test
     * late_heap_serves_signal_handler. */
    shale_atomic_store_release(&started, true);
    return 0;
}

/*
 * Only tried: a handler may run above locks of a higher rank. Its holder is another thread, since
 * the lock is only held with signals blocked.
 */
static void lock_late(sigset_t *saved)
{
    sigset_t all;
    slab_fork_check();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, saved);
    while (!shale_lock_try(&slab_late_lock))
        slab_wait();
}

struct slab_thr *slab_enter_late(void)
{
    /* ORDER LATE1 acquire <- release in slab_late_start() [late.c]. The structure is ready. */
    if (!shale_atomic_load_acquire(&started))
        return NULL;
    struct slab_thr *late = slab_thr_at(SLAB_LATE);
    sigset_t saved;
    if (!slab_fork_is_mine()) {
        lock_late(&saved);
        saved_signals = saved;
    }
    slab_enter(late);
    return late;
}

struct slab_thr *slab_resume(uint32_t old)
{
    struct slab_thr *thr = slab_self;
    if (thr == &slab_thr_empty) {
        thr = slab_thr_attach();
        if (thr != &slab_thr_gone)
            slab_enter(thr);
    } else if (old != 0) {
        thr = &slab_thr_gone;
    } else if (thr != &slab_thr_gone && shale_atomic_load_relaxed(&thr->attn) != 0) {
        slab_enter_slow(thr);
    }
    return thr == &slab_thr_gone ? slab_enter_late() : thr;
}

struct slab_thr *slab_begin(void)
{
    struct slab_thr *thr = slab_self;
    uint32_t old = shale_atomic_load_relaxed(&thr->op);
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    return slab_resume(old);
}

void slab_finish(struct slab_thr *thr)
{
    slab_leave(thr);
    if (thr->id == SLAB_LATE && !slab_fork_is_mine()) {
        sigset_t saved = saved_signals;
        shale_lock_release(&slab_late_lock);
        pthread_sigmask(SIG_SETMASK, &saved, NULL);
    }
}

enum slab_step slab_patiently(enum slab_step (*step)(struct slab_thr *thr, void *argument),
                              void *argument)
{
    for (int tries = 0;; tries++) {
        struct slab_thr *thr = slab_begin();
        if (thr == NULL)
            return SLAB_NO_MEMORY;
        enum slab_step result = step(thr, argument);
        bool late = thr->id == SLAB_LATE;
        slab_finish(thr);
        if (result != SLAB_BUSY || (late && tries == SLAB_LATE_TRIES))
            return result;
        slab_wait();
    }
}
