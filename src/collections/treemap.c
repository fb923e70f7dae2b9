/* SPDX-License-Identifier: MIT */
/* The tree map: its life, reading, adding, replacing and removing one key. Layer 4. */
#include "collections/treemap.h"

#include <string.h>

static const struct coll_map_functions functions;

/* ---- life ---- */

int shale_treemap_create(const struct shale_map_options *options, struct shale_treemap **map)
{
    struct shale_treemap *tree = coll_alloc_node(sizeof *tree);
    if (!tree)
        return SHALE_ENOMEM;
    int result = coll_map_start(&tree->map, options, &functions);
    if (result != 0) {
        coll_free_node(tree, sizeof *tree);
        return result;
    }
    struct tree_node *root = tree_new_node(0);
    if (!root) {
        coll_map_end(&tree->map);
        coll_free_node(tree, sizeof *tree);
        return SHALE_ENOMEM;
    }
    shale_atomic_store_relaxed(&tree->root, (uintptr_t)root);
    *map = tree;
    return 0;
}

/* Nobody else is there. */
static void free_box(const struct shale_treemap *tree, uint64_t word)
{
    const struct shale_map_options *options = &tree->map.options;
    if (tree->map.kind == COLL_KEY_INT64 ||
        shale_atomic_fetch_sub_relaxed(&tree_box(word)->owners, 1) != 1)
        return;
    if (options->destroy_key)
        options->destroy_key((void *)(uintptr_t)tree_box(word)->pointer, options->context);
    shale_free(tree_box(word));
}

static void free_subtree(const struct shale_treemap *tree, struct tree_node *node)
{
    unsigned count = tree_count(node);
    for (unsigned i = 0; i < count; i++)
        free_box(tree, tree_key(node, i));
    for (unsigned i = 0; node->level > 0 && i <= count; i++)
        free_subtree(tree, (struct tree_node *)shale_atomic_load_relaxed(&node->children[i]));
    for (unsigned i = 0; node->level == 0 && i < count; i++)
        coll_map_drop_value(&tree->map, tree_value(node, i));
    tree_free_node(node, NULL);
}

void shale_treemap_destroy(struct shale_treemap *map)
{
    if (!map)
        return;
    free_subtree(map, (struct tree_node *)shale_atomic_load_relaxed(&map->root));
    coll_map_end(&map->map);
    coll_free_node(map, sizeof *map);
}

struct shale_smr *shale_treemap_domain(const struct shale_treemap *map)
{
    return map->map.domain;
}

/* ---- reading ---- */

static int find_value(struct shale_treemap *tree, struct shale_smr_thread *slot,
                      struct shale_key key, uint64_t *value)
{
    struct tree_probe probe = tree_probe(tree, key);
    struct tree_spot spot;
    uint64_t found;
    do {
        if (!tree_seek(tree, slot, &probe, &spot))
            return SHALE_ECANCELED;
        found = spot.equal ? tree_value(spot.leaf, spot.index) : 0;
    } while (!tree_valid(spot.leaf, spot.version));
    if (spot.equal)
        *value = found;
    return spot.equal ? 0 : SHALE_ENOENT;
}

int shale_treemap_get(struct shale_treemap *map, struct shale_key key, uint64_t *value)
{
    struct shale_smr_thread *slot = coll_map_enter(&map->map);
    if (!slot)
        return SHALE_ENOMEM;
    uint64_t found;
    int result = find_value(map, slot, key, &found);
    if (result == 0)
        coll_map_hand_out(&map->map, found, value);
    smr_exit(slot);
    return result;
}

/* ---- adding and replacing ---- */

/* What a call wants of a key. */
enum want { WANT_PUT, WANT_ABSENT, WANT_PRESENT, WANT_EXPECTED };

struct change {
    enum want want;
    uint64_t value, expected;
    struct shale_previous previous;
    struct tree_probe probe;
    uint64_t word; /* the new key's; not 0: a box was made */
};

enum { RETRY = 1 };

/* The word of a new key. SHALE_ENOMEM. */
static int make_word(const struct shale_treemap *tree, struct shale_smr_thread *slot,
                     struct change *change)
{
    struct shale_key key = change->probe.key;
    bool string = tree->map.kind == COLL_KEY_STRING;
    if (tree->map.kind == COLL_KEY_INT64 || change->word != 0)
        return 0;
    size_t size = sizeof(struct tree_box) + (string ? key.size : 0);
    struct tree_box *box = size < key.size ? NULL : coll_alloc(size);
    if (!box)
        return SHALE_ENOMEM;
    shale_atomic_store_relaxed(&box->owners, 1);
    box->birth = smr_birth(slot);
    box->pointer = key.pointer;
    if (string) {
        box->size = key.size;
        memcpy(box->bytes, key.pointer, key.size);
    }
    change->word = (uint64_t)(uintptr_t)box;
    return 0;
}

static int replace_value(struct shale_treemap *tree, struct shale_smr_thread *slot,
                         const struct tree_spot *spot, struct change *change)
{
    uint64_t value = tree_value(spot->leaf, spot->index);
    if (!tree_valid(spot->leaf, spot->version))
        return RETRY;
    change->previous = (struct shale_previous){.existed = 1, .value = value};
    if (change->want == WANT_ABSENT || (change->want == WANT_EXPECTED && value != change->expected))
        return SHALE_EEXIST;
    if (tree->map.options.destroy_value && smr_reserve(slot, 1) != 0)
        return SHALE_ENOMEM;
    if (!tree_lock(spot->leaf, spot->version))
        return RETRY;
    COLL_POINT();
    shale_atomic_store_relaxed(&spot->leaf->values[spot->index], change->value);
    tree_unlock(spot->leaf, false);
    coll_map_give_up_value(&tree->map, slot, value);
    return 0;
}

static void insert_at(struct tree_node *leaf, unsigned index, uint64_t word, uint64_t value)
{
    unsigned count = tree_count(leaf);
    for (unsigned i = count; i > index; i--) {
        tree_set_key(leaf, i, tree_key(leaf, i - 1));
        shale_atomic_store_relaxed(&leaf->values[i], tree_value(leaf, i - 1));
    }
    COLL_POINT();
    tree_set_key(leaf, index, word);
    shale_atomic_store_relaxed(&leaf->values[index], value);
    tree_set_count(leaf, count + 1);
}

static int make_room(struct shale_treemap *tree, struct shale_smr_thread *slot,
                     struct change *change)
{
    int result = tree_make_room(tree, slot, &change->probe);
    return result == 0 ? RETRY : result;
}

static int add_key(struct shale_treemap *tree, struct shale_smr_thread *slot,
                   const struct tree_spot *spot, struct change *change)
{
    unsigned count = tree_count(spot->leaf);
    if (!tree_valid(spot->leaf, spot->version))
        return RETRY;
    change->previous.existed = 0;
    if (change->want == WANT_PRESENT || change->want == WANT_EXPECTED)
        return SHALE_ENOENT;
    if (make_word(tree, slot, change) != 0)
        return SHALE_ENOMEM;
    if (count == TREE_KEYS)
        return make_room(tree, slot, change);
    if (!tree_lock(spot->leaf, spot->version))
        return RETRY;
    bool number = tree->map.kind == COLL_KEY_INT64;
    insert_at(spot->leaf, spot->index, number ? (uint64_t)change->probe.number : change->word,
              change->value);
    tree_unlock(spot->leaf, false);
    coll_map_count(&tree->map, 1);
    change->word = 0;
    return 0;
}

static int change_key(struct shale_treemap *tree, struct shale_smr_thread *slot,
                      struct change *change)
{
    struct tree_spot spot;
    int result = RETRY;
    while (result == RETRY) {
        if (!tree_seek(tree, slot, &change->probe, &spot))
            result = SHALE_ECANCELED;
        else
            result = spot.equal ? replace_value(tree, slot, &spot, change)
                                : add_key(tree, slot, &spot, change);
        if (result == RETRY)
            COLL_SPIN_POINT();
    }
    if (change->word != 0)
        shale_free(tree_box(change->word));
    return result;
}

/* Runs a change in a guard and hands the value before out. */
static int run_change(struct shale_treemap *tree, struct shale_key key, struct change *change,
                      uint64_t *old)
{
    if (change->value == SHALE_MAP_RESERVED)
        return SHALE_ERANGE;
    struct shale_smr_thread *slot = coll_map_enter(&tree->map);
    if (!slot)
        return SHALE_ENOMEM;
    change->probe = tree_probe(tree, key);
    int result = change_key(tree, slot, change);
    if (change->previous.existed && (result == 0 || result == SHALE_EEXIST))
        coll_map_hand_out(&tree->map, change->previous.value, old);
    smr_exit(slot);
    return result;
}

int shale_treemap_put(struct shale_treemap *map, struct shale_key key, uint64_t value,
                      struct shale_previous *previous)
{
    struct change change = {.want = WANT_PUT, .value = value};
    uint64_t old;
    int result = run_change(map, key, &change, previous ? &old : NULL);
    if (result == 0 && previous)
        *previous = change.previous;
    return result;
}

int shale_treemap_put_if_absent(struct shale_treemap *map, struct shale_key key, uint64_t value,
                                uint64_t *present)
{
    struct change change = {.want = WANT_ABSENT, .value = value};
    return run_change(map, key, &change, present);
}

int shale_treemap_replace(struct shale_treemap *map, struct shale_key key, uint64_t value,
                          uint64_t *old)
{
    struct change change = {.want = WANT_PRESENT, .value = value};
    return run_change(map, key, &change, old);
}

int shale_treemap_compare_replace(struct shale_treemap *map, struct shale_key key,
                                  uint64_t expected, uint64_t value)
{
    struct change change = {.want = WANT_EXPECTED, .value = value, .expected = expected};
    return run_change(map, key, &change, NULL);
}

/* ---- removing ---- */

static void remove_at(struct tree_node *leaf, unsigned index)
{
    unsigned count = tree_count(leaf) - 1;
    for (unsigned i = index; i < count; i++) {
        tree_set_key(leaf, i, tree_key(leaf, i + 1));
        shale_atomic_store_relaxed(&leaf->values[i], tree_value(leaf, i + 1));
    }
    COLL_POINT();
    tree_set_count(leaf, count);
}

/* `expected`: NULL removes whatever the value is. */
static int try_remove(struct shale_treemap *tree, struct shale_smr_thread *slot,
                      struct tree_probe *probe, const uint64_t *expected, uint64_t *old)
{
    struct tree_spot spot;
    if (!tree_seek(tree, slot, probe, &spot))
        return SHALE_ECANCELED;
    *old = spot.equal ? tree_value(spot.leaf, spot.index) : 0;
    if (!tree_valid(spot.leaf, spot.version))
        return RETRY;
    if (!spot.equal)
        return SHALE_ENOENT;
    if (expected && *old != *expected)
        return SHALE_EEXIST;
    if (smr_reserve(slot, 3) != 0)
        return SHALE_ENOMEM;
    if (!tree_lock(spot.leaf, spot.version))
        return RETRY;
    uint64_t word = tree_key(spot.leaf, spot.index);
    remove_at(spot.leaf, spot.index);
    bool few = tree_count(spot.leaf) < TREE_FEW;
    tree_unlock(spot.leaf, false);
    coll_map_count(&tree->map, -1);
    tree_drop_box(tree, slot, word);
    coll_map_give_up_value(&tree->map, slot, *old);
    if (few)
        tree_tidy(tree, slot, probe);
    return 0;
}

int tree_remove(struct shale_treemap *tree, struct shale_smr_thread *slot, struct shale_key key,
                const uint64_t *expected, uint64_t *old)
{
    struct tree_probe probe = tree_probe(tree, key);
    int result;
    while ((result = try_remove(tree, slot, &probe, expected, old)) == RETRY)
        COLL_SPIN_POINT();
    return result;
}

static int remove_key(struct shale_treemap *map, struct shale_key key, const uint64_t *expected,
                      uint64_t *old)
{
    struct shale_smr_thread *slot = coll_map_enter(&map->map);
    if (!slot)
        return SHALE_ENOMEM;
    uint64_t value = 0;
    int result = tree_remove(map, slot, key, expected, &value);
    if (result == 0)
        coll_map_hand_out(&map->map, value, old);
    smr_exit(slot);
    return result;
}

int shale_treemap_remove(struct shale_treemap *map, struct shale_key key, uint64_t *old)
{
    return remove_key(map, key, NULL, old);
}

int shale_treemap_compare_remove(struct shale_treemap *map, struct shale_key key, uint64_t expected)
{
    return remove_key(map, key, &expected, NULL);
}

static int get_function(struct coll_map *map, struct shale_key key, uint64_t *value)
{
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    int result = find_value((struct shale_treemap *)map, slot, key, value);
    smr_exit(slot);
    return result;
}

static int put_if_absent_function(struct coll_map *map, struct shale_key key, uint64_t value)
{
    return shale_treemap_put_if_absent((struct shale_treemap *)map, key, value, NULL);
}

static int compare_replace_function(struct coll_map *map, struct shale_key key, uint64_t expected,
                                    uint64_t value)
{
    return shale_treemap_compare_replace((struct shale_treemap *)map, key, expected, value);
}

static int compare_remove_function(struct coll_map *map, struct shale_key key, uint64_t expected)
{
    return shale_treemap_compare_remove((struct shale_treemap *)map, key, expected);
}

static const struct coll_map_functions functions = {
    .batch = tree_batch,
    .get = get_function,
    .put_if_absent = put_if_absent_function,
    .compare_replace = compare_replace_function,
    .compare_remove = compare_remove_function,
};
