/* SPDX-License-Identifier: MIT */
/* The skip list: its life, reading, adding, replacing and removing one key. Layer 4. */
#include "collections/skiplist.h"

#include <string.h>

#include "collections/random.h"

/* ---- nodes ---- */

static size_t node_size(const struct shale_skiplist *list, unsigned height, struct shale_key key)
{
    size_t size = sizeof(struct skip_node) + height * sizeof(uintptr_t);
    return list->map.kind == COLL_KEY_STRING ? size + key.size : size;
}

/* Its links: level 0, and the inserter. */
static struct skip_node *make_node(struct shale_skiplist *list, unsigned height,
                                   struct shale_key key, uint64_t value)
{
    size_t size = node_size(list, height, key);
    struct skip_node *node = size < key.size ? NULL : coll_alloc(size);
    if (!node)
        return NULL;
    shale_atomic_store_relaxed(&node->value, value);
    shale_atomic_store_relaxed(&node->meta, 2 | (uint64_t)height << SKIP_LINKS_BITS);
    node->number = key.number;
    if (list->map.kind == COLL_KEY_STRING) {
        node->size = key.size;
        if (key.size)
            memcpy(&node->next[height], key.pointer, key.size);
    }
    return node;
}

/* Heights: one more with a probability of 1/2 each. With 1/4 an entry is 6 bytes smaller, but a
 * search meets more entries on each of the lower levels, which are not in the caches. */
static unsigned random_height(void)
{
    uint64_t random = coll_random() | UINT64_C(1) << (SKIP_LEVELS - 1);
    return 1 + (unsigned)__builtin_ctzll(random);
}

static const struct coll_map_functions functions;

int shale_skiplist_create(const struct shale_map_options *options, struct shale_skiplist **map)
{
    struct shale_skiplist *list = coll_alloc_node(sizeof *list);
    if (!list)
        return SHALE_ENOMEM;
    int result = coll_map_start(&list->map, options, &functions);
    if (result != 0) {
        coll_free_node(list, sizeof *list);
        return result;
    }
    list->head = coll_alloc_node(sizeof *list->head + SKIP_LEVELS * sizeof(uintptr_t));
    if (!list->head) {
        coll_map_end(&list->map);
        coll_free_node(list, sizeof *list);
        return SHALE_ENOMEM;
    }
    memset(list->head, 0, sizeof *list->head + SKIP_LEVELS * sizeof(uintptr_t));
    shale_atomic_store_relaxed(&list->levels, 1);
    shale_atomic_store_relaxed(&list->stranded, NULL);
    *map = list;
    return 0;
}

static void drop_key(const struct shale_skiplist *list, const struct skip_node *node)
{
    const struct shale_map_options *options = &list->map.options;
    if (options->destroy_key)
        options->destroy_key((void *)(uintptr_t)node->pointer, options->context);
}

/* Nobody else is there: what is linked is what has not been retired. */
static void free_linked(struct shale_skiplist *list)
{
    struct skip_node *node = skip_pointer(shale_atomic_load_relaxed(&list->head->next[0]));
    while (node) {
        struct skip_node *next = skip_pointer(shale_atomic_load_relaxed(&node->next[0]));
        uint64_t value = shale_atomic_load_relaxed(&node->value);
        drop_key(list, node);
        if (value != SKIP_TOMBSTONE)
            coll_map_drop_value(&list->map, value);
        shale_free(node);
        node = next;
    }
}

static void free_stranded(struct shale_skiplist *list)
{
    struct skip_node *node = shale_atomic_load_relaxed(&list->stranded);
    while (node) {
        uint64_t meta = shale_atomic_load_relaxed(&node->meta);
        struct skip_node *next = (struct skip_node *)(uintptr_t)(meta >> SKIP_BIRTH_SHIFT);
        drop_key(list, node);
        shale_free(node);
        node = next;
    }
}

void shale_skiplist_destroy(struct shale_skiplist *map)
{
    struct skip_place place;
    if (!map)
        return;
    struct shale_smr_thread *slot = coll_map_enter(&map->map);
    if (slot) {
        /* Unlinks what is marked on any level, which retires it. */
        (void)skip_find(map, slot, shale_key_int64(0), SKIP_LAST, &place);
        smr_exit(slot);
    }
    free_linked(map);
    free_stranded(map);
    coll_free_node(map->head, sizeof *map->head + SKIP_LEVELS * sizeof(uintptr_t));
    coll_map_end(&map->map);
    coll_free_node(map, sizeof *map);
}

struct shale_smr *shale_skiplist_domain(const struct shale_skiplist *map)
{
    return map->map.domain;
}

/* ---- reading ---- */

int shale_skiplist_get(struct shale_skiplist *map, struct shale_key key, uint64_t *value)
{
    uint64_t found = 0;
    struct shale_smr_thread *slot = coll_map_enter(&map->map);
    if (!slot)
        return SHALE_ENOMEM;
    struct skip_node *node;
    int result = skip_seek(map, slot, key, &node, &found);
    if (result == 0)
        coll_map_hand_out(&map->map, found, value);
    smr_exit(slot);
    return result;
}

/* ---- adding ---- */

static void raise_levels(struct shale_skiplist *list, unsigned height)
{
    unsigned levels = shale_atomic_load_relaxed(&list->levels);
    while (levels < height && !shale_atomic_cas_weak_relaxed(&list->levels, &levels, height))
        ;
}

/* Links `node` between the two of a place. */
static bool link(struct skip_place *place, unsigned level, struct skip_node *node)
{
    uintptr_t expected = (uintptr_t)place->behind[level];
    COLL_POINT();
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Publishes the node's fields.
     * Without it they can be seen unwritten. Test skiplist_stress_nothing_broken. */
    return shale_atomic_cas_release(&place->before[level]->next[level], &expected, (uintptr_t)node);
}

/* Aims the node's own pointer at what will be behind it. False: it is marked. */
static bool aim(struct skip_node *node, unsigned level, struct skip_node *behind)
{
    uintptr_t aimed = shale_atomic_load_relaxed(&node->next[level]);
    COLL_POINT();
    if (COLL_BUG(LATE_LINK)) {
        shale_atomic_store_relaxed(&node->next[level], (uintptr_t)behind);
        return true;
    }
    if (aimed & SKIP_MARK)
        return false;
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Passes on what the thread that
     * linked the node behind published. Without it its fields can be seen unwritten. Test
     * skiplist_stress_nothing_broken. */
    return aimed == (uintptr_t)behind ||
           shale_atomic_cas_release(&node->next[level], &aimed, (uintptr_t)behind);
}

/* Links one upper level. False: no more levels, as the node is being removed, or its place up there
 * is unknown: a lower tower is found as well. */
static bool link_upper(struct shale_skiplist *list, struct shale_smr_thread *slot,
                       struct shale_key key, struct skip_place *place, unsigned level,
                       struct skip_node *node)
{
    while (aim(node, level, place->behind[level])) {
        shale_atomic_fetch_add_relaxed(&node->meta, 1);
        if (link(place, level, node)) {
            if (!(shale_atomic_load_relaxed(&node->next[level]) & SKIP_MARK))
                return true;
            (void)skip_find(list, slot, key, SKIP_AT, place); /* unlinks what came too late */
            return false;
        }
        skip_drop_link(list, slot, node);
        if (!skip_find(list, slot, key, SKIP_AT, place) || place->behind[0] != node)
            return false;
    }
    return false;
}

/* Links a new node: its entry exists when this returns true. */
static bool insert(struct shale_skiplist *list, struct shale_smr_thread *slot,
                   struct skip_place *place, struct skip_node *node)
{
    unsigned height = skip_height(node);
    for (unsigned level = 0; level < height; level++)
        shale_atomic_store_relaxed(&node->next[level], (uintptr_t)place->behind[level]);
    uint64_t meta = shale_atomic_load_relaxed(&node->meta) & ((1 << SKIP_BIRTH_SHIFT) - 1);
    shale_atomic_store_relaxed(&node->meta, meta | smr_birth(slot) << SKIP_BIRTH_SHIFT);
    if (!link(place, 0, node))
        return false;
    coll_map_count(&list->map, 1);
    if (height > 1) {
        raise_levels(list, height); /* before: who meets a level has to search it */
        struct shale_key key = skip_key_of(list, node);
        bool goes_on = true;
        for (unsigned level = 1; goes_on && level < height; level++)
            goes_on = link_upper(list, slot, key, place, level, node);
    }
    skip_drop_link(list, slot, node);
    return true;
}

/* What a call wants of a key. */
enum want { WANT_PUT, WANT_ABSENT, WANT_PRESENT, WANT_EXPECTED };

struct change {
    enum want want;
    uint64_t value, expected;
    struct shale_previous previous;
};

enum { RETRY = 1 };

/* The key is there, unless it was removed. */
static int change_present(struct shale_skiplist *list, struct shale_smr_thread *slot,
                          struct skip_node *node, struct change *change)
{
    uint64_t value = skip_value(node);
    if (value == SKIP_TOMBSTONE) {
        return skip_clear(list, slot, node) ? RETRY : SHALE_ECANCELED;
    }
    change->previous = (struct shale_previous){.existed = 1, .value = value};
    if (change->want == WANT_ABSENT || (change->want == WANT_EXPECTED && value != change->expected))
        return SHALE_EEXIST;
    if (list->map.options.destroy_value && smr_reserve(slot, 1) != 0)
        return SHALE_ENOMEM;
    uint64_t found = value;
    if (!skip_set_value(node, &found, change->value))
        return RETRY;
    coll_map_give_up_value(&list->map, slot, value);
    return 0;
}

static int change_absent(struct shale_skiplist *list, struct shale_smr_thread *slot,
                         struct shale_key key, struct skip_place *place, struct change *change,
                         struct skip_node **made)
{
    change->previous.existed = 0;
    if (change->want == WANT_PRESENT || change->want == WANT_EXPECTED)
        return SHALE_ENOENT;
    if (!*made)
        *made = make_node(list, random_height(), key, change->value);
    if (!*made)
        return SHALE_ENOMEM;
    if (!insert(list, slot, place, *made))
        return RETRY;
    *made = NULL;
    return 0;
}

static int change_key(struct shale_skiplist *list, struct shale_smr_thread *slot,
                      struct shale_key key, struct change *change)
{
    struct skip_node *made = NULL;
    struct skip_place place;
    int result;
    do {
        if (!skip_find(list, slot, key, SKIP_AT, &place))
            result = SHALE_ECANCELED;
        else
            result = place.equal ? change_present(list, slot, place.behind[0], change)
                                 : change_absent(list, slot, key, &place, change, &made);
    } while (result == RETRY);
    shale_free(made);
    return result;
}

/* Runs a change in a guard and hands the value before out. */
static int run_change(struct shale_skiplist *list, struct shale_key key, struct change *change,
                      uint64_t *old)
{
    if (change->value == SHALE_MAP_RESERVED)
        return SHALE_ERANGE;
    struct shale_smr_thread *slot = coll_map_enter(&list->map);
    if (!slot)
        return SHALE_ENOMEM;
    int result = change_key(list, slot, key, change);
    if (change->previous.existed && (result == 0 || result == SHALE_EEXIST))
        coll_map_hand_out(&list->map, change->previous.value, old);
    smr_exit(slot);
    return result;
}

int shale_skiplist_put(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                       struct shale_previous *previous)
{
    struct change change = {.want = WANT_PUT, .value = value};
    uint64_t old;
    int result = run_change(map, key, &change, previous ? &old : NULL);
    if (result == 0 && previous)
        *previous = change.previous;
    return result;
}

int shale_skiplist_put_if_absent(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                                 uint64_t *present)
{
    struct change change = {.want = WANT_ABSENT, .value = value};
    return run_change(map, key, &change, present);
}

int shale_skiplist_replace(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                           uint64_t *old)
{
    struct change change = {.want = WANT_PRESENT, .value = value};
    return run_change(map, key, &change, old);
}

int shale_skiplist_compare_replace(struct shale_skiplist *map, struct shale_key key,
                                   uint64_t expected, uint64_t value)
{
    struct change change = {.want = WANT_EXPECTED, .value = value, .expected = expected};
    return run_change(map, key, &change, NULL);
}

/* ---- removing ---- */

bool skip_clear(struct shale_skiplist *list, struct shale_smr_thread *slot, struct skip_node *node)
{
    struct skip_place place;
    for (unsigned level = skip_height(node); level-- > 0;) {
        COLL_POINT();
        shale_atomic_fetch_or_relaxed(&node->next[level], SKIP_MARK);
    }
    return skip_find(list, slot, skip_key_of(list, node), SKIP_AT, &place);
}

bool skip_remove_value(struct shale_skiplist *list, struct shale_smr_thread *slot,
                       struct skip_node *node, uint64_t value)
{
    uint64_t found = value;
    if (!skip_set_value(node, &found, SKIP_TOMBSTONE))
        return false;
    coll_map_count(&list->map, -1);
    coll_map_give_up_value(&list->map, slot, value);
    (void)skip_clear(list, slot, node);
    return true;
}

static int try_remove(struct shale_skiplist *map, struct shale_smr_thread *slot,
                      struct shale_key key, const uint64_t *expected, uint64_t *old)
{
    uint64_t value;
    struct skip_node *node;
    int result = skip_seek(map, slot, key, &node, &value);
    if (result != 0)
        return result;
    if (expected && value != *expected)
        return SHALE_EEXIST;
    if (smr_reserve(slot, 1) != 0)
        return SHALE_ENOMEM;
    if (!skip_remove_value(map, slot, node, value))
        return RETRY;
    coll_map_hand_out(&map->map, value, old);
    return 0;
}

/* `expected`: NULL removes whatever the value is. */
static int remove_key(struct shale_skiplist *map, struct shale_key key, const uint64_t *expected,
                      uint64_t *old)
{
    struct shale_smr_thread *slot = coll_map_enter(&map->map);
    if (!slot)
        return SHALE_ENOMEM;
    int result;
    do
        result = try_remove(map, slot, key, expected, old);
    while (result == RETRY);
    smr_exit(slot);
    return result;
}

int shale_skiplist_remove(struct shale_skiplist *map, struct shale_key key, uint64_t *old)
{
    return remove_key(map, key, NULL, old);
}

int shale_skiplist_compare_remove(struct shale_skiplist *map, struct shale_key key,
                                  uint64_t expected)
{
    return remove_key(map, key, &expected, NULL);
}

static int get_function(struct coll_map *map, struct shale_key key, uint64_t *value)
{
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    struct skip_node *node;
    int result = skip_seek((struct shale_skiplist *)map, slot, key, &node, value);
    smr_exit(slot);
    return result;
}

static int put_if_absent_function(struct coll_map *map, struct shale_key key, uint64_t value)
{
    return shale_skiplist_put_if_absent((struct shale_skiplist *)map, key, value, NULL);
}

static int compare_replace_function(struct coll_map *map, struct shale_key key, uint64_t expected,
                                    uint64_t value)
{
    return shale_skiplist_compare_replace((struct shale_skiplist *)map, key, expected, value);
}

static int compare_remove_function(struct coll_map *map, struct shale_key key, uint64_t expected)
{
    return shale_skiplist_compare_remove((struct shale_skiplist *)map, key, expected);
}

static const struct coll_map_functions functions = {
    .batch = skip_batch,
    .get = get_function,
    .put_if_absent = put_if_absent_function,
    .compare_replace = compare_replace_function,
    .compare_remove = compare_remove_function,
};
