/* SPDX-License-Identifier: MIT */
/*
 * The front door over the standard names: malloc, calloc, realloc, memalign, free. For the backends
 * that serve those. Included by their headers only.
 *
 * memalign() and not aligned_alloc(), because <malloc.h> declares it in every dialect
 * (aligned_alloc is hidden by -std=c99) and asks for no multiple of the alignment.
 */
#ifndef SHALE_BACKEND_MALLOC_FAMILY_H
#define SHALE_BACKEND_MALLOC_FAMILY_H

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* jemalloc's realloc() and memalign() do not set errno, nor does any function of a preloaded
 * mimalloc. The test that does it here is the one the caller makes anyway, and the compiler joins
 * the two. */
#define SHALE_BACKEND_CHECKED(block)                                                               \
    (SHALE_ALLOC_LIKELY((block) != NULL) ? (block) : shale_alloc_failed(12 /* ENOMEM */))

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    void *block = malloc(size);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    void *block = calloc(count, size);
    return SHALE_BACKEND_CHECKED(block);
}

/* realloc(block, 0) frees in glibc and jemalloc. */
SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    void *resized = realloc(block, size + !size);
    return SHALE_BACKEND_CHECKED(resized);
}

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    void *block = memalign(alignment, size);
    return SHALE_BACKEND_CHECKED(block);
}

#undef SHALE_BACKEND_CHECKED

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    (void)size;
    free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    free(block);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return malloc_usable_size((void *)block);
}

#ifdef __cplusplus
}
#endif
#endif
