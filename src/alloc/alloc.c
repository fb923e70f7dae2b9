/* SPDX-License-Identifier: MIT */
/* The functions of the front door that are never inline. Layer 2. */
#include <errno.h>
#include <string.h>

#include <shale/alloc.h>

#include "alloc/backend.h"
#include "base/atomic.h"
#include "base/system.h"

void *shale_alloc_failed(int error)
{
    errno = error;
    return NULL;
}

const char *shale_backend_name(void)
{
    return SHALE_BACKEND_NAME;
}

const char *shale_backend_version(void)
{
    return backend_version();
}

size_t shale_cache_line(void)
{
    static _Atomic size_t known;
    size_t line = shale_atomic_load_relaxed(&known);
    if (SHALE_LIKELY(line != 0))
        return line;
    line = shale_system_cache_line_size();
    shale_atomic_store_relaxed(&known, line);
    return line;
}

void *shale_alloc_node(size_t size)
{
    if (size == 0)
        return NULL;
    size_t line = shale_cache_line();
    size_t rounded = SHALE_ALIGN_UP(size, line);
    if (rounded < size)
        return shale_alloc_failed(ENOMEM);
    return shale_alloc_aligned(line, rounded);
}

void *shale_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return shale_alloc_failed(ENOMEM);
    return shale_alloc(bytes);
}

void *shale_realloc_array(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return shale_alloc_failed(ENOMEM);
    return shale_realloc(block, bytes);
}

void *shale_alloc_array_aligned(size_t alignment, size_t count, size_t size, int zero)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return shale_alloc_failed(ENOMEM);
    void *block = shale_alloc_aligned(alignment, bytes);
    if (block && zero)
        memset(block, 0, bytes);
    return block;
}

static char *copy_text(const char *text, size_t length)
{
    char *copy = shale_alloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *shale_strdup(const char *text)
{
    return copy_text(text, strlen(text));
}

char *shale_strndup(const char *text, size_t limit)
{
    return copy_text(text, strnlen(text, limit));
}
