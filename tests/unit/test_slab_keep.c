/* SPDX-License-Identifier: MIT */
/* What plain malloc gives back by itself, what it keeps, and what happens when the system refuses.
 */
#include "test.h"

#include <limits.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "os_fail.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum {
    COUNT = 40000,
    SIZE_MAX_DRAWN = 1024, /* 20 MiB in all */
    MS = 1000000,
};

static void *blocks[COUNT];
static uint64_t now_ns = 1000ull * 1000 * MS;

/* A microsecond a reading: who waits for another thread with a limit must reach it. */
static uint64_t read_clock(void)
{
    return now_ns += 1000;
}

static void pass(uint64_t ms)
{
    now_ns += ms * MS;
}

static int count_calls(void **state)
{
    (void)state;
    shale_clock_set_test_source(read_clock);
    pass(100000); /* whatever was spent or regretted before is over */
    os_fail_nth(OS_ADVISE, ULONG_MAX);
    return 0;
}

static int stop_counting(void **state)
{
    (void)state;
    os_fail_off();
    shale_clock_set_test_source(NULL);
    return slab_validate();
}

static size_t size_of(size_t i)
{
    return 16 + i * 7919 % (SIZE_MAX_DRAWN - 16);
}

static void take_all(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = slab_malloc(size_of(i));
        assert_non_null(blocks[i]);
        memset(blocks[i], 0x5a, size_of(i));
    }
}

/* In an order that spreads over all slabs. */
static void free_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        slab_free(blocks[i * 7919 % COUNT]);
}

static uint64_t resident_free_mib(void)
{
    static struct slab_stats stats;
    assert_int_equal(slab_stats_exact(&stats), 0);
    return (stats.pool.segments_dirty * SLAB_SEGMENT_UNITS + stats.dirty_units) / 16;
}

static void purge_all_freed_little_stays(void **state)
{
    (void)state;
    take_all();
    assert_true(resident_free_mib() < 4);
    free_all();
    assert_true(resident_free_mib() <= 6);
}

static void purge_loop_learns_to_keep(void **state)
{
    (void)state;
    unsigned long before;
    for (int round = 0; round < 5; round++) {
        take_all();
        free_all();
        pass(1);
    }
    before = os_fail_calls(OS_ADVISE);
    for (int round = 0; round < 6; round++) {
        take_all();
        free_all();
        pass(1);
    }
    assert_int_equal(os_fail_calls(OS_ADVISE), before);
    /* It is forgotten when the loop is over. */
    pass(20000);
    take_all();
    free_all();
    assert_true(os_fail_calls(OS_ADVISE) > before);
    assert_true(resident_free_mib() <= 6);
}

static void purge_within_budget(void **state)
{
    (void)state;
    enum { SEGMENTS = 1200, SIZE = SLAB_SEGMENT_SIZE };
    for (int i = 0; i < SEGMENTS; i++)
        blocks[i] = slab_malloc(SIZE);
    for (int i = 0; i < SEGMENTS; i++)
        slab_free(blocks[i]); /* at one moment: no more than was saved goes back */
    unsigned long calls = os_fail_calls(OS_ADVISE);
    assert_in_range(calls, 500, 512);
    pass(30);
    for (int i = 0; i < 100; i++) {
        void *block = slab_malloc(SIZE);
        slab_free(block);
    }
    assert_int_equal(os_fail_calls(OS_ADVISE), calls + 3);
}

static void purge_large_at_once(void **state)
{
    (void)state;
    (void)slab_give_back(SIZE_MAX);
    void *block = slab_malloc(256u << 20);
    assert_non_null(block);
    slab_free(block);
    assert_true(resident_free_mib() <= 4);
}

/* Refused (locked memory, say): what is there is not taken for zero, and not asked for again. */
static void purge_refused_kept_dirty(void **state)
{
    (void)state;
    enum { MANY = 64, SIZE = 3u << 20 };
    (void)slab_give_back(SIZE_MAX);
    os_fail_from(OS_ADVISE, 1);
    for (int i = 0; i < MANY; i++)
        blocks[i] = memset(slab_malloc(SIZE), 0x5a, SIZE);
    for (int i = 0; i < MANY; i++)
        slab_free(blocks[i]);
    assert_in_range(os_fail_calls(OS_ADVISE), 1, 4);
    for (int i = 0; i < MANY; i++) {
        blocks[i] = slab_calloc(1, SIZE);
        for (size_t byte = 0; byte < SIZE; byte += 64)
            assert_int_equal(((unsigned char *)blocks[i])[byte], 0);
    }
    for (int i = 0; i < MANY; i++)
        slab_free(blocks[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, count_calls, stop_counting)

static const struct CMUnitTest tests[] = {
    CASE(purge_all_freed_little_stays), CASE(purge_loop_learns_to_keep), CASE(purge_within_budget),
    CASE(purge_large_at_once),          CASE(purge_refused_kept_dirty),
};

RUN_TESTS("slab_keep")
