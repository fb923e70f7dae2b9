/* SPDX-License-Identifier: MIT */
/*
 * The skip list by order: nearest entries, pops, ranges. Layer 4.
 *
 * An answer about neighbours is right at the moment when skip_find() saw the two nodes linked to
 * each other, the first one unmarked: nothing lay between them then. The one that is given existed
 * before that moment and is found to exist after it; if it does not, the search starts again.
 */
#include "collections/skiplist.h"

int skip_near(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
              enum skip_edge edge, bool before, struct skip_node **node, uint64_t *value)
{
    for (;;) {
        struct skip_place place;
        if (!skip_find(list, slot, key, edge, &place))
            return SHALE_ECANCELED;
        struct skip_node *found = before ? place.before[0] : place.behind[0];
        if (!found || found == list->head)
            return SHALE_ENOENT;
        *value = skip_value(found);
        if (*value != SKIP_TOMBSTONE) {
            *node = found;
            return 0;
        }
        if (!skip_clear(list, slot, found))
            return SHALE_ECANCELED;
    }
}

static int near_entry(struct shale_skiplist *list, struct shale_key key, enum skip_edge edge,
                      bool before, struct shale_entry *entry)
{
    struct skip_node *node = NULL;
    uint64_t value = 0;
    struct shale_smr_thread *slot = coll_map_enter(&list->map);
    if (!slot)
        return SHALE_ENOMEM;
    int result = skip_near(list, slot, key, edge, before, &node, &value);
    if (result == 0) {
        *entry = (struct shale_entry){skip_key_of(list, node), value};
        coll_map_hold(&list->map, entry);
    }
    smr_exit(slot);
    return result;
}

int shale_skiplist_first(struct shale_skiplist *map, struct shale_entry *entry)
{
    return near_entry(map, shale_key_int64(0), SKIP_FIRST, false, entry);
}

int shale_skiplist_last(struct shale_skiplist *map, struct shale_entry *entry)
{
    return near_entry(map, shale_key_int64(0), SKIP_LAST, true, entry);
}

int shale_skiplist_floor(struct shale_skiplist *map, struct shale_key key,
                         struct shale_entry *entry)
{
    return near_entry(map, key, SKIP_AFTER, true, entry);
}

int shale_skiplist_lower(struct shale_skiplist *map, struct shale_key key,
                         struct shale_entry *entry)
{
    return near_entry(map, key, SKIP_AT, true, entry);
}

int shale_skiplist_ceiling(struct shale_skiplist *map, struct shale_key key,
                           struct shale_entry *entry)
{
    return near_entry(map, key, SKIP_AT, false, entry);
}

int shale_skiplist_higher(struct shale_skiplist *map, struct shale_key key,
                          struct shale_entry *entry)
{
    return near_entry(map, key, SKIP_AFTER, false, entry);
}

/* Removes the entry at an end: other calls may take it first, or replace its value. */
static int pop(struct shale_skiplist *list, enum skip_edge edge, struct shale_entry *entry)
{
    struct shale_smr_thread *slot = coll_map_enter(&list->map);
    if (!slot)
        return SHALE_ENOMEM;
    struct skip_node *node = NULL;
    uint64_t value = 0;
    int result;
    do {
        result = skip_near(list, slot, shale_key_int64(0), edge, edge == SKIP_LAST, &node, &value);
        if (result == 0 && smr_reserve(slot, 1) != 0)
            result = SHALE_ENOMEM;
    } while (result == 0 && !skip_remove_value(list, slot, node, value));
    if (result == 0) {
        *entry = (struct shale_entry){skip_key_of(list, node), value};
        coll_map_hold(&list->map, entry);
    }
    smr_exit(slot);
    return result;
}

int shale_skiplist_pop_min(struct shale_skiplist *map, struct shale_entry *entry)
{
    return pop(map, SKIP_FIRST, entry);
}

int shale_skiplist_pop_max(struct shale_skiplist *map, struct shale_entry *entry)
{
    return pop(map, SKIP_LAST, entry);
}

/* ---- ranges ---- */

/* On which side of a bound is a node? BOUND_CROSSED: outside the range. */
enum side { BOUND_KEPT, BOUND_CROSSED, BOUND_UNKNOWN };

static enum side look_at_bound(const struct shale_skiplist *list, const struct skip_node *node,
                               const struct shale_key *bound, bool exclusive, int outside)
{
    if (!bound)
        return BOUND_KEPT;
    int order = shale_compare(&list->map.options.comparator, skip_key_of(list, node), *bound);
    if (coll_is_unknown(list->map.kind, order))
        return BOUND_UNKNOWN;
    bool crossed = outside > 0 ? order > 0 : order < 0;
    return crossed || (order == 0 && exclusive) ? BOUND_CROSSED : BOUND_KEPT;
}

/* The node behind one on level 0. From a marked node that is searched for anew: what it leads to
 * may be gone. SHALE_ECANCELED. */
static int step_behind(struct shale_skiplist *list, struct shale_smr_thread *slot,
                       struct skip_node **node)
{
    struct skip_place place;
    uintptr_t next = smr_load(slot, &(*node)->next[0]);
    if (!(next & SKIP_MARK)) {
        *node = skip_pointer(next);
        return 0;
    }
    if (!skip_find(list, slot, skip_key_of(list, *node), SKIP_AFTER, &place))
        return SHALE_ECANCELED;
    *node = place.behind[0];
    return 0;
}

static int forwards(struct shale_skiplist *list, struct shale_smr_thread *slot,
                    const struct shale_range *range, struct shale_entry *entries, size_t capacity,
                    size_t *count)
{
    struct skip_place place;
    enum skip_edge edge = range->flags & SHALE_RANGE_FROM_EXCLUSIVE ? SKIP_AFTER : SKIP_AT;
    struct shale_key from = range->from ? *range->from : shale_key_int64(0);
    bool exclusive = range->flags & SHALE_RANGE_TO_EXCLUSIVE;
    enum side side = BOUND_KEPT;
    if (!skip_find(list, slot, from, range->from ? edge : SKIP_FIRST, &place))
        return SHALE_ECANCELED;
    struct skip_node *node = place.behind[0];
    int result = 0;
    *count = 0;
    while (result == 0 && node && *count < capacity &&
           (side = look_at_bound(list, node, range->to, exclusive, 1)) == BOUND_KEPT) {
        uint64_t value = skip_value(node);
        if (value != SKIP_TOMBSTONE)
            entries[(*count)++] = (struct shale_entry){skip_key_of(list, node), value};
        result = step_behind(list, slot, &node);
    }
    return side == BOUND_UNKNOWN ? SHALE_ECANCELED : result;
}

static int backwards(struct shale_skiplist *list, struct shale_smr_thread *slot,
                     const struct shale_range *range, struct shale_entry *entries, size_t capacity,
                     size_t *count)
{
    enum skip_edge edge = range->flags & SHALE_RANGE_TO_EXCLUSIVE ? SKIP_AT : SKIP_AFTER;
    struct shale_key key = range->to ? *range->to : shale_key_int64(0);
    bool exclusive = range->flags & SHALE_RANGE_FROM_EXCLUSIVE;
    enum side side = BOUND_KEPT;
    struct skip_node *node;
    uint64_t value;
    int result = 0;
    *count = 0;
    if (!range->to)
        edge = SKIP_LAST;
    while (*count < capacity &&
           (result = skip_near(list, slot, key, edge, true, &node, &value)) == 0 &&
           (side = look_at_bound(list, node, range->from, exclusive, -1)) == BOUND_KEPT) {
        key = skip_key_of(list, node);
        edge = SKIP_AT;
        entries[(*count)++] = (struct shale_entry){key, value};
    }
    return side == BOUND_UNKNOWN || result == SHALE_ECANCELED ? SHALE_ECANCELED : 0;
}

int skip_batch(struct coll_map *map, struct shale_smr_thread *slot, const struct shale_range *range,
               struct shale_entry *entries, size_t capacity, size_t *count)
{
    struct shale_skiplist *list = (struct shale_skiplist *)map;
    return range->flags & SHALE_RANGE_REVERSE
               ? backwards(list, slot, range, entries, capacity, count)
               : forwards(list, slot, range, entries, capacity, count);
}

int shale_skiplist_scan(struct shale_skiplist *map, const struct shale_range *range,
                        struct shale_entry *entries, size_t capacity, size_t *count)
{
    return coll_map_scan(&map->map, range, entries, capacity, count);
}

int shale_skiplist_visit(struct shale_skiplist *map, const struct shale_range *range,
                         shale_visit_function *visit, void *context)
{
    return coll_map_visit(&map->map, range, visit, context);
}

int shale_skiplist_visit_alone(struct shale_skiplist *map, shale_visit_function *visit,
                               void *context)
{
    int result = 0;
    struct skip_node *node = skip_pointer(shale_atomic_load_relaxed(&map->head->next[0]));
    for (; node && result == 0; node = skip_pointer(shale_atomic_load_relaxed(&node->next[0]))) {
        struct shale_entry entry = {skip_key_of(map, node), skip_value(node)};
        if (entry.value != SKIP_TOMBSTONE)
            result = visit(&entry, context);
    }
    return result;
}

int shale_skiplist_snapshot(struct shale_skiplist *map, const struct shale_range *range,
                            struct shale_snapshot **snapshot)
{
    return coll_map_snapshot(&map->map, range, snapshot);
}

int shale_skiplist_compute(struct shale_skiplist *map, struct shale_key key,
                           shale_compute_function *function, void *context,
                           struct shale_previous *previous)
{
    return coll_map_compute(&map->map, key, function, context, previous);
}

size_t shale_skiplist_length(const struct shale_skiplist *map)
{
    return coll_map_length(&map->map);
}
