/* SPDX-License-Identifier: MIT */
/* The tools are tested first: the checker refuses bad histories, the scheduler meets rare orders.
 */
#include <stdatomic.h>

#include "harness.h"
#include "test.h"

/* A register: code 0 writes `in`, code 1 reads `out`. */
static bool step(struct lin_state *state, const struct lin_operation *operation)
{
    if (operation->code == 1)
        return state->words[0] == operation->out;
    state->words[0] = operation->in;
    return true;
}

static const struct lin_model reg = {.step = step};

static struct lin_operation op(uint64_t called, uint64_t returned, int code, uint64_t value)
{
    return (struct lin_operation){
        .called = called, .returned = returned, .code = code, .in = value, .out = value};
}

static void check_concurrent_reads_either_value(void **state)
{
    for (uint64_t value = 0; value < 3; value++) {
        struct lin_history history = {{op(1, 10, 0, 1), op(2, 5, 1, value)}, 2};
        assert_int_equal(lin_check(&reg, &history), value < 2);
    }
}

static void check_stale_read_is_refused(void **state)
{
    struct lin_history history = {{op(1, 2, 0, 1), op(3, 4, 1, 0)}, 2};
    assert_false(lin_check(&reg, &history));
}

/* Two reads in a row during a write: new, then old. */
static void check_new_then_old_is_refused(void **state)
{
    struct lin_history history = {{op(1, 10, 0, 1), op(2, 3, 1, 1), op(4, 5, 1, 0)}, 3};
    assert_false(lin_check(&reg, &history));
    history.operations[2].out = 1;
    assert_true(lin_check(&reg, &history));
}

static void check_keys_are_independent(void **state)
{
    struct lin_history history = {{op(1, 2, 0, 1), op(3, 4, 1, 0)}, 2};
    history.operations[1].key = 9;
    assert_true(lin_check_by_key(&reg, &history));
    history.operations[1].key = 0;
    assert_false(lin_check_by_key(&reg, &history));
}

/* All 64 operations at once: the memory of seen configurations keeps it feasible. */
static void check_sixty_four_concurrent_operations_end(void **state)
{
    struct lin_history history;
    history.count = 64;
    for (uint64_t i = 0; i < 64; i++)
        history.operations[i] = op(1 + i, 1000 + i, i % 4 ? 1 : 0, i / 4 % 2);
    assert_true(lin_check(&reg, &history));
}

static int counter;

static void add_unsafely(unsigned thread, void *unused)
{
    pct_point();
    int seen = counter;
    pct_point();
    counter = seen + 1;
}

static void pct_finds_a_lost_update_and_repeats_it(void **state)
{
    int lost = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        int results[2];
        for (int i = 0; i < 2; i++) {
            struct pct_run run = {.seed = seed,
                                  .threads = 2,
                                  .changes = 1,
                                  .steps = 4,
                                  .steps_most = 100,
                                  .body = add_unsafely};
            counter = 0;
            assert_true(pct_run(&run));
            results[i] = counter;
        }
        assert_int_equal(results[0], results[1]);
        lost += results[0] == 1;
    }
    assert_in_range(lost, 1, 199);
    pct_end();
}

static void spin_for_ever(unsigned thread, void *unused)
{
    while (!pct_is_stuck())
        pct_spin();
}

static void pct_says_when_threads_are_stuck(void **state)
{
    struct pct_run run = {
        .seed = 1, .threads = 3, .steps = 4, .steps_most = 100, .body = spin_for_ever};
    assert_false(pct_run(&run));
    pct_end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(check_concurrent_reads_either_value),
    cmocka_unit_test(check_stale_read_is_refused),
    cmocka_unit_test(check_new_then_old_is_refused),
    cmocka_unit_test(check_keys_are_independent),
    cmocka_unit_test(check_sixty_four_concurrent_operations_end),
    cmocka_unit_test(pct_finds_a_lost_update_and_repeats_it),
    cmocka_unit_test(pct_says_when_threads_are_stuck),
};

RUN_TESTS("checker")
