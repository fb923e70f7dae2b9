/* SPDX-License-Identifier: MIT */
/*
 * A cache for many threads that drops what was not used for longest, of two ordered maps.
 *
 * Each use of an entry gets a stamp. One map leads from a key to its stamp and value, in one word;
 * the other from stamps to keys, the oldest first. An entry counts as long as both agree: a stamp
 * whose key has a newer one is left over and means nothing.
 */
#include <inttypes.h>
#include <pthread.h>
#include <shale/skiplist.h>
#include <shale/treemap.h>
#include <stdatomic.h>
#include <stdio.h>

struct cache {
    struct shale_skiplist *entries; /* key -> stamp << 32 | value */
    struct shale_treemap *uses;     /* stamp -> key */
    _Atomic uint32_t clock;
    size_t capacity;
};

static uint64_t stamped(struct cache *cache, uint32_t value)
{
    return (uint64_t)(atomic_fetch_add(&cache->clock, 1) + 1) << 32 | value;
}

static int64_t stamp_of(uint64_t word)
{
    return (int64_t)(word >> 32);
}

/* The entry of `key` is `word` now, and was `old`, if it was there. */
static int note_use(struct cache *cache, int64_t key, uint64_t word, const uint64_t *old)
{
    int error =
        shale_treemap_put(cache->uses, shale_key_int64(stamp_of(word)), (uint64_t)key, NULL);
    if (!error && old)
        error = shale_treemap_remove(cache->uses, shale_key_int64(stamp_of(*old)), NULL);
    return error == SHALE_ENOENT ? 0 : error; /* whoever puts the old stamp late leaves it over */
}

/* Drops the oldest while there are too many. */
static void shrink(struct cache *cache)
{
    struct shale_entry oldest;
    uint64_t word;
    while (shale_skiplist_length(cache->entries) > cache->capacity &&
           shale_treemap_pop_min(cache->uses, &oldest) == 0) {
        struct shale_key key = shale_key_int64((int64_t)oldest.value);
        if (shale_skiplist_get(cache->entries, key, &word) != 0 ||
            stamp_of(word) != oldest.key.number)
            continue; /* left over */
        if (shale_skiplist_compare_remove(cache->entries, key, word) == SHALE_ENOMEM)
            return; /* else it is gone, or was used at this moment and has a newer stamp */
    }
}

static int put(struct cache *cache, int64_t key, uint32_t value)
{
    struct shale_previous previous;
    uint64_t word = stamped(cache, value);
    int error = shale_skiplist_put(cache->entries, shale_key_int64(key), word, &previous);
    if (!error)
        error = note_use(cache, key, word, previous.existed ? &previous.value : NULL);
    shrink(cache);
    return error;
}

/* 0, or SHALE_ENOENT. */
static int get(struct cache *cache, int64_t key, uint32_t *value)
{
    uint64_t old;
    int error = shale_skiplist_get(cache->entries, shale_key_int64(key), &old);
    if (error)
        return error;
    *value = (uint32_t)old;
    uint64_t word = stamped(cache, *value);
    /* If somebody else has used it meanwhile, that will do. */
    if (shale_skiplist_compare_replace(cache->entries, shale_key_int64(key), old, word) != 0)
        return 0;
    return note_use(cache, key, word, &old);
}

static void *use_a_lot(void *argument)
{
    struct cache *cache = argument;
    uint32_t value;
    for (int64_t i = 0; i < 5000; i++)
        if (get(cache, i * i % 101, &value) != 0 && put(cache, i * i % 101, (uint32_t)i) != 0)
            return NULL;
    return cache;
}

int main(void)
{
    struct cache cache = {.capacity = 3};
    pthread_t threads[4];
    uint32_t value = 0;
    void *done;
    if (shale_skiplist_create(NULL, &cache.entries) != 0 ||
        shale_treemap_create(NULL, &cache.uses) != 0)
        return 1;
    for (int64_t key = 1; key <= 3; key++)
        if (put(&cache, key, (uint32_t)key * 100) != 0)
            return 1;
    if (get(&cache, 1, &value) != 0 || put(&cache, 4, 400) != 0)
        return 1;
    printf("1 is %" PRIu32 ", 2 is %s\n", value, get(&cache, 2, &value) == 0 ? "there" : "gone");
    cache.capacity = 20;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, use_a_lot, &cache) != 0)
            return 1;
    for (int i = 0; i < 4; i++)
        if (pthread_join(threads[i], &done) != 0 || !done)
            return 1;
    shrink(&cache); /* an entry whose stamp was on its way could not be dropped */
    printf("at most 20: %s\n", shale_skiplist_length(cache.entries) <= 20 ? "yes" : "no");
    shale_skiplist_destroy(cache.entries);
    shale_treemap_destroy(cache.uses);
    return 0;
}
