/* SPDX-License-Identifier: MIT */
/* The malloc family over the fast and slow paths. Layer 1. */
#include "slab/malloc.h"

#include <errno.h>
#include <string.h>

#include "slab/epoch_blocks.h"
#include "slab/fast.h"
#include "slab/foreign.h"
#include "slab/huge.h"
#include "slab/late.h"
#include "slab/move.h"
#include "slab/reclaim.h"
#include "slab/region.h"
#include "slab/slow.h"
#include "slab/watch.h"

enum {
    SHRINK_SHARE = 2, /* realloc moves to a smaller class when less than half would be used */
};

void *slab_malloc(size_t size)
{
    return slab_malloc_fast(size);
}

void slab_free(void *block)
{
    slab_free_fast(block);
}

bool slab_owns(const void *address)
{
    return slab_in_range(address) || slab_huge_size(address) != 0;
}

/* 0: not the engine's, or not in use. */
static size_t own_size(const void *block)
{
    if (!slab_in_range(block))
        return block == NULL ? 0 : slab_huge_size(block);
    uint32_t unit = slab_index_of(block);
    switch (slab_unit_state_of(unit)) {
    case SLAB_UNIT_INNER:
        unit = slab_first_unit(unit);
        if (slab_unit_state_of(unit) == SLAB_UNIT_REGION)
            return slab_region_usable(block, unit);
        return slab_class_sizes[slab_unit_at(unit)->class];
    case SLAB_UNIT_SLAB:
        return slab_class_sizes[slab_unit_at(unit)->class];
    case SLAB_UNIT_RUN:
    case SLAB_UNIT_LARGE:
        return slab_large_size(unit);
    case SLAB_UNIT_REGION:
        return slab_region_usable(block, unit);
    case SLAB_UNIT_FREE:
    case SLAB_UNIT_SPARE:
    case SLAB_UNIT_CLOSED:
        break;
    }
    return 0;
}

size_t slab_usable_size(const void *block)
{
    size_t size = own_size(block);
    if (size != 0 || block == NULL || slab_in_range(block))
        return size;
    return slab_foreign_usable_size(block);
}

/* ---- zeroed -----------------------------------------------------------------------------------
 */

void *slab_calloc(size_t count, size_t size)
{
    size_t total;
    bool zero = false;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    if (total > SLAB_CLASS_MAX) {
        void *large = slab_alloc_large(0, total, 0, &zero);
        return large == NULL || zero ? large : memset(large, 0, total);
    }
    void *block = slab_calloc_fast(total, &zero);
    if (block == NULL)
        return NULL;
    if (zero) {
        ((struct slab_block *)block)->next = NULL;
        return block;
    }
    return memset(block, 0, total);
}

/* ---- aligned ----------------------------------------------------------------------------------
 */

void *slab_aligned(size_t alignment, size_t size)
{
    bool zero;
    if (!SHALE_IS_POWER_OF_TWO(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    if (alignment <= 16)
        return slab_malloc_fast(size);
    if (alignment > SLAB_UNIT_SIZE)
        return slab_alloc_large(0, size, alignment, &zero);
    size_t bytes = slab_class_aligned_bytes(size, alignment);
    if (bytes == 0)
        return slab_alloc_large(0, size, alignment, &zero);
    void *block = slab_malloc_fast(bytes);
    if (SHALE_UNLIKELY(slab_watched) && block != NULL)
        slab_watch_shrink(block, bytes, size);
    return block;
}

/* ---- resizing ---------------------------------------------------------------------------------
 */

static bool is_large(const void *block)
{
    enum slab_unit_state state = slab_unit_state_of(slab_index_of(block));
    return state == SLAB_UNIT_RUN || state == SLAB_UNIT_LARGE;
}

/* A run of units may grow beyond what is a run from the start, as far as its segment goes. */
static bool stays_large(const void *block, size_t size)
{
    if (slab_unit_state_of(slab_index_of(block)) == SLAB_UNIT_RUN)
        return size > SLAB_CLASS_MAX && size <= SLAB_SEGMENT_SIZE;
    return size > SLAB_RUN_MAX;
}

static bool resize_in_place(void *block, size_t size)
{
    enum slab_step step = SLAB_BUSY;
    for (int i = 0; i < SLAB_LATE_TRIES && step == SLAB_BUSY; i++) {
        struct slab_thr *thr = slab_begin();
        if (thr == NULL)
            return false;
        step = slab_large_resize(thr, slab_index_of(block), size);
        slab_finish(thr);
        if (step == SLAB_BUSY)
            slab_wait();
    }
    return step == SLAB_DONE;
}

static void *move(void *block, size_t old_size, size_t size)
{
    bool grows = size > old_size && size > SLAB_CLASS_MAX;
    void *moved = grows ? slab_alloc_growing(size) : slab_malloc_fast(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < size ? old_size : size);
    slab_free_fast(block);
    return moved;
}

/* Always to another place, so that old pointers are found out; all of the old block may be read. */
static void *move_watched(void *block, size_t old_size, size_t size)
{
    void *moved = slab_malloc_fast(size);
    if (moved == NULL)
        return NULL;
    slab_watch_silence();
    memcpy(moved, block, old_size < size ? old_size : size);
    slab_watch_speak();
    slab_free_fast(block);
    return moved;
}

void *slab_realloc(void *block, size_t size)
{
    if (block == NULL)
        return slab_malloc_fast(size);
    if (SLAB_SECURE && slab_in_range(block))
        slab_secure_check_live(block);
    size_t old_size = own_size(block);
    if (old_size == 0) {
        if (!slab_in_range(block))
            return slab_foreign_realloc(block, size);
        errno = ENOMEM; /* not in use: leave it alone */
        return NULL;
    }
    if (SHALE_UNLIKELY(slab_watched))
        return move_watched(block, old_size, size);
    if (!slab_in_range(block)) {
        void *resized = size > SLAB_CLASS_MAX ? slab_huge_resize(block, size) : NULL;
        return resized != NULL ? resized : move(block, old_size, size);
    }
    if (slab_unit_at(slab_first_unit(slab_index_of(block)))->epoch != 0)
        return slab_epoch_realloc(block, old_size, size);
    if (is_large(block)) {
        if (stays_large(block, size) && resize_in_place(block, size))
            return block;
        void *moved = size > old_size && !SLAB_SECURE ? slab_move(block, size) : NULL;
        if (moved != NULL)
            return moved;
    } else if (size <= old_size && size >= old_size / SHRINK_SHARE) {
        return block;
    }
    return move(block, old_size, size);
}

size_t slab_give_back(size_t max_bytes)
{
    struct slab_thr *thr = slab_begin();
    if (thr == NULL)
        return 0;
    bool late = thr->id == SLAB_LATE;
    slab_finish(thr);
    if (late)
        return 0;
    slab_watch_silence();
    size_t bytes = slab_reclaim(thr, max_bytes);
    slab_watch_speak();
    return bytes;
}
