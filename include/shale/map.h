/* SPDX-License-Identifier: MIT */
/*
 * What the two ordered maps, <shale/skiplist.h> and <shale/treemap.h>, have in common.
 *
 * Values are 64-bit words, of which SHALE_MAP_RESERVED alone cannot be stored; a pointer is stored
 * as (uint64_t)(uintptr_t)pointer. What a map does when it comes to own a pointer, or gives it up,
 * is said by four functions of its options, of which a map of plain integers needs none:
 *
 *   destroy_key, destroy_value   called once for each pointer the map gives up, when no guard can
 *                                see it any more: after a removal or a replacement by the domain's
 *                                reclamation, at shale_..._destroy() at once
 *   hold_key, hold_value         called inside a guard for each pointer that is handed out, so that
 *                                the caller has a share of its own (a reference count, say)
 *
 * Without a hold function what is handed out is valid until the caller leaves the guard it is in:
 * enter one of shale_..._domain() around the call. The bytes of string keys are handed out so, too.
 *
 * Where a comparison function returns SHALE_COMPARE_UNKNOWN, a call returns SHALE_ECANCELED and has
 * changed nothing; a visit or a snapshot is as far as it had come.
 *
 * All functions may run inside a guard, and must not wait; a destroy function may enter guards.
 */
#ifndef SHALE_MAP_H
#define SHALE_MAP_H

#include <shale/comparator.h>
#include <shale/error.h>
#include <shale/smr.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one word that is no value: SHALE_ERANGE where it is given as one. */
#define SHALE_MAP_RESERVED UINT64_MAX

struct shale_map_options {
    struct shale_comparator comparator; /* zero: int64 keys, the least first */
    struct shale_smr *domain;           /* shared and outlives the map; NULL: one of its own, EBR */
    void (*destroy_key)(void *key, void *context); /* pointer keys only */
    void (*destroy_value)(void *value, void *context);
    void (*hold_key)(void *key, void *context); /* pointer keys only */
    void (*hold_value)(void *value, void *context);
    void *context; /* of all four; must live until the domain has reclaimed everything */
};

struct shale_entry {
    struct shale_key key;
    uint64_t value;
};

/* What a key had before a call. */
struct shale_previous {
    int existed;    /* 0: the key was new, and the map owns a pointer key that was passed */
    uint64_t value; /* if it existed */
};

enum shale_range_flags {
    SHALE_RANGE_FROM_EXCLUSIVE = 1,
    SHALE_RANGE_TO_EXCLUSIVE = 2,
    SHALE_RANGE_REVERSE = 4, /* the last first */
};

/* Keys between two bounds in the map's order; NULL is no bound. */
struct shale_range {
    const struct shale_key *from;
    const struct shale_key *to;
    unsigned flags; /* of enum shale_range_flags */
};

/* Looks at an entry; other than 0 ends the visit and is its result. */
typedef int shale_visit_function(const struct shale_entry *entry, void *context);

enum shale_compute_action {
    SHALE_COMPUTE_KEEP,   /* change nothing */
    SHALE_COMPUTE_PUT,    /* *value is the new value */
    SHALE_COMPUTE_REMOVE, /* the key goes, if it is there */
};

/* Decides on a key's value; `current` is NULL where the key is absent. May be called again. */
typedef enum shale_compute_action shale_compute_function(struct shale_key key,
                                                         const uint64_t *current, uint64_t *value,
                                                         void *context);

/* A copy of entries in the map's order, of no map any more. */
struct shale_snapshot {
    size_t count;
    struct shale_entry *entries;
    void *owner; /* not for users */
};

/*
 * Frees a snapshot and what it holds: destroy functions are called for what hold functions were.
 * Threads: nobody uses it any more. NULL is allowed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_snapshot_destroy(struct shale_snapshot *snapshot);

#ifdef __cplusplus
}
#endif
#endif
