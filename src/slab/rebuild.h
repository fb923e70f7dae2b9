/* SPDX-License-Identifier: MIT */
/*
 * Making shared lists anew, in a child whose lost threads were changing them. Layer 1.
 *
 * What a unit is in is its own: a state, written last when it is taken and first when it is given
 * back. From these the segments' bits, the lists of the eternal epoch and of the pool, and all
 * counts follow. A slab that a lost thread was making or releasing stays as it is, for ever.
 */
#ifndef SHALE_SLAB_REBUILD_H
#define SHALE_SLAB_REBUILD_H

#include "slab/thread.h"

/* Locks: nobody holds or takes an internal one. Cost: O(units ever used). */
void slab_rebuild(void);

/*
 * Empties a structure whose heap cannot be trusted, but for its caches of epochs: its slabs belong
 * to nobody, and what is freed in them stays there. op is 0 afterwards, unless it is the caller's
 * own. Locks: as above.
 */
void slab_abandon(struct slab_thr *thr);

#endif
