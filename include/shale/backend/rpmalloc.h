/* SPDX-License-Identifier: MIT */
/*
 * The backend "rpmalloc" from version 2 on, whose threads set themselves up (version 1 crashes in a
 * thread that did not call it first). Included by <shale/alloc.h> only.
 *
 * rpmalloc neither refuses huge sizes (they wrap around) nor sets errno, so both are done here: a
 * constant size costs nothing, any other one comparison.
 */
#ifndef SHALE_BACKEND_RPMALLOC_H
#define SHALE_BACKEND_RPMALLOC_H

#include <rpmalloc.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_BACKEND_TOO_LARGE(size) SHALE_ALLOC_UNLIKELY((size) > SIZE_MAX / 2)
#define SHALE_BACKEND_CHECKED(block)                                                               \
    (SHALE_ALLOC_LIKELY((block) != NULL) ? (block) : shale_alloc_failed(12 /* ENOMEM */))

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    void *block = SHALE_BACKEND_TOO_LARGE(size) ? NULL : rpmalloc(size);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    size_t bytes;
    int wraps = __builtin_mul_overflow(count, size, &bytes);
    void *block = wraps || SHALE_BACKEND_TOO_LARGE(bytes) ? NULL : rpzalloc(bytes);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    void *resized = SHALE_BACKEND_TOO_LARGE(size) ? NULL : rprealloc(block, size + !size);
    return SHALE_BACKEND_CHECKED(resized);
}

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    void *block = SHALE_BACKEND_TOO_LARGE(size) ? NULL : rpaligned_alloc(alignment, size);
    return SHALE_BACKEND_CHECKED(block);
}

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    rpfree(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    (void)size;
    rpfree(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    rpfree(block);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return rpmalloc_usable_size((void *)block);
}

#undef SHALE_BACKEND_TOO_LARGE
#undef SHALE_BACKEND_CHECKED

#ifdef __cplusplus
}
#endif
#endif
