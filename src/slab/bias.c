/* SPDX-License-Identifier: MIT */
/* Entering one's own heap when somebody wants it, and visiting another's. Layer 1. */
#include "slab/bias.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "base/clock.h"
#include "base/membarrier.h"
#include "base/probe.h"
#include "slab/close.h"
#include "slab/epoch.h"
#include "slab/fork.h"
#include "slab/reclaim.h"

enum {
    TRIES = 16, /* of an internal lock, before its holder is given the processor */
    POLLS = 64, /* of op, before the owner is given the processor */
    YIELDS_PER_SLEEP = 64,
    SLEEP_NS = 50000,
};

static _Atomic uint32_t fenced;
static _Atomic uint32_t visited; /* id of the thread whose heap a visitor changes just now */
struct shale_lock slab_visit_lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_VISIT);

bool slab_internal_try(struct shale_lock *lock)
{
    for (int i = 0; i < TRIES; i++) {
        if (shale_lock_try(lock))
            return true;
        shale_cpu_relax();
    }
    return false;
}

/*
 * Mostly a yield. Yielding alone would never let a holder of lower real-time priority run, so now
 * and then somebody sleeps.
 */
void slab_wait(void)
{
    static _Atomic uint32_t waits;
    const struct timespec pause = {0, SLEEP_NS};
    int saved_errno = errno;
    slab_fork_check();
    if (shale_atomic_fetch_add_relaxed(&waits, 1) % YIELDS_PER_SLEEP == YIELDS_PER_SLEEP - 1)
        nanosleep(&pause, NULL);
    else
        sched_yield();
    errno = saved_errno;
}

uint32_t slab_bias_first_attn(void)
{
    return shale_atomic_load_relaxed(&fenced) != 0 ? SLAB_ATTN_FENCED : 0;
}

void slab_bias_use_fences(void)
{
    /* ORDER BIAS4 seq_cst <-> seq_cst in slab_thr_attach() [thread.c]. Either a new thread sees the
     * flag, or its structure is below slab_thr_end here. Test bias_fences_adopted_by_all. */
    shale_atomic_store_seq_cst(&fenced, 1);
    uint32_t end = shale_atomic_load_seq_cst(&slab_thr_end);
    for (uint32_t id = 1; id < end; id++)
        shale_atomic_fetch_or_seq_cst(&slab_thr_at(id)->attn, SLAB_ATTN_FENCED);
}

/* Out of the heap until no visitor is in it or on the way. */
static void wait_for_visitor(struct slab_thr *thr)
{
    slab_leave(thr);
    for (int i = 0;; i++) {
        /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
        uint32_t attn = shale_atomic_load_acquire(&thr->attn);
        if ((attn & SLAB_ATTN_HELD) == 0)
            return;
        if (i < POLLS)
            shale_cpu_relax();
        else
            slab_wait();
    }
}

/* Enters with the fence that the fast entry left to the visitors' membarrier. */
static uint32_t enter_fenced(struct slab_thr *thr)
{
    /* ORDER BIAS3 seq_cst <-> seq_cst in announce() [bias.c]. Both store, then load: one of the
     * two sees the other. Without it both work at once. Test bias_fenced_exclude. */
    (void)shale_atomic_exchange_seq_cst(&thr->op, 1);
    uint32_t attn = shale_atomic_load_seq_cst(&thr->attn);
    if ((attn & SLAB_ATTN_FENCED) != 0 && shale_atomic_load_relaxed(&thr->fenced_seen) == 0) {
        /* ORDER BIAS5 release -> acquire in is_outside() [bias.c]. From here on this thread fences,
         * so op == 0 means that it is outside. Test bias_fences_adopted_by_all. */
        shale_atomic_store_release(&thr->fenced_seen, 1);
    }
    return attn;
}

/* Takes a request away to answer it, unless attn changed: a visitor may be coming. */
static bool claim(struct slab_thr *thr, uint32_t attn, uint32_t request)
{
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    return shale_atomic_cas_acquire(&thr->attn, &attn, attn & ~request);
}

/* A busy lock: the request stays, and its holder gets the processor. */
static void answer_close(struct slab_thr *thr)
{
    SLAB_COUNT(thr, answered, 1);
    if (slab_close_answer(thr))
        return;
    shale_atomic_fetch_or_relaxed(&thr->attn, SLAB_ATTN_CLOSE);
    slab_leave(thr);
    slab_wait();
}

/* A few: each is a miss or three on another core's lines. The next operation goes on with them. */
static void answer_inbox(struct slab_thr *thr)
{
    slab_collect_messages(thr, SLAB_MESSAGES_AT_ONCE);
    if (thr->messages != NULL)
        shale_atomic_fetch_or_relaxed(&thr->attn, SLAB_ATTN_INBOX);
}

void slab_enter_slow(struct slab_thr *thr)
{
    uint32_t done = SLAB_ATTN_FENCED;
    for (;;) {
        uint32_t attn = enter_fenced(thr);
        if ((attn & ~done) == 0)
            return;
        if ((attn & SLAB_ATTN_HELD) != 0) {
            wait_for_visitor(thr);
        } else if ((attn & ~done & SLAB_ATTN_INBOX) != 0) {
            if (claim(thr, attn, SLAB_ATTN_INBOX)) {
                answer_inbox(thr);
                done |= SLAB_ATTN_INBOX;
            }
        } else if ((attn & SLAB_ATTN_CLOSE) != 0) {
            if (claim(thr, attn, SLAB_ATTN_CLOSE))
                answer_close(thr);
        } else if ((attn & SLAB_ATTN_TIDY) != 0) {
            if (claim(thr, attn, SLAB_ATTN_TIDY)) {
                SLAB_COUNT(thr, answered, 1);
                slab_tidy(thr);
            }
        }
    }
}

/* True when the target is surely outside, given that its request is set and fenced. */
static bool is_outside(const struct slab_thr *target, bool barrier)
{
    /* ORDER BIAS5 acquire <- release in enter_fenced() [bias.c]. Without a membarrier only a thread
     * that fences can be judged by its op. */
    if (!barrier && shale_atomic_load_acquire(&target->fenced_seen) == 0)
        return false;
    /* ORDER BIAS1 acquire <- release in slab_leave() [bias.h]. Its last operation is seen whole.
     * And BIAS3: seq_cst, because of enter_fenced(). */
    return shale_atomic_load_seq_cst(&target->op) == 0;
}

/*
 * Sets HELD and the request; *barrier tells whether the owner's plain stores are ordered against
 * that.
 */
static void announce(struct slab_thr *target, uint32_t request, bool *barrier)
{
    /* ORDER BIAS3 seq_cst <-> seq_cst in enter_fenced() [bias.c]. See there. */
    uint32_t before = shale_atomic_fetch_or_seq_cst(&target->attn, SLAB_ATTN_HELD | request);
    SHALE_ASSERT((before & SLAB_ATTN_HELD) == 0);
    (void)before;
    *barrier = shale_membarrier_available() && shale_atomic_load_relaxed(&fenced) == 0;
    /* ORDER BIAS6 seq_cst <-> seq_cst in slab_enter() [bias.h]. The owner's side is a compiler
     * barrier: store op, load attn. Without it both work at once. Test
     * bias_visitors_and_owner_exclude. */
    if (*barrier && shale_heavy_fence() != 0) {
        *barrier = false; /* denied since: a filter was installed */
        slab_bias_use_fences();
    }
}

static bool wait_until_outside(const struct slab_thr *target, bool barrier, uint64_t patience)
{
    uint64_t start = 0;
    for (int i = 0; !is_outside(target, barrier); i++) {
        if (i < POLLS) {
            shale_cpu_relax();
            continue;
        }
        uint64_t now = shale_clock_monotonic_ns();
        start = start == 0 ? now : start;
        if (now - start > patience)
            return false;
        slab_wait();
    }
    return true;
}

static bool is_live(const struct slab_thr *thr)
{
    /* ORDER THREAD1 acquire <- release in depart() [thread.c]. See there. */
    return shale_atomic_load_acquire(&thr->state) == SLAB_THR_LIVE;
}

static enum slab_visit hold(struct slab_thr *target, uint32_t request, uint64_t patience)
{
    bool barrier = false;
    if (!is_live(target))
        return SLAB_ABSENT;
    announce(target, request, &barrier);
    if (!wait_until_outside(target, barrier, patience)) {
        slab_let_go(target, 0);
        SLAB_TOTAL(visits_deferred, 1);
        SHALE_PROBE2(slab_visit_deferred, target->id, request);
        return SLAB_DEFERRED;
    }
    if (is_live(target))
        return SLAB_VISITED;
    slab_let_go(target, request);
    return SLAB_ABSENT;
}

uint32_t slab_bias_reset_visit(void)
{
    return shale_atomic_exchange_relaxed(&visited, SLAB_NONE);
}

enum slab_visit slab_hold(struct slab_thr *target, uint64_t patience)
{
    return hold(target, 0, patience);
}

void slab_let_go(struct slab_thr *target, uint32_t answered)
{
    /* ORDER BIAS2 release -> acquire in slab_enter() [bias.h]. The owner sees what was done. */
    shale_atomic_fetch_and_release(&target->attn, ~(SLAB_ATTN_HELD | answered));
}

enum slab_visit slab_visit(struct slab_thr *self, struct slab_thr *target, uint32_t request,
                           void (*work)(struct slab_thr *target, void *argument), void *argument,
                           uint64_t patience)
{
    enum slab_visit result = hold(target, request, patience);
    if (result != SLAB_VISITED)
        return result;
    slab_enter(self);
    SLAB_COUNT(target, visited, 1);
    shale_atomic_store_relaxed(&visited, target->id);
    shale_compiler_barrier();
    work(target, argument);
    shale_compiler_barrier();
    shale_atomic_store_relaxed(&visited, SLAB_NONE);
    slab_let_go(target, request);
    slab_leave(self);
    return SLAB_VISITED;
}
