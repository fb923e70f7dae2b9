/* SPDX-License-Identifier: MIT */
/*
 * How the tree map grows and shrinks: splitting, merging, boxes. Layer 4.
 *
 * Both go down from the root, change the first place that needs it, and leave the rest to another
 * call. Locks are taken from the top down and from left to right, each only if the node is as it
 * was read; where one is not to be had, what was locked is let go unchanged.
 */
#include <string.h>

#include "collections/treemap.h"

enum outcome { NOTHING, CHANGED, AGAIN, NO_MEMORY };

/* Two levels of the way down. */
struct step {
    struct tree_node *parent; /* NULL: node is the root */
    uint64_t parent_version;
    unsigned index; /* of node in parent */
    struct tree_node *node;
    uint64_t version;
};

struct tree_node *tree_new_node(uint32_t level)
{
    struct tree_node *node = COLL_ALLOC_FAILS ? NULL : shale_alloc_node(sizeof *node);
    if (node) {
        memset(node, 0, sizeof *node);
        node->level = level;
    }
    return node;
}

void tree_free_node(void *node, void *unused)
{
    shale_free(node);
}

static void retire_node(struct shale_smr_thread *slot, struct tree_node *node)
{
    struct smr_record record = {
        .pointer = node, .function = tree_free_node, .size = sizeof *node, .birth = node->birth};
    if (smr_retire(slot, &record) != 0)
        SHALE_ASSERT(false && "room for retiring was reserved");
}

/* ---- boxes ---- */

static void hold_box(const struct shale_treemap *tree, uint64_t word)
{
    if (tree->map.kind != COLL_KEY_INT64)
        shale_atomic_fetch_add_relaxed(&tree_box(word)->owners, 1);
}

static void free_box(void *box, void *unused)
{
    shale_free(box);
}

void tree_drop_box(struct shale_treemap *tree, struct shale_smr_thread *slot, uint64_t word)
{
    const struct shale_map_options *options = &tree->map.options;
    struct tree_box *box = tree_box(word);
    if (tree->map.kind == COLL_KEY_INT64)
        return;
    /* ORDER TREE4 acq_rel -> acq_rel in tree_drop_box() [collections/treemap_shape.c]. What the
     * other owners did to it is over for the last one. Without it the key could be destroyed while
     * a node still has it. Test treemap_stress_nothing_broken. */
    /* ORDER TREE4 acq_rel <- acq_rel in tree_drop_box() [collections/treemap_shape.c]. The same. */
    if (shale_atomic_fetch_sub_acq_rel(&box->owners, 1) != 1)
        return;
    struct smr_record record = {
        .pointer = box, .function = free_box, .size = sizeof *box, .birth = box->birth};
    struct smr_record key = {.pointer = (void *)(uintptr_t)box->pointer,
                             .function = options->destroy_key,
                             .argument = options->context};
    bool key_retired = !options->destroy_key || smr_retire(slot, &key) == 0;
    if (!key_retired || smr_retire(slot, &record) != 0)
        SHALE_ASSERT(false && "room for retiring was reserved");
}

/* ---- moving keys ---- */

static void copy_key(struct tree_node *to, unsigned i, const struct tree_node *from, unsigned j)
{
    tree_set_key(to, i, tree_key(from, j));
}

static void copy_value(struct tree_node *to, unsigned i, const struct tree_node *from, unsigned j)
{
    shale_atomic_store_relaxed(&to->values[i], tree_value(from, j));
}

/* A separator and the child behind it into an inner node with room. */
static void add_separator(struct tree_node *inner, unsigned index, uint64_t key,
                          struct tree_node *child)
{
    unsigned count = tree_count(inner);
    for (unsigned i = count; i > index; i--) {
        copy_key(inner, i, inner, i - 1);
        copy_value(inner, i + 1, inner, i);
    }
    tree_set_key(inner, index, key);
    shale_atomic_store_relaxed(&inner->children[index + 1], (uintptr_t)child);
    tree_set_count(inner, count + 1);
}

static void remove_separator(struct tree_node *inner, unsigned index)
{
    unsigned count = tree_count(inner) - 1;
    for (unsigned i = index; i < count; i++) {
        copy_key(inner, i, inner, i + 1);
        copy_value(inner, i + 1, inner, i + 2);
    }
    tree_set_count(inner, count);
}

/* ---- splitting ---- */

/* Moves the upper half to a new node; the separator between them. */
static uint64_t move_upper_half(struct shale_treemap *tree, struct tree_node *node,
                                struct tree_node *right)
{
    unsigned count = tree_count(node), half = count / 2;
    bool leaf = node->level == 0;
    uint64_t separator = tree_key(node, half);
    unsigned first = leaf ? half : half + 1; /* an inner separator moves up */
    for (unsigned i = first; i < count; i++) {
        copy_key(right, i - first, node, i);
        copy_value(right, i - first, node, i);
    }
    if (leaf)
        hold_box(tree, separator);
    else
        copy_value(right, count - first, node, count);
    tree_set_count(right, count - first);
    tree_set_count(node, half);
    return separator;
}

/* New nodes that a split needs; root is for a new root, or NULL. */
struct fresh {
    struct tree_node *right;
    struct tree_node *root;
};

static bool make_fresh(struct shale_smr_thread *slot, const struct step *step, struct fresh *fresh)
{
    fresh->right = tree_new_node(step->node->level);
    fresh->root = step->parent || !fresh->right ? NULL : tree_new_node(step->node->level + 1);
    if (!fresh->right || (!step->parent && !fresh->root)) {
        shale_free(fresh->right);
        return false;
    }
    fresh->right->birth = smr_birth(slot);
    if (fresh->root)
        fresh->root->birth = smr_birth(slot);
    return true;
}

static bool lock_both(struct shale_treemap *tree, const struct step *step)
{
    if (step->parent && !tree_lock(step->parent, step->parent_version))
        return false;
    if (tree_lock(step->node, step->version)) {
        if (step->parent || shale_atomic_load_relaxed(&tree->root) == (uintptr_t)step->node)
            return true;
        tree_unlock(step->node, false);
    }
    if (step->parent)
        tree_unlock(step->parent, false);
    return false;
}

static enum outcome split(struct shale_treemap *tree, struct shale_smr_thread *slot,
                          const struct step *step)
{
    struct fresh fresh;
    if (!make_fresh(slot, step, &fresh))
        return NO_MEMORY;
    if (!lock_both(tree, step)) {
        shale_free(fresh.right);
        shale_free(fresh.root);
        return AGAIN;
    }
    uint64_t separator = move_upper_half(tree, step->node, fresh.right);
    if (step->parent) {
        add_separator(step->parent, step->index, separator, fresh.right);
    } else {
        shale_atomic_store_relaxed(&fresh.root->children[0], (uintptr_t)step->node);
        add_separator(fresh.root, 0, separator, fresh.right);
        /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Publishes the new root.
         * Without it it could be seen unwritten. Test treemap_stress_nothing_broken. */
        shale_atomic_store_release(&tree->root, (uintptr_t)fresh.root);
    }
    tree_unlock(step->node, false);
    if (step->parent)
        tree_unlock(step->parent, false);
    return CHANGED;
}

/* ---- going down ---- */

static bool start(struct shale_treemap *tree, struct shale_smr_thread *slot, struct step *step)
{
    uintptr_t root = smr_load(slot, &tree->root);
    *step = (struct step){.node = (struct tree_node *)root};
    return tree_read(step->node, &step->version) && shale_atomic_load_relaxed(&tree->root) == root;
}

static bool go_down(struct shale_treemap *tree, struct shale_smr_thread *slot,
                    struct tree_probe *probe, struct step *step)
{
    bool equal;
    struct step below = {.parent = step->node, .parent_version = step->version};
    if (!tree_search(tree, slot, step->node, step->version, probe, true, &below.index, &equal))
        return false;
    below.node = (struct tree_node *)smr_load(slot, &step->node->children[below.index]);
    if (!tree_valid(step->node, step->version) || !tree_read(below.node, &below.version) ||
        !tree_valid(step->node, step->version))
        return false;
    *step = below;
    return true;
}

static enum outcome try_make_room(struct shale_treemap *tree, struct shale_smr_thread *slot,
                                  struct tree_probe *probe)
{
    struct step step;
    if (!start(tree, slot, &step))
        return AGAIN;
    for (;;) {
        if (tree_count(step.node) == TREE_KEYS)
            return tree_valid(step.node, step.version) ? split(tree, slot, &step) : AGAIN;
        if (step.node->level == 0)
            return NOTHING;
        if (!go_down(tree, slot, probe, &step))
            return AGAIN;
    }
}

int tree_make_room(struct shale_treemap *tree, struct shale_smr_thread *slot,
                   struct tree_probe *probe)
{
    enum outcome outcome;
    while ((outcome = try_make_room(tree, slot, probe)) == AGAIN) {
        if (probe->unknown)
            return SHALE_ECANCELED;
        COLL_SPIN_POINT();
    }
    return outcome == NO_MEMORY ? SHALE_ENOMEM : 0;
}

/* ---- merging ---- */

/* Appends all of `right` to `left`; between inner nodes comes their separator. */
static void append_all(struct tree_node *left, const struct tree_node *right, uint64_t separator)
{
    unsigned at = tree_count(left), count = tree_count(right);
    if (left->level > 0)
        tree_set_key(left, at++, separator);
    for (unsigned i = 0; i < count; i++) {
        copy_key(left, at + i, right, i);
        copy_value(left, at + i, right, i);
    }
    if (left->level > 0)
        copy_value(left, at + count, right, count);
    tree_set_count(left, at + count);
}

/* Both locked, in a locked parent: `index` is the left one's. */
static void merge(struct shale_treemap *tree, struct shale_smr_thread *slot,
                  struct tree_node *parent, unsigned index, struct tree_node *left,
                  struct tree_node *right)
{
    uint64_t separator = tree_key(parent, index);
    append_all(left, right, separator);
    remove_separator(parent, index);
    tree_unlock(right, true);
    tree_unlock(left, false);
    tree_unlock(parent, false);
    if (left->level == 0)
        tree_drop_box(tree, slot, separator);
    retire_node(slot, right);
}

static bool fit_together(const struct tree_node *left, const struct tree_node *right)
{
    return tree_count(left) + tree_count(right) + (left->level > 0) <= TREE_KEYS;
}

/* Locks two neighbours and their parent, and merges them if they fit. */
static enum outcome merge_with(struct shale_treemap *tree, struct shale_smr_thread *slot,
                               const struct step *step, unsigned left_index)
{
    uint64_t version;
    bool is_left = left_index == step->index;
    unsigned other_index = is_left ? left_index + 1 : left_index;
    struct tree_node *other =
        (struct tree_node *)smr_load(slot, &step->parent->children[other_index]);
    if (!tree_valid(step->parent, step->parent_version) || !tree_read(other, &version))
        return AGAIN;
    struct tree_node *left = is_left ? step->node : other;
    struct tree_node *right = is_left ? other : step->node;
    if (!fit_together(left, right))
        return tree_valid(other, version) && tree_valid(step->node, step->version) ? NOTHING
                                                                                   : AGAIN;
    if (smr_reserve(slot, 3) != 0)
        return NO_MEMORY;
    if (!tree_lock(step->parent, step->parent_version))
        return AGAIN;
    if (tree_lock(left, is_left ? step->version : version)) {
        if (tree_lock(right, is_left ? version : step->version)) {
            merge(tree, slot, step->parent, left_index, left, right);
            return CHANGED;
        }
        tree_unlock(left, false);
    }
    tree_unlock(step->parent, false);
    return AGAIN;
}

/* A node with few keys goes together with one of its neighbours. */
static enum outcome shrink(struct shale_treemap *tree, struct shale_smr_thread *slot,
                           const struct step *step)
{
    enum outcome outcome = NOTHING;
    unsigned count = tree_count(step->parent);
    if (!tree_valid(step->parent, step->parent_version))
        return AGAIN;
    if (step->index < count)
        outcome = merge_with(tree, slot, step, step->index);
    if (outcome == NOTHING && step->index > 0)
        outcome = merge_with(tree, slot, step, step->index - 1);
    return outcome;
}

/* An inner root without keys leaves the tree to its only child. */
static enum outcome lower_root(struct shale_treemap *tree, struct shale_smr_thread *slot,
                               const struct step *step)
{
    if (smr_reserve(slot, 1) != 0)
        return NO_MEMORY;
    if (!lock_both(tree, step))
        return AGAIN;
    uintptr_t child = shale_atomic_load_relaxed(&step->node->children[0]);
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Passes the child on. Without it it
     * could be seen unwritten. Test treemap_stress_nothing_broken. */
    shale_atomic_store_release(&tree->root, child);
    tree_unlock(step->node, true);
    retire_node(slot, step->node);
    return CHANGED;
}

static enum outcome try_tidy(struct shale_treemap *tree, struct shale_smr_thread *slot,
                             struct tree_probe *probe)
{
    struct step step;
    if (!start(tree, slot, &step))
        return AGAIN;
    for (;;) {
        unsigned count = tree_count(step.node);
        enum outcome outcome = NOTHING;
        if (!step.parent && step.node->level > 0 && count == 0)
            outcome = lower_root(tree, slot, &step);
        else if (step.parent && count < TREE_FEW)
            outcome = shrink(tree, slot, &step);
        if (outcome != NOTHING)
            return outcome;
        if (step.node->level == 0)
            return NOTHING;
        if (!go_down(tree, slot, probe, &step))
            return AGAIN;
    }
}

/* Without memory for retiring the tree stays as it is: right, if larger than it could be. */
void tree_tidy(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_probe *probe)
{
    enum outcome outcome;
    do {
        outcome = try_tidy(tree, slot, probe);
        if (outcome == AGAIN)
            COLL_SPIN_POINT();
    } while (!probe->unknown && (outcome == AGAIN || outcome == CHANGED));
}
