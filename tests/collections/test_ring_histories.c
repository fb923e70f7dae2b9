/* SPDX-License-Identifier: MIT */
/* Histories of the ring are linearizable, and its waiters miss no wake. */
#include <shale/ring.h>

#include "harness.h"
#include "test.h"

static void ring_histories_are_linearizable(void **state)
{
    assert_true(harness_run(&ring_subject, 1, harness_count(10000)));
}

static void waiting_histories_end(void **state)
{
    assert_true(harness_run(&waiting_subject, 1, harness_count(10000)));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ring_histories_are_linearizable),
    cmocka_unit_test(waiting_histories_end),
};

RUN_TESTS("ring_histories")
