/* SPDX-License-Identifier: MIT */
/*
 * C++'s operators new and delete, with the library's malloc and free below them. Layer 5.
 *
 * The C++ library's own would call malloc, and so get here too. But another allocator that the
 * program is linked with (jemalloc and tcmalloc, say) may define them, and then new would be its,
 * while free is ours. The cases that are no fast path are left to the C++ library: it knows the
 * new_handler, and how to throw. It gets its memory from our malloc.
 *
 * The functions have assembler names, because C has no others for them; size_t is unsigned long.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "slab/fast.h"
#include "slab/malloc.h"

_Static_assert(sizeof(size_t) == sizeof(unsigned long), "the names have m for size_t");

/* A reference to std::nothrow, which nobody looks at. */
typedef const void *nothrow;

/* ---- when there is no memory ------------------------------------------------------------------
 */

/*
 * The operator of the C++ library itself: it calls the handler, throws or returns NULL. Searched
 * where it is called from nowhere else: by name, for it may be in no scope of ours. After it the
 * next in the search order. NULL: there is no C++ library that could throw.
 */
static void *library_operator(const char *name)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(libraries); i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        /* By handle the search is in that library and those below it: never ours. */
        void *found = library != NULL ? dlsym(library, name) : NULL;
        if (library != NULL)
            (void)dlclose(library);
        if (found != NULL)
            return found;
    }
    return dlsym(RTLD_NEXT, name);
}

static SHALE_COLD void *new_slow(size_t size, const char *name)
{
    void *(*next)(size_t) = (void *(*)(size_t))library_operator(name);
    return next != NULL ? next(size) : NULL;
}

static SHALE_COLD void *new_nothrow_slow(size_t size, nothrow tag, const char *name)
{
    void *(*next)(size_t, nothrow) = (void *(*)(size_t, nothrow))library_operator(name);
    return next != NULL ? next(size, tag) : NULL;
}

static SHALE_COLD void *new_aligned_slow(size_t size, size_t alignment, const char *name)
{
    void *(*next)(size_t, size_t) = (void *(*)(size_t, size_t))library_operator(name);
    return next != NULL ? next(size, alignment) : NULL;
}

static SHALE_COLD void *new_aligned_nothrow_slow(size_t size, size_t alignment, nothrow tag,
                                                 const char *name)
{
    void *(*next)(size_t, size_t, nothrow) =
        (void *(*)(size_t, size_t, nothrow))library_operator(name);
    return next != NULL ? next(size, alignment, tag) : NULL;
}

/* ---- new --------------------------------------------------------------------------------------
 */

#define NEW(function, symbol)                                                                      \
    SHALE_EXPORT void *function(size_t size) __asm__(symbol);                                      \
    void *function(size_t size)                                                                    \
    {                                                                                              \
        void *block = slab_malloc_fast(size);                                                      \
        return SHALE_LIKELY(block != NULL) ? block : new_slow(size, symbol);                       \
    }

#define NEW_NOTHROW(function, symbol)                                                              \
    SHALE_EXPORT void *function(size_t size, nothrow tag) __asm__(symbol);                         \
    void *function(size_t size, nothrow tag)                                                       \
    {                                                                                              \
        void *block = slab_malloc_fast(size);                                                      \
        return SHALE_LIKELY(block != NULL) ? block : new_nothrow_slow(size, tag, symbol);          \
    }

#define NEW_ALIGNED(function, symbol)                                                              \
    SHALE_EXPORT void *function(size_t size, size_t alignment) __asm__(symbol);                    \
    void *function(size_t size, size_t alignment)                                                  \
    {                                                                                              \
        void *block = slab_aligned(alignment, size);                                               \
        return SHALE_LIKELY(block != NULL) ? block : new_aligned_slow(size, alignment, symbol);    \
    }

#define NEW_ALIGNED_NOTHROW(function, symbol)                                                      \
    SHALE_EXPORT void *function(size_t size, size_t alignment, nothrow tag) __asm__(symbol);       \
    void *function(size_t size, size_t alignment, nothrow tag)                                     \
    {                                                                                              \
        void *block = slab_aligned(alignment, size);                                               \
        return SHALE_LIKELY(block != NULL)                                                         \
                   ? block                                                                         \
                   : new_aligned_nothrow_slow(size, alignment, tag, symbol);                       \
    }

NEW(operator_new, "_Znwm")
NEW(operator_new_array, "_Znam")
NEW_NOTHROW(operator_new_nothrow, "_ZnwmRKSt9nothrow_t")
NEW_NOTHROW(operator_new_array_nothrow, "_ZnamRKSt9nothrow_t")
NEW_ALIGNED(operator_new_aligned, "_ZnwmSt11align_val_t")
NEW_ALIGNED(operator_new_array_aligned, "_ZnamSt11align_val_t")
NEW_ALIGNED_NOTHROW(operator_new_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t")
NEW_ALIGNED_NOTHROW(operator_new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t")

/* ---- delete: whatever else it is told, the block says it all ----------------------------------
 */

#define DELETE(function, symbol, ...)                                                              \
    SHALE_EXPORT void function(void *block __VA_ARGS__) __asm__(symbol);                           \
    void function(void *block __VA_ARGS__)                                                         \
    {                                                                                              \
        slab_free_fast(block);                                                                     \
    }

DELETE(operator_delete, "_ZdlPv")
DELETE(operator_delete_array, "_ZdaPv")
DELETE(operator_delete_sized, "_ZdlPvm", , size_t size)
DELETE(operator_delete_array_sized, "_ZdaPvm", , size_t size)
DELETE(operator_delete_nothrow, "_ZdlPvRKSt9nothrow_t", , nothrow tag)
DELETE(operator_delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", , nothrow tag)
DELETE(operator_delete_aligned, "_ZdlPvSt11align_val_t", , size_t alignment)
DELETE(operator_delete_array_aligned, "_ZdaPvSt11align_val_t", , size_t alignment)
DELETE(operator_delete_sized_aligned, "_ZdlPvmSt11align_val_t", , size_t size, size_t alignment)
DELETE(operator_delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", , size_t size,
       size_t alignment)
DELETE(operator_delete_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t", , size_t alignment,
       nothrow tag)
DELETE(operator_delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t", ,
       size_t alignment, nothrow tag)
