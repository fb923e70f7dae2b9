/* SPDX-License-Identifier: MIT */
/*
 * The stack: Treiber's, with elimination. Layer 4.
 *
 * A push whose compare-and-swap fails offers its node in one of a few places for a while; a pop
 * that fails looks there for one:
 *
 *     EMPTY -> node -> EMPTY            offered, and withdrawn by the pusher
 *     EMPTY -> node -> TAKEN -> EMPTY   taken by a pop, seen by the pusher: both are done
 *
 * The pair takes effect at the moment when it is taken. A node that was taken there was never on
 * the stack, so nobody else can look into it, and it is freed at once.
 */
#include <shale/stack.h>

#include "collections/point.h"
#include "collections/random.h"
#include "smr/guard.h"

enum { PLACES = 8, OFFER_ROUNDS = 64 };

#define EMPTY ((uintptr_t)0)
#define TAKEN ((uintptr_t)1)

struct node {
    uint64_t item;
    uintptr_t below; /* a node; does not change once the node can be seen */
    uint64_t birth;
};

struct place {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t offer;
};

struct shale_stack {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t top;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct shale_smr *domain;
    bool own_domain;
    void (*destroy_item)(uint64_t item, void *context);
    void *context;
    struct place places[PLACES];
};

int shale_stack_create(const struct shale_stack_options *options, struct shale_stack **stack)
{
    static const struct shale_stack_options plain;
    options = options ? options : &plain;
    struct shale_stack *made = coll_alloc_node(sizeof *made);
    if (!made)
        return SHALE_ENOMEM;
    *made = (struct shale_stack){.domain = options->domain,
                                 .own_domain = !options->domain,
                                 .destroy_item = options->destroy_item,
                                 .context = options->context};
    if (made->own_domain && shale_smr_create(NULL, &made->domain) != 0) {
        coll_free_node(made, sizeof *made);
        return SHALE_ENOMEM;
    }
    *stack = made;
    return 0;
}

void shale_stack_destroy(struct shale_stack *stack)
{
    if (!stack)
        return;
    struct node *node = (struct node *)shale_atomic_load_relaxed(&stack->top);
    while (node) {
        struct node *below = (struct node *)node->below;
        if (stack->destroy_item)
            stack->destroy_item(node->item, stack->context);
        shale_free(node);
        node = below;
    }
    if (stack->own_domain)
        shale_smr_destroy(stack->domain);
    coll_free_node(stack, sizeof *stack);
}

static _Atomic uintptr_t *random_place(struct shale_stack *stack)
{
    return &stack->places[coll_random() % PLACES].offer;
}

/* True when a pop took the node. */
static bool offer(struct shale_stack *stack, struct node *node)
{
    _Atomic uintptr_t *place = random_place(stack);
    uintptr_t expected = EMPTY;
    COLL_POINT();
    /* ORDER STACK1 release -> acquire in take_offer() [stack.c]. Publishes the item. Without it a
     * pop could read the node before it was written. Test stack_many_threads_lose_nothing. */
    if (!shale_atomic_cas_release(place, &expected, (uintptr_t)node))
        return false;
    for (int i = 0; i < OFFER_ROUNDS && shale_atomic_load_relaxed(place) != TAKEN; i++) {
        COLL_SPIN_POINT();
        shale_cpu_relax();
    }
    expected = (uintptr_t)node;
    COLL_POINT();
    if (shale_atomic_cas_relaxed(place, &expected, EMPTY))
        return false;
    shale_atomic_store_relaxed(place, EMPTY);
    return true;
}

static bool take_offer(struct shale_stack *stack, uint64_t *item)
{
    _Atomic uintptr_t *place = random_place(stack);
    uintptr_t found = shale_atomic_load_relaxed(place);
    COLL_POINT();
    if (found == EMPTY || found == TAKEN)
        return false;
    /* ORDER STACK1 acquire <- release in offer() [stack.c]. Sees the item. Without it the node
     * could be read before it was written. Test stack_many_threads_lose_nothing. */
    if (!shale_atomic_cas_acquire(place, &found, TAKEN))
        return false;
    struct node *node = (struct node *)found;
    *item = node->item;
    shale_free(node);
    return true;
}

static struct shale_smr_thread *enter(struct shale_stack *stack)
{
    struct shale_smr_thread *slot = smr_self(stack->domain);
    if (slot)
        smr_enter(slot);
    return slot;
}

int shale_stack_push(struct shale_stack *stack, uint64_t item)
{
    struct node *node = coll_alloc(sizeof *node);
    if (!node)
        return SHALE_ENOMEM;
    struct shale_smr_thread *slot = enter(stack);
    if (!slot) {
        shale_free(node);
        return SHALE_ENOMEM;
    }
    *node = (struct node){.item = item, .birth = smr_birth(slot)};
    node->below = shale_atomic_load_relaxed(&stack->top);
    COLL_POINT();
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Publishes the node. Without it a
     * pop could read it before it was written. Test stack_many_threads_lose_nothing. */
    while (!shale_atomic_cas_release(&stack->top, &node->below, (uintptr_t)node)) {
        if (offer(stack, node))
            break;
        node->below = shale_atomic_load_relaxed(&stack->top);
        COLL_POINT();
    }
    smr_exit(slot);
    return 0;
}

static void free_node(void *node, void *unused)
{
    shale_free(node);
}

static void retire(struct shale_smr_thread *slot, struct node *node)
{
    struct smr_record record = {
        .pointer = node, .function = free_node, .size = sizeof *node, .birth = node->birth};
    if (smr_retire(slot, &record) != 0)
        SHALE_ASSERT(false && "room for retiring was reserved");
}

/* One try: 0, SHALE_EEMPTY, or SHALE_EBUSY where others were in the way. */
static int try_top(struct shale_stack *stack, struct shale_smr_thread *slot, uint64_t *item)
{
    COLL_POINT();
    uintptr_t found = smr_load(slot, &stack->top);
    struct node *node = (struct node *)found;
    if (!node)
        return SHALE_EEMPTY;
    COLL_POINT();
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Passes on what the push of the
     * node below published. Without it that node could be read before it was written. Test
     * stack_many_threads_lose_nothing. */
    if (!shale_atomic_cas_release(&stack->top, &found, node->below))
        return SHALE_EBUSY;
    *item = node->item;
    retire(slot, node);
    return 0;
}

int shale_stack_try_pop(struct shale_stack *stack, uint64_t *item)
{
    struct shale_smr_thread *slot = enter(stack);
    if (!slot)
        return SHALE_ENOMEM;
    int result = smr_reserve(slot, 1) == 0 ? SHALE_EBUSY : SHALE_ENOMEM;
    while (result == SHALE_EBUSY) {
        result = try_top(stack, slot, item);
        if (result == SHALE_EBUSY && take_offer(stack, item))
            result = 0;
    }
    smr_exit(slot);
    return result;
}
