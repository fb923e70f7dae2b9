/* SPDX-License-Identifier: MIT */
/*
 * The backend "slab": Shale's own engine, which is a part of libshale. Included by <shale/alloc.h>
 * only.
 *
 * The engine keeps every promise of the front door by itself, so each function is its own and
 * nothing is mended here. Beyond those promises: blocks are aligned to 16 whatever their size, the
 * child of a threaded process may go on allocating, and free keeps errno always.
 */
#ifndef SHALE_BACKEND_SLAB_H
#define SHALE_BACKEND_SLAB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the front door calls; shale_alloc() and the others are their names for users, and say what
 * they do. */
SHALE_ALLOC_API void *shale_slab_alloc(size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_size(1));
SHALE_ALLOC_API void *shale_slab_calloc(size_t count, size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_size(1, 2));
SHALE_ALLOC_API void *shale_slab_realloc(void *block, size_t size)
    SHALE_ALLOC_ATTR(warn_unused_result, alloc_size(2));
SHALE_ALLOC_API void *shale_slab_aligned(size_t alignment, size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_align(1), alloc_size(2));
SHALE_ALLOC_API void shale_slab_free(void *block);
SHALE_ALLOC_API size_t shale_slab_usable_size(const void *block);

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    return shale_slab_alloc(size);
}

SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    return shale_slab_calloc(count, size);
}

SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    return shale_slab_realloc(block, size);
}

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    return shale_slab_aligned(alignment, size);
}

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    shale_slab_free(block);
}

/* A block's slab tells its size faster than the size tells its class. */
SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    (void)size;
    shale_slab_free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    shale_slab_free(block);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return shale_slab_usable_size(block);
}

#ifdef __cplusplus
}
#endif
#endif
