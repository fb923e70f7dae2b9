/* SPDX-License-Identifier: MIT */
/*
 * Giving back the free pages of slabs that are in use. Layer 1.
 *
 * Where one block in ten survives, no slab is free, but many pages are. The blocks of such a page
 * leave the free list (their links lie in it) and the page goes to the system; slab_rem.purged has
 * a bit for it. A block that lies in a purged page, wholly or in part, is free and on no list until
 * slab_pages_return puts it back. Slabs of the eternal epoch only, with small pages.
 */
#ifndef SHALE_SLAB_PAGES_H
#define SHALE_SLAB_PAGES_H

#include "slab/thread.h"

/*
 * Gives back what is free in the parked slabs of all threads, slab by slab, each under its owner's
 * biased lock.
 *
 * @param end_ns  stops at this time of the monotonic clock; UINT64_MAX: never.
 * @return bytes. Locks: none held, op is 0.
 */
uint64_t slab_pages_purge(struct slab_thr *self, uint64_t max_bytes, uint64_t end_ns);

/* Puts blocks of purged pages back on the free list, those of one page or few. False: none. */
bool slab_pages_return(struct slab_hot *hot);

/* Blocks that are free and on no list. Cost: per block. */
uint32_t slab_pages_out(const struct slab_hot *hot);

/* A slab begins anew: none of its pages is purged as far as it knows. */
static SHALE_ALWAYS_INLINE void slab_pages_forget(uint32_t unit)
{
    slab_rem_at(unit)->purged[0] = slab_rem_at(unit)->purged[1] = 0;
}

#endif
