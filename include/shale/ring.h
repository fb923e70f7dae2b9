/* SPDX-License-Identifier: MIT */
/*
 * A bounded queue of 64-bit items for any number of producers and consumers.
 *
 * Order: first in, first out, linearizable; an answer of "full" or "empty" was true at a moment of
 * the call. Put happens before the get of the same item. Progress: a call takes effect with one
 * compare-and-swap, but a thread that is stopped in the middle of a call makes others wait for its
 * cell when they come to it, so the ring is not lock-free; it is the fastest queue here when
 * threads run. Threads: all functions but create and destroy from any thread at once. Signals: none
 * in a handler. Fork: a child has a copy of its own; it may use it if no other thread was inside a
 * call.
 *
 * An item may be any 64-bit value; a pointer is stored as (uint64_t)(uintptr_t)pointer.
 */
#ifndef SHALE_RING_H
#define SHALE_RING_H

#include <shale/collections.h>
#include <shale/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_ring;

struct shale_ring_options {
    size_t capacity; /* items; rounded up to a power of two, at least 2, at most 2^31 */
    void (*destroy_item)(uint64_t item, void *context); /* for items left at the end, or NULL */
    void *context;
};

/*
 * Makes an empty ring.
 *
 * @param options  copied.
 * @return  0; SHALE_EINVAL: a capacity of 0 or above 2^31; SHALE_ENOMEM.
 * Ownership: the caller's, until shale_ring_destroy().
 * Cost: 16 bytes an item, touched once.
 * Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_ring_create(const struct shale_ring_options *options, struct shale_ring **ring);

/*
 * Calls destroy_item once for each item left, in order, and frees the ring; NULL is allowed.
 * Threads: no other call may run or follow. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_ring_destroy(struct shale_ring *ring);

/*
 * Puts an item in if there is room.
 *
 * @return  0; SHALE_EFULL; SHALE_ESHUTDOWN: shut down. Nothing changed then.
 * Cost: one compare-and-swap; a system call when a thread sleeps for an item. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_ring_try_put(struct shale_ring *ring,
                                                                         uint64_t item);

/*
 * Takes the oldest item out.
 *
 * @return  0; SHALE_EEMPTY; SHALE_ESHUTDOWN: shut down, and nothing is left.
 * Cost: as shale_ring_try_put(). Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_ring_try_get(struct shale_ring *ring,
                                                                         uint64_t *item);

/*
 * Puts an item in, waiting for room: it spins for about a microsecond, then sleeps.
 *
 * @param timeout_ns  0 does not wait; SHALE_FOREVER waits without end.
 * @return  0; SHALE_ETIMEOUT; SHALE_ESHUTDOWN, also when it comes while waiting. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_ring_put(struct shale_ring *ring, uint64_t item, uint64_t timeout_ns);

/* As shale_ring_put(), for taking the oldest item out. */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_ring_get(struct shale_ring *ring, uint64_t timeout_ns, uint64_t *item);

/*
 * Puts the first of `count` items in, next to each other in the order: as many as there is room
 * for, or fewer when others get items out meanwhile.
 *
 * @param done  gets their number, at least 1 on success.
 * @return  0; SHALE_EFULL; SHALE_ESHUTDOWN; SHALE_EINVAL: count is 0.
 * Cost: one compare-and-swap for all. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_ring_put_many(struct shale_ring *ring, const uint64_t *items, size_t count, size_t *done);

/* Takes up to `count` of the oldest items out; as shale_ring_put_many(), with SHALE_EEMPTY. */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_ring_get_many(struct shale_ring *ring, uint64_t *items, size_t count, size_t *done);

/*
 * Refuses further puts, and wakes all who wait. Items that are in can still be got: a put that
 * returned 0 is never lost. Calling it again does nothing. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_ring_shutdown(struct shale_ring *ring);

/* Items inside; exact while no other call runs. */
SHALE_COLLECTIONS_API size_t shale_ring_length(const struct shale_ring *ring);

/* The most that fit. */
SHALE_COLLECTIONS_API size_t shale_ring_capacity(const struct shale_ring *ring);

#ifdef __cplusplus
}
#endif
#endif
