/* SPDX-License-Identifier: MIT */
/*
 * The front door with statistics, fill patterns or both, out of line. Layer 2.
 *
 * Filling keeps one invariant: every byte of a live block that the program has not written is
 * SHALE_FILL_FRESH, up to the usable size (after shale_calloc(): zero up to the size asked for). So
 * what a later shale_realloc() makes available needs no memory of the size asked for before.
 */
#include <string.h>

#define SHALE_ALLOC_BACKEND
#include <shale/alloc.h>

#include "alloc/stats.h"
#include "base/attributes.h"

static void fill(void *block, size_t from, size_t to, unsigned char pattern)
{
    char *bytes = block;
    /* The compiler knows what size the block was asked for; that its usable size is larger would
     * be an overflow to _FORTIFY_SOURCE=3. */
    __asm__("" : "+r"(bytes));
    memset(bytes + from, pattern, to - from);
}

/* Counts a new block and fills it, but for its first `written` bytes. NULL passes through. */
static void *give_out(void *block, size_t written)
{
    if (!block)
        return NULL;
    size_t usable = shale_backend_usable_size(block);
    if (SHALE_ALLOC_FILL)
        fill(block, written, usable, SHALE_FILL_FRESH);
    if (SHALE_ALLOC_STATS)
        stats_count_alloc(usable);
    return block;
}

/* Counts a block that is about to be freed and fills it. */
static void take_back(void *block)
{
    if (!block)
        return;
    size_t usable = shale_backend_usable_size(block);
    if (SHALE_ALLOC_FILL)
        fill(block, 0, usable, SHALE_FILL_FREED);
    if (SHALE_ALLOC_STATS)
        stats_count_free(usable);
}

SHALE_EXPORT void *shale_alloc(size_t size)
{
    return give_out(shale_backend_alloc(size), 0);
}

SHALE_EXPORT void *shale_calloc(size_t count, size_t size)
{
    return give_out(shale_backend_calloc(count, size), count * size);
}

/* Moves always: the old block is filled, so a pointer kept from before is noticed. */
static void *resize_by_moving(void *block, size_t size)
{
    void *moved = shale_backend_alloc(size);
    if (!moved)
        return NULL;
    size_t old_usable = shale_backend_usable_size(block);
    size_t kept = old_usable < size ? old_usable : size;
    memcpy(moved, block, kept);
    give_out(moved, kept);
    take_back(block);
    shale_backend_free(block);
    return moved;
}

static void *resize_and_count(void *block, size_t size)
{
    size_t old_usable = SHALE_ALLOC_STATS ? shale_backend_usable_size(block) : 0;
    void *resized = shale_backend_realloc(block, size);
    if (!resized)
        return NULL;
    if (SHALE_ALLOC_STATS)
        stats_count_free(old_usable);
    return give_out(resized, 0);
}

SHALE_EXPORT void *shale_realloc(void *block, size_t size)
{
    if (!block)
        return shale_alloc(size);
    return SHALE_ALLOC_FILL ? resize_by_moving(block, size) : resize_and_count(block, size);
}

SHALE_EXPORT void *shale_alloc_aligned(size_t alignment, size_t size)
{
    if (!SHALE_IS_POWER_OF_TWO(alignment))
        return shale_alloc_failed(22 /* EINVAL */);
    return give_out(shale_backend_aligned(alignment, size), 0);
}

SHALE_EXPORT void shale_free(void *block)
{
    take_back(block);
    shale_backend_free(block);
}

SHALE_EXPORT void shale_free_sized(void *block, size_t size)
{
    take_back(block);
    shale_backend_free_sized(block, size);
}

SHALE_EXPORT void shale_free_aligned(void *block, size_t alignment, size_t size)
{
    take_back(block);
    shale_backend_free_aligned(block, alignment, size);
}

SHALE_EXPORT size_t shale_usable_size(const void *block)
{
    return shale_backend_usable_size(block);
}
