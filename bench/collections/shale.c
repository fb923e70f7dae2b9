/* SPDX-License-Identifier: MIT */
/* Shale's collections, through the installed headers. */
#include <shale/queue.h>
#include <shale/ring.h>
#include <shale/skiplist.h>
#include <shale/treemap.h>
#include <shale/version.h>
#include <stdlib.h>

#include "peer.h"

static void attach(struct shale_smr *domain)
{
    if (shale_smr_attach(domain, NULL) != 0)
        abort();
}

/* ---- maps ---- */

#define MAP(prefix, type)                                                                          \
    static void *prefix##_make(void)                                                               \
    {                                                                                              \
        struct type *map;                                                                          \
        return type##_create(NULL, &map) == 0 ? map : NULL;                                        \
    }                                                                                              \
    static void prefix##_attach(void *map)                                                         \
    {                                                                                              \
        attach(type##_domain(map));                                                                \
    }                                                                                              \
    static void prefix##_detach(void *map)                                                         \
    {                                                                                              \
        (void)!shale_smr_detach(type##_domain(map));                                               \
    }                                                                                              \
    static uint64_t prefix##_run(void *map, const uint64_t *ops, size_t count)                     \
    {                                                                                              \
        uint64_t done = 0, value;                                                                  \
        for (size_t i = 0; i < count; i++) {                                                       \
            struct shale_key key = shale_key_int64(op_key(ops[i]));                                \
            if (op_kind(ops[i]) == OP_GET)                                                         \
                done += type##_get(map, key, &value) == 0;                                         \
            else if (op_kind(ops[i]) == OP_PUT)                                                    \
                done += type##_put(map, key, (uint64_t)key.number, NULL) == 0;                     \
            else                                                                                   \
                done += type##_remove(map, key, NULL) == 0;                                        \
        }                                                                                          \
        return done;                                                                               \
    }                                                                                              \
    static const struct map_peer prefix = {prefix##_make, prefix##_attach, prefix##_detach,        \
                                           prefix##_run}

MAP(skiplist, shale_skiplist);
MAP(treemap, shale_treemap);

const struct peer peer_shale_skiplist = {
    "shale_skiplist", SHALE_VERSION_STRING, "map-*", "lock-free skip list", &skiplist, NULL, NULL};
const struct peer peer_shale_treemap = {"shale_treemap",
                                        SHALE_VERSION_STRING,
                                        "map-*",
                                        "B+ tree, optimistic readers",
                                        &treemap,
                                        NULL,
                                        NULL};

/* ---- queues ---- */

static inline bool queue_try_put(void *queue, uint64_t item)
{
    return shale_queue_put(queue, item) == 0;
}

static inline bool queue_try_get(void *queue, uint64_t *item)
{
    return shale_queue_try_get(queue, item) == 0;
}

static inline bool ring_try_put(void *ring, uint64_t item)
{
    return shale_ring_try_put(ring, item) == 0;
}

static inline bool ring_try_get(void *ring, uint64_t *item)
{
    return shale_ring_try_get(ring, item) == 0;
}

#include "queue_loop.h"
QUEUE_LOOPS(queue)
QUEUE_LOOPS(ring)

#define BATCHES(prefix)                                                                            \
    static size_t prefix##_put_batch(void *queue, const uint64_t *items, size_t count)             \
    {                                                                                              \
        size_t done;                                                                               \
        return shale_##prefix##_put_many(queue, items, count, &done) == 0 ? done : 0;              \
    }                                                                                              \
    static size_t prefix##_get_batch(void *queue, uint64_t *items, size_t count)                   \
    {                                                                                              \
        size_t done;                                                                               \
        return shale_##prefix##_get_many(queue, items, count, &done) == 0 ? done : 0;              \
    }
BATCHES(queue)
BATCHES(ring)

static struct shale_smr *domain;

static void *make_queue(void)
{
    struct shale_queue_options options = {0};
    struct shale_queue *queue;
    if (shale_smr_create(NULL, &domain) != 0)
        return NULL;
    options.domain = domain;
    return shale_queue_create(&options, &queue) == 0 ? queue : NULL;
}

static void *make_ring(void)
{
    struct shale_ring_options options = {.capacity = RING_CAPACITY};
    struct shale_ring *ring;
    return shale_ring_create(&options, &ring) == 0 ? ring : NULL;
}

static void attach_queue(void *queue)
{
    attach(domain);
}

static void detach_queue(void *queue)
{
    (void)!shale_smr_detach(domain);
}

static void nothing(void *ring)
{
}

static const struct queue_peer queue = {make_queue,      attach_queue,   detach_queue,
                                        queue_put_run,   queue_get_run,  queue_pairs,
                                        queue_put_batch, queue_get_batch};
static const struct queue_peer ring = {make_ring,    nothing,    nothing,        ring_put_run,
                                       ring_get_run, ring_pairs, ring_put_batch, ring_get_batch};

const struct peer peer_shale_queue = {
    "shale_queue", SHALE_VERSION_STRING, "queue-*", "unbounded FIFO of segments", NULL, &queue,
    NULL};
const struct peer peer_shale_ring = {
    "shale_ring", SHALE_VERSION_STRING, "queue-[!f]*", "bounded FIFO", NULL, &ring, NULL};
