/* SPDX-License-Identifier: MIT */
/*
 * The shapes of reclamation: domain, slot (a thread's place in a domain), bag, record. Layer 3.
 *
 *     domain  era | segments -> slots (8, 16, 32, ... of them; reused, never moved, never freed
 *             orphans -> bags   before the domain)
 *     slot    lo hi phase | open -> bag being filled | head -> closed bags, oldest first -> tail
 *     bag     | drained | ready to be reclaimed | held up or not yet looked at | free |
 *             0         first                   ready                          count  capacity
 *
 * A guard publishes the interval [lo, hi] of eras it may have seen: SMR_OUTSIDE in lo is no guard.
 * For EBR lo is the announced epoch and hi is not looked at; entering and leaving are the same for
 * every scheme. A retired node lived from its birth to the era of its bag, which is read when the
 * bag is closed: later than the true one, which can only hold the node longer, and once for a whole
 * bag, behind one fence, so that a structure may unlink with any memory order.
 *
 * Who reclaims looks at the slots without a lock. Everything below `owner's` is the owning thread's
 * alone, except that counters are read by shale_smr_stats_snapshot(), and that destroy and the
 * child of a fork take over what a thread had.
 */
#ifndef SHALE_SMR_SLOT_H
#define SHALE_SMR_SLOT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shale/smr.h>

#include "base/atomic.h"
#include "base/attributes.h"

#define SMR_OUTSIDE UINT64_MAX

/* In `nested`: the guard is in a read or write phase. */
#define SMR_IN_PHASE (1u << 31)

/* The first segment has 8 slots, each next one twice as many: 10 hold more than enough. */
enum { SMR_FIRST_SEGMENT = 8, SMR_SEGMENTS = 10 };
_Static_assert(SMR_FIRST_SEGMENT *((1 << SMR_SEGMENTS) - 1) >= SHALE_SMR_THREADS_MAX,
               "the segments hold every thread");

enum smr_phase {
    SMR_PLAIN, /* the interval counts */
    SMR_READ,  /* the interval counts, and the thread may be thrown out */
    SMR_WRITE, /* only the reserved nodes count */
};

struct smr_record {
    void *pointer;
    void (*function)(void *pointer, void *argument); /* NULL: the domain's */
    void *argument;
    size_t size;
    uint64_t birth;
};

struct smr_bag {
    struct smr_bag *next;
    uint64_t era; /* read after the last of its nodes was unlinked */
    uint32_t first;
    uint32_t ready;
    uint32_t undecided;     /* during a scan: the end of what may yet be ready */
    _Atomic uint32_t count; /* atomic for a fork that happens meanwhile */
    uint32_t capacity;
    struct smr_record records[];
};

/* A FIFO of bags. */
struct smr_bags {
    struct smr_bag *head;
    struct smr_bag *tail;
};

struct shale_smr_thread {
    /* read by who reclaims; written at each guard */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t lo;
    _Atomic uint64_t hi;
    struct shale_smr *domain;
    uint32_t nested;          /* guards inside the outermost one, or SMR_IN_PHASE; owner's */
    _Atomic bool light;       /* guards are fenced by membarrier; cleared by who finds it refused */
    _Atomic bool fenced;      /* the owner has entered with a fence since `light` was cleared */
    bool interval;            /* loads look at the era: every scheme but EBR */
    bool phases;              /* NEUTRALIZE */
    _Atomic uint32_t phase;   /* enum smr_phase */
    _Atomic uint32_t os_id;   /* whom to signal */
    _Atomic uint64_t request; /* of an acknowledgement: a count */
    _Atomic uint64_t acknowledged;
    struct smr_bag *open; /* owner's; NULL only when there was no memory for one */

    /* owner's */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct smr_bags limbo;
    struct smr_bag *cursor; /* the first bag that may have ready nodes */
    struct smr_bag *spare;  /* empty bags */
    size_t spares;
    size_t ready;  /* nodes ready in all bags */
    size_t closed; /* nodes in bags closed since the last scan */
    size_t closed_bytes;
    size_t kept; /* nodes the last scan of intervals left */
    size_t kept_bytes;
    size_t limbo_bytes;
    size_t open_bytes;
    uint32_t births;
    bool used;     /* attached; under the registry's lock */
    bool draining; /* inside a reclaim function */
    bool over_cap;
    _Atomic bool busy; /* the lists are being changed: a fork's child must not take them over */
    _Atomic uint64_t retired_count;
    _Atomic uint64_t reclaimed_count;
    _Atomic uint64_t retired_bytes;
    _Atomic uint64_t reclaimed_bytes;
    _Atomic uint64_t scan_count;
    _Atomic uint64_t stall_count;
    _Atomic uint64_t over_cap_count;
    _Atomic uint64_t neutralized_count;
    _Atomic uint64_t unacknowledged_count;

    /* of the phases */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint32_t reserved_count;
    _Atomic(void *) reserved[SHALE_SMR_RESERVED_MAX];
    sigjmp_buf jump;
};

/* The era is written by all and read by all: it has its lines for itself. */
struct shale_smr { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t era;             /* from 1; never wraps */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct shale_smr_options options; /* no field is 0 */
    enum shale_smr_scheme scheme;
    uint32_t index; /* of the threads' tables */
    uint32_t bag_size;
    _Atomic bool light;    /* of new slots */
    bool destroying;       /* by the thread that sets it */
    _Atomic uint32_t end;  /* slots ever used */
    _Atomic uint32_t used; /* slots attached */
    struct shale_smr_thread *segments[SMR_SEGMENTS];
    struct smr_check *check; /* SHALE_SMR_CHECK_RETIRES, else NULL */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic(struct smr_bag *) orphans;
    _Atomic uint64_t orphaned_count;
    _Atomic uint64_t lost_count;
    _Atomic uint64_t refused_retires_count;
};

/* The slot of that number, which must be below `end`. */
static SHALE_ALWAYS_INLINE struct shale_smr_thread *smr_slot_at(const struct shale_smr *domain,
                                                                uint32_t number)
{
    uint32_t shifted = number + SMR_FIRST_SEGMENT;
    uint32_t segment = 28u - (uint32_t)__builtin_clz(shifted);
    return &domain->segments[segment][shifted - ((uint32_t)SMR_FIRST_SEGMENT << segment)];
}

static SHALE_ALWAYS_INLINE uint32_t smr_slots_end(const struct shale_smr *domain)
{
    /* ORDER SMR1 acquire <- release in take_new_slot() [smr/thread.c]. A slot below the end is
     * initialised. Without it a scan could read a segment's pointer before it is there. Test
     * stress_threads_come_and_go_nothing_broken. */
    return shale_atomic_load_acquire(&domain->end);
}

#endif
