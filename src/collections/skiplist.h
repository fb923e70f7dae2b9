/* SPDX-License-Identifier: MIT */
/*
 * The skip list's shapes, and the two ways through it. Layer 4.
 *
 *     head  3 |---------------------------> 0
 *           2 |--------> B ---------------> 0      value  TOMBSTONE: the entry is removed
 *           1 |--------> B -------> D ----> 0      next   MARK in bit 0: this node goes from the
 * level 0 |-> A ---> B -> C --> D ----> 0
 *
 * A life: the value is there when level 0 is linked (the entry exists from then on); it may be
 * replaced; TOMBSTONE in its place removes the entry, whoever writes it. Then its levels are marked
 * from the top down and unlinked one by one, by anyone who comes past. `links` counts the levels
 * that are linked, and the inserter while it links: who takes it to 0 retires the node. So a level
 * that is linked late, after the removal, is only one more to be unlinked.
 *
 * Nobody goes on from a marked node without proof: with domains whose loads protect intervals
 * (IBR), what a marked node leads to may have been retired before the load protected it. A change
 * (skip_find) unlinks the node first, which proves that it was linked; a mere look (skip_seek)
 * checks that the last unmarked node still leads to the first of the marked ones it passed.
 */
#ifndef SHALE_COLLECTIONS_SKIPLIST_H
#define SHALE_COLLECTIONS_SKIPLIST_H

#include <shale/skiplist.h>

#include "collections/map.h"

enum { SKIP_LEVELS = 24, SKIP_LINKS_BITS = 8, SKIP_BIRTH_SHIFT = 16 };
#define SKIP_MARK      ((uintptr_t)1)
#define SKIP_LINKS     UINT64_C(0xff)
#define SKIP_TOMBSTONE SHALE_MAP_RESERVED

struct skip_node {
    _Atomic uint64_t value;
    _Atomic uint64_t meta; /* links: 8 bits, height: 8, birth: 48 */
    union {
        int64_t number;
        const void *pointer;
        size_t size; /* of a string; its bytes are behind the tower */
    };
    _Atomic uintptr_t next[];
};

/* Two words that threads write must not share a line with what they read. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct shale_skiplist {
    struct coll_map map;
    struct skip_node *head;                                     /* of SKIP_LEVELS, without a key */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic unsigned levels; /* of the tallest node ever */
    /* Nodes that could not be retired for want of memory, until the end; the link is in place
     * of the birth. */
    SHALE_ALIGNED(SHALE_FALSE_SHARING) _Atomic(struct skip_node *) stranded;
};

/* Where a search ended: on each level the last node before the place, and the one behind it. */
struct skip_place {
    struct skip_node *before[SKIP_LEVELS];
    struct skip_node *behind[SKIP_LEVELS];
    bool equal;   /* behind[0] has the key */
    bool unknown; /* the comparator could not tell: there is no place */
};

/* Which nodes lie before the place. */
enum skip_edge {
    SKIP_FIRST, /* none */
    SKIP_AT,    /* those before the key */
    SKIP_AFTER, /* and the key itself */
    SKIP_LAST,  /* all */
};

static inline struct skip_node *skip_pointer(uintptr_t word)
{
    return (struct skip_node *)(word & ~SKIP_MARK);
}

static inline unsigned skip_height(const struct skip_node *node)
{
    return shale_atomic_load_relaxed(&node->meta) >> SKIP_LINKS_BITS & 0xff;
}

/* kind is a constant where this is called. */
static SHALE_ALWAYS_INLINE struct shale_key skip_key(const struct skip_node *node,
                                                     enum coll_key_kind kind)
{
    if (kind == COLL_KEY_STRING)
        return shale_key_bytes(&node->next[skip_height(node)], node->size);
    return (struct shale_key){.number = node->number};
}

static inline uint64_t skip_value(struct skip_node *node)
{
    COLL_POINT();
    /* ORDER SKIP1 acquire <- release in skip_set_value() [collections/skiplist.h]. Sees what was
     * written before the value was put. Without it what the value points to can be seen unwritten.
     * Test skiplist_values_are_published. */
    return shale_atomic_load_acquire(&node->value);
}

/* Replaces a value or, with SKIP_TOMBSTONE, removes the entry. */
static inline bool skip_set_value(struct skip_node *node, uint64_t *expected, uint64_t value)
{
    COLL_POINT();
    if (COLL_BUG(LOST_REPLACE)) {
        shale_atomic_store_relaxed(&node->value, value);
        return true;
    }
    /* ORDER SKIP1 release -> acquire in skip_value() [collections/skiplist.h]. Publishes what the
     * value points to; a failure reads a value that skip_value() reads again. Without it that can
     * be seen unwritten. Test skiplist_values_are_published. */
    return shale_atomic_cas_release(&node->value, expected, value);
}

/* Unlinks a marked node from a level and, from its last one, retires it. False: look again. */
bool skip_unlink(struct shale_skiplist *list, struct shale_smr_thread *slot,
                 struct skip_node *before, unsigned level, struct skip_node *node, uintptr_t next);

/* Takes a link away: the last one retires the node. */
void skip_drop_link(struct shale_skiplist *list, struct shale_smr_thread *slot,
                    struct skip_node *node);

/* Finds the place at an edge of the key, unlinking the marked nodes on the way. False: the
 * comparator could not tell, and the place is unknown. */
bool skip_find(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
               enum skip_edge edge, struct skip_place *place);

/* The node with a key whose entry exists, and its value. SHALE_ENOENT, SHALE_ECANCELED. Changes
 * nothing. */
int skip_seek(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
              struct skip_node **node, uint64_t *value);

/* Marks a node whose entry was removed, and unlinks it. False: the comparator could not tell where
 * it is, and who comes across it unlinks it. */
bool skip_clear(struct shale_skiplist *list, struct shale_smr_thread *slot, struct skip_node *node);

/* The key of a node in a list. */
struct shale_key skip_key_of(const struct shale_skiplist *list, const struct skip_node *node);

/* An entry that exists at an edge of the key: behind it, or before it. SHALE_ENOENT,
 * SHALE_ECANCELED. */
int skip_near(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
              enum skip_edge edge, bool before, struct skip_node **node, uint64_t *value);

/* Removes a node's entry while it has the value. False: it changed. SHALE_ENOMEM in *result. */
bool skip_remove_value(struct shale_skiplist *list, struct shale_smr_thread *slot,
                       struct skip_node *node, uint64_t value);

int skip_batch(struct coll_map *map, struct shale_smr_thread *slot, const struct shale_range *range,
               struct shale_entry *entries, size_t capacity, size_t *count);

#endif
