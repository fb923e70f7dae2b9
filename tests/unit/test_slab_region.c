/* SPDX-License-Identifier: MIT */
/* Region epochs: where blocks lie, what freeing them does, threads with a chunk each. */
#include "epochs.h"

static void *free_in_thread(void *unused)
{
    for (size_t i = 0; i < COUNT; i++)
        shale_epoch_free(blocks[i]);
    return unused;
}

static void region_blocks_lie_one_behind_the_other(void **state)
{
    shale_epoch epoch = open_region();
    (void)state;
    char *last = shale_epoch_alloc(epoch, 48);
    for (size_t i = 1; i < 500; i++) {
        char *block = shale_epoch_alloc(epoch, i % 90 + 1);
        assert_ptr_equal(block, last + shale_epoch_usable_size(last));
        assert_int_equal(shale_epoch_usable_size(block), (i % 90 + 16) / 16 * 16);
        last = block;
    }
    shale_epoch_free(last);
    assert_ptr_equal(shale_epoch_alloc(epoch, 8), last);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void region_free_gives_nothing_back(void **state)
{
    shale_epoch epoch = open_region();
    uint64_t before = counters_now().region_frees;
    (void)state;
    fill(epoch, SIZE);
    for (size_t i = 0; i < COUNT - 1; i++)
        shale_epoch_free(blocks[i]);
    assert_intact(SIZE);
    in_thread(free_in_thread, NULL);
    assert_intact(SIZE);
    assert_true(counters_now().region_frees == before + 2 * COUNT - 1);
    assert_int_equal(counters_now().misuse, 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

struct share {
    shale_epoch epoch;
    unsigned char tag;
    bool broken;
    unsigned char *blocks[10000];
};

static void *fill_share(void *argument)
{
    struct share *share = argument;
    for (size_t i = 0; i < 10000; i++) {
        share->blocks[i] = shale_epoch_alloc(share->epoch, i % 700);
        share->broken |=
            share->blocks[i] == NULL || shale_epoch_usable_size(share->blocks[i]) < i % 700;
        if (share->blocks[i] != NULL)
            memset(share->blocks[i], share->tag, i % 700);
    }
    return NULL;
}

static void region_threads_have_chunks_of_their_own(void **state)
{
    enum { THREADS = 4 };
    static struct share shares[THREADS];
    pthread_t threads[THREADS];
    shale_epoch epoch = open_region();
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        shares[i] = (struct share){.epoch = epoch, .tag = (unsigned char)(i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, fill_share, &shares[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_false(shares[i].broken);
        for (size_t j = 0; j < 10000; j++)
            for (size_t k = 0; k < j % 700; k++)
                assert_int_equal(shares[i].blocks[j][k], i + 1);
    }
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static void region_blocks_above_a_chunk_are_freed_at_once(void **state)
{
    shale_epoch epoch = open_region();
    struct shale_epoch_info info;
    (void)state;
    for (int round = 0; round < 10; round++) {
        char *run = shale_epoch_alloc(epoch, 500000);
        char *large = shale_epoch_alloc(epoch, 5000000);
        memset(run, 1, 500000);
        memset(large, 1, 5000000);
        shale_epoch_free(run);
        shale_epoch_free(large);
    }
    assert_int_equal(shale_epoch_query(epoch, &info), 0);
    assert_int_equal(info.used_bytes, 0);
    assert_non_null(shale_epoch_alloc(epoch, 5000000));
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_nothing_left();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(region_blocks_lie_one_behind_the_other),
    cmocka_unit_test(region_free_gives_nothing_back),
    cmocka_unit_test(region_threads_have_chunks_of_their_own),
    cmocka_unit_test(region_blocks_above_a_chunk_are_freed_at_once),
};

RUN_TESTS("slab_region")
