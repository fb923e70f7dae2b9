/* SPDX-License-Identifier: MIT */
/*
 * The engine's memory: one reserved range of addresses and, beside it, metadata by index. Layer 1.
 *
 *     | owners 4 B | units 12 B | hots 64 B | rems 64 B | segs 64 B | thrs 8 KiB | blocks ........
 * | |  one per 64 KiB unit of blocks                  | per 2 MiB | per thread | lower | upper  |
 *     |  guard pages between all of them; then epochs: heads 128 B and lists 2 KiB | small | huge |
 *
 * A block's metadata is found by (address - base) >> 16; a block carries no header, starts at slab
 * offset 0 and is therefore as aligned as its size. Nothing in the range is ever unmapped: reading
 * metadata of any address in it, however stale, never faults.
 *
 *   owner  thread id of the slab's owner, or SLAB_NONE: an orphan, a run, an inner or a free unit
 *   unit   read by everyone, written only when the slab changes hands
 *   hot    the owner's alone (or the epoch lock's for a slab without an owner)
 *   rem    written by everyone but the owner: what others freed
 *   seg    under the lock of its epoch, or of the pool
 */
#ifndef SHALE_SLAB_LAYOUT_H
#define SHALE_SLAB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/attributes.h"

enum {
    SLAB_UNIT_SHIFT = 16,
    SLAB_UNIT_SIZE = 1 << SLAB_UNIT_SHIFT,
    SLAB_SEGMENT_UNITS = 32, /* the bits of slab_seg.used */
    SLAB_SEGMENT_SHIFT = 21,
    SLAB_SEGMENT_SIZE = 1 << SLAB_SEGMENT_SHIFT,
    SLAB_CLASSES = 80,
    SLAB_CLASS_MAX = 65536,   /* bytes: above, a block is a run of units */
    SLAB_ONE_UNIT_MAX = 8192, /* bytes: above, a slab has SLAB_WIDE_UNITS */
    SLAB_WIDE_UNITS = 8,      /* 512 KiB */
    SLAB_RUN_MAX = 1 << 20,   /* bytes: above, a block is a run of segments */
    SLAB_NONE = 0,            /* no unit, segment or thread has this index */
    SLAB_HALVES = 2,          /* lower: small pages; upper: huge pages */
    SLAB_TAGS_BYTES = 4096,   /* at the end of a slab of the secure variant (secure.h), */
    SLAB_GUARD_BYTES = 4096,  /* and before them */
};

_Static_assert((SLAB_UNIT_SIZE - SLAB_TAGS_BYTES - SLAB_GUARD_BYTES) / 16 <= SLAB_TAGS_BYTES,
               "a tag per block");

/* 1: the secure variant (secure.h) is compiled. */
#ifdef SHALE_SECURE
#define SLAB_SECURE 1
#else
#define SLAB_SECURE 0
#endif

#define SLAB_RANGE_MAX (1ull << 40)
#define SLAB_RANGE_MIN (1ull << 26)
/* It has addresses of its own to find, and walks what is mapped. */
#define SLAB_RANGE_VALGRIND (1ull << 33)

_Static_assert(SLAB_SEGMENT_SIZE == SLAB_SEGMENT_UNITS * SLAB_UNIT_SIZE, "a segment is 32 units");

/* slab_unit.state */
enum slab_unit_state {
    SLAB_UNIT_FREE,   /* also every unit beyond the frontier */
    SLAB_UNIT_SLAB,   /* first unit of a slab */
    SLAB_UNIT_INNER,  /* another unit of a slab or a chunk */
    SLAB_UNIT_RUN,    /* first unit of a block of units, 64 KiB to 1 MiB */
    SLAB_UNIT_LARGE,  /* first unit of a block of segments */
    SLAB_UNIT_CLOSED, /* first unit of a RUN or LARGE that is being given back */
    SLAB_UNIT_REGION, /* first unit of a chunk of a region epoch; the others are INNER */
    SLAB_UNIT_SPARE,  /* of an epoch, in a thread's cache for its next slab there */
};

struct slab_unit {
    _Atomic uint32_t generation; /* lives of this unit as the first of a slab */
    uint16_t epoch;              /* slot */
    uint8_t class;               /* of the slab's blocks */
    _Atomic uint8_t state;       /* enum slab_unit_state */
    _Atomic uint32_t handles;    /* lives << 16 | class + 1 << 8 (tag.h) | INNER: units back */
};

/* slab_hot.list: where the owner keeps the slab */
enum slab_list {
    SLAB_LIST_NONE,
    SLAB_LIST_CURRENT, /* in slab_cache.current: trigger is UINT64_MAX */
    SLAB_LIST_PARTIAL, /* parked with free blocks: trigger is allocs */
    SLAB_LIST_FULL,    /* parked with none, or few: trigger is where it gets worth a visit */
    SLAB_LIST_EMPTY,   /* in slab_thr.empties */
    SLAB_LIST_ORPHAN,  /* in slab_epoch.orphans, under the epoch's lock */
    SLAB_LIST_BROKEN,  /* more frees than allocs were counted: never used again */
};

/* A block that nobody uses: its first bytes. */
struct slab_block {
    struct slab_block *next; /* slab_next, slab_set_next [secure.h] */
};

struct slab_hot {
    struct slab_block *free;
    uint64_t allocs;  /* blocks handed out since the slab was taken */
    uint64_t left;    /* trigger less the blocks that came back and are known to the owner: frees */
    uint64_t trigger; /* the value of frees that sends free() to the slow path: left is 0 */
    uint32_t linked;  /* blocks that have been on the free list at least once */
    uint32_t capacity; /* blocks that fit; 0 in the static empty slab */
    uint32_t next;     /* list links: unit indices */
    uint32_t prev;
    uint32_t size; /* bytes of a block; RUN and LARGE: their units or segments */
    uint32_t unit; /* own index */
    uint8_t class;
    uint8_t list;     /* enum slab_list */
    bool zero;        /* memory was zero when taken: true of a block never handed out before */
    bool tagged;      /* its blocks have tags (tag.h) */
    uint16_t epoch;   /* slot */
    uint16_t retired; /* blocks whose tags are used up: on no list */
};

/*
 * Blocks that came back. Not counted up: one subtraction counts and tells that the trigger is
 * reached.
 */
static SHALE_ALWAYS_INLINE uint64_t slab_frees(const struct slab_hot *hot)
{
    return hot->trigger - hot->left;
}

static SHALE_ALWAYS_INLINE void slab_set_trigger(struct slab_hot *hot, uint64_t frees)
{
    hot->left += frees - hot->trigger;
    hot->trigger = frees;
}

/*
 * rem.word: count in bits 63:48, flags in 47:40, and in 31:0 the offset / 16 + 1 of the first block
 * of a chain. NOTIFY: the owner wants the next batch as a message; then the count is 0. ORPHAN: no
 * owner; the count is that of live blocks. DEAD: it reached 0, and who did that owns the slab.
 */
#define SLAB_REM_NOTIFY      (1ull << 40)
#define SLAB_REM_ORPHAN      (1ull << 41)
#define SLAB_REM_DEAD        (1ull << 42)
#define SLAB_REM_COUNT_SHIFT 48
#define SLAB_REM_HEAD_MASK   0xffffffffull

struct slab_rem {
    _Atomic uint64_t word;
    uint32_t next_dead;   /* of slab_epoch.dead */
    uint32_t purge_round; /* the owner's: the last one that looked for free pages (pages.h) */
    uint64_t purged[2];   /* the owner's: bit per page that was given back and not taken back */
    uint8_t spare[32];
};

/* slab_seg.state */
enum slab_seg_state {
    SLAB_SEG_FREE,    /* in the pool, or beyond what was ever used */
    SLAB_SEG_UNITS,   /* in an epoch: units taken one by one */
    SLAB_SEG_LARGE,   /* part of a block of segments */
    SLAB_SEG_PURGING, /* on the way to the system: on no list */
};

struct slab_seg {
    uint64_t epoch; /* id of the epoch that has it, or SLAB_NURSERY_ID */
    uint32_t used;  /* bit per unit: taken */
    uint32_t clean; /* bit per unit that is not used: reads as zero */
    uint32_t next;  /* list links: segment indices */
    uint32_t prev;
    uint8_t state;   /* enum slab_seg_state */
    uint8_t longest; /* units in the longest run of free ones */
    uint8_t half;
    bool listed;     /* FREE: in the pool's dirty or clean list */
    uint32_t purged; /* of the clean ones: those that were used before */
    bool moved;      /* its pages came from elsewhere: a mapping of its own (move.h) */
    uint8_t spare[31];
};

_Static_assert(sizeof(struct slab_unit) == 12, "no more than a slow path needs");
_Static_assert(sizeof(struct slab_hot) == 64, "one line, the owner's");
_Static_assert(sizeof(struct slab_rem) == 64, "one line, everybody else's");
_Static_assert(sizeof(struct slab_seg) == 64, "one line");

/* Written once by slab_range_start, before any thread leaves the empty thread. */
struct slab_range {
    char *base;    /* first block byte; NULL before the start */
    uint64_t size; /* bytes of blocks */
    _Atomic uint32_t *owners;
    struct slab_unit *units;
    struct slab_hot *hots;
    struct slab_rem *rems;
    struct slab_seg *segs;
    char *thrs;
    struct slab_epoch_head *heads; /* by slot; slot 0 is not used */
    struct slab_epoch *epochs;     /* by slot; the eternal epoch is elsewhere */
    uint32_t segments;
    uint32_t slots;                    /* heads and epochs that fit */
    uint32_t threads;                  /* thrs that fit, index 0 unused */
    uint32_t first[SLAB_HALVES];       /* first usable segment of a half */
    _Atomic uint32_t end[SLAB_HALVES]; /* one past its last; less once a stranger is in the way */
    char *reservation;                 /* metadata, and the blocks unless these are on demand */
    uint64_t reserved;
    bool on_demand; /* blocks are not reserved but mapped as a frontier moves */
};

extern struct slab_range slab_range;

static SHALE_ALWAYS_INLINE uint64_t slab_offset_of(const void *block)
{
    return (uint64_t)((uintptr_t)block - (uintptr_t)slab_range.base);
}

static SHALE_ALWAYS_INLINE bool slab_in_range(const void *block)
{
    return slab_offset_of(block) < slab_range.size;
}

static SHALE_ALWAYS_INLINE uint32_t slab_index_of(const void *block)
{
    return (uint32_t)(slab_offset_of(block) >> SLAB_UNIT_SHIFT);
}

/* Relaxed: a frontier never gets beyond the end, whichever is read. */
static inline uint32_t slab_range_end(unsigned half)
{
    return shale_atomic_load_relaxed(&slab_range.end[half]);
}

static SHALE_ALWAYS_INLINE char *slab_unit_address(uint32_t unit)
{
    return slab_range.base + ((uint64_t)unit << SLAB_UNIT_SHIFT);
}

static SHALE_ALWAYS_INLINE char *slab_segment_address(uint32_t segment)
{
    return slab_range.base + ((uint64_t)segment << SLAB_SEGMENT_SHIFT);
}

static SHALE_ALWAYS_INLINE struct slab_unit *slab_unit_at(uint32_t unit)
{
    return &slab_range.units[unit];
}

static SHALE_ALWAYS_INLINE struct slab_hot *slab_hot_at(uint32_t unit)
{
    return &slab_range.hots[unit];
}

static SHALE_ALWAYS_INLINE struct slab_rem *slab_rem_at(uint32_t unit)
{
    return &slab_range.rems[unit];
}

static SHALE_ALWAYS_INLINE struct slab_seg *slab_seg_at(uint32_t segment)
{
    return &slab_range.segs[segment];
}

/* Set in the owner word of a slab with tags: its blocks are not for free's fast path. */
#define SLAB_OWNER_TAGGED (1u << 31)

/* Relaxed: only the owner itself can rely on it. */
static SHALE_ALWAYS_INLINE uint32_t slab_owner_of(uint32_t unit)
{
    return shale_atomic_load_relaxed(&slab_range.owners[unit]) & ~SLAB_OWNER_TAGGED;
}

static SHALE_ALWAYS_INLINE void slab_set_owner(uint32_t unit, uint32_t owner)
{
    shale_atomic_store_relaxed(&slab_range.owners[unit], owner);
}

/* Relaxed: a live block pins what its unit says. */
static SHALE_ALWAYS_INLINE enum slab_unit_state slab_unit_state_of(uint32_t unit)
{
    return (enum slab_unit_state)shale_atomic_load_relaxed(&slab_unit_at(unit)->state);
}

/* An inner unit says how far it is behind the first. */
static SHALE_ALWAYS_INLINE void slab_set_inner(uint32_t unit, uint32_t distance)
{
    struct slab_unit *entry = slab_unit_at(unit);
    uint32_t lives = shale_atomic_load_relaxed(&entry->handles) & 0xffff0000u;
    shale_atomic_store_relaxed(&entry->handles, lives | distance);
    shale_atomic_store_relaxed(&entry->state, SLAB_UNIT_INNER);
}

static SHALE_ALWAYS_INLINE uint32_t slab_units_back(uint32_t unit)
{
    return shale_atomic_load_relaxed(&slab_unit_at(unit)->handles) & 0xff;
}

/* The first unit of the slab that a block of this unit belongs to. */
static SHALE_ALWAYS_INLINE uint32_t slab_first_unit(uint32_t unit)
{
    return slab_unit_state_of(unit) == SLAB_UNIT_INNER ? unit - slab_units_back(unit) : unit;
}

#endif
