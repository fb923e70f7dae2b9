/* SPDX-License-Identifier: MIT */
/*
 * Frees of other threads' blocks. Layer 1.
 *
 * A thread gathers what it frees for others in 16 batches, one per slab, and flushes a batch with
 * one compare-and-swap on the slab's rem word. What the word says decides the form:
 *
 *   0 or a count   the chain is put before the one that is there; the owner takes all of it when it
 *                  next needs blocks of that slab ("collects")
 *   NOTIFY         the owner will not look by itself. The sender clears the flag and sends the
 *                  batch as a message to the owner's inbox; it is not added to the word, so the
 *                  slab can neither empty nor be recycled while the message is on its way
 *   ORPHAN | live  no owner: live is counted down, and who gets it to 0 owns the slab (orphan.h)
 *
 * Every parked slab is armed (NOTIFY), or a message of it is on the way. The owner arms only over
 * a count of 0: over blocks that are already there nobody would wake it.
 *
 * A message lies in the first block of its batch: word 0 chains the batch, word 1 is
 * count << 48 | next message. Word 1 of the second block, if there is one, is the tail: the owner
 * adds the chain to its free list without a walk over lines that are still in another core's cache.
 * Models: tests/models/inbox.pml, notify.pml.
 */
#ifndef SHALE_SLAB_REMOTE_H
#define SHALE_SLAB_REMOTE_H

#include "slab/slab.h"

/* Frees a block of a slab that the thread does not own. Locks: the thread's biased lock. */
void slab_free_remote(struct slab_thr *thr, void *address, uint32_t unit);

/*
 * Frees one block right away, without a batch or any state of the calling thread: for a signal
 * handler that interrupted the allocator.
 */
void slab_free_signal(void *block, uint32_t unit);

/* Sends all batches. */
void slab_flush_batches(struct slab_thr *thr);

/* Takes what others freed into a slab's free list; the caller reclassifies. */
void slab_collect(struct slab_thr *thr, struct slab_hot *hot);

/* Arms NOTIFY, collecting what is in the way. */
void slab_arm(struct slab_thr *thr, struct slab_hot *hot);

/* Handles up to max messages of the inbox; the rest waits in thr->messages. */
void slab_collect_messages(struct slab_thr *thr, uint32_t max);

/* True when messages wait. Cost: two loads. */
static SHALE_ALWAYS_INLINE bool slab_has_messages(struct slab_thr *thr)
{
    return thr->messages != NULL || shale_atomic_load_relaxed(&thr->inbox) > SLAB_INBOX_CLOSED;
}

/* Closes the inbox: what is in it goes to thr->messages, later senders look for a new owner. */
void slab_close_inbox(struct slab_thr *thr);

#endif
