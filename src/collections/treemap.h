/* SPDX-License-Identifier: MIT */
/*
 * The tree map's shapes and its optimistic reading. Layer 4.
 *
 *     inner   key 0   key 1   key 2        child i holds the keys from key i-1 (itself too) on
 *            /     |       |       \       and before key i
 *     leaf    keys in order, a value each
 *
 * A B+ tree with optimistic lock coupling (Leis and others): each node has a version, which a
 * writer makes odd (LOCKED) and later moves on. A reader notes the version, reads, and looks at the
 * version again; from a child it goes on only if the parent was the same after the child's version
 * was read. So a reader writes nothing, and acts on nothing that was not validated; what it follows
 * meanwhile is protected by its guard. Writers lock by a compare-and-swap from a version they have
 * validated, and start again where that fails: nobody waits while holding a lock, so there is no
 * deadlock.
 *
 * The range of keys that belongs to a leaf (its fences) changes only with the leaf's version. A
 * node is split when it is full, and merged into a neighbour when both fit into one and it is less
 * than a quarter full. A node that went is OBSOLETE for ever, and retired.
 *
 * Keys are words: an int64 (its complement for the reverse order), or a box with the bytes or the
 * pointer, which a leaf shares with the separators above it by a count.
 */
#ifndef SHALE_COLLECTIONS_TREEMAP_H
#define SHALE_COLLECTIONS_TREEMAP_H

#include <shale/treemap.h>

#include "collections/map.h"

/* 1 KiB a node; in test builds so few that every history splits and merges. */
#if SHALE_COLLECTIONS_TEST
enum { TREE_KEYS = 3, TREE_FEW = 2 };
#else
enum { TREE_KEYS = 61, TREE_FEW = TREE_KEYS / 4 };
#endif

#define TREE_LOCKED   UINT64_C(1)
#define TREE_OBSOLETE UINT64_C(2)
#define TREE_NEXT     UINT64_C(4) /* from one version to the next */

struct tree_box {
    _Atomic uint32_t owners; /* a leaf, and separators */
    uint64_t birth;
    union {
        const void *pointer;
        size_t size;
    };
    char bytes[];
};

struct tree_node {
    _Atomic uint64_t version;
    uint64_t birth;
    uint32_t level;         /* 0: a leaf */
    _Atomic uint32_t count; /* of keys */
    _Atomic uint64_t keys[TREE_KEYS];
    /* Of a leaf: values. Of an inner node: children, one more than keys. */
    union {
        _Atomic uint64_t values[TREE_KEYS + 1];
        _Atomic uintptr_t children[TREE_KEYS + 1];
    };
};
_Static_assert(sizeof(struct tree_node) <= 1024, "a node is no larger than was thought");

struct shale_treemap {
    struct coll_map map;
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic uintptr_t root;
};

/* Which way to go at a separator. */
enum tree_edge {
    TREE_FIRST,  /* to the first leaf */
    TREE_BEFORE, /* to the leaf of the greatest keys before the key */
    TREE_AT,     /* to the leaf of the key */
    TREE_LAST,
};

/* A key as it is searched for: the word of an int64, or the key itself. */
struct tree_probe {
    struct shale_key key;
    int64_t number;
    bool unknown; /* the comparator could not tell: the search is over */
};

/* A leaf, validated together with what is said of it. */
struct tree_place {
    struct tree_node *leaf;
    uint64_t version;
    uint64_t low, high; /* fences, as words */
    bool has_low, has_high;
};

/* ---- versions ---- */

/* The version of a node that no writer is in; false: it is obsolete. */
static SHALE_ALWAYS_INLINE bool tree_read(struct tree_node *node, uint64_t *version)
{
    unsigned rounds = 0;
    for (;;) {
        COLL_POINT();
        /* ORDER TREE1 acquire <- release in tree_unlock() [collections/treemap.h]. Sees all that
         * the last writer wrote, and what was written before a value was put. Without it a reader
         * could validate what it read before the change. Test treemap_stress_nothing_broken. */
        *version = shale_atomic_load_acquire(&node->version);
        if (SHALE_LIKELY(!(*version & (TREE_LOCKED | TREE_OBSOLETE))))
            return true;
        if (*version & TREE_OBSOLETE)
            return false;
        coll_backoff(&rounds);
    }
}

/* Is the node still as it was at that version? */
static SHALE_ALWAYS_INLINE bool tree_valid(struct tree_node *node, uint64_t version)
{
    COLL_POINT();
    if (COLL_BUG(VALIDATION))
        return true;
    /* ORDER TREE2 acquire <- release in tree_lock() [collections/treemap.h]. Who has read anything
     * that a writer wrote sees the lock, or a later version. Without it half a change could pass
     * for a whole one. Test treemap_stress_nothing_broken. */
    shale_fence_acquire();
    return SHALE_LIKELY(shale_atomic_load_relaxed(&node->version) == version);
}

/* Locks a node that is as it was at that version. */
static inline bool tree_lock(struct tree_node *node, uint64_t version)
{
    COLL_POINT();
    /* ORDER TREE1 acquire <- release in tree_unlock() [collections/treemap.h]. As tree_read(). Test
     * treemap_stress_nothing_broken. */
    if (!shale_atomic_cas_acquire(&node->version, &version, version | TREE_LOCKED))
        return false;
    /* ORDER TREE2 release -> acquire in tree_valid() [collections/treemap.h]. The lock comes before
     * everything that is written under it. Without it half a change could pass for a whole one.
     * Test treemap_stress_nothing_broken. */
    shale_fence_release();
    return true;
}

/* obsolete: nobody will find the node any more. */
static inline void tree_unlock(struct tree_node *node, bool obsolete)
{
    uint64_t version = shale_atomic_load_relaxed(&node->version) & ~TREE_LOCKED;
    COLL_POINT();
    /* ORDER TREE1 release -> acquire in tree_read() [collections/treemap.h]. Publishes what was
     * written under the lock. Without it a reader could validate what it read before the change.
     * Test treemap_stress_nothing_broken. */
    shale_atomic_store_release(&node->version,
                               version + TREE_NEXT + (obsolete ? TREE_OBSOLETE : 0));
}

/* ---- contents ---- */

static SHALE_ALWAYS_INLINE unsigned tree_count(const struct tree_node *node)
{
    /* ORDER TREE3 acquire <- release in tree_set_count() [collections/treemap.h]. The keys below
     * the count are at least as new as it. Without it a box that went long ago could be looked
     * into. Test treemap_stress_nothing_broken. */
    return shale_atomic_load_acquire(&node->count);
}

static inline void tree_set_count(struct tree_node *node, unsigned count)
{
    /* ORDER TREE3 release -> acquire in tree_count() [collections/treemap.h]. Publishes the keys
     * below it. Without it a box that went long ago could be looked into. Test
     * treemap_stress_nothing_broken. */
    shale_atomic_store_release(&node->count, count);
}

static SHALE_ALWAYS_INLINE uint64_t tree_key(const struct tree_node *node, unsigned i)
{
    return shale_atomic_load_relaxed(&node->keys[i]);
}

/* Into a node that may be read meanwhile. */
static inline void tree_set_key(struct tree_node *node, unsigned i, uint64_t word)
{
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Publishes the box, or passes it
     * on: it is looked into before the node is validated. Without it it could be seen unwritten.
     * Test treemap_stress_nothing_broken. */
    shale_atomic_store_release(&node->keys[i], word);
}

static inline uint64_t tree_value(const struct tree_node *leaf, unsigned i)
{
    return shale_atomic_load_relaxed(&leaf->values[i]);
}

static inline struct tree_box *tree_box(uint64_t word)
{
    return (struct tree_box *)(uintptr_t)word;
}

/* The complement turns the order of all int64 round. */
static inline int64_t tree_number(const struct shale_treemap *tree, int64_t number)
{
    return tree->map.options.comparator.kind == SHALE_COMPARE_REVERSE ? ~number : number;
}

static inline struct tree_probe tree_probe(const struct shale_treemap *tree, struct shale_key key)
{
    return (struct tree_probe){.key = key, .number = tree_number(tree, key.number)};
}

static SHALE_ALWAYS_INLINE struct shale_key tree_boxed_key(enum coll_key_kind kind, uint64_t word)
{
    const struct tree_box *box = tree_box(word);
    return kind == COLL_KEY_STRING ? shale_key_bytes(box->bytes, box->size)
                                   : shale_key_pointer(box->pointer);
}

static inline struct shale_key tree_key_of(const struct shale_treemap *tree, uint64_t word)
{
    if (tree->map.kind == COLL_KEY_INT64)
        return shale_key_int64(tree_number(tree, (int64_t)word));
    return tree_boxed_key(tree->map.kind, word);
}

/* ---- searching (treemap_search.c) ---- */

/* A leaf and where in it a key is, or would be; right if the leaf is valid at that version. */
struct tree_spot {
    struct tree_node *leaf;
    uint64_t version;
    unsigned index;
    bool equal;
};

/* False: the order is unknown; the same for tree_descend(). */
bool tree_seek(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_probe *probe,
               struct tree_spot *spot);

/* The leaf at an edge of a key with its fences. */
bool tree_descend(struct shale_treemap *tree, struct shale_smr_thread *slot,
                  struct tree_probe *probe, enum tree_edge edge, struct tree_place *place);

/*
 * How many keys of a node come before the key, or with `after` also the key itself.
 *
 * @return  false: the node is not as it was at that version, or the order is unknown.
 */
bool tree_search(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_node *node,
                 uint64_t version, struct tree_probe *probe, bool after, unsigned *index,
                 bool *equal);

/* ---- the tree's shape (treemap_shape.c) ---- */

struct tree_node *tree_new_node(uint32_t level);
void tree_free_node(void *node, void *unused);

/* Splits the uppermost full node on the way to a key, if there is one. SHALE_ENOMEM,
 * SHALE_ECANCELED. */
int tree_make_room(struct shale_treemap *tree, struct shale_smr_thread *slot,
                   struct tree_probe *probe);

/* Merges nodes on the way to a key that have become too small, as far as the way is known. */
void tree_tidy(struct shale_treemap *tree, struct shale_smr_thread *slot, struct tree_probe *probe);

/* One owner less; the last one retires the box. Room for two was reserved. */
void tree_drop_box(struct shale_treemap *tree, struct shale_smr_thread *slot, uint64_t word);

/* ---- the rest ---- */

/* Removes a key with the value, or with any where `expected` is NULL; fills *old. SHALE_ENOENT,
 * SHALE_EEXIST, SHALE_ENOMEM, SHALE_ECANCELED. */
int tree_remove(struct shale_treemap *tree, struct shale_smr_thread *slot, struct shale_key key,
                const uint64_t *expected, uint64_t *old);

int tree_batch(struct coll_map *map, struct shale_smr_thread *slot, const struct shale_range *range,
               struct shale_entry *entries, size_t capacity, size_t *count);

#endif
