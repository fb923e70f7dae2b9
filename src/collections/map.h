/* SPDX-License-Identifier: MIT */
/*
 * What both maps are built on: options, guards, what is given up and handed out, the length, and
 * the operations that are made of others. Layer 4.
 *
 * A map begins with a struct coll_map. What a map gives up is retired by its function and context
 * alone, so that the domain may reclaim it when the map is gone. Room for retiring is reserved
 * before a change, so that giving up never fails.
 */
#ifndef SHALE_COLLECTIONS_MAP_H
#define SHALE_COLLECTIONS_MAP_H

#include <shale/map.h>

#include "base/thread.h"
#include "collections/comparator.h"
#include "collections/point.h"
#include "smr/guard.h"

enum { COLL_STRIPES = 16, COLL_BATCH = 256 };

struct coll_map;

/* What the operations that both maps share call. A guard is open in all of them. */
struct coll_map_functions {
    /* Entries of a range in order, at most `capacity`. SHALE_ECANCELED. */
    int (*batch)(struct coll_map *map, struct shale_smr_thread *slot,
                 const struct shale_range *range, struct shale_entry *entries, size_t capacity,
                 size_t *count);
    int (*get)(struct coll_map *map, struct shale_key key, uint64_t *value);
    int (*put_if_absent)(struct coll_map *map, struct shale_key key, uint64_t value);
    int (*compare_replace)(struct coll_map *map, struct shale_key key, uint64_t expected,
                           uint64_t value);
    int (*compare_remove)(struct coll_map *map, struct shale_key key, uint64_t expected);
};

struct coll_stripe {
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic int64_t entries;
};

struct coll_map {
    struct shale_map_options options;
    struct shale_smr *domain;
    bool own_domain;
    enum coll_key_kind kind;
    const struct coll_map_functions *functions;
    struct coll_stripe stripes[COLL_STRIPES];
};

/* SHALE_EINVAL, SHALE_ENOMEM. */
SHALE_NODISCARD int coll_map_start(struct coll_map *map, const struct shale_map_options *options,
                                   const struct coll_map_functions *functions);

/* Ends the domain where it is the map's own. */
void coll_map_end(struct coll_map *map);

/* Destroys a value; for the destruction of a map. */
void coll_map_drop_value(const struct coll_map *map, uint64_t value);

int coll_map_scan(struct coll_map *map, const struct shale_range *range,
                  struct shale_entry *entries, size_t capacity, size_t *count);
int coll_map_visit(struct coll_map *map, const struct shale_range *range,
                   shale_visit_function *look, void *context);
int coll_map_snapshot(struct coll_map *map, const struct shale_range *range,
                      struct shale_snapshot **snapshot);
int coll_map_compute(struct coll_map *map, struct shale_key key, shale_compute_function *function,
                     void *context, struct shale_previous *previous);
size_t coll_map_length(const struct coll_map *map);

/* NULL: the thread cannot be attached. */
static SHALE_ALWAYS_INLINE struct shale_smr_thread *coll_map_enter(struct coll_map *map)
{
    struct shale_smr_thread *slot = smr_self(map->domain);
    if (SHALE_LIKELY(slot))
        smr_enter(slot);
    return slot;
}

static inline void coll_map_count(struct coll_map *map, int64_t change)
{
    struct coll_stripe *stripe = &map->stripes[shale_thread_id() % COLL_STRIPES];
    shale_atomic_fetch_add_relaxed(&stripe->entries, change);
}

/* Retires a pointer; room was reserved. */
static inline void coll_map_give_up(struct shale_smr_thread *slot, uint64_t pointer,
                                    void (*function)(void *pointer, void *context), void *context)
{
    struct smr_record record = {
        .pointer = (void *)(uintptr_t)pointer, .function = function, .argument = context};
    if (function && smr_retire(slot, &record) != 0)
        SHALE_ASSERT(false && "room for retiring was reserved");
}

static inline void coll_map_give_up_value(const struct coll_map *map, struct shale_smr_thread *slot,
                                          uint64_t value)
{
    coll_map_give_up(slot, value, map->options.destroy_value, map->options.context);
}

static inline void coll_map_hold_value(const struct coll_map *map, uint64_t value)
{
    if (SHALE_UNLIKELY(map->options.hold_value != NULL))
        map->options.hold_value((void *)(uintptr_t)value, map->options.context);
}

static inline void coll_map_hold(const struct coll_map *map, const struct shale_entry *entry)
{
    if (SHALE_UNLIKELY(map->options.hold_key != NULL))
        map->options.hold_key((void *)(uintptr_t)entry->key.pointer, map->options.context);
    coll_map_hold_value(map, entry->value);
}

/* A value is handed out with its hold, if the caller wants it. */
static inline void coll_map_hand_out(const struct coll_map *map, uint64_t value, uint64_t *out)
{
    if (!out)
        return;
    coll_map_hold_value(map, value);
    *out = value;
}

#endif
