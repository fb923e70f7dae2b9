/* SPDX-License-Identifier: MIT */
/*
 * An unbounded stack of 64-bit items for any number of threads.
 *
 * Order: last in, first out, linearizable. Push happens before the pop of the same item. Progress:
 * lock-free. A push and a pop that meet while others are in their way exchange the item beside the
 * stack (elimination). Threads: all functions but create and destroy from any thread at once.
 * Signals: none in a handler. Fork: a child has a copy of its own and goes on with it, as
 * <shale/smr.h> says of domains.
 */
#ifndef SHALE_STACK_H
#define SHALE_STACK_H

#include <shale/collections.h>
#include <shale/error.h>
#include <shale/smr.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_stack;

struct shale_stack_options {
    struct shale_smr *domain; /* shared, and outlives the stack; NULL: one of its own, EBR */
    void (*destroy_item)(uint64_t item, void *context); /* for items left at the end, or NULL */
    void *context;
};

/*
 * Makes an empty stack.
 *
 * @param options  copied; NULL: all zero.
 * @return  0; SHALE_ENOMEM.
 * Ownership: the caller's, until shale_stack_destroy(). Cost: about 2 KiB. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_stack_create(const struct shale_stack_options *options, struct shale_stack **stack);

/*
 * Calls destroy_item once for each item left, the last first, and frees the stack; NULL is allowed.
 * Threads: no other call may run or follow, and no guard of a domain of its own be open. Since:
 * 0.1.0
 */
SHALE_COLLECTIONS_API void shale_stack_destroy(struct shale_stack *stack);

/*
 * Puts an item on top.
 *
 * @return  0; SHALE_ENOMEM: nothing changed.
 * Cost: an allocation of 24 bytes and a compare-and-swap. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_stack_push(struct shale_stack *stack,
                                                                       uint64_t item);

/*
 * Takes the item on top.
 *
 * @return  0; SHALE_EEMPTY; SHALE_ENOMEM: nothing changed.
 * Cost: a compare-and-swap, and retiring the node. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_stack_try_pop(struct shale_stack *stack,
                                                                          uint64_t *item);

#ifdef __cplusplus
}
#endif
#endif
