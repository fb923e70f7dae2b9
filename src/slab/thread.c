/* SPDX-License-Identifier: MIT */
/* Start of the engine, arrival and departure of threads. Layer 1. */
#include "slab/thread.h"

#include "base/membarrier.h"
#include "base/probe.h"
#include "base/thread.h"
#include "slab/bias.h"
#include "slab/cache.h"
#include "slab/class.h"
#include "slab/close.h"
#include "slab/domain.h"
#include "slab/fork.h"
#include "slab/late.h"
#include "slab/orphan.h"
#include "slab/pool.h"
#include "slab/range.h"
#include "slab/remote.h"
#include "slab/secure.h"
#include "slab/watch.h"

enum { SLABS_AT_ONCE = 512 }; /* left in one hold of the epoch's lock */

struct slab_thr slab_thr_empty = {.attn = SLAB_ATTN_INIT};
struct slab_thr slab_thr_gone = {.attn = SLAB_ATTN_INIT};
SHALE_THREAD_LOCAL struct slab_thr *slab_self = &slab_thr_empty;
struct shale_lock slab_gate = SHALE_LOCK_INIT(SHALE_RANK_SLAB_GATE);
_Atomic uint32_t slab_thr_end;
struct slab_totals slab_totals;

static uint32_t first_free; /* gate */
static struct shale_thread_key exit_key;
static enum { UNSTARTED, STARTED, FAILED } engine; /* gate */

/* ---- departure --------------------------------------------------------------------------------
 */

/* Any slab that the thread still has of the eternal epoch; NULL when there is none. */
static struct slab_hot *any_slab(struct slab_thr *thr, unsigned *from)
{
    if (thr->empties != 0)
        return slab_hot_at(thr->empty_unit[thr->empties - 1]);
    return slab_cache_any(&thr->main, from);
}

/* Leaves all epochs but the eternal one. False: call again. */
static bool leave_epochs(struct slab_thr *thr)
{
    while (thr->caches != NULL)
        if (slab_close_leave(thr, thr->caches) != SLAB_DONE)
            return false;
    if (shale_atomic_load_relaxed(&thr->counters.caches) != 0)
        slab_cache_free_directory(thr);
    return true;
}

bool slab_thr_empty_heap(struct slab_thr *thr)
{
    struct slab_epoch *epoch = &slab_epoch_eternal;
    struct slab_hot *hot = NULL;
    unsigned from = 0;
    slab_close_inbox(thr);
    if (SLAB_SECURE)
        slab_secure_flush(thr);
    slab_flush_batches(thr);
    slab_collect_messages(thr, UINT32_MAX);
    if (!leave_epochs(thr))
        return false;
    if (!slab_internal_try(&epoch->lock))
        return false;
    for (int i = 0; i < SLABS_AT_ONCE && (hot = any_slab(thr, &from)) != NULL; i++)
        slab_leave_behind(thr, hot);
    slab_bury_left(epoch);
    shale_lock_release(&epoch->lock);
    return hot == NULL;
}

void slab_thr_recycle_locked(struct slab_thr *thr)
{
    thr->next_free = first_free;
    first_free = thr->id;
}

static void depart(void *value)
{
    struct slab_thr *thr = value;
    sigset_t saved;
    bool done;
    slab_domain_leave_all(thr);
    slab_self = &slab_thr_gone; /* a handler, and every later destructor, uses the late heap */
    slab_watch_silence();
    do {
        slab_enter(thr);
        done = slab_thr_empty_heap(thr);
        /* ORDER THREAD1 release -> acquire in is_live() [bias.c]. Who passes this thread over sees
         * all that it did to shared lists. Test stress_transfer_and_churn_nothing_broken. */
        if (done)
            shale_atomic_store_release(&thr->state, SLAB_THR_FREE);
        slab_leave(thr);
        if (!done)
            slab_wait();
    } while (!done);
    slab_watch_speak();
    SHALE_PROBE1(slab_thread_exit, thr->id);
    slab_os_lock(&slab_gate, &saved);
    slab_thr_recycle_locked(thr);
    slab_os_unlock(&slab_gate, &saved);
}

/* ---- arrival ----------------------------------------------------------------------------------
 */

void slab_thr_prepare(struct slab_thr *thr, uint32_t id)
{
    thr->id = id;
    thr->base = slab_range.base;
    thr->limit = slab_range.size;
    thr->owners = slab_range.owners;
    thr->hots = slab_range.hots;
    if (SLAB_SECURE)
        slab_secure_prepare(thr);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        slab_set_current(&thr->main, class, &slab_hot_empty);
    thr->recent[0].cache = &thr->main; /* still in the first page */
    if (shale_atomic_load_relaxed(&slab_thr_end) <= id) {
        /* ORDER BIAS4 seq_cst <-> seq_cst in slab_bias_use_fences() [bias.c]. See there. */
        shale_atomic_store_seq_cst(&slab_thr_end, id + 1);
        shale_atomic_fetch_or_seq_cst(&thr->attn, slab_bias_first_attn());
    }
}

static int start_engine(void)
{
    int error = slab_range_start();
    if (error != 0)
        return error;
    slab_class_start();
    if (SLAB_SECURE)
        slab_secure_start();
    slab_pool_start();
    if (shale_membarrier_register() != 0)
        slab_bias_use_fences();
    slab_watch_start();
    error = slab_late_start();
    if (error == 0)
        error = shale_thread_key_create(&exit_key, depart);
    return error;
}

/* An id of the free list, or a new one. SLAB_NONE when there is none. */
static struct slab_thr *take_structure(void)
{
    struct slab_thr *thr;
    if (first_free != SLAB_NONE) {
        thr = slab_thr_at(first_free);
        first_free = thr->next_free;
        return thr;
    }
    uint32_t id = shale_atomic_load_relaxed(&slab_thr_end);
    if (id >= slab_range.threads || slab_range_grow_threads(id) != 0)
        return NULL;
    thr = slab_thr_at(id);
    slab_thr_prepare(thr, id);
    return thr;
}

static struct slab_thr *register_thread(bool *first, bool *failed)
{
    sigset_t saved;
    struct slab_thr *thr = NULL;
    slab_os_lock(&slab_gate, &saved);
    *first = engine == UNSTARTED;
    if (*first)
        engine = start_engine() == 0 ? STARTED : FAILED;
    if (engine == STARTED)
        thr = take_structure();
    if (thr != NULL) /* from here on whoever stops everybody waits for this thread too */
        /* ORDER CLOSE2 seq_cst <-> seq_cst in begin_round() [close.c]. See slab_close_arrive(). */
        shale_atomic_store_seq_cst(&thr->state, SLAB_THR_LIVE);
    *failed = engine == FAILED;
    slab_os_unlock(&slab_gate, &saved);
    return thr;
}

struct slab_thr *slab_thr_attach(void)
{
    bool first = false;
    bool failed = false;
    slab_self = &slab_thr_gone; /* until it is ready: a handler here uses the late heap */
    struct slab_thr *thr = register_thread(&first, &failed);
    if (thr == NULL) {
        slab_self = failed ? &slab_thr_gone : &slab_thr_empty;
        return &slab_thr_gone;
    }
    slab_enter(thr);
    shale_atomic_store_relaxed(&thr->inbox, 0);
    slab_close_arrive(thr);
    slab_leave(thr);
    slab_self = thr;
    /* Both may allocate: the structure is in use by now. Without a key it is never given back,
     * without hooks a fork goes unprepared; neither keeps this thread from allocating. */
    int ignored = shale_thread_key_set(&exit_key, thr);
    if (first)
        ignored = slab_fork_start();
    (void)ignored;
    SHALE_PROBE1(slab_thread_start, thr->id);
    return thr;
}
