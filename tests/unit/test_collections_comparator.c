/* SPDX-License-Identifier: MIT */
/* Orders of keys: each kind against pairs whose order is known, and as total orders. */
#include <shale/comparator.h>

#include "test.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static int by_length(const void *left, const void *right, void *context)
{
    ++*(int *)context;
    size_t a = strlen(left), b = strlen(right);
    return (a > b) - (a < b);
}

static void compare_int64_limits_are_in_order(void **state)
{
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    struct shale_comparator natural = {.kind = SHALE_COMPARE_NATURAL};
    struct shale_comparator reverse = {.kind = SHALE_COMPARE_REVERSE};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            struct shale_key left = shale_key_int64(numbers[i]);
            struct shale_key right = shale_key_int64(numbers[j]);
            assert_int_equal(sign(shale_compare(&natural, left, right)), sign(i - j));
            assert_int_equal(sign(shale_compare(&reverse, left, right)), sign(j - i));
        }
}

static void check_sorted(const char *const *texts, int count, enum shale_comparator_kind kind)
{
    struct shale_comparator comparator = {.kind = kind};
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            assert_int_equal(sign(shale_compare(&comparator, shale_key_string(texts[i]),
                                                shale_key_string(texts[j]))),
                             sign(i - j));
}

static void compare_strings_by_bytes(void **state)
{
    static const char *const texts[] = {"", "1", "10", "2", "a", "ab", "b", "\xff"};
    check_sorted(texts, 8, SHALE_COMPARE_STRING);
    struct shale_comparator comparator = {.kind = SHALE_COMPARE_STRING};
    struct shale_key with_nul = shale_key_bytes("a\0b", 3);
    assert_true(shale_compare(&comparator, shale_key_string("a"), with_nul) < 0);
    assert_true(shale_compare(&comparator, shale_key_string("b"), with_nul) > 0);
}

static void compare_numeric_by_value_of_digits(void **state)
{
    static const char *const texts[] = {"",
                                        "007",
                                        "07",
                                        "7",
                                        "10",
                                        "a",
                                        "a2",
                                        "a10",
                                        "a10b1",
                                        "a10b02",
                                        "a11",
                                        "b1",
                                        "b18446744073709551616"};
    check_sorted(texts, 13, SHALE_COMPARE_NUMERIC);
}

static void compare_function_gets_keys_and_context(void **state)
{
    int calls = 0;
    struct shale_comparator comparator = {SHALE_COMPARE_FUNCTION, by_length, &calls};
    assert_true(shale_compare(&comparator, shale_key_pointer("zz"), shale_key_pointer("aaa")) < 0);
    assert_int_equal(calls, 1);
}

static void comparators_equal_by_meaning(void **state)
{
    int one, other;
    struct shale_comparator natural = {.kind = SHALE_COMPARE_NATURAL, .context = &one};
    struct shale_comparator also = {.kind = SHALE_COMPARE_NATURAL};
    struct shale_comparator function = {SHALE_COMPARE_FUNCTION, by_length, &one};
    struct shale_comparator elsewhere = {SHALE_COMPARE_FUNCTION, by_length, &other};
    assert_true(shale_comparator_equal(&natural, &also));
    assert_false(shale_comparator_equal(&natural, &function));
    assert_true(shale_comparator_equal(&function, &function));
    assert_false(shale_comparator_equal(&function, &elsewhere));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(compare_int64_limits_are_in_order),
    cmocka_unit_test(compare_strings_by_bytes),
    cmocka_unit_test(compare_numeric_by_value_of_digits),
    cmocka_unit_test(compare_function_gets_keys_and_context),
    cmocka_unit_test(comparators_equal_by_meaning),
};

RUN_TESTS("collections_comparator")
