/* SPDX-License-Identifier: MIT */
/* Histories of the queue and the stack are linearizable. */
#include "harness.h"
#include "test.h"

static void queue_histories_are_linearizable(void **state)
{
    assert_true(harness_run(&queue_subject, 1, harness_count(10000)));
}

static void stack_histories_are_linearizable(void **state)
{
    assert_true(harness_run(&stack_subject, 1, harness_count(10000)));
}

static int end_all(void **state)
{
    harness_end();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_histories_are_linearizable),
        cmocka_unit_test(stack_histories_are_linearizable),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("queue_histories", tests, NULL, end_all);
}
