/* SPDX-License-Identifier: MIT */
/* The store, over <shale/skiplist.h>. A value is looked at inside a guard of the map's domain. */
#include "store.h"

#include <shale/skiplist.h>
#include <stdatomic.h>
#include <string.h>

struct value {
    size_t size;
    char bytes[];
};

struct store {
    struct shale_skiplist *map;
    struct shale_smr *domain;
    atomic_uint_fast64_t value_bytes;
};

struct range_visit {
    store_visitor *visit;
    void *context;
    size_t left;
};

static void destroy_value(void *value, void *context)
{
    (void)context;
    shale_free(value);
}

struct store *store_open(void)
{
    struct shale_map_options options = {.comparator = {.kind = SHALE_COMPARE_STRING},
                                        .destroy_value = destroy_value};
    struct store *store = SHALE_NEW_ZERO(struct store);
    if (!store)
        return NULL;
    if (shale_skiplist_create(&options, &store->map) != 0) {
        shale_free(store);
        return NULL;
    }
    store->domain = shale_skiplist_domain(store->map);
    return store;
}

void store_close(struct store *store)
{
    if (store)
        shale_skiplist_destroy(store->map);
    shale_free(store);
}

static struct shale_key key_of(struct resp_word word)
{
    return shale_key_bytes(word.bytes, word.size);
}

static const struct value *value_of(uint64_t word)
{
    return (const struct value *)(uintptr_t)word;
}

static struct value *make_value(struct resp_word word)
{
    struct value *value = shale_alloc(sizeof *value + word.size);
    if (value) {
        value->size = word.size;
        memcpy(value->bytes, word.bytes, word.size);
    }
    return value;
}

/* Counters only: nobody concludes anything from them. */
static void count(struct store *store, size_t added, size_t removed)
{
    atomic_fetch_add_explicit(&store->value_bytes, (uint_fast64_t)added - removed,
                              memory_order_relaxed);
}

bool store_set(struct store *store, struct resp_word key, struct resp_word bytes)
{
    struct shale_previous previous;
    struct value *value = make_value(bytes);
    struct shale_smr_thread *guard = value ? shale_smr_enter(store->domain) : NULL;
    bool set = guard && shale_skiplist_put(store->map, key_of(key), (uint64_t)(uintptr_t)value,
                                           &previous) == 0;
    if (set)
        count(store, bytes.size, previous.existed ? value_of(previous.value)->size : 0);
    else
        shale_free(value);
    if (guard)
        shale_smr_exit(guard);
    return set;
}

bool store_get(struct store *store, struct resp_word key, store_visitor *visit, void *context)
{
    uint64_t word;
    struct shale_smr_thread *guard = shale_smr_enter(store->domain);
    bool there = guard && shale_skiplist_get(store->map, key_of(key), &word) == 0;
    if (there) {
        const struct value *value = value_of(word);
        visit(key, (struct resp_word){value->bytes, value->size}, context);
    }
    if (guard)
        shale_smr_exit(guard);
    return there;
}

bool store_remove(struct store *store, struct resp_word key)
{
    uint64_t word;
    struct shale_smr_thread *guard = shale_smr_enter(store->domain);
    bool there = guard && shale_skiplist_remove(store->map, key_of(key), &word) == 0;
    if (there)
        count(store, 0, value_of(word)->size);
    if (guard)
        shale_smr_exit(guard);
    return there;
}

static int visit_entry(const struct shale_entry *entry, void *context)
{
    struct range_visit *visit = context;
    const struct value *value = value_of(entry->value);
    if (visit->left-- == 0)
        return 1;
    return !visit->visit((struct resp_word){entry->key.pointer, entry->key.size},
                         (struct resp_word){value->bytes, value->size}, visit->context);
}

void store_range(struct store *store, const struct resp_word *from, const struct resp_word *to,
                 size_t limit, store_visitor *visit, void *context)
{
    struct shale_key first = {.size = 0}, last = {.size = 0};
    struct shale_range range = {.flags = 0};
    struct range_visit visiting = {visit, context, limit};
    if (from) {
        first = key_of(*from);
        range.from = &first;
    }
    if (to) {
        last = key_of(*to);
        range.to = &last;
    }
    shale_skiplist_visit(store->map, &range, visit_entry, &visiting);
}

void store_clear(struct store *store)
{
    struct shale_entry entry;
    bool more = true;
    for (size_t left = shale_skiplist_length(store->map); more && left > 0; left--) {
        struct shale_smr_thread *guard = shale_smr_enter(store->domain);
        more = guard && shale_skiplist_pop_min(store->map, &entry) == 0;
        if (more)
            count(store, 0, value_of(entry.value)->size);
        if (guard)
            shale_smr_exit(guard);
    }
}

void store_tidy(struct store *store)
{
    shale_smr_flush(store->domain);
}

void store_read_info(const struct store *store, struct store_info *info)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    bool known = shale_smr_stats_snapshot(store->domain, &stats) == 0;
    *info = (struct store_info){
        .keys = shale_skiplist_length(store->map),
        .value_bytes = atomic_load_explicit(&store->value_bytes, memory_order_relaxed),
        .limbo_bytes = known ? stats.limbo_bytes : 0,
        .reclaimed = known ? stats.reclaimed_count : 0,
    };
}
