/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation of the collections fails, for every n: the call says so and changes nothing,
 * and with memory the same call works.
 */
#include <shale/queue.h>
#include <shale/ring.h>
#include <shale/skiplist.h>
#include <shale/stack.h>
#include <shale/treemap.h>

#include "harness.h"
#include "map_api.h"
#include "test.h"

MAP_API(skiplist);
MAP_API(treemap);

static void check_create(const struct map_api *api)
{
    void *map = NULL;
    uint64_t failures = 0;
    for (uint64_t n = 1; !map; n++) {
        harness_fail_allocation(n);
        int result = api->create(NULL, &map);
        assert_int_equal(result, map ? 0 : SHALE_ENOMEM);
        failures += result != 0;
    }
    harness_fail_allocation(0);
    assert_int_equal(failures, 2); /* the map, its head or root */
    api->destroy(map);
}

/* All keys and values are as they were. */
static void check_same(const struct map_api *api, void *map, const uint64_t *values, unsigned keys)
{
    size_t count = 0;
    for (unsigned i = 0; i < keys; i++) {
        char text[16];
        uint64_t value = 0;
        int length = snprintf(text, sizeof text, "k%u", i);
        struct shale_key key = shale_key_bytes(text, (size_t)length);
        assert_int_equal(api->get(map, key, &value), values[i] ? 0 : SHALE_ENOENT);
        assert_int_equal(value, values[i]);
        count += values[i] != 0;
    }
    assert_int_equal(api->length(map), count);
}

/* Every put first fails at each of its allocations. With string keys a tree that splits makes a
 * box, a node, and perhaps a root. */
static void check_puts(const struct map_api *api)
{
    enum { MANY = 60 };
    uint64_t values[MANY] = {0}, most = 0;
    struct shale_map_options options = {.comparator = {.kind = SHALE_COMPARE_STRING}};
    void *map = NULL;
    assert_int_equal(api->create(&options, &map), 0);
    for (unsigned i = 0; i < MANY; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "k%u", i);
        struct shale_key key = shale_key_bytes(text, (size_t)length);
        int result = SHALE_ENOMEM;
        for (uint64_t n = 1; result != 0; n++) {
            harness_fail_allocation(n);
            result = api->put(map, key, i + 1, NULL);
            harness_fail_allocation(0);
            values[i] = result == 0 ? i + 1 : 0;
            most = n > most ? n : most;
            if (result != 0)
                assert_int_equal(result, SHALE_ENOMEM);
            check_same(api, map, values, MANY);
        }
    }
    assert_true(most >= 2);
    struct shale_snapshot *snapshot = NULL;
    for (uint64_t n = 1; !snapshot; n++) {
        harness_fail_allocation(n);
        int result = api->snapshot(map, NULL, &snapshot);
        assert_int_equal(result, snapshot ? 0 : SHALE_ENOMEM);
    }
    harness_fail_allocation(0);
    assert_int_equal(snapshot->count, MANY);
    shale_snapshot_destroy(snapshot);
    api->destroy(map);
}

static void skiplist_without_memory_changes_nothing(void **state)
{
    check_create(&skiplist_api);
    check_puts(&skiplist_api);
}

static void treemap_without_memory_changes_nothing(void **state)
{
    check_create(&treemap_api);
    check_puts(&treemap_api);
}

static void queue_without_memory_changes_nothing(void **state)
{
    struct shale_queue *queue = NULL;
    uint64_t item, refused = 0;
    for (uint64_t n = 1; !queue; n++) {
        harness_fail_allocation(n);
        int result = shale_queue_create(NULL, &queue);
        assert_int_equal(result, queue ? 0 : SHALE_ENOMEM);
    }
    for (uint64_t i = 0; i < 3000; i++) {
        harness_fail_allocation(1);
        int result = shale_queue_put(queue, i);
        harness_fail_allocation(0);
        if (result == SHALE_ENOMEM) {
            refused++;
            assert_int_equal(shale_queue_length(queue), i);
            result = shale_queue_put(queue, i);
        }
        assert_int_equal(result, 0);
    }
    assert_int_equal(refused, 2); /* the second and the third segment */
    for (uint64_t i = 0; i < 3000; i++) {
        assert_int_equal(shale_queue_try_get(queue, &item), 0);
        assert_int_equal(item, i);
    }
    assert_int_equal(shale_queue_try_get(queue, &item), SHALE_EEMPTY);
    shale_queue_destroy(queue);
}

static void stack_and_ring_without_memory_change_nothing(void **state)
{
    struct shale_stack *stack = NULL;
    struct shale_ring *ring = NULL;
    struct shale_ring_options options = {.capacity = 4};
    uint64_t item;
    harness_fail_allocation(1);
    assert_int_equal(shale_ring_create(&options, &ring), SHALE_ENOMEM);
    harness_fail_allocation(1);
    assert_int_equal(shale_stack_create(NULL, &stack), SHALE_ENOMEM);
    assert_int_equal(shale_stack_create(NULL, &stack), 0);
    harness_fail_allocation(1);
    assert_int_equal(shale_stack_push(stack, 5), SHALE_ENOMEM);
    assert_int_equal(shale_stack_try_pop(stack, &item), SHALE_EEMPTY);
    assert_int_equal(shale_stack_push(stack, 5), 0);
    assert_int_equal(shale_stack_try_pop(stack, &item), 0);
    shale_stack_destroy(stack);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(skiplist_without_memory_changes_nothing),
    cmocka_unit_test(treemap_without_memory_changes_nothing),
    cmocka_unit_test(queue_without_memory_changes_nothing),
    cmocka_unit_test(stack_and_ring_without_memory_change_nothing),
};

RUN_TESTS("out_of_memory")
