/* SPDX-License-Identifier: MIT */
/*
 * The cases of both ordered maps with threads, and the counted objects that they keep in a map:
 * every use of one that was destroyed is an assertion or a sanitizer's report, and none is left at
 * the end.
 */
#ifndef SHALE_TESTS_MAP_CROWD_H
#define SHALE_TESTS_MAP_CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "map_api.h"
#include "pct.h"
#include "test.h"

static void *new_map(const struct map_api *api, const struct shale_map_options *options)
{
    void *map = NULL;
    assert_int_equal(api->create(options, &map), 0);
    return map;
}

static struct shale_smr *new_domain(enum shale_smr_scheme scheme)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *domain;
    options.scheme = scheme;
    options.flags = SHALE_SMR_CHECK_RETIRES;
    options.bag_size = 16;
    options.era_frequency = 8;
    assert_int_equal(shale_smr_create(&options, &domain), 0);
    return domain;
}

static void end_domain(struct shale_smr *domain)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    assert_int_equal(shale_smr_stats_snapshot(domain, &stats), 0);
    assert_int_equal(stats.refused_retires_count, 0);
    assert_int_equal(shale_smr_destroy(domain), 0);
}

static int sum_up(const struct shale_entry *entry, void *context)
{
    *(uint64_t *)context += entry->value;
    return entry->value == 999 ? 77 : 0;
}

static enum shale_compute_action count_up(struct shale_key key, const uint64_t *current,
                                          uint64_t *value, void *context)
{
    *value = current ? *current + 1 : 1;
    return SHALE_COMPUTE_PUT;
}

/* ---- objects: what is given up is destroyed once, what is handed out is held ---- */

struct object {
    _Atomic int references;
    int number;
};

static _Atomic int live_objects;

static struct object *new_object(int number)
{
    struct object *object = malloc(sizeof *object);
    assert_non_null(object);
    *object = (struct object){.references = 1, .number = number};
    atomic_fetch_add(&live_objects, 1);
    return object;
}

static void hold(void *object, void *unused)
{
    assert_true(atomic_fetch_add(&((struct object *)object)->references, 1) > 0);
}

static void release_object(void *object, void *unused)
{
    int before = atomic_fetch_sub(&((struct object *)object)->references, 1);
    assert_true(before > 0);
    if (before == 1) {
        free(object);
        atomic_fetch_sub(&live_objects, 1);
    }
}

static int by_number(const void *left, const void *right, void *unused)
{
    int a = ((const struct object *)left)->number, b = ((const struct object *)right)->number;
    return (a > b) - (a < b);
}

static uint64_t value_of(void *object)
{
    return (uint64_t)(uintptr_t)object;
}

static struct shale_map_options object_options(struct shale_smr *domain)
{
    return (struct shale_map_options){
        .comparator = {.kind = SHALE_COMPARE_FUNCTION, .compare = by_number},
        .domain = domain,
        .destroy_key = release_object,
        .destroy_value = release_object,
        .hold_key = hold,
        .hold_value = hold};
}

/* Puts new objects; what the map does not take is released. */
static void put_object(const struct map_api *api, void *map, int number)
{
    struct object *key = new_object(number), *value = new_object(number);
    struct shale_previous previous;
    int result = api->put(map, shale_key_pointer(key), value_of(value), &previous);
    if (result != 0)
        release_object(value, NULL);
    if (result != 0 || previous.existed)
        release_object(key, NULL);
    if (result == 0 && previous.existed) {
        assert_int_equal(((struct object *)(uintptr_t)previous.value)->number, number);
        release_object((void *)(uintptr_t)previous.value, NULL);
    }
}

static void act_on_objects(const struct map_api *api, void *map, uint64_t *random, unsigned keys)
{
    struct object probe = {.references = 1, .number = (int)pct_below(random, keys)};
    struct shale_entry entry;
    uint64_t value;
    switch (pct_below(random, 6)) {
    case 0:
    case 1:
        put_object(api, map, probe.number);
        break;
    case 2:
        if (api->remove(map, shale_key_pointer(&probe), &value) == 0)
            release_object((void *)(uintptr_t)value, NULL);
        break;
    case 3:
        if (api->get(map, shale_key_pointer(&probe), &value) == 0) {
            assert_int_equal(((struct object *)(uintptr_t)value)->number, probe.number);
            release_object((void *)(uintptr_t)value, NULL);
        }
        break;
    default:
        if ((probe.number % 2 ? api->ceiling(map, shale_key_pointer(&probe), &entry)
                              : api->pop_min(map, &entry)) == 0) {
            release_object((void *)entry.key.pointer, NULL);
            release_object((void *)(uintptr_t)entry.value, NULL);
        }
    }
}

/* ---- threads ---- */

struct crowd {
    const struct map_api *api;
    void *map;
    unsigned keys;
    int operations;
    _Atomic unsigned next;
    _Atomic int sum;
    void (*act)(struct crowd *crowd, uint64_t *random);
};

static void *crowd_thread(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t random = 77 + 2 * (uint64_t)atomic_fetch_add(&crowd->next, 1);
    for (int i = 0; i < crowd->operations; i++)
        crowd->act(crowd, &random);
    return NULL;
}

static void run_crowd(struct crowd *crowd, unsigned count)
{
    pthread_t threads[32];
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, crowd), 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void act_in_crowd(struct crowd *crowd, uint64_t *random)
{
    act_on_objects(crowd->api, crowd->map, random, crowd->keys);
}

/* Objects that come and go in a few keys: every use of one that was destroyed is an assertion or a
 * sanitizer's report, and at the end none is left. */
static void map_stress_nothing_broken(const struct map_api *api)
{
    static const enum shale_smr_scheme schemes[] = {SHALE_SMR_EBR, SHALE_SMR_IBR,
                                                    SHALE_SMR_NEUTRALIZE};
    for (int i = 0; i < 3; i++)
        for (unsigned keys = 4; keys <= 256; keys *= 64) {
            struct shale_smr *domain = new_domain(schemes[i]);
            struct shale_map_options options = object_options(domain);
            struct crowd crowd = {.api = api,
                                  .map = new_map(api, &options),
                                  .keys = keys,
                                  .operations = 4000,
                                  .act = act_in_crowd};
            run_crowd(&crowd, 4);
            api->destroy(crowd.map);
            end_domain(domain);
            assert_int_equal(atomic_load(&live_objects), 0);
        }
}

/* Eight times as many threads as processors, which come and go. */
static void map_oversubscribed_threads_come_and_go(const struct map_api *api)
{
    struct shale_smr *domain = new_domain(SHALE_SMR_IBR);
    struct shale_map_options options = object_options(domain);
    struct crowd crowd = {.api = api,
                          .map = new_map(api, &options),
                          .keys = 32,
                          .operations = 300,
                          .act = act_in_crowd};
    for (int i = 0; i < 4; i++)
        run_crowd(&crowd, 16);
    api->destroy(crowd.map);
    end_domain(domain);
    assert_int_equal(atomic_load(&live_objects), 0);
}

static void count_in_crowd(struct crowd *crowd, uint64_t *random)
{
    struct shale_key key = shale_key_int64((int64_t)pct_below(random, crowd->keys));
    uint64_t value;
    if (crowd->api->compute(crowd->map, key, count_up, NULL, NULL) != 0)
        abort();
    atomic_fetch_add(&crowd->sum, 1);
    if (pct_below(random, 4) == 0 && crowd->api->remove(crowd->map, key, &value) == 0)
        atomic_fetch_sub(&crowd->sum, (int)value);
}

/* Every increment is in the map or was removed with its value: none was lost. */
static void map_concurrent_counts_add_up(const struct map_api *api)
{
    struct crowd crowd = {.api = api,
                          .map = new_map(api, NULL),
                          .keys = 5,
                          .operations = 10000,
                          .act = count_in_crowd};
    uint64_t sum = 0;
    run_crowd(&crowd, 4);
    assert_int_equal(api->visit(crowd.map, NULL, sum_up, &sum), 0);
    assert_int_equal(sum, atomic_load(&crowd.sum));
    api->destroy(crowd.map);
}

struct parked {
    const struct map_api *api;
    void *map;
    _Atomic int stage;
};

static void *park_in_guard(void *argument)
{
    struct parked *parked = argument;
    struct shale_smr_thread *guard = shale_smr_enter(parked->api->domain(parked->map));
    struct shale_entry entry;
    if (!guard || parked->api->first(parked->map, &entry) != 0)
        abort();
    atomic_store(&parked->stage, 1);
    while (atomic_load(&parked->stage) != 2)
        usleep(1000);
    shale_smr_exit(guard);
    return NULL;
}

/* A thread that stays in a guard stops nobody, and holds back no more than intervals allow. */
static void map_parked_reader_bounds_memory(const struct map_api *api)
{
    struct shale_smr *domain = new_domain(SHALE_SMR_IBR);
    struct shale_map_options options = {.domain = domain};
    struct parked parked = {.api = api, .map = new_map(api, &options)};
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    pthread_t thread;
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(api->put(parked.map, shale_key_int64(i), 1, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, park_in_guard, &parked), 0);
    while (atomic_load(&parked.stage) != 1)
        usleep(100);
    for (int64_t i = 0; i < 100000; i++) {
        assert_int_equal(api->remove(parked.map, shale_key_int64(i % 1000), NULL), 0);
        assert_int_equal(api->put(parked.map, shale_key_int64(i % 1000), 1, NULL), 0);
    }
    assert_int_equal(shale_smr_stats_snapshot(domain, &stats), 0);
    assert_in_range(stats.limbo_count, 0, 1000 * 5 / 4 + 3 * 16 + 64);
    atomic_store(&parked.stage, 2);
    pthread_join(thread, NULL);
    api->destroy(parked.map);
    end_domain(domain);
}

struct message {
    _Atomic int ready; /* relaxed: only the map orders it */
};

static void publish_in_crowd(struct crowd *crowd, uint64_t *random)
{
    struct shale_key key = shale_key_int64((int64_t)pct_below(random, crowd->keys));
    struct shale_smr_thread *guard = shale_smr_enter(crowd->api->domain(crowd->map));
    uint64_t value;
    if (pct_below(random, 2) == 0) {
        struct message *message = malloc(sizeof *message);
        atomic_store_explicit(&message->ready, 1, memory_order_relaxed);
        if (crowd->api->put(crowd->map, key, value_of(message), NULL) != 0)
            abort();
    } else if (crowd->api->get(crowd->map, key, &value) == 0) {
        const struct message *message = (const struct message *)(uintptr_t)value;
        if (atomic_load_explicit(&message->ready, memory_order_relaxed) != 1)
            atomic_fetch_add(&crowd->sum, 1);
    }
    shale_smr_exit(guard);
}

static void free_message(void *message, void *unused)
{
    ((struct message *)message)->ready = 0;
    free(message);
}

static void map_values_are_published(const struct map_api *api)
{
    struct shale_map_options options = {.destroy_value = free_message};
    struct crowd crowd = {.api = api,
                          .map = new_map(api, &options),
                          .keys = 8,
                          .operations = 20000,
                          .act = publish_in_crowd};
    run_crowd(&crowd, 4);
    assert_int_equal(atomic_load(&crowd.sum), 0);
    api->destroy(crowd.map);
}

/* A scan beside changes finds what stays, in order, and no key twice. */
static void map_scan_beside_changes_finds_what_stays(const struct map_api *api)
{
    struct crowd crowd = {.api = api, .map = new_map(api, NULL), .keys = 500, .operations = 3000};
    struct shale_entry entries[2000];
    pthread_t thread;
    for (int64_t i = 0; i < 1000; i += 2)
        assert_int_equal(api->put(crowd.map, shale_key_int64(i), 2, NULL), 0);
    crowd.act = count_in_crowd; /* keys below 500: even ones may go, too */
    assert_int_equal(pthread_create(&thread, NULL, crowd_thread, &crowd), 0);
    for (int round = 0; round < 50; round++) {
        struct shale_key from = shale_key_int64(100);
        struct shale_range range = {&from, NULL, round % 2 ? SHALE_RANGE_REVERSE : 0};
        size_t count, kept = 0;
        assert_int_equal(api->scan(crowd.map, &range, entries, 2000, &count), 0);
        for (size_t i = 0; i < count; i++) {
            int64_t number = entries[i].key.number;
            kept += number >= 500;
            assert_true(i == 0 || (round % 2 ? number < entries[i - 1].key.number
                                             : number > entries[i - 1].key.number));
        }
        assert_int_equal(kept, 250);
    }
    pthread_join(thread, NULL);
    api->destroy(crowd.map);
}

#endif
