/* SPDX-License-Identifier: MIT */
/* Free pages of slabs with survivors: given back, and taken into use again. */
#include "test.h"

#include <pthread.h>

#include "blocks.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { COUNT = 12000, SURVIVES_ONE_IN = 12 };

static struct tagged blocks[COUNT];

static void make(size_t index, size_t size_max, uint64_t *state)
{
    size_t size = 1 + random_below(state, size_max);
    blocks[index] = (struct tagged){slab_malloc(size), size, index};
    assert_non_null(blocks[index].block);
    tagged_fill(&blocks[index]);
}

static void drop(size_t index)
{
    assert_true(tagged_intact(&blocks[index]));
    slab_free(blocks[index].block);
    blocks[index].block = NULL;
}

static void thin_out(uint64_t *state)
{
    for (size_t i = 0; i < COUNT; i++)
        if (blocks[i].block != NULL && random_below(state, SURVIVES_ONE_IN) != 0)
            drop(i);
}

static size_t live_bytes(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < COUNT; i++)
        bytes += blocks[i].block != NULL ? blocks[i].size : 0;
    return bytes;
}

static void fill(size_t size_max, uint64_t *state)
{
    for (size_t i = 0; i < COUNT; i++)
        if (blocks[i].block == NULL)
            make(i, size_max, state);
}

static void drop_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (blocks[i].block != NULL)
            drop(i);
    assert_int_equal(slab_validate(), 0);
}

/*
 * Twice: the second time many pages are out already. Of all bytes 1 / share, and mostly more, is in
 * pages without a survivor.
 */
static void check(size_t size_max, size_t share)
{
    uint64_t state = random_seed(__func__);
    fill(size_max, &state);
    size_t full = live_bytes();
    for (int round = 0; round < 2; round++) {
        thin_out(&state);
        assert_true(slab_give_back(SIZE_MAX) > full / share);
        assert_int_equal(slab_validate(), 0);
        fill(size_max, &state);
        assert_int_equal(slab_validate(), 0);
    }
    thin_out(&state);
    (void)slab_give_back(SIZE_MAX);
    drop_all();
    (void)slab_give_back(SIZE_MAX);
    fill(2 * size_max, &state); /* other classes, of the same units */
    drop_all();
}

static void pages_small_with_survivors_go_and_return(void **state)
{
    (void)state;
    check(300, 40);
}

static void pages_middle_with_survivors_go_and_return(void **state)
{
    (void)state;
    check(3000, 3);
}

/* Slabs of 512 KiB. */
static void pages_wide_with_survivors_go_and_return(void **state)
{
    (void)state;
    check(14000, 3);
}

static pthread_barrier_t barrier;

static void *fill_and_wait(void *argument)
{
    uint64_t state = 5;
    fill(*(size_t *)argument, &state);
    thin_out(&state);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    fill(*(size_t *)argument, &state);
    drop_all();
    return NULL;
}

static void pages_of_other_thread_go_and_return(void **state)
{
    pthread_t thread;
    size_t size_max = 1000;
    (void)state;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, fill_and_wait, &size_max), 0);
    pthread_barrier_wait(&barrier);
    assert_true(slab_give_back(SIZE_MAX) > COUNT * size_max / 2 / 4);
    assert_int_equal(slab_validate(), 0);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&barrier);
}

/* Slabs whose thread ended with pages out are adopted with them. */
static void *fill_and_end(void *argument)
{
    uint64_t state = 7;
    fill(*(size_t *)argument, &state);
    thin_out(&state);
    (void)slab_give_back(SIZE_MAX);
    return NULL;
}

static void pages_out_survive_the_thread(void **state)
{
    pthread_t thread;
    size_t size_max = 500;
    uint64_t random = 3;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, fill_and_end, &size_max), 0);
    pthread_join(thread, NULL);
    assert_int_equal(slab_validate(), 0);
    fill(size_max, &random);
    assert_int_equal(slab_validate(), 0);
    drop_all();
}

/* A budget of one page ends after one slab. */
static void pages_budget_is_kept(void **state)
{
    uint64_t random = 9;
    (void)state;
    fill(1000, &random);
    (void)slab_give_back(SIZE_MAX);
    thin_out(&random);
    assert_true(slab_give_back(4096) <= 4u << 20);
    assert_true(slab_give_back(SIZE_MAX) > 0);
    drop_all();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pages_small_with_survivors_go_and_return),
    cmocka_unit_test(pages_middle_with_survivors_go_and_return),
    cmocka_unit_test(pages_wide_with_survivors_go_and_return),
    cmocka_unit_test(pages_of_other_thread_go_and_return),
    cmocka_unit_test(pages_out_survive_the_thread),
    cmocka_unit_test(pages_budget_is_kept),
};

RUN_TESTS("slab_pages")
