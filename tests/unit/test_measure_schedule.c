/* SPDX-License-Identifier: MIT */
#include "measure/schedule.h"

#include "test.h"

static void schedule_one_comparison_is_abba(void **state)
{
    char order[9] = "";
    for (size_t run = 0; run < 8; run++)
        order[run] = schedule_step(run / 2, run % 2, 1).baseline ? 'A' : 'B';
    assert_string_equal(order, "ABBAABBA");
}

static void schedule_pairs_are_neighbours_of_one_comparison(void **state)
{
    for (size_t comparisons = 1; comparisons < 6; comparisons++)
        for (size_t round = 0; round < 12; round++)
            for (size_t step = 0; step < 2 * comparisons; step += 2) {
                struct schedule_step first = schedule_step(round, step, comparisons);
                struct schedule_step second = schedule_step(round, step + 1, comparisons);
                assert_int_equal(first.comparison, second.comparison);
                assert_true(first.baseline != second.baseline);
            }
}

/* Over 2 * comparisons rounds every place is taken equally often by every run. */
static void schedule_places_are_balanced(void **state)
{
    enum { COMPARISONS = 4, STEPS = 8 };
    int seen[STEPS][COMPARISONS][2] = {0};
    for (size_t round = 0; round < STEPS; round++)
        for (size_t step = 0; step < STEPS; step++) {
            struct schedule_step got = schedule_step(round, step, COMPARISONS);
            seen[step][got.comparison][got.baseline]++;
        }
    for (size_t step = 0; step < STEPS; step++)
        for (size_t comparison = 0; comparison < COMPARISONS; comparison++) {
            assert_int_equal(seen[step][comparison][0], 1);
            assert_int_equal(seen[step][comparison][1], 1);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(schedule_one_comparison_is_abba),
    cmocka_unit_test(schedule_pairs_are_neighbours_of_one_comparison),
    cmocka_unit_test(schedule_places_are_balanced),
};

RUN_TESTS("measure_schedule")
