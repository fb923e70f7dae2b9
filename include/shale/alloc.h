/* SPDX-License-Identifier: MIT */
/*
 * The front door: one allocation interface, its backend chosen when Shale is configured.
 *
 * With the statistics and the fill patterns off, the functions below are inline and compile to the
 * call that the backend's own interface would be (<shale/config.h> names it). The library holds
 * the same functions as symbols, for dlsym(), function pointers and other languages; blocks from
 * either way are the same blocks. Common to all of them:
 *
 *   - NULL means failure and nothing else: errno is ENOMEM (EINVAL for an alignment that is no
 *     power of two), and no block was changed or freed.
 *   - A block is aligned for any type of at most 16 bytes (8, where it is smaller than 16 bytes),
 *     and for more only from shale_alloc_aligned() and shale_alloc_node().
 *   - A size of 0 gives a unique block that must be freed, except from shale_alloc_node().
 *   - Sizes above PTRDIFF_MAX and products that overflow fail.
 *   - A block is given back with shale_free() (or its sized forms), never with the backend's free,
 *     and blocks of others never with shale_free().
 *
 * Threads: every function is safe from any thread, and a block may be freed by another thread than
 * the one that allocated it. Signals: none is safe in a signal handler. Fork: a child goes on with
 * its parent's blocks; the child of a threaded process only where the backend supports it (slab,
 * system, jemalloc and tcmalloc do; mimalloc and rpmalloc do not promise it).
 */
#ifndef SHALE_ALLOC_H
#define SHALE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include <shale/config.h>

#if defined(__GNUC__)
#define SHALE_ALLOC_API          __attribute__((visibility("default")))
#define SHALE_ALLOC_ATTR(...)    __attribute__((__VA_ARGS__))
#define SHALE_ALLOC_LIKELY(is)   __builtin_expect(!!(is), 1)
#define SHALE_ALLOC_UNLIKELY(is) __builtin_expect(!!(is), 0)
#else
#define SHALE_ALLOC_API
#define SHALE_ALLOC_ATTR(...)
#define SHALE_ALLOC_LIKELY(is)   (is)
#define SHALE_ALLOC_UNLIKELY(is) (is)
#endif
#define SHALE_ALLOC_BLOCK SHALE_ALLOC_ATTR(warn_unused_result, malloc)

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Allocates a block; its content is indeterminate.
 *
 * @param size  in bytes; 0 gives a unique block.
 * @return      the block; NULL: ENOMEM.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free().
 * Cost: the backend's malloc, nothing else.
 * Since: 0.1.0
 * Example: examples/alloc.c
 */
SHALE_ALLOC_API void *shale_alloc(size_t size) SHALE_ALLOC_BLOCK SHALE_ALLOC_ATTR(alloc_size(1));

/*
 * Allocates a block for count elements of size bytes, all bytes zero.
 *
 * @param count  number of elements; 0 gives a unique block, as size 0 does.
 * @param size   of one, in bytes.
 * @return       the block; NULL: ENOMEM, also when count * size overflows.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free().
 * Cost: the backend's calloc, nothing else.
 * Since: 0.1.0
 * Example: examples/alloc.c
 */
SHALE_ALLOC_API void *shale_calloc(size_t count, size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_size(1, 2));

/*
 * Resizes a block, moving it where it must; keeps the content up to the smaller of both sizes.
 *
 * Unlike C's realloc, it never frees: a size of 0 leaves a unique minimal block, so NULL always
 * means that nothing happened. An alignment above 16 is not kept.
 *
 * @param block  of the front door; NULL: allocates.
 * @param size   in bytes; 0 gives a unique block.
 * @return       the block, perhaps at a new address; NULL: ENOMEM, `block` is untouched.
 * Threads / signals / fork: see the top.
 * Ownership: of `block` passes to the result on success.
 * Cost: the backend's realloc; two instructions more where it frees for size 0 and the compiler
 *       does not know the size (system, jemalloc, tcmalloc, rpmalloc).
 * Since: 0.1.0
 * Example: examples/realloc.c
 */
SHALE_ALLOC_API void *shale_realloc(void *block, size_t size)
    SHALE_ALLOC_ATTR(warn_unused_result, alloc_size(2));

/*
 * Allocates a block for count elements of size bytes; its content is indeterminate.
 *
 * @param count  number of elements; 0 gives a unique block, as size 0 does.
 * @param size   of one, in bytes.
 * @return       the block; NULL: ENOMEM, also when count * size overflows.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free().
 * Cost: shale_alloc() and a multiplication with an overflow check.
 * Since: 0.1.0
 * Example: examples/typed.c
 */
SHALE_ALLOC_API void *shale_alloc_array(size_t count, size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_size(1, 2));

/*
 * Resizes a block to count elements of size bytes: shale_realloc() with an overflow check.
 *
 * @param block  of the front door; NULL: allocates.
 * @param count  number of elements; 0 gives a unique block, as size 0 does.
 * @param size   of one, in bytes.
 * @return       the block; NULL: ENOMEM, also when count * size overflows; `block` is untouched.
 * Threads / signals / fork: see the top.
 * Ownership: of `block` passes to the result on success.
 * Cost: shale_realloc() and a multiplication with an overflow check.
 * Since: 0.1.0
 * Example: examples/realloc.c
 */
SHALE_ALLOC_API void *shale_realloc_array(void *block, size_t count, size_t size)
    SHALE_ALLOC_ATTR(warn_unused_result, alloc_size(2, 3));

/*
 * Allocates a block at a multiple of `alignment`; its content is indeterminate.
 *
 * @param alignment  in bytes, a power of two; the order of the parameters is aligned_alloc's. Every
 *                   backend serves up to 64 KiB; beyond that it may fail.
 * @param size       in bytes, of any value (no multiple of the alignment is asked for).
 * @return           the block; NULL: EINVAL (no power of two), ENOMEM.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free() or shale_free_aligned().
 * Cost: the backend's aligned allocation; the check folds away for a constant alignment.
 * Since: 0.1.0
 * Example: examples/aligned.c
 */
SHALE_ALLOC_API void *shale_alloc_aligned(size_t alignment, size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_align(1), alloc_size(2));

/*
 * Allocates a node: a block that shares no cache line with any other block.
 *
 * For the nodes of concurrent structures, which threads write independently. The size is rounded
 * up to, and the block aligned at, the cache line of this machine (shale_cache_line()).
 *
 * @param size  in bytes.
 * @return      the block; NULL: for size 0, with errno left alone; ENOMEM.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free(); shale_free_sized() does not take a node.
 * Cost: the backend's aligned allocation and one call.
 * Since: 0.1.0
 * Example: examples/node.c
 */
SHALE_ALLOC_API void *shale_alloc_node(size_t size) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_size(1));

/*
 * The cache line that shale_alloc_node() rounds to: the processor's, 64 where it does not tell.
 *
 * @return  bytes, a power of two.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: one call and a load after the first. Since: 0.1.0
 * Example: examples/node.c
 */
SHALE_ALLOC_API size_t shale_cache_line(void);

/*
 * Frees a block and keeps errno.
 *
 * errno is kept by not being touched. The one exception: a backend that gives memory back to the
 * kernel during this call and is refused (munmap at the limit of mappings) may change it; glibc
 * restores it even then.
 *
 * @param block  of any function here; NULL does nothing.
 * Threads / signals / fork: see the top.
 * Ownership: ends.
 * Cost: the backend's free, nothing else.
 * Since: 0.1.0
 * Example: examples/alloc.c
 */
SHALE_ALLOC_API void shale_free(void *block);

/*
 * Frees a block whose size the caller knows, which can save the backend a look-up.
 *
 * @param block  of shale_alloc(), shale_calloc(), shale_realloc(), shale_strdup() or an array
 *               form; NULL does nothing. Not of shale_alloc_aligned() or shale_alloc_node().
 * @param size   in bytes, exactly as last asked for (of an array: the product); any other is a
 *               bug that a backend need not notice.
 * Threads / signals / fork: see the top. errno: as shale_free().
 * Ownership: ends.
 * Cost: at most shale_free().
 * Since: 0.1.0
 * Example: examples/aligned.c
 */
SHALE_ALLOC_API void shale_free_sized(void *block, size_t size);

/*
 * Frees an aligned block whose alignment and size the caller knows.
 *
 * @param block      of shale_alloc_aligned(); NULL does nothing.
 * @param alignment  in bytes, exactly as asked for.
 * @param size       in bytes, exactly as asked for.
 * Threads / signals / fork: see the top. errno: as shale_free().
 * Ownership: ends.
 * Cost: at most shale_free().
 * Since: 0.1.0
 * Example: examples/aligned.c
 */
SHALE_ALLOC_API void shale_free_aligned(void *block, size_t alignment, size_t size);

/*
 * How many bytes the backend set aside for a block.
 *
 * For measuring. The bytes beyond the size asked for are not the caller's: shale_realloc() is the
 * way to get them.
 *
 * @param block  of any function here, or NULL.
 * @return       bytes, at least the size asked for; 0 for NULL.
 * Threads / signals / fork: see the top.
 * Ownership: unchanged.
 * Cost: one call.
 * Since: 0.1.0
 * Example: examples/statistics.c
 */
SHALE_ALLOC_API size_t shale_usable_size(const void *block);

/*
 * Copies a string into a block of its own.
 *
 * @param text  NUL-terminated, not NULL.
 * @return      the copy; NULL: ENOMEM.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free() (not free()).
 * Cost: strlen, shale_alloc() and a copy.
 * Since: 0.1.0
 * Example: examples/strdup.c
 */
SHALE_ALLOC_API char *shale_strdup(const char *text) SHALE_ALLOC_BLOCK;

/*
 * Copies at most `limit` bytes of a string into a block of its own and ends it with a NUL.
 *
 * @param text   not NULL; needs no NUL within the first `limit` bytes.
 * @param limit  in bytes, without the NUL.
 * @return       the copy; NULL: ENOMEM.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free() (not free()).
 * Cost: strnlen, shale_alloc() and a copy.
 * Since: 0.1.0
 * Example: examples/strdup.c
 */
SHALE_ALLOC_API char *shale_strndup(const char *text, size_t limit) SHALE_ALLOC_BLOCK;

/*
 * The allocator behind the front door: "system", "mimalloc", "jemalloc", "tcmalloc", "rpmalloc"
 * or "mock". What it was configured to be; shale_system_info() tells whether it really serves.
 *
 * @return  a static string, never NULL.
 * Threads / signals / fork: safe anywhere. Ownership: static. Cost: none. Since: 0.1.0
 * Example: examples/system_info.c
 */
SHALE_ALLOC_API const char *shale_backend_name(void);

/*
 * The version of the backend in this process, as it tells it: "2.36", "3.6.0".
 *
 * @return  a static string, never NULL; "unknown" where it does not tell.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: static. Cost: some calls. Since: 0.1.0
 * Example: examples/system_info.c
 */
SHALE_ALLOC_API const char *shale_backend_version(void);

/*
 * What the front door did since the last reset, over all threads, also those that ended.
 *
 * Bytes are usable bytes (shale_usable_size()), the only size that is known when a block is freed.
 * A shale_realloc() counts as one allocation and, unless it was given NULL, one free.
 */
struct shale_alloc_stats {
    uint64_t alloc_count;      /* blocks allocated */
    uint64_t free_count;       /* blocks freed */
    uint64_t alloc_bytes;      /* usable bytes allocated */
    uint64_t free_bytes;       /* usable bytes freed */
    int64_t current_allocated; /* alloc_bytes - free_bytes: negative when blocks from before the
                                  counting began were freed since */
};

/*
 * Switches the counting on or off, for all threads; off at start.
 *
 * @param on  0 off, else on. Calls under way may still be counted, or not.
 * @return    0; SHALE_ENOTSUP: this build has no statistics (-Dalloc_stats=true compiles them in);
 *            SHALE_ENOMEM: no fork hook could be registered.
 * Threads / signals / fork: safe anywhere; a child goes on counting from its parent's figures.
 * Ownership: none. Cost: one store. Since: 0.1.0
 * Example: examples/statistics.c
 */
SHALE_ALLOC_API int shale_alloc_stats_enable(int on);

/*
 * Reads the counters of all threads.
 *
 * While other threads allocate, the sums are of slightly different moments, each exact for the
 * thread it comes from.
 *
 * @param stats  gets the sums; untouched on an error.
 * @return       0; SHALE_EINVAL: stats is NULL; SHALE_ENOTSUP: this build has no statistics.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: one pass over the threads' counters. Since: 0.1.0
 * Example: examples/statistics.c
 */
SHALE_ALLOC_API int shale_alloc_stats_snapshot(struct shale_alloc_stats *stats);

/*
 * Makes the counts so far the new zero.
 *
 * @return  0; SHALE_ENOTSUP: this build has no statistics.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe.
 * Ownership: none. Cost: as a snapshot. Since: 0.1.0
 * Example: examples/statistics.c
 */
SHALE_ALLOC_API int shale_alloc_stats_reset(void);

/*
 * Fill patterns of builds with SHALE_ALLOC_FILL (debug builds): every byte of a block that the
 * program has not written is FRESH, every byte of a freed one FREED as long as the backend leaves
 * it alone. A pointer read from either is 0xA5A5... or 0xDFDF...: not canonical on x86-64, so using
 * it faults. shale_calloc() gives zeros as ever.
 */
#define SHALE_FILL_FRESH 0xA5
#define SHALE_FILL_FREED 0xDF

/*
 * For the inline functions: sets errno.
 *
 * @param error  an errno value.
 * @return       NULL.
 * Threads / signals / fork: safe anywhere. Ownership: none. Cost: a call. Since: 0.1.0
 */
SHALE_ALLOC_API void *shale_alloc_failed(int error) SHALE_ALLOC_ATTR(cold);

/* `inline` in every dialect alike: no copy of its own, the symbol is the library's. src/alloc
 * defines SHALE_ALLOC_DEFINE to turn the same bodies into those symbols. */
#if defined(SHALE_ALLOC_DEFINE)
#define SHALE_ALLOC_INLINE
#elif defined(__GNUC__) && !SHALE_ALLOC_STATS && !SHALE_ALLOC_FILL
#define SHALE_ALLOC_INLINE extern __inline__ __attribute__((__gnu_inline__))
#endif

#if defined(__GNUC__)
#define SHALE_BACKEND_INLINE extern __inline__ __attribute__((__gnu_inline__, __always_inline__))
#endif

#ifdef __cplusplus
}
#endif

/* The backend's side: shale_backend_alloc() and so on, which hold to everything said above. */
#if defined(SHALE_ALLOC_INLINE) || defined(SHALE_ALLOC_BACKEND)
#include SHALE_BACKEND_HEADER
#endif

#ifdef SHALE_ALLOC_INLINE
#ifdef __cplusplus
extern "C" {
#endif

SHALE_ALLOC_INLINE void *shale_alloc(size_t size)
{
    return shale_backend_alloc(size);
}

SHALE_ALLOC_INLINE void *shale_calloc(size_t count, size_t size)
{
    return shale_backend_calloc(count, size);
}

SHALE_ALLOC_INLINE void *shale_realloc(void *block, size_t size)
{
    return shale_backend_realloc(block, size);
}

SHALE_ALLOC_INLINE void *shale_alloc_aligned(size_t alignment, size_t size)
{
    if (SHALE_ALLOC_UNLIKELY(alignment == 0 || (alignment & (alignment - 1)) != 0))
        return shale_alloc_failed(22 /* EINVAL */);
    return shale_backend_aligned(alignment, size);
}

SHALE_ALLOC_INLINE void shale_free(void *block)
{
    shale_backend_free(block);
}

SHALE_ALLOC_INLINE void shale_free_sized(void *block, size_t size)
{
    shale_backend_free_sized(block, size);
}

SHALE_ALLOC_INLINE void shale_free_aligned(void *block, size_t alignment, size_t size)
{
    shale_backend_free_aligned(block, alignment, size);
}

SHALE_ALLOC_INLINE size_t shale_usable_size(const void *block)
{
    return shale_backend_usable_size(block);
}

#ifdef __cplusplus
}
#endif
#endif

/* The alignment that shale_alloc() gives to anything of 16 bytes or more. */
#define SHALE_ALLOC_ALIGNMENT 16

/*
 * Typed forms: the size comes from the type, the result has it, products are checked. Types of
 * any alignment, except for SHALE_RESIZE_ARRAY(), which does not compile above 16. Each gives NULL
 * and ENOMEM on failure; free with shale_free(). Since: 0.1.0. Example: examples/typed.c
 *
 *   SHALE_NEW(T)                 one T, indeterminate      SHALE_NEW_ZERO(T)           zeroed
 *   SHALE_NEW_ARRAY(T, n)        n of them                 SHALE_NEW_ARRAY_ZERO(T, n)  zeroed
 *   SHALE_RESIZE_ARRAY(T, p, n)  p, NULL or an array of T, resized to n of them
 */
#define SHALE_NEW(type)      ((type *)SHALE_ALLOC_TYPED(type, 1, shale_alloc(sizeof(type)), 0))
#define SHALE_NEW_ZERO(type) ((type *)SHALE_ALLOC_TYPED(type, 1, shale_calloc(1, sizeof(type)), 1))
#define SHALE_NEW_ARRAY(type, count)                                                               \
    ((type *)SHALE_ALLOC_TYPED(type, count, shale_alloc_array((count), sizeof(type)), 0))
#define SHALE_NEW_ARRAY_ZERO(type, count)                                                          \
    ((type *)SHALE_ALLOC_TYPED(type, count, shale_calloc((count), sizeof(type)), 1))
#define SHALE_RESIZE_ARRAY(type, array, count)                                                     \
    ((type *)shale_realloc_array(                                                                  \
        (array), (count),                                                                          \
        sizeof(type) + 0 * sizeof(char[__alignof__(type) <= SHALE_ALLOC_ALIGNMENT ? 1 : -1])))

/* A constant condition: only one of the two calls remains, and `count` is evaluated once. */
#define SHALE_ALLOC_TYPED(type, count, plain, zero)                                                \
    (__alignof__(type) <= SHALE_ALLOC_ALIGNMENT                                                    \
         ? (plain)                                                                                 \
         : shale_alloc_array_aligned(__alignof__(type), (count), sizeof(type), (zero)))

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Allocates count elements of size bytes at a multiple of `alignment`: the typed forms' way for
 * over-aligned types.
 *
 * @param alignment  in bytes, a power of two.
 * @param count      number of elements.
 * @param size       of one, in bytes.
 * @param zero       not 0: all bytes zero; else indeterminate.
 * @return           the block; NULL: EINVAL (no power of two), ENOMEM, also when count * size
 *                   overflows.
 * Threads / signals / fork: see the top.
 * Ownership: the caller's, until shale_free() or shale_free_aligned().
 * Cost: shale_alloc_aligned() and one call; with `zero` it writes every byte.
 * Since: 0.1.0
 * Example: examples/typed.c
 */
SHALE_ALLOC_API void *shale_alloc_array_aligned(size_t alignment, size_t count, size_t size,
                                                int zero) SHALE_ALLOC_BLOCK
    SHALE_ALLOC_ATTR(alloc_align(1), alloc_size(2, 3));

#ifdef __cplusplus
}
#endif
#endif
