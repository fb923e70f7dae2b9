/* SPDX-License-Identifier: MIT */
/*
 * An unbounded queue of 64-bit items for any number of producers and consumers.
 *
 * Order: first in, first out, linearizable, also among producers; "empty" was true at a moment of
 * the call. Put happens before the get of the same item. Progress: lock-free, whatever threads are
 * stopped and wherever (the calls that wait for an item wait, of course). Threads: all functions
 * but create and destroy from any thread at once. Signals: none in a handler. Fork: a child has a
 * copy of its own and goes on with it, as <shale/smr.h> says of domains.
 *
 * An item is any 64-bit value but the two greatest; a pointer is stored as
 * (uint64_t)(uintptr_t)pointer. Items lie in segments of 1024, 8 bytes each; a segment that was
 * emptied is given back by the domain's reclamation.
 */
#ifndef SHALE_QUEUE_H
#define SHALE_QUEUE_H

#include <shale/collections.h>
#include <shale/error.h>
#include <shale/smr.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From here on no value is an item. */
#define SHALE_QUEUE_RESERVED (UINT64_MAX - 1)

struct shale_queue;

struct shale_queue_options {
    struct shale_smr *domain; /* shared, and outlives the queue; NULL: one of its own, EBR */
    void (*destroy_item)(uint64_t item, void *context); /* for items left at the end, or NULL */
    void *context;
};

/*
 * Makes an empty queue.
 *
 * @param options  copied; NULL: all zero.
 * @return  0; SHALE_ENOMEM.
 * Ownership: the caller's, until shale_queue_destroy().
 * Cost: a segment of 8.5 KiB. Since: 0.1.0
 * Example: examples/work_queue.c
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_queue_create(const struct shale_queue_options *options, struct shale_queue **queue);

/*
 * Calls destroy_item once for each item left, in order, and frees the queue; NULL is allowed.
 * Threads: no other call may run or follow, and no guard of a domain of its own be open. Since:
 * 0.1.0
 */
SHALE_COLLECTIONS_API void shale_queue_destroy(struct shale_queue *queue);

/*
 * Puts an item at the end.
 *
 * @return  0; SHALE_ERANGE: a reserved value; SHALE_ESHUTDOWN; SHALE_ENOMEM. Nothing changed then.
 * Cost: an atomic addition and a compare-and-swap; every 1024th time an allocation; a system call
 *       when a thread sleeps for an item. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_queue_put(struct shale_queue *queue,
                                                                      uint64_t item);

/*
 * Takes the oldest item out.
 *
 * @return  0; SHALE_EEMPTY; SHALE_ESHUTDOWN: shut down, and nothing is left; SHALE_ENOMEM: nothing
 *          changed.
 * Cost: an atomic addition. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_queue_try_get(struct shale_queue *queue,
                                                                          uint64_t *item);

/*
 * Takes the oldest item out, waiting for one: it spins for about a microsecond, then sleeps.
 *
 * @param timeout_ns  0 does not wait; SHALE_FOREVER waits without end.
 * @return  0; SHALE_ETIMEOUT; SHALE_ESHUTDOWN; SHALE_ENOMEM. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_queue_get(struct shale_queue *queue, uint64_t timeout_ns, uint64_t *item);

/*
 * Puts items at the end in their order; items of others may come in between.
 *
 * @param done  gets how many were put: all, unless memory or a shutdown came in between.
 * @return  0: at least one was; SHALE_EINVAL: count is 0; SHALE_ERANGE: one of them is reserved,
 * and none was put; SHALE_ESHUTDOWN; SHALE_ENOMEM. Cost: an atomic addition for all, and a
 * compare-and-swap each. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_queue_put_many(struct shale_queue *queue, const uint64_t *items, size_t count, size_t *done);

/*
 * Takes up to `count` of the oldest items out; others may take items in between.
 *
 * @param done  gets how many; at least 1 on success.
 * @return  0; SHALE_EINVAL: count is 0; SHALE_EEMPTY; SHALE_ESHUTDOWN; SHALE_ENOMEM. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_queue_get_many(struct shale_queue *queue, uint64_t *items, size_t count, size_t *done);

/*
 * Refuses further puts, and wakes all who wait. Items that are in can still be got: a put that
 * returned 0 is never lost. Calling it again does nothing. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_queue_shutdown(struct shale_queue *queue);

/* Items inside; exact while no other call runs. Since: 0.1.0 */
SHALE_COLLECTIONS_API size_t shale_queue_length(struct shale_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
