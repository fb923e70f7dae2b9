/* SPDX-License-Identifier: MIT */
/* Moving segments, and mapping what they left afresh. Layer 1. */
#include "slab/move.h"

#include <string.h>

#include <shale/error.h>

#include "base/os.h"
#include "base/probe.h"
#include "slab/fast.h"
#include "slab/large.h"
#include "slab/range.h"
#include "slab/slow.h"

enum {
    WORTH_SEGMENTS = 2,   /* below, a copy is as quick */
    COUNT_MAX = 16 << 10, /* mappings: a quarter of what Linux gives a process */
};

static _Atomic uint32_t count;
static _Atomic bool impossible; /* the system cannot, or did not map afresh */

uint32_t slab_move_count(void)
{
    return shale_atomic_load_relaxed(&count);
}

static void set_moved(uint32_t segment, bool moved)
{
    struct slab_seg *seg = slab_seg_at(segment);
    if (seg->moved != moved)
        shale_atomic_fetch_add_relaxed(&count, moved ? 1 : -1u);
    seg->moved = moved;
}

/* On failure the segments may be a hole that others may map: they are not to be used again. */
static int map_afresh(uint32_t segment, uint32_t segments)
{
    size_t size = (size_t)segments << SLAB_SEGMENT_SHIFT;
    int error = shale_os_renew(slab_segment_address(segment), size);
    if (error != 0) {
        shale_atomic_store_relaxed(&impossible, true);
        return error;
    }
    slab_range_advise(segment, segments);
    for (uint32_t i = 0; i < segments; i++)
        set_moved(segment + i, false);
    return 0;
}

int slab_move_purge(uint32_t segment)
{
    char *address = slab_segment_address(segment);
    if (!slab_seg_at(segment)->moved || shale_atomic_load_relaxed(&impossible))
        return shale_os_purge(address, SLAB_SEGMENT_SIZE);
    return map_afresh(segment, 1) == 0 ? SHALE_OK : SHALE_ENOMEM;
}

/* The new place is as dirty as what came, and a mapping of its own. */
static void mark_new(uint32_t from, uint32_t to, uint32_t segments)
{
    for (uint32_t i = 0; i < segments; i++) {
        slab_seg_at(to + i)->clean &= slab_seg_at(from + i)->clean;
        set_moved(to + i, true);
    }
}

/* The old place is clean again and goes to the pool; if it could not be mapped, to nobody. */
static void release_old(uint32_t from, uint32_t segments)
{
    if (map_afresh(from, segments) != 0)
        return;
    for (uint32_t i = 0; i < segments; i++)
        slab_seg_at(from + i)->clean = UINT32_MAX;
    slab_free_fast(slab_segment_address(from));
}

/* Moves all segments, or none: then the new place is not to be used again. */
static bool move_pages(uint32_t from, uint32_t to, uint32_t segments)
{
    for (uint32_t i = 0; i < segments; i++) {
        int error = shale_os_move(slab_segment_address(from + i), SLAB_SEGMENT_SIZE,
                                  slab_segment_address(to + i));
        if (error == 0)
            continue;
        shale_atomic_store_relaxed(&impossible, true);
        memcpy(slab_segment_address(from), slab_segment_address(to),
               (size_t)i << SLAB_SEGMENT_SHIFT);
        if (error == SHALE_ENOTSUP && i == 0)
            slab_free_fast(slab_segment_address(to)); /* nothing has happened to it */
        return false;
    }
    return true;
}

static bool may_move(uint32_t unit, size_t size)
{
    return slab_unit_state_of(unit) == SLAB_UNIT_LARGE &&
           slab_hot_at(unit)->size >= WORTH_SEGMENTS && size <= slab_range.size / 4 &&
           slab_move_count() + slab_hot_at(unit)->size <= COUNT_MAX &&
           !shale_atomic_load_relaxed(&impossible);
}

void *slab_move(void *block, size_t size)
{
    bool zero;
    uint32_t unit = slab_index_of(block);
    if (!may_move(unit, size))
        return NULL;
    uint32_t segments = slab_hot_at(unit)->size;
    void *moved = slab_alloc_large(0, size, 0, &zero);
    if (moved == NULL)
        return NULL;
    if (!slab_in_range(moved)) {
        slab_free_fast(moved);
        return NULL;
    }
    uint32_t from = unit / SLAB_SEGMENT_UNITS;
    uint32_t to = slab_index_of(moved) / SLAB_SEGMENT_UNITS;
    if (!move_pages(from, to, segments))
        return NULL;
    mark_new(from, to, segments);
    release_old(from, segments);
    SHALE_PROBE2(slab_move, unit, segments);
    return moved;
}
