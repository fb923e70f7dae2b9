/* SPDX-License-Identifier: MIT */
/*
 * The memory of one connection: a domain of its own where Shale's backend is slab, discarded with
 * everything in it when the connection ends; else plain blocks of the front door.
 */
#ifndef WORKLOADS_KV_POOL_H
#define WORKLOADS_KV_POOL_H

#include <shale/alloc.h>
#include <shale/domain.h>
#include <stdbool.h>

struct pool {
    shale_domain *domain; /* NULL: blocks of the front door */
};

/* False: no memory. */
bool pool_open(struct pool *pool, bool domains);

/* `block` may be NULL; NULL is given without memory, and the block stays. */
void *pool_resize(const struct pool *pool, void *block, size_t size);
void pool_free(const struct pool *pool, void *block);

/* Ends it; blocks of the front door were freed before. */
void pool_close(struct pool *pool);

/* Bytes in a row: filled at the end, taken from the beginning. */
struct buffer {
    char *bytes;
    size_t start, end; /* of what is in it */
    size_t capacity;
};

/* Room for `size` more at the end; NULL: no memory. The caller moves `end`. */
char *buffer_room(const struct pool *pool, struct buffer *buffer, size_t size);

/* Takes bytes from the beginning; an empty buffer that is large gives its memory back. */
void buffer_take(const struct pool *pool, struct buffer *buffer, size_t size);
void buffer_free(const struct pool *pool, struct buffer *buffer);

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

#endif
