/* SPDX-License-Identifier: MIT */
/*
 * fork: every heap is consistent in the child, and the child takes over what its lost threads had.
 * Layer 1.
 *
 * prepare takes the engine's OS locks and holds every other thread outside its heap. A thread that
 * does not get outside within 100 ms in all (a stop-the-world signal parked it inside) is SUSPECT
 * in the child: what it had stays as it is for ever. Between prepare and parent or child the
 * forking thread's own calls work: the locks count as free for it.
 */
#ifndef SHALE_SLAB_FORK_H
#define SHALE_SLAB_FORK_H

#include <stdbool.h>

#include "base/attributes.h"

/* Registers the handlers, once. SHALE_ENOMEM. */
SHALE_NODISCARD int slab_fork_start(void);

/* True between prepare and parent or child, in the thread that forks. Cost: a load. */
bool slab_fork_is_mine(void);

#endif
