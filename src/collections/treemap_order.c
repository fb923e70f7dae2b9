/* SPDX-License-Identifier: MIT */
/*
 * The tree map by order: nearest entries, pops, ranges. Layer 4.
 *
 * What is not in a key's own leaf is at the end of the leaf on the other side of its fence. Both
 * leaves are validated after both were read: there was a moment when both were so.
 */
#include "collections/treemap.h"

/* Which entry is asked for. */
enum near { FIRST, LOWER, FLOOR, CEILING, HIGHER, LAST };

struct found {
    uint64_t word; /* the key's */
    uint64_t value;
};

static bool goes_up(enum near near)
{
    return near == FIRST || near == CEILING || near == HIGHER;
}

/* A leaf's entry; to be validated. */
static void read_entry(struct shale_smr_thread *slot, struct tree_node *leaf, unsigned index,
                       struct found *found)
{
    found->word = smr_load(slot, (_Atomic uintptr_t *)&leaf->keys[index]);
    found->value = tree_value(leaf, index);
}

/* How many entries of the leaf come before the one that is asked for, or with it going down. */
static bool split_at(struct shale_treemap *tree, struct shale_smr_thread *slot,
                     const struct tree_place *place, struct tree_probe *probe, enum near near,
                     unsigned *index)
{
    bool equal;
    *index = near == FIRST ? 0 : tree_count(place->leaf);
    if (near == FIRST || near == LAST)
        return true;
    return tree_search(tree, slot, place->leaf, place->version, probe,
                       near == FLOOR || near == HIGHER, index, &equal);
}

/* The first or last entry beyond a fence of the leaf. */
static int beyond(struct shale_treemap *tree, struct shale_smr_thread *slot,
                  const struct tree_place *place, bool up, struct found *found)
{
    struct tree_place next;
    if (!(up ? place->has_high : place->has_low))
        return tree_valid(place->leaf, place->version) ? SHALE_ENOENT : SHALE_EBUSY;
    if (!tree_valid(place->leaf, place->version))
        return SHALE_EBUSY;
    struct tree_probe fence = tree_probe(tree, tree_key_of(tree, up ? place->high : place->low));
    if (!tree_descend(tree, slot, &fence, up ? TREE_AT : TREE_BEFORE, &next))
        return SHALE_ECANCELED;
    unsigned count = tree_count(next.leaf);
    if (count > 0)
        read_entry(slot, next.leaf, up ? 0 : count - 1, found);
    if (!tree_valid(next.leaf, next.version) || !tree_valid(place->leaf, place->version))
        return SHALE_EBUSY;
    if (count > 0)
        return 0;
    tree_tidy(tree, slot, &fence); /* an empty leaf: into a neighbour with it, then again */
    return fence.unknown ? SHALE_ECANCELED : SHALE_EBUSY;
}

/* SHALE_EBUSY: something changed meanwhile. SHALE_ECANCELED: the order is unknown. */
static int try_near(struct shale_treemap *tree, struct shale_smr_thread *slot,
                    struct tree_probe *probe, enum near near, struct found *found)
{
    static const enum tree_edge edges[] = {
        [FIRST] = TREE_FIRST, [LOWER] = TREE_AT,  [FLOOR] = TREE_AT,
        [CEILING] = TREE_AT,  [HIGHER] = TREE_AT, [LAST] = TREE_LAST};
    struct tree_place place;
    unsigned index;
    if (!tree_descend(tree, slot, probe, edges[near], &place))
        return SHALE_ECANCELED;
    if (!split_at(tree, slot, &place, probe, near, &index))
        return probe->unknown ? SHALE_ECANCELED : SHALE_EBUSY;
    bool up = goes_up(near);
    if (up ? index == tree_count(place.leaf) : index == 0)
        return beyond(tree, slot, &place, up, found);
    read_entry(slot, place.leaf, up ? index : index - 1, found);
    return tree_valid(place.leaf, place.version) ? 0 : SHALE_EBUSY;
}

static int find_near(struct shale_treemap *tree, struct shale_smr_thread *slot,
                     struct shale_key key, enum near near, struct found *found)
{
    struct tree_probe probe = tree_probe(tree, key);
    int result;
    while ((result = try_near(tree, slot, &probe, near, found)) == SHALE_EBUSY)
        COLL_SPIN_POINT();
    return result;
}

static int near_entry(struct shale_treemap *tree, struct shale_key key, enum near near,
                      struct shale_entry *entry)
{
    struct found found = {0};
    struct shale_smr_thread *slot = coll_map_enter(&tree->map);
    if (!slot)
        return SHALE_ENOMEM;
    int result = find_near(tree, slot, key, near, &found);
    if (result == 0) {
        *entry = (struct shale_entry){tree_key_of(tree, found.word), found.value};
        coll_map_hold(&tree->map, entry);
    }
    smr_exit(slot);
    return result;
}

int shale_treemap_first(struct shale_treemap *map, struct shale_entry *entry)
{
    return near_entry(map, shale_key_int64(0), FIRST, entry);
}

int shale_treemap_last(struct shale_treemap *map, struct shale_entry *entry)
{
    return near_entry(map, shale_key_int64(0), LAST, entry);
}

int shale_treemap_floor(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry)
{
    return near_entry(map, key, FLOOR, entry);
}

int shale_treemap_lower(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry)
{
    return near_entry(map, key, LOWER, entry);
}

int shale_treemap_ceiling(struct shale_treemap *map, struct shale_key key,
                          struct shale_entry *entry)
{
    return near_entry(map, key, CEILING, entry);
}

int shale_treemap_higher(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry)
{
    return near_entry(map, key, HIGHER, entry);
}

/* Removes the entry at an end, unless others take it first or replace its value. */
static int pop(struct shale_treemap *tree, enum near near, struct shale_entry *entry)
{
    struct found found = {0};
    struct shale_smr_thread *slot = coll_map_enter(&tree->map);
    if (!slot)
        return SHALE_ENOMEM;
    int result;
    do {
        result = find_near(tree, slot, shale_key_int64(0), near, &found);
        if (result == 0) {
            uint64_t old;
            *entry = (struct shale_entry){tree_key_of(tree, found.word), found.value};
            result = tree_remove(tree, slot, entry->key, &found.value, &old);
            if (result == SHALE_ENOENT || result == SHALE_EEXIST)
                result = SHALE_EBUSY;
        }
    } while (result == SHALE_EBUSY);
    if (result == 0)
        coll_map_hold(&tree->map, entry);
    smr_exit(slot);
    return result;
}

int shale_treemap_pop_min(struct shale_treemap *map, struct shale_entry *entry)
{
    return pop(map, FIRST, entry);
}

int shale_treemap_pop_max(struct shale_treemap *map, struct shale_entry *entry)
{
    return pop(map, LAST, entry);
}

/* ---- ranges: leaf by leaf, each as it was at one moment ---- */

struct walk {
    struct shale_treemap *tree;
    struct shale_smr_thread *slot;
    const struct shale_range *range;
    struct shale_entry *entries;
    size_t capacity, count;
    struct shale_key at; /* where it goes on */
    bool from_end;       /* no bound: at an end of the map */
    bool exclusive;      /* the key itself is left out */
    bool over;
    bool unknown; /* the comparator could not tell */
};

/* Is a key outside the range, or is that unknown? The walk is over then. */
static bool ends_at(struct walk *walk, struct shale_key key, bool up)
{
    const struct shale_key *bound = up ? walk->range->to : walk->range->from;
    unsigned exclusive = up ? SHALE_RANGE_TO_EXCLUSIVE : SHALE_RANGE_FROM_EXCLUSIVE;
    if (!bound)
        return false;
    int order = shale_compare(&walk->tree->map.options.comparator, key, *bound);
    walk->unknown = coll_is_unknown(walk->tree->map.kind, order);
    walk->over = walk->unknown || (up ? order > 0 : order < 0) ||
                 (order == 0 && walk->range->flags & exclusive);
    return walk->over;
}

/* Copies words of the leaf's entries behind the place, or before it from the back. */
static size_t copy_words(const struct walk *walk, struct tree_node *leaf, unsigned index, bool up,
                         struct found *words)
{
    size_t count = 0, room = walk->capacity - walk->count;
    unsigned end = tree_count(leaf);
    if (up)
        for (unsigned i = index; i < end && count < room; i++)
            read_entry(walk->slot, leaf, i, &words[count++]);
    else
        for (unsigned i = index; i > 0 && count < room; i--)
            read_entry(walk->slot, leaf, i - 1, &words[count++]);
    return count;
}

/* Entries from valid words, as far as the range goes. */
static void add_entries(struct walk *walk, const struct found *words, size_t count, bool up)
{
    for (size_t i = 0; i < count && !walk->over; i++) {
        struct shale_key key = tree_key_of(walk->tree, words[i].word);
        if (!ends_at(walk, key, up))
            walk->entries[walk->count++] = (struct shale_entry){key, words[i].value};
    }
}

/* One leaf. */
static void walk_leaf(struct walk *walk, bool up)
{
    struct found words[TREE_KEYS];
    struct tree_place place;
    unsigned index;
    struct tree_probe probe = tree_probe(walk->tree, walk->at);
    enum near near = up ? (walk->exclusive ? HIGHER : CEILING) : (walk->exclusive ? LOWER : FLOOR);
    enum tree_edge edge = up || !walk->exclusive ? TREE_AT : TREE_BEFORE;
    if (walk->from_end) {
        near = up ? FIRST : LAST;
        edge = up ? TREE_FIRST : TREE_LAST;
    }
    if (!tree_descend(walk->tree, walk->slot, &probe, edge, &place) ||
        !split_at(walk->tree, walk->slot, &place, &probe, near, &index)) {
        walk->unknown = walk->over = probe.unknown;
        return;
    }
    size_t count = copy_words(walk, place.leaf, index, up, words);
    if (!tree_valid(place.leaf, place.version))
        return;
    add_entries(walk, words, count, up);
    walk->over =
        walk->over || walk->count == walk->capacity || !(up ? place.has_high : place.has_low);
    if (walk->over)
        return;
    walk->at = tree_key_of(walk->tree, up ? place.high : place.low);
    walk->exclusive = !up; /* a separator belongs to the leaf behind it */
    walk->from_end = false;
}

int tree_batch(struct coll_map *map, struct shale_smr_thread *slot, const struct shale_range *range,
               struct shale_entry *entries, size_t capacity, size_t *count)
{
    bool up = !(range->flags & SHALE_RANGE_REVERSE);
    const struct shale_key *start = up ? range->from : range->to;
    unsigned exclusive = up ? SHALE_RANGE_FROM_EXCLUSIVE : SHALE_RANGE_TO_EXCLUSIVE;
    struct walk walk = {.tree = (struct shale_treemap *)map,
                        .slot = slot,
                        .range = range,
                        .entries = entries,
                        .capacity = capacity,
                        .at = start ? *start : shale_key_int64(0),
                        .from_end = !start,
                        .exclusive = range->flags & exclusive,
                        .over = capacity == 0};
    while (!walk.over) {
        walk_leaf(&walk, up);
        COLL_POINT();
    }
    *count = walk.count;
    return walk.unknown ? SHALE_ECANCELED : 0;
}

int shale_treemap_scan(struct shale_treemap *map, const struct shale_range *range,
                       struct shale_entry *entries, size_t capacity, size_t *count)
{
    return coll_map_scan(&map->map, range, entries, capacity, count);
}

int shale_treemap_visit(struct shale_treemap *map, const struct shale_range *range,
                        shale_visit_function *visit, void *context)
{
    return coll_map_visit(&map->map, range, visit, context);
}

static int visit_subtree(struct shale_treemap *tree, const struct tree_node *node,
                         shale_visit_function *visit, void *context)
{
    unsigned count = tree_count(node);
    int result = 0;
    for (unsigned i = 0; node->level > 0 && result == 0 && i <= count; i++)
        result = visit_subtree(
            tree, (const struct tree_node *)shale_atomic_load_relaxed(&node->children[i]), visit,
            context);
    for (unsigned i = 0; node->level == 0 && result == 0 && i < count; i++) {
        struct shale_entry entry = {tree_key_of(tree, tree_key(node, i)), tree_value(node, i)};
        result = visit(&entry, context);
    }
    return result;
}

int shale_treemap_visit_alone(struct shale_treemap *map, shale_visit_function *visit, void *context)
{
    return visit_subtree(map, (const struct tree_node *)shale_atomic_load_relaxed(&map->root),
                         visit, context);
}

int shale_treemap_snapshot(struct shale_treemap *map, const struct shale_range *range,
                           struct shale_snapshot **snapshot)
{
    return coll_map_snapshot(&map->map, range, snapshot);
}

int shale_treemap_compute(struct shale_treemap *map, struct shale_key key,
                          shale_compute_function *function, void *context,
                          struct shale_previous *previous)
{
    return coll_map_compute(&map->map, key, function, context, previous);
}

size_t shale_treemap_length(const struct shale_treemap *map)
{
    return coll_map_length(&map->map);
}
