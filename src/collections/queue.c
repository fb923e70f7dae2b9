/* SPDX-License-Identifier: MIT */
/*
 * The unbounded queue: segments of cells that are claimed by atomic additions. Layer 4.
 *
 *     head                       tail
 *      v                          v
 *     [segment]-> [segment] -> [segment]-> 0, or SEALED
 *
 * A put claims a cell with put_at and swaps its item into it; a get claims with get_at and takes
 * what is there. A get that comes first, and still finds nothing after a short wait, leaves TAKEN,
 * and the put looks for another cell: so neither ever waits for the other. When the cells are used
 * up, a put links a new segment that holds its item already, a get moves head on and retires the
 * old one; tail is moved off a segment before head is.
 *
 * The queue is empty when the gets have claimed every cell that the puts had, and then there is no
 * next segment: in this order of looking it was true when put_at was read. Shutdown sets CLOSED in
 * the last segment's put_at, so that later puts see it, and seals `next`, so that none is linked.
 */
#include <string.h>

#include <shale/queue.h>

#include "collections/eventcount.h"
#include "smr/guard.h"

enum { CELLS = 1024, GET_ROUNDS = 32 };

#define CLOSED (UINT64_C(1) << 63)
#define SEALED ((uintptr_t)1)

/* What a cell holds: one of these, or an item + FIRST_ITEM. */
#define EMPTY      UINT64_C(0)
#define TAKEN      UINT64_C(1)
#define FIRST_ITEM UINT64_C(2)
_Static_assert(SHALE_QUEUE_RESERVED + FIRST_ITEM == 0, "an item never looks like EMPTY or TAKEN");

struct segment {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t put_at; /* and CLOSED */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t get_at;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t next;
    uint64_t number; /* of its first cell among all */
    uint64_t birth;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t cells[CELLS];
};

struct shale_queue {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t tail;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t head;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct shale_smr *domain;
    bool own_domain;
    void (*destroy_item)(uint64_t item, void *context);
    void *context;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct eventcount filled;
};

/* ---- life ---- */

static struct segment *make_segment(uint64_t number)
{
    struct segment *segment = coll_alloc_node(sizeof *segment);
    if (segment) {
        memset(segment, 0, sizeof *segment);
        segment->number = number;
    }
    return segment;
}

static void free_segment(void *segment, void *unused)
{
    coll_free_node(segment, sizeof(struct segment));
}

int shale_queue_create(const struct shale_queue_options *options, struct shale_queue **queue)
{
    static const struct shale_queue_options plain;
    options = options ? options : &plain;
    struct shale_queue *made = coll_alloc_node(sizeof *made);
    struct segment *first = made ? make_segment(0) : NULL;
    if (first) {
        *made = (struct shale_queue){.tail = (uintptr_t)first,
                                     .head = (uintptr_t)first,
                                     .domain = options->domain,
                                     .own_domain = !options->domain,
                                     .destroy_item = options->destroy_item,
                                     .context = options->context};
        if (made->domain || shale_smr_create(NULL, &made->domain) == 0) {
            shale_membarrier_register();
            *queue = made;
            return 0;
        }
        free_segment(first, NULL);
    }
    if (made)
        coll_free_node(made, sizeof *made);
    return SHALE_ENOMEM;
}

static void destroy_items(struct shale_queue *queue, const struct segment *segment)
{
    for (uint64_t i = shale_atomic_load_relaxed(&segment->get_at); i < CELLS; i++) {
        uint64_t held = shale_atomic_load_relaxed(&segment->cells[i]);
        if (held >= FIRST_ITEM && queue->destroy_item)
            queue->destroy_item(held - FIRST_ITEM, queue->context);
    }
}

void shale_queue_destroy(struct shale_queue *queue)
{
    if (!queue)
        return;
    uintptr_t word = shale_atomic_load_relaxed(&queue->head);
    while (word != 0 && word != SEALED) {
        struct segment *segment = (struct segment *)word;
        destroy_items(queue, segment);
        word = shale_atomic_load_relaxed(&segment->next);
        free_segment(segment, NULL);
    }
    if (queue->own_domain)
        shale_smr_destroy(queue->domain);
    coll_free_node(queue, sizeof *queue);
}

static SHALE_ALWAYS_INLINE struct shale_smr_thread *enter(struct shale_queue *queue)
{
    struct shale_smr_thread *slot = smr_self(queue->domain);
    if (SHALE_LIKELY(slot))
        smr_enter(slot);
    return slot;
}

/* ---- putting ---- */

static uintptr_t next_of(struct segment *segment)
{
    COLL_POINT();
    /* ORDER QUEUE1 acquire <- release in append() [queue.c]. The segment is filled in for whoever
     * moves tail or head on to it. Without it others could find it there unwritten. Test
     * queue_many_threads_lose_nothing. */
    return shale_atomic_load_acquire(&segment->next);
}

/* Moves tail or head from a segment to the one behind it. */
static bool move_on(_Atomic uintptr_t *place, struct segment *segment, uintptr_t next)
{
    uintptr_t expected = (uintptr_t)segment;
    COLL_POINT();
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Passes on the segment behind, and
     * that tail has left this one. Without it the segment could be seen unwritten, or be retired
     * with tail on it. Test queue_many_threads_lose_nothing. */
    return shale_atomic_cas_release(place, &expected, next);
}

/* True when the item is in the cell; false when a get has given up on it. */
static bool fill(struct segment *segment, uint64_t at, uint64_t item)
{
    uint64_t expected = EMPTY;
    COLL_POINT();
    /* ORDER QUEUE2 release -> acquire in take() [queue.c]. Publishes what was written before the
     * put. Without it who gets the item can see that unwritten. Test
     * queue_many_threads_lose_nothing. */
    return shale_atomic_cas_release(&segment->cells[at], &expected, item + FIRST_ITEM);
}

/* Links a new segment with as many of the items as fit. SHALE_ENOMEM; SHALE_EBUSY: others did. */
static int append(struct shale_smr_thread *slot, struct segment *segment, const uint64_t *items,
                  size_t count, size_t *done)
{
    uintptr_t expected = 0;
    struct segment *made = make_segment(segment->number + CELLS);
    if (!made)
        return SHALE_ENOMEM;
    size_t fitting = count < CELLS ? count : CELLS;
    for (size_t i = 0; i < fitting; i++)
        shale_atomic_store_relaxed(&made->cells[i], items[i] + FIRST_ITEM);
    shale_atomic_store_relaxed(&made->put_at, fitting);
    made->birth = smr_birth(slot);
    COLL_POINT();
    /* ORDER QUEUE1 release -> acquire in next_of() [queue.c]. Publishes the segment and its items.
     * Without it others could find it unwritten. Test queue_many_threads_lose_nothing. */
    if (!shale_atomic_cas_release(&segment->next, &expected, (uintptr_t)made)) {
        free_segment(made, NULL);
        return SHALE_EBUSY;
    }
    *done += fitting;
    return 0;
}

/* No cell is left, or the segment is closed: goes to the next one, or makes it. 0: some are put. */
static SHALE_NOINLINE int put_behind(struct shale_queue *queue, struct shale_smr_thread *slot,
                                     struct segment *segment, bool closed, const uint64_t *items,
                                     size_t count, size_t *done)
{
    uintptr_t next = next_of(segment);
    int result = SHALE_EBUSY;
    if (next == 0 && closed)
        shale_atomic_cas_relaxed(&segment->next, &next, SEALED);
    else if (next == 0)
        result = append(slot, segment, items, count, done);
    next = next_of(segment);
    if (result == SHALE_ENOMEM || next == SEALED)
        return result == SHALE_ENOMEM ? result : SHALE_ESHUTDOWN;
    if (next != 0)
        move_on(&queue->tail, segment, next);
    return result;
}

/* Claims cells for the rest of the items. SHALE_EBUSY: not all of them are put. */
static SHALE_ALWAYS_INLINE int put_some(struct shale_queue *queue, struct shale_smr_thread *slot,
                                        const uint64_t *items, size_t count, size_t *done)
{
    struct segment *segment = (struct segment *)smr_load(slot, &queue->tail);
    COLL_POINT();
    uint64_t at = shale_atomic_fetch_add_relaxed(&segment->put_at, count - *done);
    if (SHALE_UNLIKELY(at >= CELLS))
        return put_behind(queue, slot, segment, at & CLOSED, items + *done, count - *done, done);
    uint64_t end = at + (count - *done);
    for (end = end < CELLS ? end : CELLS; at < end; at++)
        if (fill(segment, at, items[*done]))
            ++*done;
    return *done == count ? 0 : SHALE_EBUSY;
}

static SHALE_NOINLINE int put_slowly(struct shale_queue *queue, struct shale_smr_thread *slot,
                                     uint64_t item)
{
    size_t done = 0;
    int result;
    do
        result = put_some(queue, slot, &item, 1, &done);
    while (result == SHALE_EBUSY);
    return result;
}

/* The first try is apart: it needs no room for anything. */
static SHALE_ALWAYS_INLINE int put_one(struct shale_queue *queue, struct shale_smr_thread *slot,
                                       uint64_t item)
{
    struct segment *segment = (struct segment *)smr_load(slot, &queue->tail);
    COLL_POINT();
    uint64_t at = shale_atomic_fetch_add_relaxed(&segment->put_at, 1);
    if (SHALE_LIKELY(at < CELLS) && SHALE_LIKELY(fill(segment, at, item)))
        return 0;
    return put_slowly(queue, slot, item);
}

int shale_queue_put(struct shale_queue *queue, uint64_t item)
{
    if (SHALE_UNLIKELY(item >= SHALE_QUEUE_RESERVED))
        return SHALE_ERANGE;
    struct shale_smr_thread *slot = enter(queue);
    if (SHALE_UNLIKELY(!slot))
        return SHALE_ENOMEM;
    int result = put_one(queue, slot, item);
    smr_exit(slot);
    if (SHALE_LIKELY(result == 0))
        eventcount_notify(&queue->filled, 1);
    return result;
}

static int notify_count(size_t count)
{
    return count < EVENTCOUNT_ALL ? (int)count : EVENTCOUNT_ALL;
}

int shale_queue_put_many(struct shale_queue *queue, const uint64_t *items, size_t count,
                         size_t *done)
{
    size_t put = 0;
    if (count == 0)
        return SHALE_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (items[i] >= SHALE_QUEUE_RESERVED)
            return SHALE_ERANGE;
    struct shale_smr_thread *slot = enter(queue);
    if (!slot)
        return SHALE_ENOMEM;
    int result = SHALE_EBUSY;
    while (put < count && (result == 0 || result == SHALE_EBUSY))
        result = put_some(queue, slot, items, count, &put);
    smr_exit(slot);
    if (put == 0)
        return result;
    eventcount_notify(&queue->filled, notify_count(put));
    *done = put;
    return 0;
}

/* ---- getting ---- */

/* How many claimed puts no get has claimed; below 1: none. */
static SHALE_ALWAYS_INLINE int64_t unclaimed(struct segment *segment)
{
    COLL_POINT();
    /* ORDER QUEUE3 acquire <- acq_rel in claim_gets() [queue.c]. What is read next is no older than
     * at the last claim. Without it "empty" could be told although that claim came after a put that
     * is still inside. Test queue_many_threads_lose_nothing. */
    uint64_t get_at = shale_atomic_load_acquire(&segment->get_at);
    COLL_POINT();
    uint64_t put_at = shale_atomic_load_relaxed(&segment->put_at) & ~CLOSED;
    return (int64_t)(put_at - get_at);
}

/* 0: there may be something; SHALE_EEMPTY or SHALE_ESHUTDOWN: there was nothing. */
static SHALE_ALWAYS_INLINE int look(struct segment *segment, uint64_t *there)
{
    int64_t count = unclaimed(segment);
    *there = (uint64_t)count;
    if (SHALE_LIKELY(count > 0))
        return 0;
    *there = 1;
    uintptr_t next = COLL_BUG(FALSE_EMPTY) ? 0 : next_of(segment);
    if (next == 0)
        return SHALE_EEMPTY;
    /* Sealed: what was put between the two looks was put before that. */
    return next == SEALED && unclaimed(segment) <= 0 ? SHALE_ESHUTDOWN : 0;
}

/* Waits a little for a put that is inside, then lets it look elsewhere. */
static SHALE_NOINLINE uint64_t take_slowly(_Atomic uint64_t *cell)
{
    for (int i = 1; i < GET_ROUNDS; i++) {
        shale_cpu_relax();
        COLL_POINT();
        /* ORDER QUEUE2 acquire <- release in fill() [queue.c]. As take(), a little later. */
        uint64_t held = shale_atomic_load_acquire(cell);
        if (held != EMPTY)
            return held;
    }
    COLL_POINT();
    /* ORDER QUEUE2 acquire <- release in fill() [queue.c]. As take(), for the put that came last.
     */
    return shale_atomic_exchange_acquire(cell, TAKEN);
}

/* What a claimed cell holds: EMPTY when its put is to look elsewhere. */
static SHALE_ALWAYS_INLINE uint64_t take(_Atomic uint64_t *cell)
{
    COLL_POINT();
    /* ORDER QUEUE2 acquire <- release in fill() [queue.c]. Sees what was written before the put.
     * Without it that can be seen unwritten. Test queue_many_threads_lose_nothing. */
    uint64_t held = shale_atomic_load_acquire(cell);
    return SHALE_LIKELY(held != EMPTY) ? held : take_slowly(cell);
}

/* All cells are claimed: moves head to the next segment. SHALE_EBUSY: look again. */
static SHALE_NOINLINE int leave(struct shale_queue *queue, struct shale_smr_thread *slot,
                                struct segment *segment)
{
    uintptr_t next = next_of(segment);
    if (next == 0 || next == SEALED)
        return next == 0 ? SHALE_EEMPTY : SHALE_ESHUTDOWN;
    if (smr_reserve(slot, 1) != 0)
        return SHALE_ENOMEM;
    if (shale_atomic_load_relaxed(&queue->tail) == (uintptr_t)segment)
        move_on(&queue->tail, segment, next);
    if (move_on(&queue->head, segment, next)) {
        struct smr_record record = {.pointer = segment,
                                    .function = free_segment,
                                    .size = sizeof *segment,
                                    .birth = segment->birth};
        if (smr_retire(slot, &record) != 0)
            SHALE_ASSERT(false && "room for retiring was reserved");
    }
    return SHALE_EBUSY;
}

static SHALE_ALWAYS_INLINE uint64_t claim_gets(struct segment *segment, uint64_t count)
{
    COLL_POINT();
    /* ORDER QUEUE3 acq_rel -> acquire in unclaimed() [queue.c]. Who sees the claim sees the puts
     * before it. Without it "empty" could be told although this claim came after a put that is
     * still inside. Test queue_many_threads_lose_nothing. */
    return shale_atomic_fetch_add_acq_rel(&segment->get_at, count);
}

/* Claims up to `count` cells and takes what they hold. SHALE_EBUSY: nothing, look again. */
static SHALE_ALWAYS_INLINE int get_some(struct shale_queue *queue, struct shale_smr_thread *slot,
                                        uint64_t *items, size_t count, size_t *done)
{
    uint64_t there;
    struct segment *segment = (struct segment *)smr_load(slot, &queue->head);
    int result = look(segment, &there);
    if (result != 0)
        return result;
    uint64_t claim = count < there ? count : there;
    uint64_t at = claim_gets(segment, claim);
    if (SHALE_UNLIKELY(at >= CELLS))
        return leave(queue, slot, segment);
    uint64_t end = at + claim < CELLS ? at + claim : CELLS;
    for (; at < end; at++) {
        uint64_t held = take(&segment->cells[at]);
        if (SHALE_LIKELY(held != EMPTY))
            items[(*done)++] = held - FIRST_ITEM;
    }
    return *done > 0 ? 0 : SHALE_EBUSY;
}

static SHALE_NOINLINE int get_slowly(struct shale_queue *queue, struct shale_smr_thread *slot,
                                     uint64_t *items, size_t count, size_t *done)
{
    int result;
    do
        result = get_some(queue, slot, items, count, done);
    while (result == SHALE_EBUSY);
    return result;
}

/* The first try is apart: it needs no room for anything. */
static SHALE_ALWAYS_INLINE int get_one(struct shale_queue *queue, struct shale_smr_thread *slot,
                                       uint64_t *item)
{
    struct segment *segment = (struct segment *)smr_load(slot, &queue->head);
    if (SHALE_LIKELY(unclaimed(segment) > 0)) {
        uint64_t at = claim_gets(segment, 1);
        uint64_t held = SHALE_LIKELY(at < CELLS) ? take(&segment->cells[at]) : EMPTY;
        if (SHALE_LIKELY(held != EMPTY)) {
            *item = held - FIRST_ITEM;
            return 0;
        }
    }
    size_t done = 0;
    return get_slowly(queue, slot, item, 1, &done);
}

int shale_queue_try_get(struct shale_queue *queue, uint64_t *item)
{
    struct shale_smr_thread *slot = enter(queue);
    if (SHALE_UNLIKELY(!slot))
        return SHALE_ENOMEM;
    int result = get_one(queue, slot, item);
    smr_exit(slot);
    return result;
}

int shale_queue_get_many(struct shale_queue *queue, uint64_t *items, size_t count, size_t *done)
{
    if (count == 0)
        return SHALE_EINVAL;
    struct shale_smr_thread *slot = enter(queue);
    if (SHALE_UNLIKELY(!slot))
        return SHALE_ENOMEM;
    size_t got = 0;
    int result = get_slowly(queue, slot, items, count, &got);
    smr_exit(slot);
    if (result == 0)
        *done = got;
    return result;
}

struct attempt {
    struct shale_queue *queue;
    uint64_t *item;
};

static int attempt_get(void *argument)
{
    const struct attempt *attempt = argument;
    return shale_queue_try_get(attempt->queue, attempt->item);
}

int shale_queue_get(struct shale_queue *queue, uint64_t timeout_ns, uint64_t *item)
{
    struct attempt attempt = {queue, item};
    int result = shale_queue_try_get(queue, item);
    if (SHALE_LIKELY(result != SHALE_EEMPTY))
        return result;
    return eventcount_await(&queue->filled, timeout_ns, attempt_get, &attempt, SHALE_EEMPTY);
}

/* ---- the rest ---- */

/* Closes the last segment. False: there is one behind it. */
static bool seal(struct shale_queue *queue, struct segment *segment)
{
    uintptr_t next = 0;
    shale_atomic_fetch_or_relaxed(&segment->put_at, CLOSED);
    COLL_POINT();
    if (shale_atomic_cas_relaxed(&segment->next, &next, SEALED) || next == SEALED)
        return true;
    move_on(&queue->tail, segment, next_of(segment));
    return false;
}

void shale_queue_shutdown(struct shale_queue *queue)
{
    struct shale_smr_thread *slot;
    while (!(slot = enter(queue)))
        shale_cpu_relax();
    while (!seal(queue, (struct segment *)smr_load(slot, &queue->tail)))
        ;
    smr_exit(slot);
    eventcount_notify(&queue->filled, EVENTCOUNT_ALL);
}

static uint64_t position(const struct segment *segment, const _Atomic uint64_t *at)
{
    uint64_t index = shale_atomic_load_relaxed(at) & ~CLOSED;
    return segment->number + (index < CELLS ? index : CELLS);
}

size_t shale_queue_length(struct shale_queue *queue)
{
    struct shale_smr_thread *slot = enter(queue);
    if (!slot)
        return 0;
    const struct segment *head = (struct segment *)smr_load(slot, &queue->head);
    uint64_t got = position(head, &head->get_at);
    const struct segment *tail = (struct segment *)smr_load(slot, &queue->tail);
    uint64_t put = position(tail, &tail->put_at);
    smr_exit(slot);
    return put > got ? (size_t)(put - got) : 0;
}
