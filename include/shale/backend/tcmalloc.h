/* SPDX-License-Identifier: MIT */
/*
 * The backend "tcmalloc" (gperftools, the minimal library), through its own names.
 * Included by <shale/alloc.h> only.
 */
#ifndef SHALE_BACKEND_TCMALLOC_H
#define SHALE_BACKEND_TCMALLOC_H

#include <gperftools/tcmalloc.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    return tc_malloc(size);
}

/* tc_calloc() does not set errno when the product overflows. */
SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    void *block = tc_calloc(count, size);
    return SHALE_ALLOC_LIKELY(block != NULL) ? block : shale_alloc_failed(12 /* ENOMEM */);
}

/* tc_realloc(block, 0) frees. */
SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    return tc_realloc(block, size + !size);
}

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    return tc_memalign(alignment, size);
}

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    tc_free(block);
}

/* Not tc_free_sized(): tc_realloc() leaves a block in its class when it shrinks by less than half,
 * and the size asked for then names another class than the block is in. */
SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    (void)size;
    tc_free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    tc_free(block);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return tc_malloc_size((void *)block);
}

#ifdef __cplusplus
}
#endif
#endif
