/* SPDX-License-Identifier: MIT */
/* The range: its frontiers, its segments, and metadata that can be read for any address in it. */
#include "test.h"

#include <pthread.h>

#include <shale/error.h>

#include "slab/malloc.h"
#include "slab/pool.h"
#include "slab/range.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { THREADS = 4, BLOCKS = 300, SIZE = 300000 };

static void range_before_start_owns_nothing(void **state)
{
    int local;
    (void)state;
    assert_null(slab_range.base);
    assert_false(slab_in_range(&local));
    assert_false(slab_in_range(NULL));
    assert_false(slab_owns(&local));
    slab_free(&local);
}

static void *touch_many(void *argument)
{
    unsigned char **blocks = argument;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = slab_malloc(SIZE);
        if (blocks[i] == NULL)
            return "no memory";
        blocks[i][0] = blocks[i][SIZE - 1] = (unsigned char)i;
    }
    return NULL;
}

static void range_grow_many_threads_no_fault(void **state)
{
    static unsigned char *blocks[THREADS][BLOCKS];
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, touch_many, blocks[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < BLOCKS; j++) {
            assert_int_equal(blocks[i][j][SIZE - 1], (unsigned char)j);
            slab_free(blocks[i][j]);
        }
    assert_int_equal(slab_validate(), 0);
}

static void range_unit_of_any_address_readable(void **state)
{
    (void)state;
    slab_free(slab_malloc(1));
    uint64_t step = slab_range.size / 5000;
    for (uint64_t offset = 0; offset < slab_range.size; offset += step) {
        char *address = slab_range.base + offset;
        assert_true(slab_owns(address));
        if (slab_index_of(address) >= slab_pool_fresh(0) * SLAB_SEGMENT_UNITS)
            assert_int_equal(slab_usable_size(address), 0);
    }
    assert_false(slab_owns(slab_range.base - 1));
    assert_false(slab_owns(slab_range.base + slab_range.size));
}

static void range_frontier_covers_what_was_used(void **state)
{
    (void)state;
    slab_free(slab_malloc(100u << 20));
    assert_true(shale_atomic_load_relaxed(&slab_range_frontier[0]) >= slab_pool_fresh(0));
    assert_int_equal(slab_range_grow(0, slab_range.end[0] + 1), SHALE_ENOMEM);
    assert_int_equal(slab_range_grow(0, 2), 0); /* there already */
}

static void pool_large_run_reused_and_split(void **state)
{
    (void)state;
    (void)slab_give_back(SIZE_MAX);
    void *large = slab_malloc(64u << 20);
    assert_non_null(large);
    uint32_t end = slab_pool_fresh(0);
    slab_free(large);
    void *parts[8];
    for (int i = 0; i < 8; i++) {
        parts[i] = slab_malloc((size_t)(1 + i % 3) << 21);
        assert_non_null(parts[i]);
    }
    assert_int_equal(slab_pool_fresh(0), end);
    for (int i = 0; i < 8; i++)
        slab_free(parts[i]);
    assert_ptr_equal(slab_malloc(64u << 20), large);
    slab_free(large);
    assert_int_equal(slab_validate(), 0);
}

static void pool_gives_back_all_dirty_segments(void **state)
{
    static struct slab_stats stats;
    (void)state;
    void *block = slab_malloc(6u << 20);
    memset(block, 1, 6u << 20);
    slab_free(block);
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_stats_exact(&stats), 0);
    assert_int_equal(stats.pool.segments_dirty, 0);
    assert_int_equal(stats.pool.segments_used, 0);
    assert_true(stats.pool.purged_bytes >= 6u << 20);
    assert_int_equal(stats.pool.purges_failed, 0);
}

static void unit_free_ones_given_back_in_used_segment(void **state)
{
    enum { COUNT = 60000 };
    static unsigned char *blocks[COUNT];
    static struct slab_stats stats;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = slab_malloc(200);
        memset(blocks[i], 0xee, 200);
    }
    for (int i = 0; i < COUNT; i++)
        if (i % 6000 != 0) { /* ten survivors, in segments of their own */
            slab_free(blocks[i]);
            blocks[i] = NULL;
        }
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_stats_exact(&stats), 0);
    assert_true(stats.epoch_segments > 3);
    assert_true(stats.used_units <= 12);
    assert_int_equal(stats.dirty_units, 0);
    assert_int_equal(slab_validate(), 0);
    for (int i = 0; i < COUNT; i += 6000) {
        assert_int_equal(blocks[i][199], 0xee);
        slab_free(blocks[i]);
    }
    for (int i = 0; i < 5000; i++) {
        blocks[i] = slab_calloc(1, 3000);
        for (int j = 0; j < 3000; j++)
            if (blocks[i][j] != 0)
                fail_msg("block %d, byte %d is not zero", i, j);
    }
    for (int i = 0; i < 5000; i++)
        slab_free(blocks[i]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(range_before_start_owns_nothing),
    cmocka_unit_test(range_grow_many_threads_no_fault),
    cmocka_unit_test(range_unit_of_any_address_readable),
    cmocka_unit_test(range_frontier_covers_what_was_used),
    cmocka_unit_test(pool_large_run_reused_and_split),
    cmocka_unit_test(pool_gives_back_all_dirty_segments),
    cmocka_unit_test(unit_free_ones_given_back_in_used_segment),
};

RUN_TESTS("slab_range")
