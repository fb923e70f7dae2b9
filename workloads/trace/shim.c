/* SPDX-License-Identifier: MIT */
/*
 * libshale-trace.so: preloaded, it notes every call of the malloc family and passes it on to
 * whoever would have served it.
 *
 * Finding those functions may allocate: until they are found, blocks come from a small buffer here,
 * which takes nothing back and is in no trace.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"

#define EXPORT __attribute__((visibility("default")))

enum { EARLY_BYTES = 1 << 16, ALIGNMENT = 16 };

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);

static alignas(ALIGNMENT) unsigned char early[EARLY_BYTES];
static size_t early_used;
static bool finding;

static void *early_alloc(size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded < size || rounded > EARLY_BYTES - early_used) {
        errno = ENOMEM;
        return NULL;
    }
    early_used += rounded;
    return early + early_used - rounded;
}

static bool is_early(const void *block)
{
    uintptr_t offset = (uintptr_t)block - (uintptr_t)early;
    return offset < EARLY_BYTES;
}

static void *find(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        _exit(127); /* a process without the malloc family has no use for it */
    return function;
}

/* True when the functions are there. The first call comes before there is a second thread. */
static bool ready(void)
{
    if (next_posix_memalign)
        return true;
    if (finding)
        return false;
    finding = true;
    *(void **)&next_malloc = find("malloc");
    *(void **)&next_free = find("free");
    *(void **)&next_calloc = find("calloc");
    *(void **)&next_realloc = find("realloc");
    *(void **)&next_posix_memalign = find("posix_memalign");
    finding = false;
    return true;
}

static void *noted(enum trace_operation operation, void *block, size_t size, size_t alignment)
{
    if (block)
        recorder_note(operation, block, size, alignment);
    return block;
}

EXPORT void *malloc(size_t size)
{
    return ready() ? noted(TRACE_MALLOC, next_malloc(size), size, 0) : early_alloc(size);
}

EXPORT void free(void *ptr)
{
    if (!ptr || is_early(ptr) || !ready())
        return;
    recorder_note(TRACE_FREE, ptr, 0, 0);
    next_free(ptr);
}

EXPORT void *calloc(size_t nmemb, size_t size)
{
    if (ready())
        return noted(TRACE_CALLOC, next_calloc(nmemb, size), nmemb * size, 0);
    return size && nmemb > EARLY_BYTES / size ? NULL : early_alloc(nmemb * size);
}

static void *move_early(const void *block, size_t size)
{
    size_t left = (size_t)(early + EARLY_BYTES - (const unsigned char *)block);
    void *moved = malloc(size);
    if (moved)
        memcpy(moved, block, size < left ? size : left);
    return moved;
}

EXPORT void *realloc(void *ptr, size_t size)
{
    if (!ptr)
        return malloc(size);
    if (is_early(ptr) || !ready())
        return move_early(ptr, size);
    recorder_note(TRACE_REALLOC, ptr, size, 0);
    void *moved = next_realloc(ptr, size);
    recorder_note(TRACE_REALLOCED, moved, size, 0);
    return moved;
}

EXPORT void *reallocarray(void *ptr, size_t nmemb, size_t size)
{
    size_t product;
    if (!__builtin_mul_overflow(nmemb, size, &product))
        return realloc(ptr, product);
    errno = ENOMEM;
    return NULL;
}

EXPORT int posix_memalign(void **memptr, size_t alignment, size_t size)
{
    if (!ready())
        return ENOMEM;
    int error = next_posix_memalign(memptr, alignment, size);
    if (error == 0)
        noted(TRACE_ALIGNED, *memptr, size, alignment);
    return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    void *block = NULL;
    size_t least = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    int error = posix_memalign(&block, least, size);
    if (error)
        errno = error;
    return error ? NULL : block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

EXPORT void *valloc(size_t size)
{
    return aligned_alloc((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return aligned_alloc(page, (size + page - 1) / page * page);
}
