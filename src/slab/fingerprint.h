/* SPDX-License-Identifier: MIT */
/*
 * One number for the layouts that statistics are read from: a reader outside the process goes on
 * only with the number it was compiled with. Layer 1.
 */
#ifndef SHALE_SLAB_FINGERPRINT_H
#define SHALE_SLAB_FINGERPRINT_H

#include "slab/epoch.h"
#include "slab/pool.h"
#include "slab/thread.h"

/* FNV-1a over sizes and offsets: what moves a field that is read changes it. */
#define SLAB_MIX(hash, value)       (((hash) ^ (uint64_t)(value)) * 0x100000001b3ull)
#define SLAB_FIELD(hash, of, name)  SLAB_MIX(hash, offsetof(struct of, name))
#define SLAB_FIELDS(hash, of, x, y) SLAB_FIELD(SLAB_FIELD(hash, of, x), of, y)
#define SLAB_LAYOUT_OF_RANGE(hash)                                                                 \
    SLAB_FIELDS(SLAB_MIX(hash, sizeof(struct slab_range)), slab_range, units, first)
#define SLAB_LAYOUT_OF_HOT(hash) SLAB_FIELDS(SLAB_MIX(hash, SLAB_CLASSES), slab_hot, size, list)
#define SLAB_LAYOUT_OF_UNIT(hash)                                                                  \
    SLAB_FIELDS(SLAB_MIX(hash, sizeof(struct slab_unit)), slab_unit, class, state)
#define SLAB_LAYOUT_OF_SEG(hash)                                                                   \
    SLAB_FIELDS(SLAB_MIX(hash, SLAB_SEGMENT_UNITS), slab_seg, used, state)
#define SLAB_LAYOUT_OF_THR(hash)                                                                   \
    SLAB_FIELDS(SLAB_MIX(hash, sizeof(struct slab_thr)), slab_thr, batches, counters)
#define SLAB_LAYOUT_OF_CACHE(hash)                                                                 \
    SLAB_FIELDS(SLAB_MIX(hash, sizeof(struct slab_batch)), slab_thr, state, messages)
#define SLAB_LAYOUT_OF_EPOCH(hash)                                                                 \
    SLAB_FIELD(SLAB_FIELDS(hash, slab_range, heads, slots), slab_epoch, past_allocs)
#define SLAB_LAYOUT_OF_COUNTS(hash)                                                                \
    SLAB_MIX(SLAB_MIX(hash, sizeof(struct slab_counters)), sizeof(struct slab_totals))
#define SLAB_LAYOUT_OF_TALLY(hash) SLAB_FIELDS(hash, slab_pool_tally, fresh, purges_failed)
#define SLAB_LAYOUT_OF_METADATA(hash)                                                              \
    SLAB_LAYOUT_OF_SEG(SLAB_LAYOUT_OF_UNIT(SLAB_LAYOUT_OF_HOT(SLAB_LAYOUT_OF_RANGE(hash))))
#define SLAB_LAYOUT_OF_REST(hash)                                                                  \
    SLAB_LAYOUT_OF_TALLY(SLAB_LAYOUT_OF_COUNTS(                                                    \
        SLAB_LAYOUT_OF_EPOCH(SLAB_LAYOUT_OF_CACHE(SLAB_LAYOUT_OF_THR(hash)))))
#define SLAB_FINGERPRINT SLAB_LAYOUT_OF_REST(SLAB_LAYOUT_OF_METADATA(0xcbf29ce484222325ull))

#endif
