/* SPDX-License-Identifier: MIT */
/* Numbers for texts: the same for the same, dense, whatever the bytes. */
#include "report/intern.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static void intern_same_text_same_number(void **state)
{
    struct intern table = {0};
    assert_int_equal(intern_add(&table, "", 0), 0);
    assert_int_equal(intern_add(&table, "main", 4), 1);
    assert_int_equal(intern_add(&table, "malloc", 6), 2);
    assert_int_equal(intern_add(&table, "main", 4), 1);
    assert_int_equal(intern_add(&table, "main!", 4), 1);
    assert_int_equal(table.count, 3);
    assert_string_equal(intern_text(&table, 2), "malloc");
    intern_free(&table);
    assert_int_equal(table.count, 0);
}

static void intern_any_bytes_are_a_text(void **state)
{
    struct intern table = {0};
    assert_int_equal(intern_add(&table, "a\0b", 3), 0);
    assert_int_equal(intern_add(&table, "a\0c", 3), 1);
    assert_int_equal(intern_add(&table, "a", 1), 2);
    assert_int_equal(intern_add(&table, "a\0b", 3), 0);
    intern_free(&table);
}

static void intern_many_texts_keep_their_numbers(void **state)
{
    enum { TEXTS = 20000 };
    struct intern table = {0};
    char text[32];
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < TEXTS; i++) {
            int length = snprintf(text, sizeof text, "function_%u", i);
            assert_int_equal(intern_add(&table, text, (size_t)length), i);
        }
    assert_int_equal(table.count, TEXTS);
    assert_false(table.failed);
    assert_string_equal(intern_text(&table, 12345), "function_12345");
    intern_free(&table);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(intern_same_text_same_number),
    cmocka_unit_test(intern_any_bytes_are_a_text),
    cmocka_unit_test(intern_many_texts_keep_their_numbers),
};

RUN_TESTS("report_intern")
