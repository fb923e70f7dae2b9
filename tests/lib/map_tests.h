/* SPDX-License-Identifier: MIT */
/*
 * The cases of both ordered maps: MAP_CASES(skiplist) defines `static const struct CMUnitTest
 * tests[]` for one of them. Against a plain array where one thread suffices, else with threads.
 */
#ifndef SHALE_TESTS_MAP_TESTS_H
#define SHALE_TESTS_MAP_TESTS_H

#include <sys/wait.h>
#include <unistd.h>

#include "map_crowd.h"
#include "map_unknown.h"

enum { MODEL_KEYS = 300 };

/* ---- one thread, against an array ---- */

/* Compares everything by order with the model: values[i], 0 none, of key i. */
static void check_against(const struct map_api *api, void *map, const uint64_t *values, int64_t key)
{
    struct shale_entry entry;
    int64_t lower = -1, floor = -1, ceiling = -1, higher = -1;
    for (int64_t i = 0; i < MODEL_KEYS; i++) {
        if (!values[i])
            continue;
        lower = i < key ? i : lower;
        floor = i <= key ? i : floor;
        ceiling = i >= key && ceiling < 0 ? i : ceiling;
        higher = i > key && higher < 0 ? i : higher;
    }
    const struct {
        int (*find)(void *map, struct shale_key key, struct shale_entry *entry);
        int64_t wanted;
    } cases[] = {
        {api->lower, lower}, {api->floor, floor}, {api->ceiling, ceiling}, {api->higher, higher}};
    for (int i = 0; i < 4; i++) {
        int result = cases[i].find(map, shale_key_int64(key), &entry);
        assert_int_equal(result, cases[i].wanted < 0 ? SHALE_ENOENT : 0);
        if (result == 0) {
            assert_int_equal(entry.key.number, cases[i].wanted);
            assert_int_equal(entry.value, values[entry.key.number]);
        }
    }
}

static void check_ranges(const struct map_api *api, void *map, const uint64_t *values,
                         uint64_t *random)
{
    struct shale_entry entries[MODEL_KEYS];
    int64_t low = pct_below(random, MODEL_KEYS), high = pct_below(random, MODEL_KEYS);
    struct shale_key from = shale_key_int64(low), to = shale_key_int64(high);
    struct shale_range range = {&from, &to, pct_below(random, 8)};
    size_t count = 0, seen = 0;
    assert_int_equal(api->scan(map, &range, entries, MODEL_KEYS, &count), 0);
    if (range.flags & SHALE_RANGE_FROM_EXCLUSIVE)
        low++;
    if (range.flags & SHALE_RANGE_TO_EXCLUSIVE)
        high--;
    bool reverse = range.flags & SHALE_RANGE_REVERSE;
    for (int64_t i = reverse ? high : low; reverse ? i >= low : i <= high; i += reverse ? -1 : 1)
        if (values[i]) {
            assert_true(seen < count);
            assert_int_equal(entries[seen].key.number, i);
            assert_int_equal(entries[seen++].value, values[i]);
        }
    assert_int_equal(seen, count);
}

static void change_one(const struct map_api *api, void *map, uint64_t *values, uint64_t *random)
{
    int64_t number = pct_below(random, MODEL_KEYS);
    struct shale_key key = shale_key_int64(number);
    uint64_t new = 1 + pct_below(random, 100), old = values[number], out = 0;
    struct shale_previous previous;
    switch (pct_below(random, 7)) {
    case 0:
        assert_int_equal(api->put(map, key, new, &previous), 0);
        assert_int_equal(previous.existed ? previous.value : 0, old);
        values[number] = new;
        break;
    case 1:
        assert_int_equal(api->put_if_absent(map, key, new, &out), old ? SHALE_EEXIST : 0);
        assert_int_equal(out, old);
        values[number] = old ? old : new;
        break;
    case 2:
        assert_int_equal(api->replace(map, key, new, &out), old ? 0 : SHALE_ENOENT);
        assert_int_equal(out, old);
        values[number] = old ? new : 0;
        break;
    case 3:
        assert_int_equal(api->compare_replace(map, key, old ? old : 5, new),
                         old ? 0 : SHALE_ENOENT);
        values[number] = old ? new : 0;
        assert_int_equal(api->compare_replace(map, key, 1000, new),
                         old ? SHALE_EEXIST : SHALE_ENOENT);
        break;
    case 4:
        assert_int_equal(api->compare_remove(map, key, 1000), old ? SHALE_EEXIST : SHALE_ENOENT);
        break;
    default:
        assert_int_equal(api->remove(map, key, &out), old ? 0 : SHALE_ENOENT);
        assert_int_equal(out, old);
        values[number] = 0;
    }
    out = 0;
    assert_int_equal(api->get(map, key, &out), values[number] ? 0 : SHALE_ENOENT);
    assert_int_equal(out, values[number]);
}

/* Random calls and their results, until the map is popped empty. */
static void compare_with_array(const struct map_api *api, void *map, int calls)
{
    uint64_t values[MODEL_KEYS] = {0}, random = 12345;
    for (int i = 0; i < calls; i++) {
        change_one(api, map, values, &random);
        if (i % 16 == 0)
            check_against(api, map, values, (int64_t)pct_below(&random, MODEL_KEYS));
        if (i % 64 == 0)
            check_ranges(api, map, values, &random);
    }
    size_t count = 0;
    for (int i = 0; i < MODEL_KEYS; i++)
        count += values[i] != 0;
    assert_int_equal(api->length(map), count);
    struct shale_entry entry;
    for (int i = 0; i < MODEL_KEYS; i++)
        if (values[i]) {
            assert_int_equal(api->pop_min(map, &entry), 0);
            assert_int_equal(entry.key.number, i);
        }
    assert_int_equal(api->pop_min(map, &entry), SHALE_ENOENT);
    assert_int_equal(api->first(map, &entry), SHALE_ENOENT);
    assert_int_equal(api->last(map, &entry), SHALE_ENOENT);
}

static void map_agrees_with_an_array(const struct map_api *api)
{
    struct shale_smr *domain = new_domain(SHALE_SMR_IBR);
    struct shale_map_options options = {.domain = domain};
    void *map = new_map(api, &options);
    compare_with_array(api, map, 20000);
    api->destroy(map);
    end_domain(domain);
}

static void map_unknown_order_changes_nothing(const struct map_api *api)
{
    struct map_api patient = patient_api(api);
    struct shale_smr *domain = new_domain(SHALE_SMR_IBR);
    struct shale_map_options options = {
        .comparator = {.kind = SHALE_COMPARE_FUNCTION, .compare = by_address}, .domain = domain};
    void *map = new_map(api, &options);
    compare_with_array(&patient, map, 6000);
    assert_true(atomic_load(&cancelled_calls) > 6000);
    api->destroy(map);
    end_domain(domain);
}

static void map_ends_of_int64_are_keys(const struct map_api *api)
{
    static const int64_t numbers[] = {0, INT64_MIN, INT64_MAX, -1};
    struct shale_map_options options = {.comparator = {.kind = SHALE_COMPARE_REVERSE}};
    void *map = new_map(api, &options);
    struct shale_entry entry;
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(api->put(map, shale_key_int64(numbers[i]), i, NULL), 0);
    assert_int_equal(api->put(map, shale_key_int64(1), SHALE_MAP_RESERVED, NULL), SHALE_ERANGE);
    assert_int_equal(api->first(map, &entry), 0);
    assert_int_equal(entry.key.number, INT64_MAX);
    assert_int_equal(api->last(map, &entry), 0);
    assert_int_equal(entry.key.number, INT64_MIN);
    assert_int_equal(api->higher(map, shale_key_int64(0), &entry), 0);
    assert_int_equal(entry.key.number, -1);
    assert_int_equal(api->pop_max(map, &entry), 0);
    assert_int_equal(entry.key.number, INT64_MIN);
    assert_int_equal(api->length(map), 3);
    api->destroy(map);
}

static void map_strings_are_copied(const struct map_api *api)
{
    struct shale_map_options options = {.comparator = {.kind = SHALE_COMPARE_NUMERIC}};
    void *map = new_map(api, &options);
    char text[32];
    struct shale_entry entry;
    uint64_t value;
    for (uint64_t i = 0; i < 2000; i++) {
        int length = snprintf(text, sizeof text, "key%llu", (unsigned long long)(i * 7 % 2000));
        assert_int_equal(api->put(map, shale_key_bytes(text, (size_t)length), i, NULL), 0);
    }
    memset(text, 0, sizeof text);
    struct shale_smr_thread *guard = shale_smr_enter(api->domain(map));
    assert_non_null(guard);
    assert_int_equal(api->higher(map, shale_key_string("key9"), &entry), 0);
    assert_int_equal(entry.key.size, 5);
    assert_memory_equal(entry.key.pointer, "key10", 5);
    shale_smr_exit(guard);
    assert_int_equal(api->get(map, shale_key_string("key1999"), &value), 0);
    assert_int_equal(api->get(map, shale_key_string("key2000"), &value), SHALE_ENOENT);
    assert_int_equal(api->put(map, shale_key_string(""), 5, NULL), 0);
    assert_int_equal(api->first(map, &entry), 0);
    assert_int_equal(entry.key.size, 0);
    for (uint64_t i = 0; i < 2000; i += 2) {
        int length = snprintf(text, sizeof text, "key%llu", (unsigned long long)i);
        assert_int_equal(api->remove(map, shale_key_bytes(text, (size_t)length), NULL), 0);
    }
    assert_int_equal(api->length(map), 1001);
    struct shale_snapshot *snapshot;
    assert_int_equal(api->snapshot(map, NULL, &snapshot), 0);
    assert_int_equal(snapshot->count, 1001);
    for (size_t i = 1; i < snapshot->count; i++)
        assert_true(shale_compare(&options.comparator, snapshot->entries[i - 1].key,
                                  snapshot->entries[i].key) < 0);
    shale_snapshot_destroy(snapshot);
    api->destroy(map);
}

static void map_visit_passes_batches_and_stops(const struct map_api *api)
{
    void *map = new_map(api, NULL);
    struct shale_key to = shale_key_int64(997);
    struct shale_range below = {NULL, &to, SHALE_RANGE_REVERSE};
    uint64_t sum = 0;
    for (int64_t i = 0; i < 2000; i++)
        assert_int_equal(api->put(map, shale_key_int64(i), (uint64_t)i, NULL), 0);
    assert_int_equal(api->visit(map, &below, sum_up, &sum), 0);
    assert_int_equal(sum, 997 * 998 / 2);
    sum = 0;
    assert_int_equal(api->visit_alone(map, sum_up, &sum), 77);
    assert_int_equal(sum, 999 * 1000 / 2);
    sum = 0;
    assert_int_equal(api->visit(map, NULL, sum_up, &sum), 77);
    assert_int_equal(sum, 999 * 1000 / 2);
    api->destroy(map);
}

static void map_objects_are_destroyed_once_each(const struct map_api *api)
{
    static const enum shale_smr_scheme schemes[] = {SHALE_SMR_EBR, SHALE_SMR_IBR};
    for (int i = 0; i < 2; i++) {
        struct shale_smr *domain = new_domain(schemes[i]);
        struct shale_map_options options = object_options(domain);
        void *map = new_map(api, &options);
        uint64_t random = 99;
        for (int j = 0; j < 5000; j++)
            act_on_objects(api, map, &random, 100);
        struct shale_snapshot *snapshot;
        assert_int_equal(api->snapshot(map, NULL, &snapshot), 0);
        assert_int_equal(snapshot->count, api->length(map));
        shale_snapshot_destroy(snapshot);
        api->destroy(map);
        end_domain(domain);
        assert_int_equal(atomic_load(&live_objects), 0);
    }
}

static enum shale_compute_action drop_even(struct shale_key key, const uint64_t *current,
                                           uint64_t *value, void *context)
{
    return current && *current % 2 == 0 ? SHALE_COMPUTE_REMOVE : SHALE_COMPUTE_KEEP;
}

static void map_compute_puts_keeps_and_removes(const struct map_api *api)
{
    void *map = new_map(api, NULL);
    struct shale_previous previous;
    struct shale_key key = shale_key_int64(4);
    assert_int_equal(api->compute(map, key, drop_even, NULL, NULL), SHALE_ENOENT);
    assert_int_equal(api->compute(map, key, count_up, NULL, &previous), 0);
    assert_int_equal(previous.existed, 0);
    assert_int_equal(api->compute(map, key, drop_even, NULL, NULL), 0);
    assert_int_equal(api->compute(map, key, count_up, NULL, &previous), 0);
    assert_int_equal(previous.value, 1);
    assert_int_equal(api->compute(map, key, drop_even, NULL, &previous), SHALE_ENOENT);
    assert_int_equal(previous.value, 2);
    assert_int_equal(api->length(map), 0);
    api->destroy(map);
}

static void map_options_that_make_no_sense_are_refused(const struct map_api *api)
{
    void *map = NULL;
    struct shale_map_options no_function = {.comparator = {.kind = SHALE_COMPARE_FUNCTION}};
    struct shale_map_options unknown = {.comparator = {.kind = (enum shale_comparator_kind)9}};
    struct shale_map_options no_pointers = {.destroy_key = release_object};
    assert_int_equal(api->create(&no_function, &map), SHALE_EINVAL);
    assert_int_equal(api->create(&unknown, &map), SHALE_EINVAL);
    assert_int_equal(api->create(&no_pointers, &map), SHALE_EINVAL);
    assert_null(map);
    api->destroy(NULL);
}

static void map_fork_child_goes_on_with_its_copy(const struct map_api *api)
{
    void *map = new_map(api, NULL);
    int status;
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(api->put(map, shale_key_int64(i), 1, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        bool good = true;
        for (int64_t i = 0; i < 100; i++)
            good = good && api->remove(map, shale_key_int64(i), NULL) == 0;
        good = good && api->put(map, shale_key_int64(5), 2, NULL) == 0 && api->length(map) == 1;
        _exit(good ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(api->length(map), 100);
    api->destroy(map);
}

#define MAP_CASE(T, name)                                                                          \
    static void T##_##name(void **state)                                                           \
    {                                                                                              \
        map_##name(&T##_api);                                                                      \
    }

#define MAP_CASES(T)                                                                               \
    MAP_API(T);                                                                                    \
    MAP_CASE(T, agrees_with_an_array)                                                              \
    MAP_CASE(T, unknown_order_changes_nothing)                                                     \
    MAP_CASE(T, ends_of_int64_are_keys)                                                            \
    MAP_CASE(T, strings_are_copied)                                                                \
    MAP_CASE(T, visit_passes_batches_and_stops)                                                    \
    MAP_CASE(T, objects_are_destroyed_once_each)                                                   \
    MAP_CASE(T, compute_puts_keeps_and_removes)                                                    \
    MAP_CASE(T, options_that_make_no_sense_are_refused)                                            \
    MAP_CASE(T, fork_child_goes_on_with_its_copy)                                                  \
    MAP_CASE(T, stress_nothing_broken)                                                             \
    MAP_CASE(T, stress_of_unknown_orders)                                                          \
    MAP_CASE(T, oversubscribed_threads_come_and_go)                                                \
    MAP_CASE(T, concurrent_counts_add_up)                                                          \
    MAP_CASE(T, parked_reader_bounds_memory)                                                       \
    MAP_CASE(T, values_are_published)                                                              \
    MAP_CASE(T, scan_beside_changes_finds_what_stays)                                              \
    static const struct CMUnitTest tests[] = {                                                     \
        cmocka_unit_test(T##_agrees_with_an_array),                                                \
        cmocka_unit_test(T##_unknown_order_changes_nothing),                                       \
        cmocka_unit_test(T##_ends_of_int64_are_keys),                                              \
        cmocka_unit_test(T##_strings_are_copied),                                                  \
        cmocka_unit_test(T##_visit_passes_batches_and_stops),                                      \
        cmocka_unit_test(T##_objects_are_destroyed_once_each),                                     \
        cmocka_unit_test(T##_compute_puts_keeps_and_removes),                                      \
        cmocka_unit_test(T##_options_that_make_no_sense_are_refused),                              \
        cmocka_unit_test(T##_fork_child_goes_on_with_its_copy),                                    \
        cmocka_unit_test(T##_stress_nothing_broken),                                               \
        cmocka_unit_test(T##_stress_of_unknown_orders),                                            \
        cmocka_unit_test(T##_oversubscribed_threads_come_and_go),                                  \
        cmocka_unit_test(T##_concurrent_counts_add_up),                                            \
        cmocka_unit_test(T##_parked_reader_bounds_memory),                                         \
        cmocka_unit_test(T##_values_are_published),                                                \
        cmocka_unit_test(T##_scan_beside_changes_finds_what_stays),                                \
    };

#endif
