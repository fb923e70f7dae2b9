/* SPDX-License-Identifier: MIT */
/*
 * Blocks above 64 KiB: runs of units in a segment up to 1 MiB, runs of whole segments above.
 * Layer 1.
 *
 * A run that realloc grows may take all of its segment, and is put where it can.
 *
 * They have no owner: any thread gives them back under the epoch's or the pool's lock. The state of
 * the first unit goes RUN or LARGE -> CLOSED by compare-and-swap, so that of two threads that free
 * a block one wins and the other is told. hot.size is the number of units or segments it has, and
 * hot.capacity the number of units that may be used.
 */
#ifndef SHALE_SLAB_LARGE_H
#define SHALE_SLAB_LARGE_H

#include "slab/pool.h"
#include "slab/thread.h"

struct slab_large {
    size_t size;
    size_t alignment; /* power of two */
    uint64_t epoch;   /* id */
    bool growing;     /* a block of the eternal epoch that had less: it may want more */
    void *block;      /* result */
    bool zero;        /* result: the block reads as zero */
};

/* One try. Locks: the biased lock of `thr`. */
SHALE_NODISCARD enum slab_step slab_large_alloc(struct slab_thr *thr, struct slab_large *large,
                                                struct slab_growth *grow);

/*
 * One try; SLAB_NO_MEMORY: no such block (freed twice).
 * @param bytes  gets the size of the block.
 */
SHALE_NODISCARD enum slab_step slab_large_free(struct slab_thr *thr, uint32_t unit, size_t *bytes);

/* Bytes of the block whose first unit this is. */
size_t slab_large_size(uint32_t unit);

/* Makes the block at least `size` bytes, or less of it, where it is; SLAB_NO_MEMORY: impossible. */
SHALE_NODISCARD enum slab_step slab_large_resize(struct slab_thr *thr, uint32_t unit, size_t size);

#endif
