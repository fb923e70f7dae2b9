/* SPDX-License-Identifier: MIT */
/*
 * The backend "mock", for tests: counts, fails the n-th call, and finds leaks, double frees and
 * frees of pointers that were never its own. It takes its memory from the C library.
 * Included by <shale/alloc.h>, and by tests that use it.
 *
 * Freed blocks are kept (up to SHALE_MOCK_QUARANTINE of them) and not given out again, so that a
 * second free of one is always told from the free of a new block at the same address, and a write
 * after free is found when the block leaves. Wrong frees are counted and do nothing.
 */
#include <shale/alloc.h> /* before the guard: it includes this file where it needs it */

#ifndef SHALE_BACKEND_MOCK_H
#define SHALE_BACKEND_MOCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many freed blocks are remembered; older ones are forgotten, and a double free of one of
 * those counts as foreign. */
#define SHALE_MOCK_QUARANTINE 65536

/* Counted since the start or the last shale_mock_reset(). */
struct shale_mock_report {
    uint64_t call_count;        /* allocating calls, failed ones too */
    uint64_t failed_count;      /* of them */
    uint64_t alloc_count;       /* blocks given out */
    uint64_t free_count;        /* blocks taken back */
    uint64_t live_count;        /* blocks given out and not taken back: leaks, at the end */
    uint64_t live_bytes;        /* requested bytes of them */
    uint64_t double_free_count; /* frees of a block already freed */
    uint64_t foreign_count;     /* frees and resizes of what never was a block of the mock */
    uint64_t wrong_size_count;  /* sized frees with another size or alignment than asked for */
    uint64_t written_count;     /* freed blocks that were written to afterwards */
};

/*
 * Makes allocating calls fail: NULL and ENOMEM.
 *
 * @param first  the number of the first call to fail, counted from this call on; 1 is the next
 *               one; 0: none fails any more.
 * @param count  how many from there on; UINT64_MAX: all.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: a lock. Since: 0.1.0
 * Example:
 *     for (uint64_t n = 1; ; n++) {
 *         shale_mock_fail(n, 1);
 *         if (parse(text) == 0)     // no call was left to fail
 *             break;
 *     }
 */
SHALE_ALLOC_API void shale_mock_fail(uint64_t first, uint64_t count);

/*
 * Reads the counts. Freed blocks still held are checked for later writes first.
 *
 * @param report  gets them; not NULL.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: reads every freed block held. Since: 0.1.0
 */
SHALE_ALLOC_API void shale_mock_report(struct shale_mock_report *report);

/*
 * Calls visit for each live block, oldest first.
 *
 * @param visit    gets the block, the size asked for in bytes and the number of the allocating
 *                 call; it must not allocate or free. Not NULL.
 * @param context  handed through.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: the blocks stay whose they are. Cost: sorts the live blocks. Since: 0.1.0
 */
SHALE_ALLOC_API void shale_mock_each_live(void (*visit)(const void *block, size_t size,
                                                        uint64_t call, void *context),
                                          void *context);

/*
 * Forgets everything counted, gives back the freed blocks, lets calls succeed again. Live blocks
 * stay valid, but are no longer counted as leaks.
 *
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: frees every freed block held. Since: 0.1.0
 */
SHALE_ALLOC_API void shale_mock_reset(void);

/* What the front door calls; shale_free() and the others are their names for users. */
SHALE_ALLOC_API void *shale_mock_alloc(size_t alignment, size_t size, int zero);
SHALE_ALLOC_API void *shale_mock_calloc(size_t count, size_t size);
SHALE_ALLOC_API void *shale_mock_realloc(void *block, size_t size);
SHALE_ALLOC_API void shale_mock_free(void *block);
SHALE_ALLOC_API void shale_mock_free_sized(void *block, size_t alignment, size_t size);
SHALE_ALLOC_API size_t shale_mock_usable_size(const void *block);

SHALE_BACKEND_INLINE void *shale_backend_alloc(size_t size)
{
    return shale_mock_alloc(0, size, 0);
}

SHALE_BACKEND_INLINE void *shale_backend_calloc(size_t count, size_t size)
{
    return shale_mock_calloc(count, size);
}

SHALE_BACKEND_INLINE void *shale_backend_realloc(void *block, size_t size)
{
    return shale_mock_realloc(block, size);
}

SHALE_BACKEND_INLINE void *shale_backend_aligned(size_t alignment, size_t size)
{
    return shale_mock_alloc(alignment, size, 0);
}

SHALE_BACKEND_INLINE void shale_backend_free(void *block)
{
    shale_mock_free(block);
}

SHALE_BACKEND_INLINE void shale_backend_free_sized(void *block, size_t size)
{
    shale_mock_free_sized(block, 0, size);
}

SHALE_BACKEND_INLINE void shale_backend_free_aligned(void *block, size_t alignment, size_t size)
{
    shale_mock_free_sized(block, alignment, size);
}

SHALE_BACKEND_INLINE size_t shale_backend_usable_size(const void *block)
{
    return shale_mock_usable_size(block);
}

#ifdef __cplusplus
}
#endif
#endif
