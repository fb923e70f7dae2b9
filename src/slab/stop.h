/* SPDX-License-Identifier: MIT */
/*
 * All threads outside their heaps at once: for fork, exact statistics and validators. Layer 1.
 *
 * Locks: the caller holds slab_visit_lock and the gate.
 */
#ifndef SHALE_SLAB_STOP_H
#define SHALE_SLAB_STOP_H

#include "slab/bias.h"

/*
 * Holds every live thread but the caller and the late heap.
 * @param patience  nanoseconds, for all of them together.
 * @return how many did not get outside; they run on (slab_thr.held is false).
 */
unsigned slab_stop_all(uint64_t patience);
void slab_continue_all(void);

/*
 * Stops everything, the late heap too, calls look(argument) with op == 1 of the caller, goes on.
 *
 * @return what look returned, or SHALE_EBUSY: a thread did not stop within 100 ms; look was not
 *         called. Locks: none held.
 */
SHALE_NODISCARD int slab_with_all_stopped(int (*look)(void *argument), void *argument);

#endif
