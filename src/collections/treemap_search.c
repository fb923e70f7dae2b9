/* SPDX-License-Identifier: MIT */
/* The ways down the tree map, compiled once for each kind of key. Layer 4. */
#include "collections/treemap.h"

/*
 * Compares a key of a node with the probe: *order, as of the node's key to the probe. False: start
 * again, unless the order is unknown.
 *
 * A box may go while it is looked at; the guard keeps it. Where guards protect intervals, the node
 * has to be valid after the load for that (collections/skiplist.h tells why).
 */
static SHALE_ALWAYS_INLINE bool compare_at(struct shale_treemap *tree,
                                           struct shale_smr_thread *slot, enum coll_key_kind kind,
                                           struct tree_node *node, uint64_t version, unsigned i,
                                           struct tree_probe *probe, int *order)
{
    if (kind == COLL_KEY_INT64) {
        int64_t number = (int64_t)tree_key(node, i);
        *order = (number > probe->number) - (number < probe->number);
        return true;
    }
    uint64_t word = smr_load(slot, (_Atomic uintptr_t *)&node->keys[i]);
    if (slot->interval && !tree_valid(node, version))
        return false;
    *order =
        coll_compare(&tree->map.options.comparator, kind, tree_boxed_key(kind, word), probe->key);
    probe->unknown = coll_is_unknown(kind, *order);
    return !probe->unknown;
}

static SHALE_ALWAYS_INLINE bool search(struct shale_treemap *tree, struct shale_smr_thread *slot,
                                       enum coll_key_kind kind, struct tree_node *node,
                                       uint64_t version, struct tree_probe *probe, bool after,
                                       unsigned *index, bool *equal)
{
    unsigned low = 0, count = tree_count(node);
    *equal = false;
    while (count > 0) {
        unsigned half = count / 2;
        int order = 0;
        if (!compare_at(tree, slot, kind, node, version, low + half, probe, &order))
            return false;
        *equal = *equal || order == 0;
        bool before = after ? order <= 0 : order < 0;
        low = before ? low + half + 1 : low;
        count = before ? count - half - 1 : half;
    }
    *index = low;
    return true;
}

bool tree_search(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_node *node,
                 uint64_t version, struct tree_probe *probe, bool after, unsigned *index,
                 bool *equal)
{
    switch (tree->map.kind) {
    case COLL_KEY_INT64:
        return search(tree, slot, COLL_KEY_INT64, node, version, probe, after, index, equal);
    case COLL_KEY_STRING:
        return search(tree, slot, COLL_KEY_STRING, node, version, probe, after, index, equal);
    case COLL_KEY_POINTER:
        break;
    }
    return search(tree, slot, COLL_KEY_POINTER, node, version, probe, after, index, equal);
}

/* The root and its version. A root that was split or left is no root any more. */
static SHALE_ALWAYS_INLINE struct tree_node *
read_root(struct shale_treemap *tree, struct shale_smr_thread *slot, uint64_t *version)
{
    for (;;) {
        uintptr_t root = smr_load(slot, &tree->root);
        if (tree_read((struct tree_node *)root, version) &&
            shale_atomic_load_relaxed(&tree->root) == root)
            return (struct tree_node *)root;
    }
}

/* The child, once it is proven to be the node's. NULL: start again. */
static SHALE_ALWAYS_INLINE struct tree_node *
go_down(struct shale_smr_thread *slot, struct tree_node *node, unsigned index, uint64_t *version)
{
    uint64_t below;
    struct tree_node *child = (struct tree_node *)smr_load(slot, &node->children[index]);
    if (!tree_valid(node, *version) || !tree_read(child, &below) || !tree_valid(node, *version))
        return NULL;
    *version = below;
    return child;
}

/* The way to one key: nothing but the leaf is remembered. False: start again. */
static SHALE_ALWAYS_INLINE bool try_seek(struct shale_treemap *tree, struct shale_smr_thread *slot,
                                         enum coll_key_kind kind, struct tree_probe *probe,
                                         struct tree_spot *spot)
{
    struct tree_node *node = read_root(tree, slot, &spot->version);
    while (node && node->level > 0) {
        if (!search(tree, slot, kind, node, spot->version, probe, true, &spot->index, &spot->equal))
            return false;
        node = go_down(slot, node, spot->index, &spot->version);
    }
    spot->leaf = node;
    return node &&
           search(tree, slot, kind, node, spot->version, probe, false, &spot->index, &spot->equal);
}

bool tree_seek(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_probe *probe,
               struct tree_spot *spot)
{
    bool found = false;
    while (!found && !probe->unknown) {
        switch (tree->map.kind) {
        case COLL_KEY_INT64:
            found = try_seek(tree, slot, COLL_KEY_INT64, probe, spot);
            break;
        case COLL_KEY_STRING:
            found = try_seek(tree, slot, COLL_KEY_STRING, probe, spot);
            break;
        case COLL_KEY_POINTER:
            found = try_seek(tree, slot, COLL_KEY_POINTER, probe, spot);
        }
        if (!found)
            COLL_SPIN_POINT();
    }
    return found;
}

/* Which child is next, and which keys are around it. */
static bool choose(struct shale_treemap *tree, struct shale_smr_thread *slot,
                   struct tree_node *node, struct tree_probe *probe, enum tree_edge edge,
                   struct tree_place *place, unsigned *index)
{
    bool equal;
    unsigned count = tree_count(node);
    *index = edge == TREE_LAST ? count : 0;
    if ((edge == TREE_AT || edge == TREE_BEFORE) &&
        !tree_search(tree, slot, node, place->version, probe, edge == TREE_AT, index, &equal))
        return false;
    if (*index > 0) {
        place->low = smr_load(slot, (_Atomic uintptr_t *)&node->keys[*index - 1]);
        place->has_low = true;
    }
    if (*index < count) {
        place->high = smr_load(slot, (_Atomic uintptr_t *)&node->keys[*index]);
        place->has_high = true;
    }
    return true;
}

static bool try_descend(struct shale_treemap *tree, struct shale_smr_thread *slot,
                        struct tree_probe *probe, enum tree_edge edge, struct tree_place *place)
{
    unsigned index;
    *place = (struct tree_place){0};
    struct tree_node *node = read_root(tree, slot, &place->version);
    while (node && node->level > 0) {
        if (!choose(tree, slot, node, probe, edge, place, &index))
            return false;
        node = go_down(slot, node, index, &place->version);
    }
    place->leaf = node;
    return node != NULL;
}

bool tree_descend(struct shale_treemap *tree, struct shale_smr_thread *slot,
                  struct tree_probe *probe, enum tree_edge edge, struct tree_place *place)
{
    while (!try_descend(tree, slot, probe, edge, place)) {
        if (probe->unknown)
            return false;
        COLL_SPIN_POINT();
    }
    return true;
}
