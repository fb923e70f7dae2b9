/* SPDX-License-Identifier: MIT */
/*
 * The shared side of an epoch: its segments and the slabs without an owner. Layer 1.
 *
 * Slot 0 is the eternal epoch, the one of plain malloc; its id is 0. An id is a sequence number
 * << 16 | slot and is never used twice. Every other slot has a head, which open and look-ups touch,
 * and the lists of struct slab_epoch, which nothing touches before the first allocation.
 *
 *     FREE --open--> ACTIVE --close--> CLOSING --nobody allocates--> CLOSED --nothing live--> FREE
 *
 * The lists of a FREE slot are all zero. What a closing epoch waits for is in close.h.
 *
 * Locks: `lock` is an internal lock: taken with op == 1 and only ever tried (slab_internal_try).
 * The nursery's and the pool's may be tried while it is held.
 */
#ifndef SHALE_SLAB_EPOCH_H
#define SHALE_SLAB_EPOCH_H

#include "base/lock.h"
#include "slab/layout.h"
#include "slab/range.h"

enum {
    SLAB_RUN_LISTS = SLAB_SEGMENT_UNITS + 1,
    SLAB_EPOCH_SIZE = 2048,
    SLAB_HEAD_SIZE = 128,
    SLAB_NURSED = 4, /* units that an epoch has of shared segments before it gets its own */
    SLAB_LABEL_WORDS = 6,
    SLAB_SLOT_BITS = 16,
};

/* slab_seg.epoch of the segments that epochs share. */
#define SLAB_NURSERY_ID UINT64_MAX

enum slab_epoch_state { SLAB_EPOCH_FREE, SLAB_EPOCH_ACTIVE, SLAB_EPOCH_CLOSING, SLAB_EPOCH_CLOSED };

/* How far a close has come. Only moves forward. */
enum slab_close_phase {
    SLAB_CLOSE_DETACH, /* threads still have caches */
    SLAB_CLOSE_SWEEP,  /* discard: slabs without an owner; waits for references */
    SLAB_CLOSE_ROUND1, /* discard: threads inside an operation may still know its slabs */
    SLAB_CLOSE_ROUND2, /* discard: inboxes may hold messages that were sent before */
    SLAB_CLOSE_FINISH, /* discard: everything goes back */
    SLAB_CLOSE_EMPTY,  /* drain: the last free, and the last reference */
};

/* Bytes that an epoch's owner allows it, shared along a chain of parents. */
struct slab_account {
    _Atomic uint64_t used; /* units */
    uint64_t limit;        /* units; 0: none */
    struct slab_account *parent;
};

struct slab_epoch_head {
    _Atomic uint64_t id;    /* 0: nobody has the slot */
    _Atomic uint64_t word;  /* references << 8 | enum slab_epoch_state */
    _Atomic uint64_t round; /* of close.h */
    struct slab_account *account;
    _Atomic uint64_t opened_ns;
    _Atomic uint32_t remote; /* a thread freed a block of another's slab */
    _Atomic uint32_t busy;   /* somebody works on the close */
    _Atomic uint32_t queued; /* on the stack of those to be looked at */
    uint32_t next;           /* free slots */
    uint32_t next_queued;    /* that stack */
    _Atomic uint8_t phase;   /* enum slab_close_phase; written by who is busy */
    _Atomic uint8_t kind;    /* enum shale_epoch_kind; this and the next two: by open */
    _Atomic uint8_t flags;
    _Atomic uint8_t policy;
    _Atomic uint8_t how; /* enum shale_epoch_close; written before the state says CLOSING */
    _Atomic uint64_t label[SLAB_LABEL_WORDS]; /* text, zero-padded */
};

struct slab_epoch {
    struct shale_lock lock;
    uint64_t id;
    uint64_t listed[SLAB_HALVES];               /* bit n: runs[half][n] is not empty */
    uint32_t runs[SLAB_HALVES][SLAB_RUN_LISTS]; /* segments by longest free run */
    uint32_t segments;                          /* that the epoch has */
    _Atomic uint32_t used_units;                /* of those */
    uint32_t purging_units;                     /* of the used ones: on their way to the system */
    _Atomic uint32_t dirty_units;               /* free ones that are resident */
    _Atomic uint32_t orphans[SLAB_CLASSES];     /* first; read without the lock as a hint */
    uint32_t orphans_last[SLAB_CLASSES];
    uint64_t past_allocs[SLAB_CLASSES]; /* of released slabs */
    _Atomic uint32_t dead; /* stack of DEAD slabs nobody had the lock for: pushed without it */

    /* Not in the eternal epoch. */
    uint32_t spent_units;         /* of the used ones: no life with handles is left to them */
    uint32_t large;               /* first segment of the first block of segments */
    uint32_t large_segments;      /* in such blocks */
    uint32_t nursed[SLAB_NURSED]; /* units of the nursery */
    uint32_t nursed_used;         /* bit per entry: taken; the others wait for the next need */
    struct slab_cache *caches;    /* of the threads */
};

_Static_assert(sizeof(struct slab_epoch) <= SLAB_EPOCH_SIZE, "two epochs per page");
_Static_assert(sizeof(struct slab_epoch_head) <= SLAB_HEAD_SIZE, "two lines per head");

extern struct slab_epoch slab_epoch_eternal;
extern struct slab_epoch slab_epoch_nursery; /* segments and their units, nothing else */

static SHALE_ALWAYS_INLINE struct slab_epoch_head *slab_head_at(uint32_t slot)
{
    return (struct slab_epoch_head *)(void *)((char *)slab_range.heads +
                                              (uint64_t)slot * SLAB_HEAD_SIZE);
}

static SHALE_ALWAYS_INLINE struct slab_epoch *slab_epoch_at(uint32_t slot)
{
    return (struct slab_epoch *)(void *)((char *)slab_range.epochs +
                                         (uint64_t)slot * SLAB_EPOCH_SIZE);
}

static SHALE_ALWAYS_INLINE struct slab_epoch *slab_epoch_of(uint32_t slot)
{
    return SHALE_LIKELY(slot == 0) ? &slab_epoch_eternal : slab_epoch_at(slot);
}

static SHALE_ALWAYS_INLINE uint32_t slab_slot_of(uint64_t id)
{
    return (uint32_t)(id & ((1u << SLAB_SLOT_BITS) - 1));
}

/* The slot of an id, other than the eternal one, can be looked at. */
static SHALE_ALWAYS_INLINE bool slab_epoch_exists(uint64_t id)
{
    /* ORDER RANGE2 acquire <- release in slab_range_grow_slots() [range.c]. Below, the tables are
     * accessible. */
    uint32_t slots = shale_atomic_load_acquire(&slab_range_slots);
    return slab_slot_of(id) != 0 && slab_slot_of(id) < slots;
}

static SHALE_ALWAYS_INLINE enum slab_epoch_state slab_state_of(const struct slab_epoch_head *head)
{
    return (enum slab_epoch_state)(shale_atomic_load_relaxed(&head->word) & 0xff);
}

/* Tries an internal lock for about a hundred nanoseconds. Locks: op is 1. */
SHALE_NODISCARD bool slab_internal_try(struct shale_lock *lock);

#endif
