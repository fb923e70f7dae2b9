/* SPDX-License-Identifier: MIT */
/* A malloc to preload that serves everything but dies in the first large calloc. */
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

/* glibc's headers name the parameters otherwise; these are the same functions. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *memalign(size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void free(void *block);

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size)
{
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    if (count * size >= (size_t)64 * 1024)
        __builtin_trap();
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *block, size_t size)
{
    return __libc_realloc(block, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    return __libc_memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : 12;
}

EXPORT void free(void *block)
{
    __libc_free(block);
}
