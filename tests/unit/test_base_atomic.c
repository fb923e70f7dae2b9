/* SPDX-License-Identifier: MIT */
/* Named atomics: each operation does what its name says, for integers and pointers. */
#include "base/atomic.h"

#include "test.h"

static void load_store_every_order_keeps_the_value(void **state)
{
    _Atomic uint64_t word = 0;
    shale_atomic_store_relaxed(&word, 1);
    assert_int_equal(shale_atomic_load_relaxed(&word), 1);
    shale_atomic_store_release(&word, 2);
    assert_int_equal(shale_atomic_load_acquire(&word), 2);
    shale_atomic_store_seq_cst(&word, UINT64_MAX);
    assert_true(shale_atomic_load_seq_cst(&word) == UINT64_MAX);
}

static void exchange_every_order_gives_the_old_value(void **state)
{
    _Atomic unsigned word = 1;
    assert_int_equal(shale_atomic_exchange_relaxed(&word, 2), 1);
    assert_int_equal(shale_atomic_exchange_acquire(&word, 3), 2);
    assert_int_equal(shale_atomic_exchange_release(&word, 4), 3);
    assert_int_equal(shale_atomic_exchange_acq_rel(&word, 5), 4);
    assert_int_equal(shale_atomic_exchange_seq_cst(&word, 6), 5);
    assert_int_equal(word, 6);
}

#define CHECK_CAS(operation)                                                                       \
    do {                                                                                           \
        _Atomic unsigned word = 5;                                                                 \
        unsigned expected = 4;                                                                     \
        assert_false(operation(&word, &expected, 9));                                              \
        assert_int_equal(expected, 5);                                                             \
        assert_int_equal(word, 5);                                                                 \
        while (!operation(&word, &expected, 9))                                                    \
            assert_int_equal(expected, 5);                                                         \
        assert_int_equal(word, 9);                                                                 \
    } while (0)

static void cas_wrong_expected_fails_and_tells(void **state)
{
    CHECK_CAS(shale_atomic_cas_relaxed);
    CHECK_CAS(shale_atomic_cas_acquire);
    CHECK_CAS(shale_atomic_cas_release);
    CHECK_CAS(shale_atomic_cas_acq_rel);
    CHECK_CAS(shale_atomic_cas_seq_cst);
    CHECK_CAS(shale_atomic_cas_weak_relaxed);
    CHECK_CAS(shale_atomic_cas_weak_acquire);
    CHECK_CAS(shale_atomic_cas_weak_release);
    CHECK_CAS(shale_atomic_cas_weak_acq_rel);
    CHECK_CAS(shale_atomic_cas_weak_seq_cst);
}

static void fetch_operations_give_the_old_value(void **state)
{
    _Atomic unsigned word = 10;
    assert_int_equal(shale_atomic_fetch_add_relaxed(&word, 1), 10);
    assert_int_equal(shale_atomic_fetch_add_acquire(&word, 1), 11);
    assert_int_equal(shale_atomic_fetch_add_release(&word, 1), 12);
    assert_int_equal(shale_atomic_fetch_add_acq_rel(&word, 1), 13);
    assert_int_equal(shale_atomic_fetch_add_seq_cst(&word, 1), 14);
    assert_int_equal(shale_atomic_fetch_sub_relaxed(&word, 1), 15);
    assert_int_equal(shale_atomic_fetch_sub_release(&word, 1), 14);
    assert_int_equal(shale_atomic_fetch_sub_acq_rel(&word, 1), 13);
    assert_int_equal(shale_atomic_fetch_sub_seq_cst(&word, 4), 12);
    assert_int_equal(shale_atomic_fetch_or_relaxed(&word, 1), 8);
    assert_int_equal(shale_atomic_fetch_or_release(&word, 2), 9);
    assert_int_equal(shale_atomic_fetch_or_acq_rel(&word, 4), 11);
    assert_int_equal(shale_atomic_fetch_or_seq_cst(&word, 16), 15);
    assert_int_equal(shale_atomic_fetch_and_relaxed(&word, 30), 31);
    assert_int_equal(shale_atomic_fetch_and_release(&word, 28), 30);
    assert_int_equal(shale_atomic_fetch_and_acq_rel(&word, 24), 28);
    assert_int_equal(shale_atomic_fetch_and_seq_cst(&word, 16), 24);
    shale_atomic_add_single_writer(&word, 5);
    assert_int_equal(word, 21);
}

static void pointers_work_as_integers_do(void **state)
{
    int first = 1;
    int second = 2;
    _Atomic(int *) pointer = &first;
    int *expected = &first;
    assert_true(shale_atomic_cas_acq_rel(&pointer, &expected, &second));
    assert_ptr_equal(shale_atomic_exchange_acquire(&pointer, NULL), &second);
    assert_null(shale_atomic_load_acquire(&pointer));
}

static void fences_compile_and_change_nothing(void **state)
{
    int value = 3;
    shale_fence_acquire();
    shale_fence_release();
    shale_fence_seq_cst();
    shale_compiler_barrier();
    shale_cpu_relax();
    assert_int_equal(value, 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(load_store_every_order_keeps_the_value),
    cmocka_unit_test(exchange_every_order_gives_the_old_value),
    cmocka_unit_test(cas_wrong_expected_fails_and_tells),
    cmocka_unit_test(fetch_operations_give_the_old_value),
    cmocka_unit_test(pointers_work_as_integers_do),
    cmocka_unit_test(fences_compile_and_change_nothing),
};

RUN_TESTS("base_atomic")
