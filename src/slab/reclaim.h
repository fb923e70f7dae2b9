/* SPDX-License-Identifier: MIT */
/*
 * Memory given back: by a thread from its own heap, by anyone from everyone's. Layer 1.
 */
#ifndef SHALE_SLAB_RECLAIM_H
#define SHALE_SLAB_RECLAIM_H

#include "slab/remote.h"

/*
 * Flushes a thread's batches, takes what others freed, releases what is empty.
 * Locks: the thread's biased lock.
 */
void slab_tidy(struct slab_thr *thr);

/*
 * Tidies every thread, idle ones too, and gives dirty segments back to the system.
 *
 * @param max_bytes  stop after so many bytes.
 * @return bytes given back. Threads inside the allocator for longer than a millisecond tidy
 *         themselves later.
 * Locks: none held; op is 0.
 */
uint64_t slab_reclaim(struct slab_thr *self, uint64_t max_bytes);

/* As slab_reclaim, and no further segment is given back after max_ns; 0: no such limit. */
uint64_t slab_reclaim_within(struct slab_thr *self, uint64_t max_bytes, uint64_t max_ns);

/*
 * Plain malloc has no close: when more is free and resident than is worth keeping (keep.h), this
 * gives back as much as a freed block of `bytes` had, at least a segment, within a budget of a
 * segment per 10 ms and thread that is saved up to 512; or it leaves that to the purger
 * (purger.h). Locks: none held; op is 0.
 */
void slab_purge_after(struct slab_thr *self, size_t bytes);

/*
 * For the purger: everything beyond the keep, and everything that is not regretted, after every
 * thread was tidied. @return bytes given back. Locks: none held; op is 0.
 */
uint64_t slab_purge_to_keep(struct slab_thr *self);
uint64_t slab_purge_to_regret(struct slab_thr *self);

/* Visits every other live thread: fn runs under its biased lock. Returns how many did not stop. */
unsigned slab_visit_all(struct slab_thr *self, uint32_t request,
                        void (*work)(struct slab_thr *target, void *argument), void *argument);

#endif
