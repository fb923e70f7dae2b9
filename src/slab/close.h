/* SPDX-License-Identifier: MIT */
/*
 * Closing an epoch while other threads use it. Layer 1.
 *
 * DETACH   The state is CLOSING, so no thread gets a new cache. Every cache goes under its thread's
 *          biased lock, a slice of slabs at a time; with it the thread's slabs: orphans (drain), or
 *          nobody's, of the next generation and FREE (discard). A drain is done then: its slabs go
 *          back one by one as they empty (orphan.h).
 * SWEEP    Discard: the same for orphans. Waits for references; until then DETACH makes orphans.
 * ROUND1   A thread that was inside an operation before may still act on what it had read: push a
 *          block to a slab's word, bury a slab, send a message. Every thread is seen outside once.
 * ROUND2   What was sent until then lies in inboxes, linked through the epoch's own blocks. Every
 *          inbox is emptied once more; nobody can send again.
 * FINISH   Segments, units and lists go back, and the slot is free.
 *
 * Both rounds are skipped when nobody else can know of the slabs: no block of the epoch was ever
 * freed by another thread than its slab's owner, and after a membarrier every other thread is
 * outside.
 *
 * A thread that does not get outside in time keeps the request CLOSE and does its part itself in
 * its next operation; the epoch goes on a stack, and the next call that opens, closes or reclaims
 * goes on with it. Models: tests/models/close.pml, cache.pml.
 */
#ifndef SHALE_SLAB_CLOSE_H
#define SHALE_SLAB_CLOSE_H

#include "slab/cache.h"

/*
 * Begins or goes on closing. As shale_epoch_close.
 * Locks: none held; op is 0.
 */
SHALE_NODISCARD int slab_close(uint64_t epoch, unsigned how, uint64_t budget_ns);

/* Goes on with what was left. Cost: a load when there is nothing. op is 0. */
void slab_close_pending(uint64_t budget_ns);

/*
 * A dead slab was left on the stack of an epoch whose lock was taken. Nobody allocates from a
 * closed one and would find it there, so the epoch is looked at once more. Locks: none; op is 1 or
 * 0.
 */
void slab_close_left(struct slab_epoch_head *head);

/* The last unit of an epoch went back: if it is closed, it has ended. Locks: the epoch's. */
void slab_close_emptied(struct slab_epoch_head *head);

/* The last reference is gone, and the epoch is not ACTIVE any more. */
void slab_close_unreferenced(struct slab_epoch_head *head);

/* The owner's answer to SLAB_ATTN_CLOSE. False: call again. Locks: the biased lock. */
SHALE_NODISCARD bool slab_close_answer(struct slab_thr *thr);

/* A slice of leaving an epoch for good, as its state asks. Locks: the biased lock. */
SHALE_NODISCARD enum slab_step slab_close_leave(struct slab_thr *thr, struct slab_cache *cache);

/* A new thread knows nothing that came before. Its structure is LIVE; op is 1. */
void slab_close_arrive(struct slab_thr *thr);

/* In a child after fork: who worked on closing epochs, or held their locks, is gone. */
void slab_close_reset(void);

#endif
