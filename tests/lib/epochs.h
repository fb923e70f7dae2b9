/* SPDX-License-Identifier: MIT */
/* What the tests of epochs share: opening, filling, and nothing left. Each program has its own. */
#ifndef SHALE_TESTS_EPOCHS_H
#define SHALE_TESTS_EPOCHS_H

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <shale/epoch.h>
#include <string.h>

#include "slab/epoch_units.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { COUNT = 20000, SIZE = 64 };

static void *blocks[COUNT];

static inline shale_epoch open_plain(void)
{
    shale_epoch epoch = 0;
    assert_int_equal(shale_epoch_open(NULL, &epoch), 0);
    assert_true(epoch != 0);
    return epoch;
}

static inline shale_epoch open_region(void)
{
    struct shale_epoch_options options = {.kind = SHALE_EPOCH_REGION, .label = "region"};
    shale_epoch epoch = 0;
    assert_int_equal(shale_epoch_open(&options, &epoch), 0);
    return epoch;
}

static inline void fill(shale_epoch epoch, size_t size)
{
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = shale_epoch_alloc(epoch, size);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i, size);
    }
}

static inline void assert_intact(size_t size)
{
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < size; j += 16)
            assert_int_equal(((unsigned char *)blocks[i])[j], i & 0xff);
}

static inline void free_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        shale_epoch_free(blocks[i]);
}

static inline struct slab_stats stats_now(void)
{
    static struct slab_stats stats;
    assert_int_equal(slab_stats_exact(&stats), 0);
    return stats;
}

static inline struct slab_sums counters_now(void)
{
    struct slab_sums sum;
    slab_stats_sum(&sum);
    return sum;
}

/* No epoch is left, nothing is in use. */
static inline void assert_nothing_left(void)
{
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(shale_epoch_count(), 0);
    assert_int_equal(slab_validate(), 0);
    struct slab_stats stats = stats_now();
    assert_int_equal(stats.pool.segments_used, stats.epoch_segments);
    assert_int_equal(slab_epoch_nursery.used_units, 0);
}

static inline void in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    pthread_join(thread, NULL);
}

#endif
