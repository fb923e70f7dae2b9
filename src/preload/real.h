/* SPDX-License-Identifier: MIT */
/*
 * The allocator behind libshale-profile.so: the next definitions of the malloc family. Layer 5.
 *
 * They are found with dlsym, which itself may allocate: such calls are served from a small arena
 * that is never freed.
 */
#ifndef SHALE_PRELOAD_REAL_H
#define SHALE_PRELOAD_REAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct real_functions {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *block, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    int (*posix_memalign)(void **block, size_t alignment, size_t size);
    void (*free)(void *block);
    size_t (*malloc_usable_size)(void *block);
};

/* The arena's functions, until the real ones are known. Not to be used directly. */
extern struct real_functions real_found;
extern char real_arena[];
enum { REAL_ARENA_SIZE = 64 << 10 };

/* Those to call now. The first call finds them. */
static SHALE_ALWAYS_INLINE const struct real_functions *real_functions(void)
{
    return &real_found;
}

static SHALE_ALWAYS_INLINE int real_is_arena(const void *block)
{
    return (uintptr_t)block - (uintptr_t)real_arena < REAL_ARENA_SIZE;
}

/* The real one, or nothing for a block of the arena. */
static SHALE_ALWAYS_INLINE void real_free(void *block)
{
    if (SHALE_LIKELY(!real_is_arena(block)))
        real_found.free(block);
}

/* The real one; a block of the arena moves out. */
void *real_realloc(void *block, size_t size);

#endif
