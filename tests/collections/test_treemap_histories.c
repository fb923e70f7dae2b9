/* SPDX-License-Identifier: MIT */
/* Histories of the tree map are linearizable, key by key and by order, under epochs and intervals.
 */
#include "harness.h"
#include "test.h"

static void treemap_histories_are_linearizable(void **state)
{
    assert_true(harness_run(&treemap_subject, 1, harness_count(10000)));
}

static void treemap_histories_by_order_are_linearizable(void **state)
{
    assert_true(harness_run(&treemap_order_subject, 1, harness_count(10000)));
}

static int end_all(void **state)
{
    harness_end();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(treemap_histories_are_linearizable),
        cmocka_unit_test(treemap_histories_by_order_are_linearizable),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("treemap_histories", tests, NULL, end_all);
}
