/* SPDX-License-Identifier: MIT */
/* The operations that both maps share. Layer 4. */
#include "collections/map.h"

#include <string.h>

int coll_map_start(struct coll_map *map, const struct shale_map_options *options,
                   const struct coll_map_functions *functions)
{
    static const struct shale_map_options plain;
    options = options ? options : &plain;
    if (!coll_comparator_valid(&options->comparator))
        return SHALE_EINVAL;
    enum coll_key_kind kind = coll_key_kind(&options->comparator);
    if (kind != COLL_KEY_POINTER && (options->destroy_key || options->hold_key))
        return SHALE_EINVAL;
    *map = (struct coll_map){.options = *options,
                             .domain = options->domain,
                             .own_domain = !options->domain,
                             .kind = kind,
                             .functions = functions};
    return map->domain ? 0 : shale_smr_create(NULL, &map->domain);
}

void coll_map_end(struct coll_map *map)
{
    if (map->own_domain)
        shale_smr_destroy(map->domain);
}

static void release(void (*destroy)(void *pointer, void *context), uint64_t pointer, void *context)
{
    if (destroy)
        destroy((void *)(uintptr_t)pointer, context);
}

void coll_map_drop_value(const struct coll_map *map, uint64_t value)
{
    release(map->options.destroy_value, value, map->options.context);
}

size_t coll_map_length(const struct coll_map *map)
{
    int64_t sum = 0;
    for (int i = 0; i < COLL_STRIPES; i++)
        sum += shale_atomic_load_relaxed(&map->stripes[i].entries);
    return sum < 0 ? 0 : (size_t)sum;
}

int coll_map_scan(struct coll_map *map, const struct shale_range *range,
                  struct shale_entry *entries, size_t capacity, size_t *count)
{
    static const struct shale_range everything;
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    size_t found;
    int result =
        map->functions->batch(map, slot, range ? range : &everything, entries, capacity, &found);
    for (size_t i = 0; result == 0 && i < found; i++)
        coll_map_hold(map, &entries[i]);
    smr_exit(slot);
    if (result == 0)
        *count = found;
    return result;
}

/* ---- visits: batch by batch, each in a guard of its own ---- */

/* A key that outlives the guard it was found in: copied or held. */
struct kept {
    struct shale_key key;
    void *copy; /* of a string's bytes */
    bool used;
};

static int keep(const struct coll_map *map, struct shale_key key, struct kept *kept)
{
    *kept = (struct kept){.key = key, .used = true};
    if (map->kind == COLL_KEY_STRING) {
        kept->copy = coll_alloc(key.size);
        if (!kept->copy)
            return SHALE_ENOMEM;
        memcpy(kept->copy, key.pointer, key.size);
        kept->key.pointer = kept->copy;
    } else if (map->options.hold_key) {
        map->options.hold_key((void *)(uintptr_t)key.pointer, map->options.context);
    }
    return 0;
}

static void let_go(const struct coll_map *map, const struct kept *kept)
{
    if (!kept->used)
        return;
    if (map->kind == COLL_KEY_STRING)
        shale_free(kept->copy);
    else if (map->options.hold_key)
        release(map->options.destroy_key, (uint64_t)(uintptr_t)kept->key.pointer,
                map->options.context);
}

struct visit {
    struct coll_map *map;
    struct shale_range range; /* what is left of it */
    struct kept last;         /* behind which it goes on */
    struct shale_entry entries[COLL_BATCH];
};

static void go_on_behind(struct visit *visit, const struct kept *last)
{
    let_go(visit->map, &visit->last);
    visit->last = *last;
    if (visit->range.flags & SHALE_RANGE_REVERSE) {
        visit->range.to = &visit->last.key;
        visit->range.flags |= SHALE_RANGE_TO_EXCLUSIVE;
    } else {
        visit->range.from = &visit->last.key;
        visit->range.flags |= SHALE_RANGE_FROM_EXCLUSIVE;
    }
}

/* One batch. *more: the range goes on behind it. */
static int visit_batch(struct visit *visit, shale_visit_function *look, void *context, bool *more)
{
    struct coll_map *map = visit->map;
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    size_t count = 0;
    int result =
        map->functions->batch(map, slot, &visit->range, visit->entries, COLL_BATCH, &count);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = look(&visit->entries[i], context);
    *more = result == 0 && count == COLL_BATCH;
    if (*more) {
        struct kept last;
        result = keep(map, visit->entries[count - 1].key, &last);
        if (result == 0)
            go_on_behind(visit, &last);
    }
    smr_exit(slot);
    return result;
}

static int visit_all(struct visit *visit, shale_visit_function *look, void *context)
{
    bool more = true;
    int result = 0;
    while (more && result == 0)
        result = visit_batch(visit, look, context, &more);
    let_go(visit->map, &visit->last);
    return result;
}

int coll_map_visit(struct coll_map *map, const struct shale_range *range,
                   shale_visit_function *look, void *context)
{
    struct visit visit = {.map = map};
    if (range)
        visit.range = *range;
    /* Pointer keys that may be destroyed and cannot be held: one guard for all. */
    if (!map->options.destroy_key || map->options.hold_key)
        return visit_all(&visit, look, context);
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    int result = visit_all(&visit, look, context);
    smr_exit(slot);
    return result;
}

/* ---- snapshots ---- */

struct copying {
    struct shale_snapshot *snapshot;
    struct coll_map *map;
    size_t capacity;
};

static int grow(struct copying *copying)
{
    size_t capacity = copying->capacity ? 2 * copying->capacity : 64;
    if (COLL_ALLOC_FAILS)
        return SHALE_ENOMEM;
    struct shale_entry *grown =
        SHALE_RESIZE_ARRAY(struct shale_entry, copying->snapshot->entries, capacity);
    if (!grown)
        return SHALE_ENOMEM;
    copying->snapshot->entries = grown;
    copying->capacity = capacity;
    return 0;
}

static int copy_entry(const struct shale_entry *entry, void *context)
{
    struct copying *copying = context;
    struct shale_snapshot *snapshot = copying->snapshot;
    if (snapshot->count == copying->capacity && grow(copying) != 0)
        return SHALE_ENOMEM;
    struct kept kept;
    int result = keep(copying->map, entry->key, &kept);
    if (result != 0)
        return result;
    coll_map_hold_value(copying->map, entry->value);
    snapshot->entries[snapshot->count++] = (struct shale_entry){kept.key, entry->value};
    return 0;
}

int coll_map_snapshot(struct coll_map *map, const struct shale_range *range,
                      struct shale_snapshot **snapshot)
{
    struct copying copying = {.map = map, .snapshot = coll_alloc(sizeof *copying.snapshot)};
    if (!copying.snapshot)
        return SHALE_ENOMEM;
    *copying.snapshot = (struct shale_snapshot){.owner = map};
    int result = coll_map_visit(map, range, copy_entry, &copying);
    if (result == 0)
        *snapshot = copying.snapshot;
    else
        shale_snapshot_destroy(copying.snapshot);
    return result;
}

void shale_snapshot_destroy(struct shale_snapshot *snapshot)
{
    if (!snapshot)
        return;
    const struct coll_map *map = snapshot->owner;
    for (size_t i = 0; i < snapshot->count; i++) {
        struct kept kept = {snapshot->entries[i].key, (void *)snapshot->entries[i].key.pointer,
                            true};
        let_go(map, &kept);
        if (map->options.hold_value)
            release(map->options.destroy_value, snapshot->entries[i].value, map->options.context);
    }
    shale_free(snapshot->entries);
    shale_free(snapshot);
}

/* ---- compute: read, ask, and change what was read ---- */

/* SHALE_EBUSY: it changed meanwhile. */
static int compute_present(struct coll_map *map, struct shale_key key,
                           enum shale_compute_action action, uint64_t current, uint64_t value)
{
    int result = 0;
    if (action == SHALE_COMPUTE_PUT)
        result = map->functions->compare_replace(map, key, current, value);
    else if (action == SHALE_COMPUTE_REMOVE)
        result = map->functions->compare_remove(map, key, current);
    if (result == SHALE_ENOENT || result == SHALE_EEXIST)
        return SHALE_EBUSY;
    return result == 0 && action == SHALE_COMPUTE_REMOVE ? SHALE_ENOENT : result;
}

static int compute_once(struct coll_map *map, struct shale_key key,
                        shale_compute_function *function, void *context,
                        struct shale_previous *previous)
{
    uint64_t current = 0, value = 0;
    int found = map->functions->get(map, key, &current);
    if (found != 0 && found != SHALE_ENOENT)
        return found;
    *previous = (struct shale_previous){.existed = found == 0, .value = current};
    enum shale_compute_action action =
        function(key, found == 0 ? &previous->value : NULL, &value, context);
    if (found == 0)
        return compute_present(map, key, action, current, value);
    if (action != SHALE_COMPUTE_PUT)
        return SHALE_ENOENT;
    int result = map->functions->put_if_absent(map, key, value);
    return result == SHALE_EEXIST ? SHALE_EBUSY : result;
}

int coll_map_compute(struct coll_map *map, struct shale_key key, shale_compute_function *function,
                     void *context, struct shale_previous *previous)
{
    struct shale_previous before;
    struct shale_smr_thread *slot = coll_map_enter(map);
    if (!slot)
        return SHALE_ENOMEM;
    int result;
    do
        result = compute_once(map, key, function, context, &before);
    while (result == SHALE_EBUSY);
    if (previous && (result == 0 || result == SHALE_ENOENT)) {
        if (before.existed)
            coll_map_hold_value(map, before.value);
        *previous = before;
    }
    smr_exit(slot);
    return result;
}
