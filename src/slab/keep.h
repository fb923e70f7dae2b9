/* SPDX-License-Identifier: MIT */
/*
 * How much free memory plain malloc keeps resident: a little, and what it was sorry for. Layer 1.
 *
 * Memory that was purged and is taken again costs a page fault per page: ten times what keeping it
 * would have saved. So each such unit is kept from then on, in addition to the least that is always
 * kept, and forgotten again by halves every second. A program that frees and takes the same
 * memory in a loop, or whose free units lie where nothing fits, thereby teaches what it needs; one
 * that frees for good teaches nothing. Units of 64 KiB throughout.
 *
 * Threads: any, without a lock. Who counts at the same moment as another halves can lose a second.
 */
#ifndef SHALE_SLAB_KEEP_H
#define SHALE_SLAB_KEEP_H

#include "base/atomic.h"

/* Units that were purged have been taken again. */
void slab_keep_regret(uint32_t units);

/* Free units always worth keeping beside `used`. */
uint32_t slab_keep_least(uint32_t used);

/* Units that are regretted still. */
uint32_t slab_keep_regretted(uint64_t now_ns);

#endif
