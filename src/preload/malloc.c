/* SPDX-License-Identifier: MIT */
/*
 * libshale-malloc.so: the engine as the malloc of an unmodified program. Layer 5.
 *
 * Every entry point of the C library's malloc family is here, so that no block of one allocator
 * reaches the free of another. strdup and its like are left to the C library: they call these.
 * C++'s operators are in operators.c.
 *
 * Blocks that were allocated before this library was loaded, or by an allocator that a plugin
 * brought along, are foreign: calls with them go to the next allocator (next.h).
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <shale/version.h>

#include "preload/next.h"
#include "slab/fast.h"
#include "slab/foreign.h"
#include "slab/malloc.h"
#include "slab/purger.h"
#include "slab/settings.h"
#include "slab/stats.h"
#include "slab/watch.h"

bool slab_watch_wanted = true; /* as libc's malloc would be, by valgrind */

/* Before any other constructor: the library is linked with -z initfirst. */
__attribute__((constructor)) static void start(void)
{
    slab_foreign_set_finder(preload_next_allocator);
}

/* What `shale verify` looks for: the version as text, and whose a pointer is. */
__attribute__((used, retain)) static const char engine_version[] =
    "shale engine " SHALE_VERSION_STRING;

SHALE_EXPORT bool shale_owns(const void *address);

bool shale_owns(const void *address)
{
    return slab_owns(address);
}

/* Whose name tells `shale verify` that this is libshale-malloc-secure.so. */
#ifdef SHALE_MALLOC_SECURE
SHALE_EXPORT bool shale_secure_owns(const void *address);

bool shale_secure_owns(const void *address)
{
    return slab_owns(address);
}
#endif

static bool is_on(char *const *environment, const char *setting)
{
    for (; *environment != NULL; environment++)
        if (strcmp(*environment, setting) == 0)
            return true;
    return false;
}

/*
 * Constructors get what main gets. This one runs before the C library's own (the library is linked
 * to be initialised first), so getenv knows nothing yet.
 */
__attribute__((constructor)) static void read_settings(int count, char **arguments,
                                                       char **environment)
{
    (void)count;
    (void)arguments;
    if (environment == NULL || getauxval(AT_SECURE) != 0)
        return;
    if (is_on(environment, "SHALE_HUGE_PAGES=1"))
        shale_atomic_store_relaxed(&slab_settings.huge_pages, true);
    /* Without the thread memory goes back inside free, as it does by default. */
    int ignored = is_on(environment, "SHALE_PURGE_THREAD=1") ? slab_purger_start() : 0;
    (void)ignored;
}

/* The C library's headers have other parameter names.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

SHALE_EXPORT void *malloc(size_t size)
{
    return slab_malloc_fast(size);
}

SHALE_EXPORT void free(void *block)
{
    slab_free_fast(block);
}

SHALE_EXPORT void *calloc(size_t count, size_t size)
{
    return slab_calloc(count, size);
}

SHALE_EXPORT void *realloc(void *block, size_t size)
{
    if (block != NULL && size == 0) { /* as glibc, of a foreign block too: free, and no block */
        slab_free(block);
        return NULL;
    }
    return slab_realloc(block, size);
}

SHALE_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, total);
}

SHALE_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return slab_aligned(alignment, size);
}

SHALE_EXPORT void *memalign(size_t alignment, size_t size)
{
    return slab_aligned(alignment, size);
}

SHALE_EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || !SHALE_IS_POWER_OF_TWO(alignment))
        return EINVAL;
    int saved_errno = errno;
    void *aligned = slab_aligned(alignment, size);
    errno = saved_errno;
    if (aligned == NULL)
        return ENOMEM;
    *block = aligned;
    return 0;
}

SHALE_EXPORT void *valloc(size_t size)
{
    return slab_aligned((size_t)getpagesize(), size);
}

SHALE_EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)getpagesize();
    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return slab_aligned(page, SHALE_ALIGN_UP(size == 0 ? 1 : size, page));
}

SHALE_EXPORT size_t malloc_usable_size(void *block)
{
    return slab_usable_size(block);
}

SHALE_EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    return slab_give_back(SIZE_MAX) != 0;
}

/*
 * What glibc's would tell of its own heap: bytes of the engine's memory, in use and free. All zero
 * when a thread did not stop to be counted.
 */
SHALE_EXPORT struct mallinfo2 mallinfo2(void)
{
    struct slab_stats stats;
    struct mallinfo2 info = {0};
    if (slab_stats_exact(&stats) != 0)
        return info;
    size_t segments = stats.pool.segments_used + stats.pool.segments_dirty;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        info.uordblks += stats.classes[class].live * stats.classes[class].block_bytes;
    info.uordblks += stats.run_bytes + stats.large_bytes;
    info.arena = segments << SLAB_SEGMENT_SHIFT;
    info.fordblks = info.arena - info.uordblks;
    info.hblkhd = stats.direct_bytes;
    info.keepcost = stats.pool.segments_dirty << SLAB_SEGMENT_SHIFT;
    return info;
}

/* The sized frees of C23. */
SHALE_EXPORT void free_sized(void *block, size_t size);
SHALE_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size);

void free_sized(void *block, size_t size)
{
    (void)size;
    slab_free_fast(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    slab_free_fast(block);
}

/* Aliases that programs linked against old C libraries call. */
SHALE_EXPORT void cfree(void *block);

void cfree(void *block)
{
    slab_free_fast(block);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
