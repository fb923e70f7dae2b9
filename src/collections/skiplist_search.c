/* SPDX-License-Identifier: MIT */
/* The ways through the skip list, compiled once for each kind of key. Layer 4. */
#include "collections/skiplist.h"

/* ---- leaving a level ---- */

static void free_node(void *node, void *unused)
{
    shale_free(node);
}

static size_t node_size(const struct shale_skiplist *list, const struct skip_node *node)
{
    size_t size = sizeof *node + skip_height(node) * sizeof node->next[0];
    return list->map.kind == COLL_KEY_STRING ? size + node->size : size;
}

/* It cannot be retired for want of memory: it stays until the end. Others may still look at it, so
 * only the birth, which nobody needs any more, makes room for the link. */
static SHALE_COLD void strand(struct shale_skiplist *list, struct skip_node *node)
{
    uint64_t rest = (uint64_t)skip_height(node) << SKIP_LINKS_BITS;
    struct skip_node *first = shale_atomic_load_relaxed(&list->stranded);
    do
        shale_atomic_store_relaxed(&node->meta,
                                   (uint64_t)(uintptr_t)first << SKIP_BIRTH_SHIFT | rest);
    while (!shale_atomic_cas_weak_relaxed(&list->stranded, &first, node));
}

static void retire(struct shale_skiplist *list, struct shale_smr_thread *slot,
                   struct skip_node *node)
{
    const struct shale_map_options *options = &list->map.options;
    struct smr_record record = {
        .pointer = node,
        .function = free_node,
        .size = node_size(list, node),
        .birth = shale_atomic_load_relaxed(&node->meta) >> SKIP_BIRTH_SHIFT,
    };
    struct smr_record key = {.pointer = (void *)(uintptr_t)node->pointer,
                             .function = options->destroy_key,
                             .argument = options->context};
    if (smr_reserve(slot, 2) != 0 || smr_retire(slot, &record) != 0)
        strand(list, node);
    else if (options->destroy_key && smr_retire(slot, &key) != 0)
        SHALE_ASSERT(false && "room for retiring was reserved");
}

void skip_drop_link(struct shale_skiplist *list, struct shale_smr_thread *slot,
                    struct skip_node *node)
{
    COLL_POINT();
    /* ORDER SKIP2 acq_rel -> acq_rel in skip_drop_link() [collections/skiplist_search.c]. All that
     * was done at other levels is over for whoever takes the last link. Without it the node could
     * be retired under a thread that still unlinks it. Test skiplist_stress_nothing_broken. */
    /* ORDER SKIP2 acq_rel <- acq_rel in skip_drop_link() [collections/skiplist_search.c]. The other
     * end of the same. */
    uint64_t meta = shale_atomic_fetch_sub_acq_rel(&node->meta, 1);
    if ((meta & SKIP_LINKS) == 1 || COLL_BUG(RETIRE_TWICE))
        retire(list, slot, node);
}

bool skip_unlink(struct shale_skiplist *list, struct shale_smr_thread *slot,
                 struct skip_node *before, unsigned level, struct skip_node *node, uintptr_t next)
{
    uintptr_t expected = (uintptr_t)node;
    COLL_POINT();
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Passes on what the thread that
     * linked the next node published. Without it its fields can be seen unwritten. Test
     * skiplist_stress_nothing_broken. */
    if (!shale_atomic_cas_release(&before->next[level], &expected, next & ~SKIP_MARK))
        return false;
    skip_drop_link(list, slot, node);
    return true;
}

/* ---- the way of changes ---- */

/* Does the place lie behind this node? Where that is unknown, the walk ends. */
static SHALE_ALWAYS_INLINE bool lies_behind(const struct shale_skiplist *list,
                                            const struct skip_node *node, enum coll_key_kind kind,
                                            struct shale_key key, enum skip_edge edge,
                                            struct skip_place *place, bool *equal)
{
    if (edge == SKIP_FIRST || edge == SKIP_LAST)
        return edge == SKIP_LAST;
    int order = coll_compare(&list->map.options.comparator, kind, skip_key(node, kind), key);
    *equal = order == 0;
    if (coll_is_unknown(kind, order)) {
        place->unknown = true;
        return false;
    }
    return edge == SKIP_AT ? order < 0 : order <= 0;
}

/* What comes next is one of two nodes: the one behind on this level, or on the one below. Both are
 * fetched while the key is compared; a search is mostly waiting for memory. */
static SHALE_ALWAYS_INLINE void fetch_ahead(const struct skip_node *node, uintptr_t next,
                                            unsigned level)
{
    __builtin_prefetch(skip_pointer(next));
    if (level > 0)
        __builtin_prefetch(skip_pointer(shale_atomic_load_relaxed(&node->next[level - 1])));
}

/* Walks along a level from *before. False: start again. */
static SHALE_ALWAYS_INLINE bool find_on_level(struct shale_skiplist *list,
                                              struct shale_smr_thread *slot,
                                              enum coll_key_kind kind, struct shale_key key,
                                              enum skip_edge edge, unsigned level,
                                              struct skip_node **before, struct skip_place *place)
{
    bool equal = false;
    uintptr_t word = smr_load(slot, &(*before)->next[level]);
    if (word & SKIP_MARK)
        return false;
    struct skip_node *node = skip_pointer(word);
    while (node) {
        COLL_POINT();
        uintptr_t next = smr_load(slot, &node->next[level]);
        if (SHALE_UNLIKELY(next & SKIP_MARK)) {
            if (!skip_unlink(list, slot, *before, level, node, next))
                return false;
            node = skip_pointer(next);
            continue;
        }
        fetch_ahead(node, next, level);
        if (!lies_behind(list, node, kind, key, edge, place, &equal))
            break;
        *before = node;
        node = skip_pointer(next);
    }
    place->before[level] = *before;
    place->behind[level] = node;
    place->equal = node && equal;
    return true;
}

static SHALE_ALWAYS_INLINE void find(struct shale_skiplist *list, struct shale_smr_thread *slot,
                                     enum coll_key_kind kind, struct shale_key key,
                                     enum skip_edge edge, struct skip_place *place)
{
    unsigned levels = shale_atomic_load_relaxed(&list->levels);
    for (unsigned level = levels; level < SKIP_LEVELS; level++) {
        place->before[level] = list->head;
        place->behind[level] = NULL;
    }
    place->unknown = false;
    bool found;
    do {
        struct skip_node *before = list->head;
        found = true;
        for (unsigned level = levels; found && !place->unknown && level-- > 0;)
            found = find_on_level(list, slot, kind, key, edge, level, &before, place);
        if (!found)
            COLL_SPIN_POINT();
    } while (!found);
}

bool skip_find(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
               enum skip_edge edge, struct skip_place *place)
{
    switch (list->map.kind) {
    case COLL_KEY_INT64:
        find(list, slot, COLL_KEY_INT64, key, edge, place);
        break;
    case COLL_KEY_STRING:
        find(list, slot, COLL_KEY_STRING, key, edge, place);
        break;
    case COLL_KEY_POINTER:
        find(list, slot, COLL_KEY_POINTER, key, edge, place);
    }
    return !place->unknown;
}

/* ---- the way of mere looks ---- */

enum step { AGAIN, DOWN, FOUND, UNKNOWN };

/* Walks along a level from *before to the last node before the key. */
static SHALE_ALWAYS_INLINE enum step seek_on_level(struct shale_skiplist *list,
                                                   struct shale_smr_thread *slot,
                                                   enum coll_key_kind kind, struct shale_key key,
                                                   unsigned level, struct skip_node **before,
                                                   struct skip_node **found, uint64_t *value)
{
    uintptr_t anchor = smr_load(slot, &(*before)->next[level]);
    if (SHALE_UNLIKELY(anchor & SKIP_MARK))
        return AGAIN;
    struct skip_node *node = skip_pointer(anchor);
    while (node) {
        COLL_POINT();
        uintptr_t next = smr_load(slot, &node->next[level]);
        if (SHALE_UNLIKELY(next & SKIP_MARK)) {
            /* Frozen: it leads somewhere safe only while the marked nodes are still linked. */
            if (slot->interval && shale_atomic_load_relaxed(&(*before)->next[level]) != anchor)
                return AGAIN;
            node = skip_pointer(next);
            continue;
        }
        fetch_ahead(node, next, level);
        int order = coll_compare(&list->map.options.comparator, kind, skip_key(node, kind), key);
        if (coll_is_unknown(kind, order))
            return UNKNOWN;
        if (order >= 0) {
            *found = node;
            return order == 0 && (*value = skip_value(node)) != SKIP_TOMBSTONE ? FOUND : DOWN;
        }
        *before = node;
        anchor = next;
        node = skip_pointer(next);
    }
    return DOWN;
}

static SHALE_ALWAYS_INLINE int seek(struct shale_skiplist *list, struct shale_smr_thread *slot,
                                    enum coll_key_kind kind, struct shale_key key,
                                    struct skip_node **found, uint64_t *value)
{
    for (;;) {
        struct skip_node *before = list->head;
        enum step step = DOWN;
        for (unsigned level = shale_atomic_load_relaxed(&list->levels);
             step == DOWN && level-- > 0;)
            step = seek_on_level(list, slot, kind, key, level, &before, found, value);
        if (step == UNKNOWN)
            return SHALE_ECANCELED;
        if (step != AGAIN)
            return step == FOUND ? 0 : SHALE_ENOENT;
        COLL_SPIN_POINT();
    }
}

int skip_seek(struct shale_skiplist *list, struct shale_smr_thread *slot, struct shale_key key,
              struct skip_node **node, uint64_t *value)
{
    switch (list->map.kind) {
    case COLL_KEY_INT64:
        return seek(list, slot, COLL_KEY_INT64, key, node, value);
    case COLL_KEY_STRING:
        return seek(list, slot, COLL_KEY_STRING, key, node, value);
    case COLL_KEY_POINTER:
        break;
    }
    return seek(list, slot, COLL_KEY_POINTER, key, node, value);
}

struct shale_key skip_key_of(const struct shale_skiplist *list, const struct skip_node *node)
{
    return list->map.kind == COLL_KEY_STRING ? skip_key(node, COLL_KEY_STRING)
                                             : skip_key(node, COLL_KEY_INT64);
}
