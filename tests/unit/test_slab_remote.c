/* SPDX-License-Identifier: MIT */
/* Blocks freed by other threads: words, messages, orphans, idle owners, threads that only free. */
#include "test.h"

#include <pthread.h>

#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { COUNT = 20000, SIZE = 64, FREERS = 4 };

static void *blocks[COUNT];
static pthread_barrier_t barrier;

static void meet(void)
{
    pthread_barrier_wait(&barrier);
}

static void *free_share(void *argument)
{
    uintptr_t part = (uintptr_t)argument;
    for (size_t i = part; i < COUNT; i += FREERS)
        slab_free(blocks[i]);
    return NULL;
}

static void *free_everything(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < COUNT; i++)
        slab_free(blocks[i]);
    return NULL;
}

static void *alloc_everything(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = slab_malloc(SIZE);
    return NULL;
}

static void in_thread(void *(*function)(void *))
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, NULL), 0);
    pthread_join(thread, NULL);
}

static struct slab_stats stats_now(void)
{
    static struct slab_stats stats;
    assert_int_equal(slab_stats_exact(&stats), 0);
    return stats;
}

static struct slab_sums counters_now(void)
{
    struct slab_sums sum;
    slab_stats_sum(&sum);
    return sum;
}

static void assert_all_back(void)
{
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_validate(), 0);
    struct slab_stats stats = stats_now();
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        assert_int_equal(stats.classes[class].live, 0);
    assert_int_equal(stats.orphan_slabs, 0);
    assert_int_equal(stats.used_units, 0);
    assert_int_equal(counters_now().misuse, 0);
}

static void remote_words_collected_whole(void **state)
{
    (void)state;
    alloc_everything(NULL);
    uint64_t units = stats_now().used_units;
    for (int round = 0; round < 10; round++) {
        in_thread(free_everything);
        alloc_everything(NULL);
    }
    assert_true(stats_now().used_units <= units + units / 4 + 2);
    assert_true(counters_now().collected >= 9u * (uint64_t)COUNT);
    free_everything(NULL);
    assert_all_back();
}

static void remote_messages_reach_owner(void **state)
{
    (void)state;
    uint64_t before = counters_now().messages_received;
    alloc_everything(NULL);
    in_thread(free_everything);
    alloc_everything(NULL);
    assert_true(counters_now().messages_received > before);
    free_everything(NULL);
    assert_all_back();
}

static void *alloc_then_sleep(void *argument)
{
    alloc_everything(argument);
    meet();
    meet(); /* idle while others free */
    return NULL;
}

static void remote_idle_owner_collected_by_give_back(void **state)
{
    pthread_t owner;
    (void)state;
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&owner, NULL, alloc_then_sleep, NULL), 0);
    meet();
    free_everything(NULL);
    assert_all_back(); /* the owner has not moved */
    meet();
    pthread_join(owner, NULL);
    pthread_barrier_destroy(&barrier);
}

static void *free_then_sleep(void *argument)
{
    free_everything(argument);
    meet();
    meet();
    return NULL;
}

static void remote_freer_that_never_allocates_flushed(void **state)
{
    pthread_t freer;
    (void)state;
    pthread_barrier_init(&barrier, NULL, 2);
    alloc_everything(NULL);
    assert_int_equal(pthread_create(&freer, NULL, free_then_sleep, NULL), 0);
    meet();
    assert_all_back(); /* its last batches included */
    meet();
    pthread_join(freer, NULL);
    pthread_barrier_destroy(&barrier);
}

static void remote_freer_in_a_loop_memory_bounded(void **state)
{
    (void)state;
    uint64_t most = 0;
    for (int round = 0; round < 50; round++) {
        alloc_everything(NULL);
        in_thread(free_everything);
        uint64_t units = stats_now().used_units;
        most = units > most ? units : most;
    }
    assert_true(most <= 2 * COUNT * SIZE / SLAB_UNIT_SIZE + 8);
    assert_all_back();
}

static void orphan_counted_down_by_many_released_once(void **state)
{
    pthread_t freers[FREERS];
    (void)state;
    for (int round = 0; round < 20; round++) {
        in_thread(alloc_everything);
        assert_true(stats_now().orphan_slabs > 0);
        for (uintptr_t i = 0; i < FREERS; i++)
            assert_int_equal(pthread_create(&freers[i], NULL, free_share, (void *)i), 0);
        for (int i = 0; i < FREERS; i++)
            pthread_join(freers[i], NULL);
        assert_all_back();
    }
}

static void *alloc_sparse(void *argument)
{
    alloc_everything(argument);
    for (size_t i = 0; i < COUNT; i++)
        if (i % 4 != 0) {
            slab_free(blocks[i]);
            blocks[i] = NULL;
        }
    return NULL;
}

static void orphan_adopted_by_thread_in_need(void **state)
{
    static void *more[COUNT / 2];
    (void)state;
    uint64_t before = counters_now().adopted;
    in_thread(alloc_sparse);
    uint64_t units = stats_now().used_units;
    for (size_t i = 0; i < COUNT / 2; i++)
        more[i] = slab_malloc(SIZE);
    assert_true(counters_now().adopted > before);
    assert_true(stats_now().used_units <= units + 2);
    for (size_t i = 0; i < COUNT / 2; i++)
        slab_free(more[i]);
    free_everything(NULL);
    assert_all_back();
}

static void *alloc_meet_exit(void *argument)
{
    void **mine = argument;
    for (int i = 0; i < 1000; i++)
        mine[i] = slab_malloc(16 + (size_t)i);
    meet();
    return NULL;
}

static void thread_exit_storm_everything_back(void **state)
{
    enum { THREADS = 32 };
    static void *left[THREADS][1000];
    pthread_t threads[THREADS];
    (void)state;
    for (int round = 0; round < 5; round++) {
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, alloc_meet_exit, left[i]), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&barrier);
        assert_int_equal(slab_validate(), 0);
        for (int i = 0; i < THREADS; i++)
            for (int j = 0; j < 1000; j++)
                slab_free(left[i][j]);
        assert_all_back();
    }
    assert_true(stats_now().threads <= 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(remote_words_collected_whole),
    cmocka_unit_test(remote_messages_reach_owner),
    cmocka_unit_test(remote_idle_owner_collected_by_give_back),
    cmocka_unit_test(remote_freer_that_never_allocates_flushed),
    cmocka_unit_test(remote_freer_in_a_loop_memory_bounded),
    cmocka_unit_test(orphan_counted_down_by_many_released_once),
    cmocka_unit_test(orphan_adopted_by_thread_in_need),
    cmocka_unit_test(thread_exit_storm_everything_back),
};

RUN_TESTS("slab_remote")
