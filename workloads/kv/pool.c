/* SPDX-License-Identifier: MIT */
/* Memory and buffers of a connection. */
#include "pool.h"

#include <string.h>

enum { FIRST = 4096, KEPT = 64 * 1024 };

bool pool_open(struct pool *pool, bool domains)
{
    struct shale_domain_options options = {.label = "connection", .close = SHALE_EPOCH_DISCARD};
    pool->domain = NULL;
    return !domains || shale_domain_create(&options, &pool->domain) == 0;
}

void *pool_resize(const struct pool *pool, void *block, size_t size)
{
    if (!pool->domain)
        return shale_realloc(block, size);
    return block ? shale_epoch_realloc(block, size) : shale_domain_alloc(pool->domain, size);
}

void pool_free(const struct pool *pool, void *block)
{
    if (pool->domain)
        shale_epoch_free(block);
    else
        shale_free(block);
}

void pool_close(struct pool *pool)
{
    if (pool->domain)
        shale_domain_destroy(pool->domain);
    pool->domain = NULL;
}

char *buffer_room(const struct pool *pool, struct buffer *buffer, size_t size)
{
    if (buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer_size(buffer));
        buffer->end -= buffer->start;
        buffer->start = 0;
    }
    if (size > buffer->capacity - buffer->end) {
        size_t capacity = buffer->capacity ? buffer->capacity : FIRST;
        while (capacity - buffer->end < size)
            capacity *= 2;
        char *bytes = pool_resize(pool, buffer->bytes, capacity);
        if (!bytes)
            return NULL;
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->end;
}

void buffer_free(const struct pool *pool, struct buffer *buffer)
{
    pool_free(pool, buffer->bytes);
    *buffer = (struct buffer){NULL, 0, 0, 0};
}

void buffer_take(const struct pool *pool, struct buffer *buffer, size_t size)
{
    buffer->start += size;
    if (buffer->start < buffer->end)
        return;
    buffer->start = buffer->end = 0;
    if (buffer->capacity > KEPT)
        buffer_free(pool, buffer);
}
