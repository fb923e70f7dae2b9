/* SPDX-License-Identifier: MIT */
/*
 * The backend "mimalloc", versions 2 and 3, through its own names. Included by <shale/alloc.h>
 * only.
 *
 * mimalloc does not set errno. The test that does it here is the one the caller makes anyway, and
 * the compiler joins the two.
 */
#ifndef SHALE_BACKEND_MIMALLOC_H
#define SHALE_BACKEND_MIMALLOC_H

#include <mimalloc.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_BACKEND_CHECKED(block)                                                               \
    (SHALE_ALLOC_LIKELY((block) != NULL) ? (block) : shale_alloc_failed(12 /* ENOMEM */))

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    void *block = mi_malloc(size);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    void *block = mi_calloc(count, size);
    return SHALE_BACKEND_CHECKED(block);
}

/* mi_realloc(block, 0) gives a minimal block, as the front door does. */
SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    void *resized = mi_realloc(block, size);
    return SHALE_BACKEND_CHECKED(resized);
}

/* mimalloc 2.0.9 takes blocks of 256, 512 and 1024 bytes to be aligned at their own size, which
 * they are not: one byte more keeps it from that short cut. */
#if MI_MALLOC_VERSION < 300
#define SHALE_BACKEND_PADDED(alignment, size) ((size) + ((alignment) > 128 && (size) <= 1024))
#else
#define SHALE_BACKEND_PADDED(alignment, size) (size)
#endif

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    void *block = mi_malloc_aligned(SHALE_BACKEND_PADDED(alignment, size), alignment);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    mi_free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    mi_free_size(block, size);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    mi_free_size_aligned(block, size, alignment);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return mi_usable_size(block);
}

#undef SHALE_BACKEND_CHECKED
#undef SHALE_BACKEND_PADDED

#ifdef __cplusplus
}
#endif
#endif
