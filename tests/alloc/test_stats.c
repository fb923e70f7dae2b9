/* SPDX-License-Identifier: MIT */
/* The statistics of the front door; built with them compiled in, for each backend. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/shale.h>

#include "base/atomic.h"
#include "base/attributes.h"
#include "test.h"

static struct shale_alloc_stats now(void)
{
    struct shale_alloc_stats stats;
    assert_int_equal(shale_alloc_stats_snapshot(&stats), 0);
    return stats;
}

static int start_counting(void **state)
{
    return shale_alloc_stats_enable(1) || shale_alloc_stats_reset();
}

static int stop_counting(void **state)
{
    return shale_alloc_stats_enable(0);
}

static void stats_each_form_is_counted(void **state)
{
    void *blocks[] = {
        shale_alloc(10),
        shale_calloc(2, 50),
        shale_realloc(NULL, 100),
        shale_alloc_aligned(64, 100),
        shale_alloc_node(100),
        shale_strdup("epoch"),
        shale_strndup("epoch", 2),
        shale_alloc_array(3, 7),
        shale_alloc(0),
    };
    size_t count = SHALE_ARRAY_LENGTH(blocks);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += shale_usable_size(blocks[i]);
    struct shale_alloc_stats stats = now();
    assert_int_equal(stats.alloc_count, count);
    assert_int_equal(stats.free_count, 0);
    assert_int_equal(stats.alloc_bytes, bytes);
    assert_int_equal(stats.current_allocated, bytes);

    shale_free_sized(blocks[0], 10);
    shale_free_aligned(blocks[3], 64, 100);
    blocks[0] = blocks[3] = NULL;
    for (size_t i = 0; i < count; i++)
        shale_free(blocks[i]);
    stats = now();
    assert_int_equal(stats.free_count, count);
    assert_int_equal(stats.free_bytes, bytes);
    assert_int_equal(stats.current_allocated, 0);
}

static void stats_realloc_is_one_alloc_and_one_free(void **state)
{
    void *block = shale_alloc(100);
    block = shale_realloc(block, 100000);
    block = shale_realloc(block, 10);
    struct shale_alloc_stats stats = now();
    assert_int_equal(stats.alloc_count, 3);
    assert_int_equal(stats.free_count, 2);
    assert_int_equal(stats.current_allocated, shale_usable_size(block));
    shale_free(block);
    assert_int_equal(now().current_allocated, 0);
}

static void stats_failures_are_not_counted(void **state)
{
    volatile size_t huge = SIZE_MAX;
    volatile size_t no_power_of_two = 3;
    void *volatile block = shale_alloc(10); /* still valid after a failure */
    struct shale_alloc_stats before = now();
    assert_null(shale_alloc(huge));
    assert_null(shale_calloc(huge, 2));
    assert_null(shale_realloc(block, huge));
    assert_null(shale_alloc_aligned(no_power_of_two, 10));
    shale_free(NULL);
    struct shale_alloc_stats after = now();
    assert_memory_equal(&before, &after, sizeof before);
    shale_free(block);
}

static void stats_switched_off_count_nothing(void **state)
{
    assert_int_equal(shale_alloc_stats_enable(0), 0);
    void *unseen = shale_alloc(10);
    assert_int_equal(now().alloc_count, 0);
    assert_int_equal(shale_alloc_stats_enable(1), 0);
    shale_free(unseen);
    assert_int_equal(now().free_count, 1);
    assert_true(now().current_allocated < 0);
}

static void stats_reset_starts_at_zero(void **state)
{
    void *block = shale_alloc(10);
    assert_int_equal(shale_alloc_stats_reset(), 0);
    static const struct shale_alloc_stats zero;
    struct shale_alloc_stats stats = now();
    assert_memory_equal(&stats, &zero, sizeof zero);
    shale_free(block);
}

static void stats_null_is_einval(void **state)
{
    assert_int_equal(shale_alloc_stats_snapshot(NULL), SHALE_EINVAL);
}

enum { THREADS = 4, ROUNDS = 5000 };

static void *churn(void *kept)
{
    for (int i = 0; i < ROUNDS; i++)
        shale_free(shale_alloc((size_t)(i % 500) + 1));
    *(void **)kept = shale_alloc(100);
    return NULL;
}

static void stats_ended_threads_stay_counted(void **state)
{
    void *kept[THREADS];
    for (int round = 1; round <= 3; round++) {
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, churn, &kept[i]), 0);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        uint64_t bytes = 0;
        for (size_t i = 0; i < THREADS; i++)
            bytes += shale_usable_size(kept[i]);
        struct shale_alloc_stats stats = now();
        assert_int_equal(stats.alloc_count, (uint64_t)round * THREADS * (ROUNDS + 1));
        assert_int_equal(stats.current_allocated, bytes);
        for (size_t i = 0; i < THREADS; i++)
            shale_free(kept[i]);
    }
    assert_int_equal(now().alloc_count, now().free_count);
}

static pthread_key_t late_key;

static void free_late(void *block)
{
    shale_free(block);
}

static void *leave_to_destructor(void *unused)
{
    (void)pthread_setspecific(late_key, shale_alloc(100));
    return NULL;
}

/* Keys made later are destroyed later: this one runs after the statistics left the thread. */
static void stats_frees_of_destructors_are_counted(void **state)
{
    shale_free(shale_alloc(1));
    assert_int_equal(pthread_key_create(&late_key, free_late), 0);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, leave_to_destructor, NULL), 0);
        pthread_join(thread, NULL);
    }
    pthread_key_delete(late_key);
    struct shale_alloc_stats stats = now();
    assert_int_equal(stats.alloc_count, 21);
    assert_int_equal(stats.free_count, 21);
    assert_int_equal(stats.current_allocated, 0);
}

/* What the child saw comes back as its exit status. */
static int child_of_fork(void *parents_block)
{
    struct shale_alloc_stats at_start = now();
    shale_free(parents_block);
    void *own = NULL;
#if SHALE_THREAD_SANITIZER /* allows no new thread in the child of a threaded process */
    churn(&own);
#else
    pthread_t thread;
    if (pthread_create(&thread, NULL, churn, &own) != 0)
        return 2;
    pthread_join(thread, NULL);
#endif
    shale_free(own);
    struct shale_alloc_stats stats = now();
    return at_start.current_allocated <= 0 || stats.current_allocated != 0 ||
           stats.alloc_count != at_start.alloc_count + ROUNDS + 1;
}

static _Atomic int idling, stop_idling;

static void *idle(void *unused)
{
    shale_free(shale_alloc(10));
    shale_atomic_store_relaxed(&idling, 1);
    while (!shale_atomic_load_relaxed(&stop_idling))
        usleep(1000);
    return NULL;
}

static void stats_child_of_fork_goes_on(void **state)
{
    pthread_t idler;
    assert_int_equal(pthread_create(&idler, NULL, idle, NULL), 0);
    void *block = shale_alloc(100);
    while (!shale_atomic_load_relaxed(&idling)) /* a fork between its two calls would count one */
        usleep(1000);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(child_of_fork(block));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    shale_atomic_store_relaxed(&stop_idling, 1);
    pthread_join(idler, NULL);
    assert_int_equal(now().alloc_count, 2);
    shale_free(block);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start_counting, stop_counting)

static const struct CMUnitTest tests[] = {
    CASE(stats_each_form_is_counted),       CASE(stats_realloc_is_one_alloc_and_one_free),
    CASE(stats_failures_are_not_counted),   CASE(stats_switched_off_count_nothing),
    CASE(stats_reset_starts_at_zero),       CASE(stats_null_is_einval),
    CASE(stats_ended_threads_stay_counted), CASE(stats_frees_of_destructors_are_counted),
    CASE(stats_child_of_fork_goes_on),
};

RUN_TESTS("alloc_stats")
