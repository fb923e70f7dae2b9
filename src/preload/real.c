/* SPDX-License-Identifier: MIT */
/* Finding the real functions: see real.h. Each stands first for a function that looks for them. */
#define _GNU_SOURCE
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/atomic.h"

char real_arena[REAL_ARENA_SIZE] SHALE_ALIGNED(16);

static _Atomic size_t arena_used;
static SHALE_THREAD_LOCAL unsigned looking; /* dlsym is at work in this thread */

/* A block of the arena is preceded by its size. */
enum { PREFIX = 16 };

static void *arena_take(size_t size, size_t alignment)
{
    alignment = alignment < PREFIX ? PREFIX : alignment;
    if (size > REAL_ARENA_SIZE || alignment > REAL_ARENA_SIZE / 4)
        return NULL;
    size_t room = SHALE_ALIGN_UP(size, (size_t)PREFIX) + alignment + PREFIX;
    size_t at = shale_atomic_fetch_add_relaxed(&arena_used, room);
    if (at + room > REAL_ARENA_SIZE) {
        errno = ENOMEM;
        return NULL;
    }
    uintptr_t block = SHALE_ALIGN_UP((uintptr_t)real_arena + at + PREFIX, (uintptr_t)alignment);
    memcpy((char *)block - sizeof(size), &size, sizeof(size));
    return (void *)block;
}

static size_t arena_size(const void *block)
{
    size_t size;
    memcpy(&size, (const char *)block - sizeof(size), sizeof(size));
    return size;
}

/* ---- until they are found ---------------------------------------------------------------------
 */

static void find(void);

static void *first_malloc(size_t size)
{
    if (!looking)
        find();
    return looking ? arena_take(size, PREFIX) : real_found.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
    size_t total;
    if (!looking)
        find();
    if (!looking)
        return real_found.calloc(count, size);
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_take(total, PREFIX);
}

static void *first_realloc(void *block, size_t size)
{
    if (!looking)
        find();
    return looking ? arena_take(size, PREFIX) : real_found.realloc(block, size);
}

static void *first_aligned(size_t alignment, size_t size)
{
    if (!looking)
        find();
    return looking ? arena_take(size, alignment) : real_found.memalign(alignment, size);
}

static void *first_valloc(size_t size)
{
    if (!looking)
        find();
    return looking ? arena_take(size, 4096) : real_found.valloc(size);
}

static void *first_pvalloc(size_t size)
{
    if (!looking)
        find();
    return looking ? arena_take(SHALE_ALIGN_UP(size, (size_t)4096), 4096)
                   : real_found.pvalloc(size);
}

static int first_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (!looking)
        find();
    if (!looking)
        return real_found.posix_memalign(block, alignment, size);
    *block = arena_take(size, alignment);
    return *block != NULL ? 0 : ENOMEM;
}

static void first_free(void *block)
{
    if (!looking)
        find();
    if (!looking)
        real_found.free(block);
}

static size_t first_usable_size(void *block)
{
    if (block == NULL || real_is_arena(block))
        return block != NULL ? arena_size(block) : 0;
    if (!looking)
        find();
    return looking ? 0 : real_found.malloc_usable_size(block);
}

struct real_functions real_found = {
    .malloc = first_malloc,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .aligned_alloc = first_aligned,
    .memalign = first_aligned,
    .valloc = first_valloc,
    .pvalloc = first_pvalloc,
    .posix_memalign = first_posix_memalign,
    .free = first_free,
    .malloc_usable_size = first_usable_size,
};

/* ---- finding them -----------------------------------------------------------------------------
 */

/* Every C library with a malloc has these; the others stay as they are where one is missing. */
static void find(void)
{
    struct real_functions found = real_found;
    int saved_errno = errno;
    looking++;
#define FIND(name)                                                                                 \
    do {                                                                                           \
        void *next = dlsym(RTLD_NEXT, #name);                                                      \
        if (next != NULL)                                                                          \
            memcpy(&found.name, &next, sizeof(next));                                              \
    } while (0)
    FIND(malloc);
    FIND(calloc);
    FIND(realloc);
    FIND(aligned_alloc);
    FIND(memalign);
    FIND(valloc);
    FIND(pvalloc);
    FIND(posix_memalign);
    FIND(free);
    FIND(malloc_usable_size);
#undef FIND
    real_found = found; /* a second finder writes the same */
    looking--;
    errno = saved_errno;
}

void *real_realloc(void *block, size_t size)
{
    if (SHALE_LIKELY(!real_is_arena(block)))
        return real_found.realloc(block, size);
    void *moved = real_found.malloc(size);
    size_t old = arena_size(block);
    if (moved != NULL)
        memcpy(moved, block, old < size ? old : size);
    return moved;
}
