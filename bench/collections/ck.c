/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's ring in its form for several producers and consumers. */
#include <ck_ring.h>
#include <stdlib.h>

#include "peer.h"

struct ring {
    ck_ring_t ring;
    ck_ring_buffer_t buffer[RING_CAPACITY];
};

static void *make(void)
{
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring)
        ck_ring_init(&ring->ring, RING_CAPACITY);
    return ring;
}

static void nothing(void *ring)
{
}

static inline bool ck_try_put(struct ring *ring, uint64_t value)
{
    return ck_ring_enqueue_mpmc(&ring->ring, ring->buffer, (void *)(uintptr_t)value);
}

static inline bool ck_try_get(struct ring *ring, uint64_t *value)
{
    void *item;
    if (!ck_ring_dequeue_mpmc(&ring->ring, ring->buffer, &item))
        return false;
    *value = (uintptr_t)item;
    return true;
}

#include "queue_loop.h"
QUEUE_LOOPS(ck)

static const struct queue_peer queue = {make,       nothing,  nothing, ck_put_run,
                                        ck_get_run, ck_pairs, NULL,    NULL};
const struct peer peer_ck_ring = {
    "ck_ring", CK_PEER_VERSION, "queue-[!f]*", "Concurrency Kit's MPMC ring", NULL, &queue, NULL};
