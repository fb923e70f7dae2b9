/* SPDX-License-Identifier: MIT */
/* Closing, step by step. Layer 1. */
#include "slab/close.h"

#include <shale/epoch.h>
#include <shale/error.h>

#include "base/clock.h"
#include "base/membarrier.h"
#include "base/probe.h"
#include "slab/epoch_units.h"
#include "slab/fork.h"
#include "slab/late.h"
#include "slab/orphan.h"
#include "slab/reclaim.h"
#include "slab/registry.h"
#include "slab/remote.h"

enum {
    BUDGET_NS = 200000, /* where the caller names none */
    PATIENCE_NS = 1000000,
    TARGETS = 32, /* threads visited between two looks at an epoch's list */
    ORPHANS_AT_ONCE = 512,
    PENDING_AT_ONCE = 64,
    PURGE_BYTES = 8 << 20, /* given back to the system by one close */
    VISIT_FAILS_MAX = 2,   /* rounds over the threads that do not get outside */
};

/* Rounds are numbered; a thread's `acknowledged` is the last whose beginning it has seen. */
static _Atomic uint64_t last_round;
static _Atomic uint32_t pending; /* stack of slots, linked by head.next: pushed to, taken whole */

struct closing {
    struct slab_epoch_head *head;
    struct slab_epoch *epoch;
    uint32_t slot;
    uint64_t deadline;
};

/* ---- what every thread does, or has done for it ------------------------------------------------
 */

static enum slab_detach how_to_detach(const struct slab_epoch_head *head)
{
    /* ORDER CLOSE5 acquire <- release in begin() [close.c]. How it is closed. */
    uint64_t word = shale_atomic_load_acquire(&head->word);
    bool discard = head->how == SHALE_EPOCH_DISCARD && word >> 8 == 0;
    return (word & 0xff) == SLAB_EPOCH_CLOSING && discard ? SLAB_DETACH_DISCARD : SLAB_DETACH_LEAVE;
}

enum slab_step slab_close_leave(struct slab_thr *thr, struct slab_cache *cache)
{
    return slab_cache_detach(thr, cache, how_to_detach(slab_head_at(cache->slot)));
}

/* From here on the thread has seen everything up to the round, and forgotten what is stale. */
static void acknowledge(struct slab_thr *thr)
{
    /* ORDER CLOSE2 seq_cst <-> seq_cst in begin_round() [close.c]. Read first: what the round's
     * closer did before is seen by all that follows. */
    uint64_t round = shale_atomic_load_seq_cst(&last_round);
    slab_flush_batches(thr);
    slab_collect_messages(thr, UINT32_MAX);
    /* ORDER CLOSE3 release -> acquire in has_acknowledged() [close.c]. What the thread did to words
     * and inboxes before is seen. Test epoch_discard_races_with_frees. */
    shale_atomic_store_release(&thr->acknowledged, round);
}

bool slab_close_answer(struct slab_thr *thr)
{
    struct slab_cache *next;
    for (struct slab_cache *cache = thr->caches; cache != NULL; cache = next) {
        next = cache->next;
        if (slab_state_of(slab_head_at(cache->slot)) != SLAB_EPOCH_ACTIVE &&
            slab_close_leave(thr, cache) != SLAB_DONE)
            return false;
    }
    acknowledge(thr);
    return true;
}

void slab_close_arrive(struct slab_thr *thr)
{
    /* ORDER CLOSE2 seq_cst <-> seq_cst in begin_round() [close.c]. The state was made LIVE before:
     * either the closer sees that, or this thread the round. */
    shale_atomic_store_relaxed(&thr->acknowledged, shale_atomic_load_seq_cst(&last_round));
}

/* ---- DETACH ------------------------------------------------------------------------------------
 */

/* Up to TARGETS threads with a cache of the epoch; how many, or -1: the lock was busy. */
static enum slab_step list_threads(struct slab_thr *thr, void *argument)
{
    struct {
        struct slab_epoch *epoch;
        uint32_t threads[TARGETS];
        uint32_t count;
    } *list = argument;
    (void)thr;
    if (!slab_internal_try(&list->epoch->lock))
        return SLAB_BUSY;
    list->count = 0;
    for (struct slab_cache *c = list->epoch->caches; c != NULL && list->count < TARGETS;
         c = c->next_in_epoch)
        list->threads[list->count++] = c->thread;
    shale_lock_release(&list->epoch->lock);
    return SLAB_DONE;
}

struct leaving {
    uint32_t slot;
    enum slab_step step;
};

/* The target's cache of the slot goes, or a slice of it. */
static void leave_one(struct slab_thr *target, void *argument)
{
    struct leaving *leaving = argument;
    struct slab_cache **chunk = target->directory[leaving->slot / SLAB_CHUNK];
    struct slab_cache *cache = chunk == NULL ? NULL : chunk[leaving->slot % SLAB_CHUNK];
    leaving->step = cache == NULL ? SLAB_DONE : slab_close_leave(target, cache);
}

static enum slab_step leave_own(struct slab_thr *thr, void *argument)
{
    struct leaving *leaving = argument;
    leave_one(thr, leaving);
    return leaving->step;
}

/* Visits a thread; false when it did not get outside. `self` is not the late heap. */
static bool visit(struct slab_thr *self, uint32_t id, uint32_t request,
                  void (*work)(struct slab_thr *target, void *argument), void *argument)
{
    sigset_t saved;
    if (slab_fork_is_mine())
        return false;
    if (id == SLAB_LATE) { /* anyone may enter it, and it may never be used otherwise */
        struct slab_thr *late = slab_enter_late();
        work(late, argument);
        slab_finish(late);
        return true;
    }
    slab_os_lock(&slab_visit_lock, &saved);
    enum slab_visit result =
        slab_visit(self, slab_thr_at(id), request, work, argument, PATIENCE_NS);
    slab_os_unlock(&slab_visit_lock, &saved);
    return result != SLAB_DEFERRED;
}

static bool is_late(const struct slab_thr *thr)
{
    return thr == &slab_thr_gone || thr == &slab_thr_empty;
}

/* One thread leaves, slice by slice. */
static bool make_leave(uint32_t id, uint32_t slot)
{
    struct leaving leaving = {slot, SLAB_BUSY};
    if (slab_self->id == id && !is_late(slab_self))
        return slab_patiently(leave_own, &leaving) == SLAB_DONE;
    if (is_late(slab_self))
        return false;
    while (leaving.step != SLAB_DONE) {
        if (!visit(slab_self, id, SLAB_ATTN_CLOSE, leave_one, &leaving))
            return false;
        if (leaving.step != SLAB_DONE)
            slab_wait();
    }
    return true;
}

/* True when no thread has a cache any more. */
static bool detach(struct closing *closing)
{
    struct {
        struct slab_epoch *epoch;
        uint32_t threads[TARGETS];
        uint32_t count;
    } list = {.epoch = closing->epoch};
    for (int fails = 0; fails < VISIT_FAILS_MAX;) {
        if (slab_patiently(list_threads, &list) != SLAB_DONE)
            return false;
        if (list.count == 0)
            return true;
        bool all = true;
        for (uint32_t i = 0; i < list.count; i++)
            all = make_leave(list.threads[i], closing->slot) && all;
        fails += !all;
        if (!all && shale_clock_monotonic_ns() > closing->deadline)
            return false;
    }
    return false;
}

/* ---- SWEEP -------------------------------------------------------------------------------------
 */

static enum slab_step sweep_step(struct slab_thr *thr, void *argument)
{
    struct slab_epoch *epoch = argument;
    (void)thr;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    bool done = slab_discard_orphans(epoch, ORPHANS_AT_ONCE);
    shale_lock_release(&epoch->lock);
    return done ? SLAB_DONE : SLAB_BUSY;
}

/* ---- rounds ------------------------------------------------------------------------------------
 */

static uint64_t begin_round(void)
{
    /* ORDER CLOSE2 seq_cst <-> seq_cst in slab_close_arrive() [close.c], acknowledge() [close.c].
     * Who acknowledges this round sees all that was done to the epoch before. Test
     * epoch_discard_races_with_frees. */
    return shale_atomic_fetch_add_seq_cst(&last_round, 1) + 1;
}

static bool has_acknowledged(const struct slab_thr *thr, uint64_t round)
{
    /* ORDER CLOSE2 seq_cst <-> seq_cst in slab_close_arrive() [close.c]. See there. */
    if (shale_atomic_load_seq_cst(&thr->state) != SLAB_THR_LIVE)
        return true;
    /* ORDER CLOSE3 acquire <- release in acknowledge() [close.c]. See there. */
    return shale_atomic_load_acquire(&thr->acknowledged) >= round;
}

static void acknowledge_other(struct slab_thr *target, void *unused)
{
    (void)unused;
    acknowledge(target);
}

static enum slab_step acknowledge_own(struct slab_thr *thr, void *unused)
{
    (void)unused;
    acknowledge(thr);
    return SLAB_DONE;
}

/* True when every thread has seen the round. */
static bool complete_round(uint64_t round)
{
    bool complete = true;
    if (is_late(slab_self))
        return false;
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = 1; id < end; id++) {
        struct slab_thr *thr = slab_thr_at(id);
        if (has_acknowledged(thr, round))
            continue;
        if (thr == slab_self)
            complete = slab_patiently(acknowledge_own, NULL) == SLAB_DONE && complete;
        else if (!visit(slab_self, id, SLAB_ATTN_CLOSE, acknowledge_other, NULL))
            complete = false;
    }
    return complete;
}

/*
 * Nobody but this thread knows of the epoch's slabs, in batches, in messages or in an operation
 * that is under way.
 */
static bool is_quiet(const struct slab_epoch_head *head)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    /* ORDER CLOSE1 seq_cst <-> seq_cst in tell_epoch() [remote.c]. The sweep before, the flag
     * after. See there. */
    if (!shale_membarrier_available() || is_late(slab_self) || slab_bias_first_attn() != 0 ||
        shale_heavy_fence() != 0)
        return false;
    if (shale_atomic_load_seq_cst(&head->remote) != 0)
        return false;
    for (uint32_t id = 1; id < end; id++) {
        const struct slab_thr *thr = slab_thr_at(id);
        if (thr == slab_self || shale_atomic_load_relaxed(&thr->state) == SLAB_THR_FREE)
            continue;
        /* ORDER BIAS1 acquire <- release in slab_leave() [bias.h]. Its last operation is over. */
        if (shale_atomic_load_acquire(&thr->op) != 0)
            return false;
    }
    return true;
}

/* ---- FINISH ------------------------------------------------------------------------------------
 */

static enum slab_step finish_step(struct slab_thr *thr, void *argument)
{
    struct closing *closing = argument;
    struct slab_epoch *epoch = closing->epoch;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    enum slab_step step = SLAB_DONE;
    if (epoch->id != 0) {
        slab_bury_left(epoch);
        step = slab_epoch_give_all(epoch);
    }
    for (unsigned class = 0; class < SLAB_CLASSES && step == SLAB_DONE; class ++)
        thr->past_allocs[class] += epoch->past_allocs[class];
    if (step == SLAB_DONE)
        slab_registry_forget(epoch);
    shale_lock_release(&epoch->lock);
    return step;
}

/* What the epoch's policy says about its memory, which is in the pool by now. */
static void give_memory_back(enum shale_epoch_policy policy, uint64_t bytes)
{
    if (is_late(slab_self) || policy == SHALE_EPOCH_RETAIN)
        return;
    if (policy == SHALE_EPOCH_RELEASE)
        (void)slab_pool_purge(slab_self, bytes < PURGE_BYTES ? bytes : PURGE_BYTES);
    else
        slab_purge_after(slab_self, bytes);
}

static void finish(struct closing *closing)
{
    enum shale_epoch_policy policy = (enum shale_epoch_policy)closing->head->policy;
    uint64_t bytes = slab_epoch_live_units(closing->epoch) << SLAB_UNIT_SHIFT;
    SHALE_PROBE1(slab_epoch_end, shale_atomic_load_relaxed(&closing->head->id));
    while (slab_patiently(finish_step, closing) != SLAB_DONE)
        slab_wait();
    slab_registry_recycle(closing->slot);
    give_memory_back(policy, bytes);
}

/* ---- phases ------------------------------------------------------------------------------------
 */

static void set_phase(struct slab_epoch_head *head, enum slab_close_phase phase)
{
    shale_atomic_store_relaxed(&head->phase, (uint8_t)phase);
}

static void set_closed(struct slab_epoch_head *head)
{
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    while (
        !shale_atomic_cas_weak_relaxed(&head->word, &word, (word & ~0xffull) | SLAB_EPOCH_CLOSED))
        continue;
    /* ORDER CLOSE7 seq_cst <-> seq_cst in slab_close_left() [close.c]. CLOSED before, the look at
     * the dead slabs after. */
    shale_fence_seq_cst();
}

static enum slab_step is_empty_step(struct slab_thr *thr, void *argument)
{
    struct closing *closing = argument;
    (void)thr;
    if (!slab_internal_try(&closing->epoch->lock))
        return SLAB_BUSY;
    slab_bury_left(closing->epoch);
    bool empty = slab_epoch_live_units(closing->epoch) == 0;
    shale_lock_release(&closing->epoch->lock);
    return empty ? SLAB_DONE : SLAB_STALE;
}

static bool is_referenced(const struct slab_epoch_head *head)
{
    return shale_atomic_load_relaxed(&head->word) >> 8 != 0;
}

/* One phase; false: it waits for something. */
static bool close_phase(struct closing *closing)
{
    struct slab_epoch_head *head = closing->head;
    switch ((enum slab_close_phase)shale_atomic_load_relaxed(&head->phase)) {
    case SLAB_CLOSE_DETACH:
        if (!detach(closing))
            return false;
        if (head->how == SHALE_EPOCH_DRAIN)
            set_closed(head);
        set_phase(head, head->how == SHALE_EPOCH_DRAIN ? SLAB_CLOSE_EMPTY : SLAB_CLOSE_SWEEP);
        return true;
    case SLAB_CLOSE_SWEEP:
        if (is_referenced(head) || slab_patiently(sweep_step, closing->epoch) != SLAB_DONE)
            return false;
        if (is_quiet(head)) {
            set_phase(head, SLAB_CLOSE_FINISH);
            return true;
        }
        shale_atomic_store_relaxed(&head->round, begin_round());
        set_phase(head, SLAB_CLOSE_ROUND1);
        return true;
    case SLAB_CLOSE_ROUND1:
        if (!complete_round(shale_atomic_load_relaxed(&head->round)))
            return false;
        shale_atomic_store_relaxed(&head->round, begin_round());
        set_phase(head, SLAB_CLOSE_ROUND2);
        return true;
    case SLAB_CLOSE_ROUND2:
        if (!complete_round(shale_atomic_load_relaxed(&head->round)))
            return false;
        set_phase(head, SLAB_CLOSE_FINISH);
        return true;
    case SLAB_CLOSE_EMPTY:
        if (is_referenced(head) || slab_patiently(is_empty_step, closing) != SLAB_DONE)
            return false;
        set_phase(head, SLAB_CLOSE_FINISH);
        return true;
    case SLAB_CLOSE_FINISH:
        break;
    }
    return false;
}

static void queue(struct slab_epoch_head *head)
{
    uint32_t slot = slab_registry_slot(head);
    uint32_t top = shale_atomic_load_relaxed(&pending);
    /* ORDER CLOSE6 acq_rel <-> acq_rel in slab_close_pending() [close.c]. Who takes it off the
     * stack sees why it was put there, or it is put there again. Test
     * epoch_four_workers_and_a_closer. */
    if (shale_atomic_exchange_acq_rel(&head->queued, 1) != 0)
        return;
    do
        head->next_queued = top;
    /* ORDER CLOSE4 release -> acquire in slab_close_pending() [close.c]. Publishes the link.
     * Without it the stack could be followed into nowhere. Test epoch_four_workers_and_a_closer. */
    while (!shale_atomic_cas_weak_release(&pending, &top, slot));
}

/*
 * As far as it goes now. Nobody else does it meanwhile.
 * @return 0: nobody allocates from it any more and its memory is back or drains; SHALE_EDEFERRED.
 */
static int go_on(struct closing *closing)
{
    struct slab_epoch_head *head = closing->head;
    while (close_phase(closing))
        continue;
    enum slab_close_phase phase = (enum slab_close_phase)shale_atomic_load_relaxed(&head->phase);
    if (phase == SLAB_CLOSE_FINISH)
        finish(closing); /* gives `busy` back with the slot */
    else
        slab_registry_let_go(head);
    if (phase == SLAB_CLOSE_FINISH || phase == SLAB_CLOSE_EMPTY)
        return 0;
    queue(head);
    return SHALE_EDEFERRED;
}

/* ACTIVE -> CLOSING. False: somebody else did. */
static bool begin(struct slab_epoch_head *head, unsigned how)
{
    uint64_t word = shale_atomic_load_relaxed(&head->word);
    if ((word & 0xff) != SLAB_EPOCH_ACTIVE)
        return false;
    head->how = (uint8_t)how;
    set_phase(head, SLAB_CLOSE_DETACH);
    /* ORDER CLOSE5 release -> acquire in slab_close_unreferenced() [close.c], how_to_detach()
     * [close.c]. Publishes how. Without it the last reference could finish another kind of close.
     * Test epoch_discard_waits_for_references. */
    while (
        !shale_atomic_cas_weak_release(&head->word, &word, (word & ~0xffull) | SLAB_EPOCH_CLOSING))
        continue;
    return true;
}

static struct closing closing_of(struct slab_epoch_head *head, uint64_t budget_ns)
{
    uint32_t slot = slab_registry_slot(head);
    uint64_t budget = budget_ns == 0 ? BUDGET_NS : budget_ns;
    return (struct closing){head, slab_epoch_at(slot), slot, shale_clock_monotonic_ns() + budget};
}

int slab_close(uint64_t id, unsigned how, uint64_t budget_ns)
{
    if (!slab_epoch_exists(id))
        return SHALE_ESTALE;
    struct slab_epoch_head *head = slab_head_at(slab_slot_of(id));
    if (!slab_registry_hold(head))
        return shale_atomic_load_relaxed(&head->id) == id ? SHALE_EDEFERRED : SHALE_ESTALE;
    int error = 0;
    if (shale_atomic_load_relaxed(&head->id) != id || slab_state_of(head) == SLAB_EPOCH_CLOSED)
        error = SHALE_ESTALE;
    else if (how == SHALE_EPOCH_DRAIN && head->kind == SHALE_EPOCH_REGION)
        error = SHALE_ENOTSUP;
    if (error != 0) {
        slab_registry_let_go(head);
        return error;
    }
    (void)begin(head, how); /* or it began before, and goes on */
    SHALE_PROBE2(slab_epoch_close, id, how);
    struct closing closing = closing_of(head, budget_ns);
    return go_on(&closing);
}

static void go_on_with(struct slab_epoch_head *head, uint64_t budget_ns)
{
    if (!slab_registry_hold(head)) {
        queue(head);
        return;
    }
    enum slab_epoch_state state = slab_state_of(head);
    if (state != SLAB_EPOCH_CLOSING && state != SLAB_EPOCH_CLOSED) {
        slab_registry_let_go(head); /* it ended, and the slot may have another epoch */
        return;
    }
    struct closing closing = closing_of(head, budget_ns);
    (void)go_on(&closing);
}

void slab_close_pending(uint64_t budget_ns)
{
    if (SHALE_LIKELY(shale_atomic_load_relaxed(&pending) == 0))
        return;
    /* ORDER CLOSE4 acquire <- release in queue() [close.c]. The links of the stack. */
    uint32_t slot = shale_atomic_exchange_acquire(&pending, 0);
    for (int i = 0; slot != 0; i++) {
        struct slab_epoch_head *head = slab_head_at(slot);
        slot = head->next_queued;
        /* ORDER CLOSE6 acq_rel <-> acq_rel in queue() [close.c]. See there. */
        (void)shale_atomic_exchange_acq_rel(&head->queued, 0);
        if (i < PENDING_AT_ONCE)
            go_on_with(head, budget_ns);
        else
            queue(head);
    }
}

void slab_close_emptied(struct slab_epoch_head *head)
{
    if (shale_atomic_load_relaxed(&head->word) == SLAB_EPOCH_CLOSED)
        queue(head);
}

void slab_close_left(struct slab_epoch_head *head)
{
    /* ORDER CLOSE7 seq_cst <-> seq_cst in set_closed() [close.c]. The dead slab before, the state
     * after: either the closer buries it, or this thread sees that nobody else will come by.
     * Without it the epoch would keep its slot for ever. Test epoch_four_workers_and_a_closer. */
    shale_fence_seq_cst();
    enum slab_epoch_state state = slab_state_of(head);
    if (state == SLAB_EPOCH_CLOSED || state == SLAB_EPOCH_CLOSING)
        queue(head);
}

void slab_close_unreferenced(struct slab_epoch_head *head)
{
    /* ORDER CLOSE5 acquire <- release in begin() [close.c]. */
    uint64_t word = shale_atomic_load_acquire(&head->word);
    if (word >> 8 == 0 && (word & 0xff) != SLAB_EPOCH_ACTIVE)
        queue(head);
}

void slab_close_reset(void)
{
    uint32_t slots = shale_atomic_load_relaxed(&slab_range_slots);
    for (uint32_t slot = 1; slot < slots; slot++) {
        struct slab_epoch_head *head = slab_head_at(slot);
        shale_atomic_store_relaxed(&head->busy, 0);
        if (shale_atomic_load_relaxed(&head->id) != 0)
            shale_lock_reset(&slab_epoch_at(slot)->lock);
    }
}
