/* SPDX-License-Identifier: MIT */
/* What the mock backend finds: failures on demand, leaks, wrong frees, writes after free. */
#include <errno.h>

#include <shale/backend/mock.h>
#include <shale/shale.h>

#include "test.h"

static struct shale_mock_report report(void)
{
    struct shale_mock_report found;
    shale_mock_report(&found);
    return found;
}

static int reset(void **state)
{
    shale_mock_reset();
    return 0;
}

/* The compiler must not see that these pointers are stale, or it warns of what is tested here. */
static void *hide(void *pointer)
{
    __asm__("" : "+r"(pointer));
    return pointer;
}

static void mock_fail_nth_fails_that_call_alone(void **state)
{
    shale_mock_fail(3, 1);
    void *first = shale_alloc(1);
    void *second = shale_calloc(1, 1);
    errno = 0;
    assert_null(shale_alloc(1));
    assert_int_equal(errno, ENOMEM);
    void *fourth = shale_alloc(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(fourth);
    assert_int_equal(report().call_count, 4);
    assert_int_equal(report().failed_count, 1);
    shale_free(first);
    shale_free(second);
    shale_free(fourth);
}

static void mock_fail_from_nth_fails_all_forms(void **state)
{
    void *block = shale_alloc(10);
    shale_mock_fail(1, UINT64_MAX);
    assert_null(shale_alloc(1));
    assert_null(shale_calloc(1, 1));
    assert_null(shale_realloc(block, 100));
    assert_null(shale_alloc_aligned(64, 1));
    assert_null(shale_alloc_node(1));
    assert_null(shale_strdup("x"));
    assert_int_equal(report().failed_count, 6);
    assert_int_equal(report().live_count, 1);
    shale_mock_fail(0, 0);
    block = shale_realloc(block, 100);
    assert_non_null(block);
    shale_free(block);
}

/* The way it is meant to be used: every place a function can fail at, one after the other. */
static int build_pair(void)
{
    char *left = shale_strdup("left");
    char *right = left ? shale_strdup("right") : NULL;
    int result = right ? 0 : -1;
    shale_free(right);
    shale_free(left);
    return result;
}

static void mock_fail_each_call_in_turn_leaks_nothing(void **state)
{
    uint64_t n = 1;
    for (;; n++) {
        shale_mock_fail(n, 1);
        if (build_pair() == 0)
            break;
    }
    assert_int_equal(n, 3);
    assert_int_equal(report().live_count, 0);
}

struct leaks {
    size_t sizes[4];
    size_t count;
};

static void note_leak(const void *block, size_t size, uint64_t call, void *context)
{
    struct leaks *leaks = context;
    leaks->sizes[leaks->count++] = size;
}

static void mock_leaks_are_listed_oldest_first(void **state)
{
    void *first = shale_alloc(11);
    shale_free(shale_alloc(22));
    void *third = shale_alloc(33);
    assert_int_equal(report().live_count, 2);
    assert_int_equal(report().live_bytes, 44);
    struct leaks leaks = {0};
    shale_mock_each_live(note_leak, &leaks);
    assert_int_equal(leaks.count, 2);
    assert_int_equal(leaks.sizes[0], 11);
    assert_int_equal(leaks.sizes[1], 33);
    shale_free(first);
    shale_free(third);
}

static void mock_double_free_is_counted_and_harmless(void **state)
{
    void *block = shale_alloc(10);
    void *stale = hide(block);
    shale_free(block);
    shale_free(stale);
    assert_int_equal(report().double_free_count, 1);
    assert_int_equal(report().free_count, 1);
    assert_int_equal(report().foreign_count, 0);
}

#if !SHALE_ALLOC_FILL /* with fill patterns the front door moves blocks itself and does not ask */
static void mock_realloc_of_freed_block_fails(void **state)
{
    void *block = shale_alloc(10);
    void *stale = hide(block);
    shale_free(block);
    assert_null(shale_realloc(stale, 20));
    assert_int_equal(report().double_free_count, 1);
    assert_int_equal(report().live_count, 0);
}
#endif

static void mock_foreign_free_is_counted_and_harmless(void **state)
{
    void *foreign = malloc(10);
    int local = 0;
    shale_free(hide(foreign));
    shale_free(hide(&local));
    char *block = shale_alloc(10);
    shale_free(hide(block + 1));
    assert_int_equal(shale_usable_size(hide(&local)), 0);
    assert_int_equal(report().foreign_count, 3);
    assert_int_equal(report().free_count, 0);
    shale_free(block);
    free(foreign);
}

static void mock_wrong_size_is_counted(void **state)
{
    shale_free_sized(shale_alloc(10), 10);
    shale_free_aligned(shale_alloc_aligned(64, 10), 64, 10);
    assert_int_equal(report().wrong_size_count, 0);
    shale_free_sized(shale_alloc(10), 11);
    shale_free_aligned(shale_alloc_aligned(64, 10), 128, 10);
    shale_free_sized(shale_alloc_aligned(64, 10), 10);
    assert_int_equal(report().wrong_size_count, 3);
    assert_int_equal(report().live_count, 0);
}

static void mock_write_after_free_is_counted_once(void **state)
{
    char *block = shale_alloc(100);
    char *stale = hide(block);
    shale_free(block);
    assert_int_equal(report().written_count, 0);
    stale[50] = 1;
    assert_int_equal(report().written_count, 1);
    assert_int_equal(report().written_count, 1);
}

static void mock_realloc_leaves_a_stale_pointer_detectable(void **state)
{
    void *block = shale_alloc(100);
    void *stale = hide(block);
    block = shale_realloc(block, 50);
    assert_ptr_not_equal(block, stale);
    shale_free(stale);
    assert_int_equal(report().double_free_count, 1);
    shale_free(block);
    assert_int_equal(report().live_count, 0);
}

static void mock_reset_keeps_live_blocks_valid(void **state)
{
    void *block = shale_alloc(100);
    shale_mock_reset();
    assert_int_equal(report().live_count, 0);
    memset(block, 1, 100);
    shale_free(block);
    assert_int_equal(report().free_count, 1);
    assert_int_equal(report().live_count, 0);
    assert_int_equal(report().live_bytes, 0);
}

/* More frees than the quarantine holds: the oldest are forgotten, nothing else changes. */
static void mock_full_quarantine_forgets_the_oldest(void **state)
{
    enum { COUNT = SHALE_MOCK_QUARANTINE + 100 };
    void *last = NULL;
    for (int i = 0; i < COUNT; i++) {
        void *block = shale_alloc(16);
        last = hide(block);
        shale_free(block);
    }
    shale_free(last);
    assert_int_equal(report().alloc_count, COUNT);
    assert_int_equal(report().free_count, COUNT);
    assert_int_equal(report().double_free_count, 1);
    assert_int_equal(report().written_count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, reset, reset)

static const struct CMUnitTest tests[] = {
    CASE(mock_fail_nth_fails_that_call_alone),
    CASE(mock_fail_from_nth_fails_all_forms),
    CASE(mock_fail_each_call_in_turn_leaks_nothing),
    CASE(mock_leaks_are_listed_oldest_first),
    CASE(mock_double_free_is_counted_and_harmless),
#if !SHALE_ALLOC_FILL
    CASE(mock_realloc_of_freed_block_fails),
#endif
    CASE(mock_foreign_free_is_counted_and_harmless),
    CASE(mock_wrong_size_is_counted),
    CASE(mock_write_after_free_is_counted_once),
    CASE(mock_realloc_leaves_a_stale_pointer_detectable),
    CASE(mock_reset_keeps_live_blocks_valid),
    CASE(mock_full_quarantine_forgets_the_oldest),
};

RUN_TESTS("alloc_mock")
