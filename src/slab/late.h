/* SPDX-License-Identifier: MIT */
/*
 * Whose heap a call works in: the thread's own, or the late heap. Layer 1.
 *
 * The late heap is a thread structure (id SLAB_LATE) that any thread may use under a lock. It
 * serves threads whose structure was given back (destructors that run after ours), threads while
 * theirs is being made, and signal handlers that interrupted the allocator (op was 1 already).
 *
 * Such a handler may have interrupted the holder of an internal lock, so what it tries can stay
 * busy for ever; after a few tries it takes memory from the system directly. Waiting longer would
 * starve the program under a timer: the next signal comes before the interrupted call goes on.
 */
#ifndef SHALE_SLAB_LATE_H
#define SHALE_SLAB_LATE_H

#include "slab/bias.h"
#include "slab/pool.h"

enum {
    SLAB_LATE = 1, /* id */
    SLAB_LATE_TRIES = 1000,
    SLAB_HANDLER_TRIES = 4, /* of an allocation, each many tries of the lock */
};

/*
 * Goes on with an operation that left the fast path.
 *
 * @param old  what op was before the fast path set it to 1.
 * @return the heap to work in, entered (its op is 1); NULL when there is none: the engine has no
 *         memory to start, or is starting. Ends with slab_finish.
 */
struct slab_thr *slab_resume(uint32_t old);

/* Starts an operation that has no fast path: as slab_resume, op not yet set. */
struct slab_thr *slab_begin(void);

void slab_finish(struct slab_thr *thr);

/* Enters the late heap itself; NULL before the start. Ends with slab_finish. op is 0. */
struct slab_thr *slab_enter_late(void);

/*
 * Runs a step in whatever heap the thread has, again while it is busy. op is 0 at the call.
 * @return what it came to; SLAB_NO_MEMORY without a heap; SLAB_BUSY from the late heap only.
 */
SHALE_NODISCARD enum slab_step
slab_patiently(enum slab_step (*step)(struct slab_thr *thr, void *argument), void *argument);

/* Readies the late heap. Once, by slab_thr_attach. SHALE_ENOMEM. */
SHALE_NODISCARD int slab_late_start(void);

/* Guards the late heap. Outside of fork it is held with all signals blocked, and only tried. */
extern struct shale_lock slab_late_lock;

#endif
