/* SPDX-License-Identifier: MIT */
/* The texts of the error codes. */
#include <shale/error.h>

#include "test.h"

static void strerror_each_code_has_its_text(void **state)
{
#define CHECK(name, number, text) assert_string_equal(shale_strerror(-(number)), text);
    SHALE_ERROR_LIST(CHECK)
#undef CHECK
}

static void strerror_unlisted_number_is_unknown(void **state)
{
    assert_string_equal(shale_strerror(1), "unknown error");
    assert_string_equal(shale_strerror(INT32_MIN), "unknown error");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(strerror_each_code_has_its_text),
    cmocka_unit_test(strerror_unlisted_number_is_unknown),
};

RUN_TESTS("base_error")
