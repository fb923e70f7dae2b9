/* SPDX-License-Identifier: MIT */
/*
 * The reserved range and its two frontiers. Layer 1.
 *
 * Below a half's frontier blocks and metadata are readable and writable; beyond it only the unit
 * table can be read. A frontier moves in steps of 2 MiB that double to 64 MiB, so each half stays
 * two mappings and a system without overcommit is charged for no more than that. Where memory is
 * locked (mlockall) a step is no more than what is needed.
 *
 * OS locks (this one, the gate of thread.h, the table of huge.h) are taken with op == 0 and with
 * signals blocked: a handler that allocates must not find its own thread inside.
 */
#ifndef SHALE_SLAB_RANGE_H
#define SHALE_SLAB_RANGE_H

#include <signal.h>

#include "base/lock.h"
#include "slab/layout.h"

/* First segment of each half that is not yet accessible. Written under the frontier lock. */
extern _Atomic uint32_t slab_range_frontier[SLAB_HALVES];
extern struct shale_lock slab_range_lock;

/*
 * Reserves the range: as much as the system gives of 1 TiB. Where RLIMIT_AS is set, a reservation
 * would be taken from all that the program maps itself. Then only metadata is reserved, for twice
 * the limit, and the blocks are mapped where nobody else maps (on_demand).
 *
 * @return 0, or SHALE_ENOMEM: not even SLAB_RANGE_MIN could be had. Nothing is kept then.
 * Threads: one at a time.
 */
SHALE_NODISCARD int slab_range_start(void);

/*
 * Moves a half's frontier to `segment` or beyond.
 *
 * @return 0; SHALE_ENOMEM: the half is smaller than that, or the system refuses; SHALE_EBUSY:
 * something that is not ours is mapped there, and the half ends before it from now on. Locks: takes
 * the frontier lock; op must be 0. Cost: up to five system calls.
 */
SHALE_NODISCARD int slab_range_grow(unsigned half, uint32_t segment);

/* Gives a half's segments the advice on huge pages that all of it has. */
void slab_range_advise(uint32_t segment, uint32_t count);

/* Makes the thread structure of an index accessible. SHALE_ENOMEM. Locks: the caller's gate. */
SHALE_NODISCARD int slab_range_grow_threads(uint32_t index);

/* Slots of epochs below this can be touched. Written under the frontier lock. */
extern _Atomic uint32_t slab_range_slots;

/* Makes the tables of a slot accessible. SHALE_ENOMEM. Locks: as slab_range_grow. */
SHALE_NODISCARD int slab_range_grow_slots(uint32_t slot);

/* Takes and releases an OS lock with all signals blocked. Nothing to do in who forks (fork.h). */
void slab_os_lock(struct shale_lock *lock, sigset_t *saved);
void slab_os_unlock(struct shale_lock *lock, const sigset_t *saved);

#endif
