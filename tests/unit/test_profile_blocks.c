/* SPDX-License-Identifier: MIT */
/* The table of live blocks: growth, searches over levels, threads that meet in it. */
#include "profile/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <shale/error.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "blocks.h"
#include "test.h"

static struct profile_image image;
static struct profile_blocks blocks;

static int open_table(void **state)
{
    char path[64];
    snprintf(path, sizeof(path), "profile-blocks.%d.tmp", (int)getpid());
    unlink(path);
    assert_int_equal(profile_image_create(&image, path), 0);
    assert_int_equal(profile_blocks_start(&blocks, &image, 4), 0);
    return 0;
}

static int close_table(void **state)
{
    unlink(image.path);
    profile_image_forget(&image);
    return 0;
}

static struct profile_block_entry entry_of(uint64_t address, uint64_t what)
{
    return (struct profile_block_entry){address << PROFILE_BLOCK_ADDRESS_SHIFT | 5, what, what + 1};
}

static void blocks_added_are_found_once(void **state)
{
    struct profile_block_entry entry = entry_of(0x7f0000001230, 77), found;
    assert_false(profile_blocks_remove(&blocks, 0x7f0000001230, &found));
    assert_int_equal(profile_blocks_add(&blocks, &entry), 0);
    assert_false(profile_blocks_remove(&blocks, 0x7f0000001240, &found));
    assert_true(profile_blocks_remove(&blocks, 0x7f0000001230, &found));
    assert_int_equal(found.key, entry.key);
    assert_int_equal(found.what, 77);
    assert_int_equal(found.birth, 78);
    assert_false(profile_blocks_remove(&blocks, 0x7f0000001230, &found));
}

static void blocks_many_grow_and_are_all_found(void **state)
{
    enum { MANY = 100000 };
    struct profile_block_entry found;
    for (uint64_t i = 0; i < MANY; i++) {
        struct profile_block_entry entry = entry_of(0x550000000000 + i * 16, i);
        assert_int_equal(profile_blocks_add(&blocks, &entry), 0);
    }
    assert_true(shale_atomic_load_relaxed(&blocks.level_count) > 5);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_true(profile_blocks_remove(&blocks, 0x550000000000 + i * 16, &found));
        assert_int_equal(found.what, i);
    }
    assert_false(profile_blocks_remove(&blocks, 0x550000000000, &found));
}

/* A steady population does not grow the table for ever. */
static void blocks_turned_over_stay_in_place(void **state)
{
    enum { LIVE = 1000, TURNS = 300000 };
    struct profile_block_entry found;
    for (uint64_t i = 0; i < TURNS; i++) {
        struct profile_block_entry entry = entry_of(0x550000000000 + i * 48, i);
        assert_int_equal(profile_blocks_add(&blocks, &entry), 0);
        if (i >= LIVE)
            assert_true(profile_blocks_remove(&blocks, 0x550000000000 + (i - LIVE) * 48, &found));
    }
    assert_true(shale_atomic_load_relaxed(&blocks.level_count) <= 10);
}

static void blocks_no_room_is_an_error(void **state)
{
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int result = 0;
    for (uint64_t i = 0; i < 1000000 && result == 0; i++) {
        struct profile_block_entry entry = entry_of(0x550000000000 + i * 16, i);
        result = profile_blocks_add(&blocks, &entry);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(result, SHALE_ENOMEM);
    assert_int_equal(shale_atomic_load_relaxed(&image.problem), EFBIG);
}

/*
 * Threads hand addresses to one another as an allocator does: whoever gets one adds it with a
 * number of its own, and whoever frees it must find just that number.
 */
enum { CROWD = 4, ADDRESSES = 4096, ROUNDS = 150000 };

static _Atomic uint64_t owned[ADDRESSES]; /* 0: free; 1: being changed; else what was added */
static _Atomic uint32_t wrong;

static void *crowd(void *argument)
{
    uint64_t random = (uintptr_t)argument * 7919 + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at = random_below(&random, ADDRESSES);
        uint64_t address = 0x550000000000 + at * 16, mine = random_next(&random) | 2;
        uint64_t had = shale_atomic_load_relaxed(&owned[at]);
        struct profile_block_entry entry = entry_of(address, mine), found = {.what = 0};
        /* Orders one user of an address after the other, as the allocator's lock does. */
        if (had == 1 || !shale_atomic_cas_acquire(&owned[at], &had, 1))
            continue;
        if (had != 0 && (!profile_blocks_remove(&blocks, address, &found) || found.what != had))
            shale_atomic_fetch_add_relaxed(&wrong, 1);
        if (had == 0 && profile_blocks_add(&blocks, &entry) != 0)
            shale_atomic_fetch_add_relaxed(&wrong, 1);
        shale_atomic_store_release(&owned[at], had == 0 ? mine : 0);
    }
    return NULL;
}

static void blocks_crowd_every_block_found(void **state)
{
    pthread_t threads[CROWD];
    struct profile_block_entry found;
    for (uintptr_t i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shale_atomic_load_relaxed(&wrong), 0);
    for (uint64_t at = 0; at < ADDRESSES; at++) {
        uint64_t what = shale_atomic_load_relaxed(&owned[at]);
        assert_int_equal(profile_blocks_remove(&blocks, 0x550000000000 + at * 16, &found),
                         what != 0);
        if (what != 0)
            assert_int_equal(found.what, what);
    }
}

#define TABLE_TEST(function) cmocka_unit_test_setup_teardown(function, open_table, close_table)

static const struct CMUnitTest tests[] = {
    TABLE_TEST(blocks_added_are_found_once),      TABLE_TEST(blocks_many_grow_and_are_all_found),
    TABLE_TEST(blocks_turned_over_stay_in_place), TABLE_TEST(blocks_no_room_is_an_error),
    TABLE_TEST(blocks_crowd_every_block_found),
};

RUN_TESTS("profile_blocks")
