/* SPDX-License-Identifier: MIT */
/* Bump memory over the OS port. Layer 0. */
#include "base/bump.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/os.h"

enum {
    CHUNK_MIN = 64 << 10,
    CHUNK_MAX = 2 << 20,
    ALIGNMENT_DEFAULT = 16,
    ALIGNMENT_MAX = 64 << 10,
};

struct shale_bump_chunk {
    struct shale_bump_chunk *older;
    size_t size;
};

static bool is_alignment(size_t alignment)
{
    return SHALE_IS_POWER_OF_TWO(alignment) && alignment <= ALIGNMENT_MAX;
}

/* Takes from the newest chunk; NULL when it has no room. */
static void *take(struct shale_bump *bump, size_t size, size_t alignment)
{
    uintptr_t start = SHALE_ALIGN_UP((uintptr_t)bump->next, alignment);
    uintptr_t end = (uintptr_t)bump->end;
    if (!bump->chunk || start > end || size > end - start)
        return NULL;
    bump->next = (char *)start + size;
    return (void *)start;
}

static struct shale_bump_chunk *map_chunk(struct shale_bump *bump, size_t size)
{
    void *start;
    if (shale_os_map(size, 0, &start) != 0)
        return NULL;
    struct shale_bump_chunk *chunk = start;
    chunk->size = size;
    bump->mapped_bytes += size;
    return chunk;
}

static size_t next_chunk_size(const struct shale_bump *bump)
{
    size_t size = CHUNK_MIN;
    while (size < CHUNK_MAX && size <= bump->mapped_bytes)
        size *= 2;
    return size;
}

/* A chunk of its own behind the newest, so that the newest keeps its free rest. */
static void *take_large(struct shale_bump *bump, size_t size, size_t alignment)
{
    size_t page = shale_os_page_size();
    size_t whole = sizeof(struct shale_bump_chunk) + size + alignment;
    struct shale_bump_chunk *chunk = map_chunk(bump, SHALE_ALIGN_UP(whole, page));
    if (!chunk)
        return NULL;
    if (bump->chunk) {
        chunk->older = bump->chunk->older;
        bump->chunk->older = chunk;
    } else {
        bump->chunk = chunk;
    }
    return (void *)SHALE_ALIGN_UP((uintptr_t)(chunk + 1), alignment);
}

static bool grow(struct shale_bump *bump)
{
    struct shale_bump_chunk *chunk = map_chunk(bump, next_chunk_size(bump));
    if (!chunk)
        return false;
    chunk->older = bump->chunk;
    bump->chunk = chunk;
    bump->next = (char *)(chunk + 1);
    bump->end = (char *)chunk + chunk->size;
    return true;
}

void *shale_bump_alloc(struct shale_bump *bump, size_t size, size_t alignment)
{
    if (alignment == 0)
        alignment = ALIGNMENT_DEFAULT;
    if (!is_alignment(alignment) || size > SIZE_MAX / 4)
        return NULL;
    if (size == 0)
        size = 1;
    void *block = take(bump, size, alignment);
    if (block)
        return block;
    if (size + alignment > CHUNK_MIN / 2)
        return take_large(bump, size, alignment);
    return grow(bump) ? take(bump, size, alignment) : NULL;
}

char *shale_bump_copy_text(struct shale_bump *bump, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? shale_bump_alloc(bump, length + 1, 1) : NULL;
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void shale_bump_release(struct shale_bump *bump)
{
    struct shale_bump_chunk *chunk = bump->chunk;
    while (chunk) {
        struct shale_bump_chunk *older = chunk->older;
        shale_os_release(chunk, chunk->size);
        chunk = older;
    }
    *bump = (struct shale_bump){0};
}
