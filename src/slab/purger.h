/* SPDX-License-Identifier: MIT */
/*
 * A thread that gives memory back, for those who want it. Layer 1.
 *
 * Without it memory goes back inside free (reclaim.h), and what is kept then stays until somebody
 * frees again. With it free only wakes the thread, which gives back what is beyond the keep within
 * a tenth of a second and, a second after the last change, also what is kept but not regretted
 * (keep.h). Then it sleeps until it is woken: an idle process has no timer.
 *
 * It is off unless asked for: it makes every process a process of several threads. A child after
 * fork has none.
 */
#ifndef SHALE_SLAB_PURGER_H
#define SHALE_SLAB_PURGER_H

#include <stdbool.h>

#include "base/attributes.h"

/* Starts it, once. 0, SHALE_ENOMEM. Locks: none; op is 0. Calls malloc. */
SHALE_NODISCARD int slab_purger_start(void);

/* Wakes it if it sleeps. False when there is none. Cost: a load; a system call if it sleeps. */
bool slab_purger_wake(void);

/* In a child after fork, which has no such thread: memory goes back inside free again. */
void slab_purger_forget(void);

#endif
