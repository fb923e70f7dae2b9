/* SPDX-License-Identifier: MIT */
/*
 * A thread's side of the engine: its caches, its biased lock, its batches and inbox. Layer 1.
 *
 * A thread finds its structure through slab_self, which is never NULL: it starts at
 * slab_thr_empty, whose `attn` sends every call to the slow path. Structures live in the range's
 * metadata by id, are reused and never unmapped; id 0 is nobody.
 *
 * Life: FREE -> LIVE (slab_thr_attach, under the gate) -> FREE (exit of the thread, or adoption by
 * a child after fork). While LIVE everything but the fields marked "others" belongs to whoever
 * holds the thread's biased lock (bias.h).
 *
 * Locks: the gate guards registration and is the outermost of the engine's OS locks.
 */
#ifndef SHALE_SLAB_THREAD_H
#define SHALE_SLAB_THREAD_H

#include "base/lock.h"
#include "slab/layout.h"

enum {
    SLAB_THR_SIZE = 8192,
    SLAB_BATCHES = 16,     /* direct-mapped by unit */
    SLAB_EMPTIES_MAX = 64, /* 4 MiB of slabs kept for the next need */
    SLAB_MESSAGES_AT_ONCE = 2,
    SLAB_DIRECT_MAX = 1024, /* bytes: up to here malloc needs no class */
    SLAB_DIRECT = SLAB_DIRECT_MAX / 16 + 1,
    SLAB_RECENT = 64,  /* epochs found without a search, direct-mapped by slot */
    SLAB_CHUNK = 256,  /* slots in a chunk of the directory of caches */
    SLAB_CHUNKS = 256, /* 65,536 slots in all */
    SLAB_DOMAINS = 32, /* nested */
};

/* slab_thr.attn: why the owner must not simply go on */
enum slab_attn {
    SLAB_ATTN_INIT = 1,    /* slab_thr_empty and slab_thr_late only */
    SLAB_ATTN_INBOX = 2,   /* messages wait: collect them soon */
    SLAB_ATTN_TIDY = 4,    /* request: flush batches, collect, release what is empty */
    SLAB_ATTN_HELD = 8,    /* a visitor works here or is about to: wait */
    SLAB_ATTN_FENCED = 16, /* no membarrier: every operation enters with a full fence. For ever */
    SLAB_ATTN_CLOSE = 32,  /* request: leave closing epochs, drop what is stale (close.h) */
};

enum slab_thr_state {
    SLAB_THR_FREE,
    SLAB_THR_LIVE,
    SLAB_THR_SUSPECT, /* in a child after fork: its slabs may be torn, and stay untouched */
};

/* Remote frees of one slab that are not yet told to anybody. */
struct slab_batch {
    struct slab_block *head; /* newest */
    struct slab_block *tail;
    uint32_t unit;
    uint32_t generation;
    uint32_t count; /* 0: the entry is unused */
    uint32_t limit; /* flush when count gets here */
};

/*
 * What a thread has of one epoch. The cache of a region epoch ends before `direct`. Caches other
 * than slab_thr.main are blocks of the thread's own eternal epoch.
 */
struct slab_cache {
    uint64_t epoch;  /* id */
    uint32_t thread; /* id of whose it is */
    uint32_t slot;
    struct slab_cache *next; /* of the thread */
    struct slab_cache *prev;
    struct slab_cache *next_in_epoch; /* under the epoch's lock */
    struct slab_cache *prev_in_epoch;
    char *bump;       /* region: first free byte, aligned to 16 */
    char *bump_end;   /* region: end of the chunk */
    uintptr_t marks;  /* region: address of the chunk's bits, for address 0 */
    uintptr_t marked; /* region: the address marked last */
    uint64_t mark;    /* region: the word of bits with that one in it */
    uint32_t chunk;   /* region: its first unit */
    uint32_t spare;   /* slab: the first of the units for its next slabs */
    uint8_t spares;   /* slab: how many there are */
    bool spares_zero;
    uint8_t chunks; /* units or small chunks that it took one by one */
    bool region;
    bool tagged; /* the epoch has handles: every allocation takes the slow path */

    struct slab_hot *direct[SLAB_DIRECT];   /* current, by (size + 15) / 16: saves the class */
    struct slab_hot *current[SLAB_CLASSES]; /* never NULL: slab_hot_empty */
    uint32_t partial[SLAB_CLASSES];         /* first: the longest parked */
    uint32_t partial_last[SLAB_CLASSES];
    uint32_t full; /* all classes */
};

/*
 * Epochs used lately. Id 0 is the eternal epoch's, in the first entry, and that of unused ones,
 * where it cannot match; so a fast path compares once. Region epochs' ids have the top bit, which
 * ids never have.
 */
#define SLAB_REGION_ID (1ull << 63)

struct slab_recent {
    uint64_t id;
    struct slab_cache *cache;
};

/* What a thread counts outside the fast paths. */
/* clang-format off */
#define SLAB_COUNTERS(X) \
    X(slow_allocs) /* allocs that left the fast path */ \
    X(slow_frees) /* frees that left it */ \
    X(linked) /* steps that put new blocks on a free list */ \
    X(slabs_taken) /* from an epoch */ \
    X(slabs_released) /* to an epoch */ \
    X(slabs_reused) /* from the thread's own empty ones */ \
    X(adopted) /* orphans */ \
    X(orphaned) \
    X(remote_frees) /* blocks sent */ \
    X(flushes) /* batches sent */ \
    X(messages_sent) \
    X(messages_received) \
    X(forwarded) /* messages for another owner */ \
    X(dropped) /* batches whose slab was gone */ \
    X(collected) /* blocks taken from words and messages */ \
    X(lock_busy) /* tries that found an internal lock taken */ \
    X(large_allocs) /* runs of units or segments */ \
    X(large_frees) \
    X(answered) /* requests answered by the owner */ \
    X(visited) /* times that others worked here */ \
    X(caches) /* of epochs, made */ \
    X(stale) /* allocations refused because their epoch was closed */ \
    X(region_frees) /* frees of blocks of region epochs */ \
    X(misuse) /* frees that could not be right */
/* clang-format on */

/* One writer, any reader: relaxed. */
struct slab_counters {
#define SLAB_COUNTER_FIELD(name) _Atomic uint64_t name;
    SLAB_COUNTERS(SLAB_COUNTER_FIELD)
#undef SLAB_COUNTER_FIELD
};

/* What the engine counts for all threads together: rare enough for locked instructions. */
/* clang-format off */
#define SLAB_TOTALS(X) \
    X(out_of_memory) /* requests that flushed, tidied and purged everything first */ \
    X(failed) /* requests that got no memory at last */ \
    X(frontier_moves) /* steps by which more of the range was made accessible */ \
    X(reclaims) /* rounds over all threads, for a request or asked for */ \
    X(visits_deferred) /* threads that did not get outside in time */ \
    X(unit_purges) /* calls that gave free units back */ \
    X(unit_purges_failed) \
    X(unit_purged_bytes) \
    X(foreign_forwarded) /* calls for blocks of the next allocator */ \
    X(foreign_ignored) /* for blocks of nobody */ \
    X(direct_allocs) /* mapped directly */ \
    X(direct_frees) \
    X(direct_bytes) /* mapped directly now */
/* clang-format on */

struct slab_totals {
#define SLAB_TOTAL_FIELD(name) _Atomic uint64_t name;
    SLAB_TOTALS(SLAB_TOTAL_FIELD)
#undef SLAB_TOTAL_FIELD
};

extern struct slab_totals slab_totals;
#define SLAB_TOTAL(name, n) shale_atomic_fetch_add_relaxed(&slab_totals.name, n)

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): others' line stays apart */
struct slab_thr {
    /* The fast paths' line. */
    _Atomic uint32_t op;   /* 1 while the owner is inside; others read */
    _Atomic uint32_t attn; /* others: read-modify-write only */
    uint32_t id;
    uint32_t empties; /* entries in use of empty_unit, empty_class */
    char *base;       /* copies of slab_range; limit 0 makes every pointer foreign */
    uint64_t limit;
    _Atomic uint32_t *owners;
    struct slab_hot *hots;
    struct slab_block *messages; /* taken from the inbox, not yet looked at */
    uint32_t owned;              /* slabs */
    bool tidy_again;             /* a lock was busy: something is left to release */
    uint16_t messages_left;      /* no more than so many of them: a circle has an end */

    struct slab_cache main; /* the eternal epoch */
    struct slab_batch batches[SLAB_BATCHES];
    uint32_t empty_unit[SLAB_EMPTIES_MAX];
    uint8_t empty_class[SLAB_EMPTIES_MAX];
    uint64_t past_allocs[SLAB_CLASSES]; /* of slabs remade for another class */
    uint64_t purge_tick_ns;             /* up to when this thread spent its purge budget */
    struct slab_counters counters;
    struct slab_cache *caches;          /* of epochs */
    struct slab_quarantine *quarantine; /* of the secure variant; out of the range */

    /* Others' line. */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uint64_t inbox; /* depth 63:48, first message */
    _Atomic uint32_t state;                                    /* enum slab_thr_state */
    _Atomic uint32_t fenced_seen;                              /* the owner knows ATTN_FENCED */
    uint32_t next_free;                                        /* gate */
    bool held;                                                 /* by slab_stop_all; visit lock */
    _Atomic uint64_t
        acknowledged; /* round of close.h: what came before is not seen here any more */

    /* Only where epochs are used: the pages behind stay untouched else. */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) struct slab_recent recent[SLAB_RECENT];
    struct slab_cache **directory[SLAB_CHUNKS]; /* caches by slot */
    struct shale_domain *domains[SLAB_DOMAINS]; /* entered and not left */
    uint32_t depth;                             /* how many of them */
};

_Static_assert(sizeof(struct slab_thr) <= SLAB_THR_SIZE, "two pages per thread");
_Static_assert(offsetof(struct slab_thr, recent) <= 4096, "one page where no epoch is used");

/* A closed inbox: no address. */
#define SLAB_INBOX_CLOSED      1ull
#define SLAB_INBOX_DEPTH_SHIFT 48
#define SLAB_INBOX_ADDRESS     ((1ull << SLAB_INBOX_DEPTH_SHIFT) - 1)

extern SHALE_THREAD_LOCAL struct slab_thr *slab_self;
extern struct slab_thr slab_thr_empty; /* a thread that has not allocated yet */
extern struct slab_thr slab_thr_gone;  /* one whose structure was given back, or is being made */
extern struct slab_hot slab_hot_empty; /* the current slab of a class without one */
extern struct shale_lock slab_gate;
/* Ids below this have been used. Written under the gate. */
extern _Atomic uint32_t slab_thr_end;

static SHALE_ALWAYS_INLINE struct slab_thr *slab_thr_at(uint32_t id)
{
    return (struct slab_thr *)(void *)(slab_range.thrs + (uint64_t)id * SLAB_THR_SIZE);
}

#define SLAB_COUNT(thr, name, n) shale_atomic_add_single_writer(&(thr)->counters.name, n)

/*
 * Gives the calling thread a structure and arms its exit.
 *
 * @return the structure; slab_thr_gone when there is none left or no memory: the late heap serves.
 * Locks: the gate. op is 0. The first call in the process starts the engine.
 */
struct slab_thr *slab_thr_attach(void);

/*
 * Empties a thread's heap: what is in use becomes orphans, the rest goes back. The structure is
 * FREE afterwards.
 *
 * @return false when an internal lock was busy: call again.
 * Locks: the caller holds the thread's biased lock (its op is 1, or it is HELD).
 */
SHALE_NODISCARD bool slab_thr_empty_heap(struct slab_thr *thr);

/* Puts the id of an emptied structure back. Locks: the gate, held. */
void slab_thr_recycle_locked(struct slab_thr *thr);

/* Readies the structure of an id that was never used. Locks: the gate. */
void slab_thr_prepare(struct slab_thr *thr, uint32_t id);

#endif
