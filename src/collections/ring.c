/* SPDX-License-Identifier: MIT */
/*
 * The bounded ring: Vyukov's cells with sequence numbers. Layer 4.
 *
 * Position p belongs to cell p & mask, which goes round like this (C is the capacity):
 *
 *     sequence p        free for the put at p
 *     sequence p + 1    holds the item of p
 *     sequence p + C    free for the put at p + C
 *
 * A put claims its position by moving put_at, then writes the cell; a get likewise with get_at.
 * A cell that is not ready means full (or empty) only if the other position says so too; else some
 * thread is between its claim and its write, and is waited for. Shutdown sets CLOSED in put_at:
 * puts that claimed before have happened, later ones see it.
 */
#include <stdbool.h>

#include <shale/ring.h>

#include "collections/eventcount.h"

#define CLOSED       (UINT64_C(1) << 63)
#define CAPACITY_MAX (UINT64_C(1) << 31)

struct cell {
    _Atomic uint64_t sequence;
    uint64_t item;
};

struct shale_ring {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t put_at; /* and CLOSED */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t get_at;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) uint64_t mask;
    size_t bytes;
    void (*destroy_item)(uint64_t item, void *context);
    void *context;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct eventcount filled;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct eventcount emptied;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct cell cells[];
};

int shale_ring_create(const struct shale_ring_options *options, struct shale_ring **ring)
{
    if (options->capacity == 0 || options->capacity > CAPACITY_MAX)
        return SHALE_EINVAL;
    uint64_t capacity = 2;
    while (capacity < options->capacity)
        capacity *= 2;
    size_t bytes = sizeof(struct shale_ring) + (size_t)capacity * sizeof(struct cell);
    struct shale_ring *made = coll_alloc_node(bytes);
    if (!made)
        return SHALE_ENOMEM;
    shale_membarrier_register();
    *made = (struct shale_ring){.mask = capacity - 1,
                                .bytes = bytes,
                                .destroy_item = options->destroy_item,
                                .context = options->context};
    for (uint64_t i = 0; i < capacity; i++)
        made->cells[i] = (struct cell){.sequence = i};
    *ring = made;
    return 0;
}

void shale_ring_destroy(struct shale_ring *ring)
{
    uint64_t item;
    if (!ring)
        return;
    while (ring->destroy_item && shale_ring_try_get(ring, &item) == 0)
        ring->destroy_item(item, ring->context);
    coll_free_node(ring, ring->bytes);
}

static struct cell *cell_of(struct shale_ring *ring, uint64_t position)
{
    return &ring->cells[position & ring->mask];
}

static uint64_t sequence_of(struct cell *cell)
{
    COLL_POINT();
    /* ORDER RING1 acquire <- release in publish() [ring.c]. Sees the item, or that its getter is
     * done with it. Without it a get can return what the cell held before. Test
     * ring_many_threads_lose_nothing. */
    return shale_atomic_load_acquire(&cell->sequence);
}

static void publish(struct cell *cell, uint64_t sequence)
{
    COLL_POINT();
    /* ORDER RING1 release -> acquire in sequence_of() [ring.c]. Publishes the item, or that it was
     * read. Without it a get can return what the cell held before, or a put overwrite what is
     * still to be read. Test ring_many_threads_lose_nothing. */
    shale_atomic_store_release(&cell->sequence, sequence);
}

/* Positions that are taken; true for the end of which the caller is at `position`. */
static bool is_full(struct shale_ring *ring, uint64_t position)
{
    COLL_POINT();
    return shale_atomic_load_relaxed(&ring->get_at) + ring->mask + 1 == position;
}

/* 0: somebody is putting an item there right now. */
static int why_empty(struct shale_ring *ring, uint64_t position)
{
    COLL_POINT();
    uint64_t put_at = shale_atomic_load_relaxed(&ring->put_at);
    if ((put_at & ~CLOSED) != position)
        return 0;
    return put_at & CLOSED ? SHALE_ESHUTDOWN : SHALE_EEMPTY;
}

static SHALE_ALWAYS_INLINE bool claim_put(struct shale_ring *ring, struct cell *cell,
                                          uint64_t *position, uint64_t item)
{
    COLL_POINT();
    if (!shale_atomic_cas_weak_relaxed(&ring->put_at, position, *position + 1))
        return false;
    cell->item = item;
    publish(cell, *position + 1);
    eventcount_notify(&ring->filled, 1);
    return true;
}

static SHALE_NOINLINE int put_slowly(struct shale_ring *ring, uint64_t item)
{
    unsigned rounds = 0;
    uint64_t position = shale_atomic_load_relaxed(&ring->put_at);
    for (;;) {
        if (SHALE_UNLIKELY(position & CLOSED))
            return SHALE_ESHUTDOWN;
        struct cell *cell = cell_of(ring, position);
        uint64_t sequence = sequence_of(cell);
        if (SHALE_LIKELY(sequence == position)) {
            if (claim_put(ring, cell, &position, item))
                return 0;
            continue;
        }
        if ((int64_t)(sequence - position) < 0) {
            if (is_full(ring, position))
                return SHALE_EFULL;
            coll_backoff(&rounds);
        }
        position = shale_atomic_load_relaxed(&ring->put_at);
    }
}

/* The first try is apart: it needs no room for anything. */
int shale_ring_try_put(struct shale_ring *ring, uint64_t item)
{
    uint64_t position = shale_atomic_load_relaxed(&ring->put_at);
    struct cell *cell = cell_of(ring, position);
    /* A closed ring's position is no cell's sequence. */
    if (SHALE_LIKELY(sequence_of(cell) == position) && claim_put(ring, cell, &position, item))
        return 0;
    return put_slowly(ring, item);
}

static SHALE_ALWAYS_INLINE bool claim_get(struct shale_ring *ring, struct cell *cell,
                                          uint64_t *position, uint64_t *item)
{
    COLL_POINT();
    if (!shale_atomic_cas_weak_relaxed(&ring->get_at, position, *position + 1))
        return false;
    *item = cell->item;
    publish(cell, *position + ring->mask + 1);
    eventcount_notify(&ring->emptied, 1);
    return true;
}

static SHALE_NOINLINE int get_slowly(struct shale_ring *ring, uint64_t *item)
{
    unsigned rounds = 0;
    uint64_t position = shale_atomic_load_relaxed(&ring->get_at);
    for (;;) {
        struct cell *cell = cell_of(ring, position);
        uint64_t sequence = sequence_of(cell);
        if (SHALE_LIKELY(sequence == position + 1)) {
            if (claim_get(ring, cell, &position, item))
                return 0;
            continue;
        }
        if ((int64_t)(sequence - position - 1) < 0) {
            int why = why_empty(ring, position);
            if (why != 0)
                return why;
            coll_backoff(&rounds);
        }
        position = shale_atomic_load_relaxed(&ring->get_at);
    }
}

int shale_ring_try_get(struct shale_ring *ring, uint64_t *item)
{
    uint64_t position = shale_atomic_load_relaxed(&ring->get_at);
    struct cell *cell = cell_of(ring, position);
    if (SHALE_LIKELY(sequence_of(cell) == position + 1) && claim_get(ring, cell, &position, item))
        return 0;
    return get_slowly(ring, item);
}

/* Claims up to `count` positions for puts from *position on. */
static int claim_puts(struct shale_ring *ring, size_t count, uint64_t *position, uint64_t *claimed)
{
    uint64_t put_at = shale_atomic_load_relaxed(&ring->put_at);
    do {
        if (put_at & CLOSED)
            return SHALE_ESHUTDOWN;
        COLL_POINT();
        uint64_t used = put_at - shale_atomic_load_relaxed(&ring->get_at);
        if (used == ring->mask + 1)
            return SHALE_EFULL;
        *position = put_at;
        /* A put_at that is out of date can lie before get_at: the exchange will fail. */
        uint64_t room = used > ring->mask + 1 ? 1 : ring->mask + 1 - used;
        *claimed = count < room ? count : room;
        COLL_POINT();
    } while (!shale_atomic_cas_weak_relaxed(&ring->put_at, &put_at, put_at + *claimed));
    return 0;
}

static int claim_gets(struct shale_ring *ring, size_t count, uint64_t *position, uint64_t *claimed)
{
    uint64_t get_at = shale_atomic_load_relaxed(&ring->get_at);
    do {
        int why = why_empty(ring, get_at);
        if (why != 0)
            return why;
        COLL_POINT();
        uint64_t there = (shale_atomic_load_relaxed(&ring->put_at) & ~CLOSED) - get_at;
        *position = get_at;
        *claimed = count < there ? count : there;
        COLL_POINT();
    } while (!shale_atomic_cas_weak_relaxed(&ring->get_at, &get_at, get_at + *claimed));
    return 0;
}

/* The cell of a claimed position, once the thread that still works on it is done. */
static struct cell *await_cell(struct shale_ring *ring, uint64_t position, uint64_t sequence)
{
    struct cell *cell = cell_of(ring, position);
    unsigned rounds = 0;
    while (sequence_of(cell) != sequence)
        coll_backoff(&rounds);
    return cell;
}

static int notify_count(uint64_t count)
{
    return count < EVENTCOUNT_ALL ? (int)count : EVENTCOUNT_ALL;
}

int shale_ring_put_many(struct shale_ring *ring, const uint64_t *items, size_t count, size_t *done)
{
    uint64_t position = 0, claimed = 0;
    if (count == 0)
        return SHALE_EINVAL;
    int result = claim_puts(ring, count, &position, &claimed);
    if (result != 0)
        return result;
    for (uint64_t i = 0; i < claimed; i++) {
        struct cell *cell = await_cell(ring, position + i, position + i);
        cell->item = items[i];
        publish(cell, position + i + 1);
    }
    eventcount_notify(&ring->filled, notify_count(claimed));
    *done = (size_t)claimed;
    return 0;
}

int shale_ring_get_many(struct shale_ring *ring, uint64_t *items, size_t count, size_t *done)
{
    uint64_t position = 0, claimed = 0;
    if (count == 0)
        return SHALE_EINVAL;
    int result = claim_gets(ring, count, &position, &claimed);
    if (result != 0)
        return result;
    for (uint64_t i = 0; i < claimed; i++) {
        struct cell *cell = await_cell(ring, position + i, position + i + 1);
        items[i] = cell->item;
        publish(cell, position + i + ring->mask + 1);
    }
    eventcount_notify(&ring->emptied, notify_count(claimed));
    *done = (size_t)claimed;
    return 0;
}

struct attempt {
    struct shale_ring *ring;
    uint64_t *item;
};

static int attempt_put(void *argument)
{
    const struct attempt *attempt = argument;
    return shale_ring_try_put(attempt->ring, *attempt->item);
}

static int attempt_get(void *argument)
{
    const struct attempt *attempt = argument;
    return shale_ring_try_get(attempt->ring, attempt->item);
}

int shale_ring_put(struct shale_ring *ring, uint64_t item, uint64_t timeout_ns)
{
    struct attempt attempt = {ring, &item};
    int result = shale_ring_try_put(ring, item);
    if (SHALE_LIKELY(result != SHALE_EFULL))
        return result;
    return eventcount_await(&ring->emptied, timeout_ns, attempt_put, &attempt, SHALE_EFULL);
}

int shale_ring_get(struct shale_ring *ring, uint64_t timeout_ns, uint64_t *item)
{
    struct attempt attempt = {ring, item};
    int result = shale_ring_try_get(ring, item);
    if (SHALE_LIKELY(result != SHALE_EEMPTY))
        return result;
    return eventcount_await(&ring->filled, timeout_ns, attempt_get, &attempt, SHALE_EEMPTY);
}

void shale_ring_shutdown(struct shale_ring *ring)
{
    shale_atomic_fetch_or_relaxed(&ring->put_at, CLOSED);
    eventcount_notify(&ring->filled, EVENTCOUNT_ALL);
    eventcount_notify(&ring->emptied, EVENTCOUNT_ALL);
}

size_t shale_ring_length(const struct shale_ring *ring)
{
    uint64_t get_at = shale_atomic_load_relaxed(&ring->get_at);
    uint64_t put_at = shale_atomic_load_relaxed(&ring->put_at) & ~CLOSED;
    uint64_t length = put_at - get_at;
    return length > ring->mask + 1 ? (size_t)(ring->mask + 1) : (size_t)length;
}

size_t shale_ring_capacity(const struct shale_ring *ring)
{
    return (size_t)(ring->mask + 1);
}
