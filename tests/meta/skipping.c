/* SPDX-License-Identifier: MIT */
/* A program with a passed, a skipped and a failed case, for test_cmocka.py. */
#include "test.h"

static void case_passes(void **state)
{
}

static void case_skips(void **state)
{
    SKIP("no moon");
}

static void case_fails(void **state)
{
    fail();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(case_passes),
    cmocka_unit_test(case_skips),
    cmocka_unit_test(case_fails),
};

RUN_TESTS("skipping")
