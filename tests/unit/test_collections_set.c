/* SPDX-License-Identifier: MIT */
/* Sets over both maps: membership, order and ranges, against an array. */
#include <shale/set.h>

#include "pct.h"
#include "test.h"

enum { KEYS = 200 };

#define SET_CASE(set)                                                                              \
    static void set##_agrees_with_an_array(void **state)                                           \
    {                                                                                              \
        bool there[KEYS] = {false};                                                                \
        uint64_t random = 5;                                                                       \
        struct shale_##set *object = NULL;                                                         \
        struct shale_key found;                                                                    \
        size_t count = 0, seen;                                                                    \
        struct shale_entry entries[KEYS];                                                          \
        assert_int_equal(shale_##set##_create(NULL, &object), 0);                                  \
        for (int i = 0; i < 5000; i++) {                                                           \
            unsigned number = pct_below(&random, KEYS);                                            \
            struct shale_key key = shale_key_int64(number);                                        \
            if (pct_below(&random, 2)) {                                                           \
                assert_int_equal(shale_##set##_add(object, key),                                   \
                                 there[number] ? SHALE_EEXIST : 0);                                \
                there[number] = true;                                                              \
            } else {                                                                               \
                assert_int_equal(shale_##set##_remove(object, key),                                \
                                 there[number] ? 0 : SHALE_ENOENT);                                \
                there[number] = false;                                                             \
            }                                                                                      \
            number = pct_below(&random, KEYS);                                                     \
            assert_int_equal(shale_##set##_contains(object, shale_key_int64(number)),              \
                             there[number] ? 0 : SHALE_ENOENT);                                    \
            if (there[number]) {                                                                   \
                key = shale_key_int64(number);                                                     \
                assert_int_equal(shale_##set##_floor(object, key, &found), 0);                     \
                assert_int_equal(found.number, number);                                            \
                assert_int_equal(shale_##set##_ceiling(object, key, &found), 0);                   \
                assert_int_equal(found.number, number);                                            \
            }                                                                                      \
        }                                                                                          \
        for (int i = 0; i < KEYS; i++)                                                             \
            count += there[i];                                                                     \
        assert_int_equal(shale_##set##_length(object), count);                                     \
        assert_int_equal(shale_##set##_scan(object, NULL, entries, KEYS, &seen), 0);               \
        assert_int_equal(seen, count);                                                             \
        int64_t last = -1;                                                                         \
        while (shale_##set##_pop_min(object, &found) == 0) {                                       \
            assert_true(found.number > last && there[found.number]);                               \
            last = found.number;                                                                   \
            count--;                                                                               \
        }                                                                                          \
        assert_int_equal(count, 0);                                                                \
        shale_##set##_destroy(object);                                                             \
    }

SET_CASE(skipset)
SET_CASE(treeset)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(skipset_agrees_with_an_array),
    cmocka_unit_test(treeset_agrees_with_an_array),
};

RUN_TESTS("collections_set")
