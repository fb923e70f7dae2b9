/* SPDX-License-Identifier: MIT */
/*
 * The biased lock of a thread's heap. Layer 1.
 *
 * The owner enters with two plain stores and two loads (op = 1, look at attn, work, op = 0). A
 * visitor sets HELD in attn, runs a membarrier and waits for op == 0; the owner, finding attn, goes
 * to its slow path and waits there until HELD is gone.
 *
 *     owner                          visitor (one at a time: slab_visit_lock)
 *     op = 1                         attn |= HELD | request     (read-modify-write)
 *     compiler barrier               membarrier
 *     attn? -> slow path             op == 0? (acquire)
 *     ... works ...                  ... works ...
 *     op = 0 (release)               attn &= ~HELD & ~request   (release)
 *
 * A) After the membarrier either the visitor sees op == 1, or the owner sees HELD. HELD must stay
 *    from before the membarrier to the end of the work: a bit that somebody else took away and a
 *    third set again would prove nothing.
 * B) A request (TIDY, CLOSE) is answered by the owner in its slow path, by compare-and-swap while
 * HELD is not set, or by a visitor under HELD. A visitor that gives up leaves the request: it is
 * never taken away unanswered. C) A visitor works with its own op == 1, and internal locks are only
 * tried there. Only one thread visits at a time, so no two can wait for each other. D) Without
 * membarrier (denied, another system, thread sanitizer) attn carries FENCED for ever: every
 * operation takes the slow entry, which exchanges op with a full fence and looks again.
 *
 * Models: tests/models/bias.pml, bias_fenced.pml, bias_visit.pml, fences.pml, request.pml.
 */
#ifndef SHALE_SLAB_BIAS_H
#define SHALE_SLAB_BIAS_H

#include "slab/thread.h"

enum slab_visit {
    SLAB_VISITED,  /* the work is done */
    SLAB_DEFERRED, /* the owner did not get out in time; it will answer the request itself */
    SLAB_ABSENT,   /* no live thread has this structure */
};

/* Slow part of slab_enter: answers requests, waits for visitors, fences. Returns with op == 1. */
void slab_enter_slow(struct slab_thr *thr);

/* Enters the thread's own heap. op must be 0: never inside another operation. */
static SHALE_ALWAYS_INLINE void slab_enter(struct slab_thr *thr)
{
    shale_atomic_store_relaxed(&thr->op, 1);
    /* ORDER BIAS6 seq_cst <-> seq_cst in announce() [bias.c]. Only the compiler is held here; the
     * visitor's membarrier does the rest. */
    shale_compiler_barrier();
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. What a visitor changed is seen.
     * Without it the owner would work on lists as they were. Test bias_visitors_and_owner_exclude.
     */
    if (SHALE_UNLIKELY(shale_atomic_load_acquire(&thr->attn) != 0))
        slab_enter_slow(thr);
}

static SHALE_ALWAYS_INLINE void slab_leave(struct slab_thr *thr)
{
    /* ORDER BIAS1 release -> acquire in is_outside() [bias.c]. A visitor that sees op == 0 sees all
     * that this operation did. Test bias_visitors_and_owner_exclude. */
    shale_atomic_store_release(&thr->op, 0);
}

/* Passes the time after a busy lock or a heap that is held. op is 0. */
void slab_wait(void);

/* Held by the thread that visits. An OS lock: op is 0. Fork keeps it from prepare to the end. */
extern struct shale_lock slab_visit_lock;

/*
 * Works on another thread's heap while its owner keeps out.
 *
 * @param self      the caller's own structure: its op is 0 at the call, 1 inside work().
 * @param target    any structure but the caller's; it need not be LIVE.
 * @param request   SLAB_ATTN_TIDY, SLAB_ATTN_CLOSE: the owner shall do it when the visitor gives
 * up; or 0.
 * @param work      must not wait, call the system or touch a user's memory.
 * @param patience  nanoseconds to try for.
 * Locks: the caller holds slab_visit_lock.
 */
enum slab_visit slab_visit(struct slab_thr *self, struct slab_thr *target, uint32_t request,
                           void (*work)(struct slab_thr *target, void *argument), void *argument,
                           uint64_t patience);

/* The first half of slab_visit, for fork: the target stays HELD until slab_let_go. */
enum slab_visit slab_hold(struct slab_thr *target, uint64_t patience);
void slab_let_go(struct slab_thr *target, uint32_t answered);

/*
 * The thread whose heap somebody was changing on a visit; SLAB_NONE. For a child without the
 * visitor, who forgets the visit.
 */
uint32_t slab_bias_reset_visit(void);

/* Every thread from now on, and every one there is, uses full fences. Threads: any. */
void slab_bias_use_fences(void);

/* attn of a new structure: 0 or FENCED. */
uint32_t slab_bias_first_attn(void);

#endif
