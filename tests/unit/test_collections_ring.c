/* SPDX-License-Identifier: MIT */
/* The ring: limits, batches, waiting, shutdown, and many threads that lose and double nothing. */
#include <pthread.h>
#include <shale/ring.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mpmc.h"
#include "test.h"

static struct shale_ring *make_ring(size_t capacity)
{
    struct shale_ring_options options = {.capacity = capacity};
    struct shale_ring *ring = NULL;
    assert_int_equal(shale_ring_create(&options, &ring), 0);
    return ring;
}

static void create_bad_capacity_is_refused(void **state)
{
    struct shale_ring *ring = (struct shale_ring *)state;
    struct shale_ring_options none = {.capacity = 0};
    struct shale_ring_options vast = {.capacity = ((size_t)1 << 31) + 1};
    assert_int_equal(shale_ring_create(&none, &ring), SHALE_EINVAL);
    assert_int_equal(shale_ring_create(&vast, &ring), SHALE_EINVAL);
    assert_ptr_equal(ring, state); /* untouched */
}

static void create_rounds_capacity_up(void **state)
{
    static const size_t asked[] = {1, 2, 3, 1000}, got[] = {2, 2, 4, 1024};
    for (int i = 0; i < 4; i++) {
        struct shale_ring *ring = make_ring(asked[i]);
        assert_int_equal(shale_ring_capacity(ring), got[i]);
        shale_ring_destroy(ring);
    }
}

static void put_full_ring_changes_nothing(void **state)
{
    struct shale_ring *ring = make_ring(4);
    uint64_t item;
    for (uint64_t lap = 0; lap < 10; lap++) {
        for (uint64_t i = 0; i < 4; i++)
            assert_int_equal(shale_ring_try_put(ring, lap * 4 + i), 0);
        assert_int_equal(shale_ring_try_put(ring, 99), SHALE_EFULL);
        assert_int_equal(shale_ring_length(ring), 4);
        for (uint64_t i = 0; i < 4; i++) {
            assert_int_equal(shale_ring_try_get(ring, &item), 0);
            assert_int_equal(item, lap * 4 + i);
        }
        assert_int_equal(shale_ring_try_get(ring, &item), SHALE_EEMPTY);
        assert_int_equal(shale_ring_length(ring), 0);
    }
    shale_ring_destroy(ring);
}

static void any_64_bits_are_an_item(void **state)
{
    static const uint64_t items[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};
    struct shale_ring *ring = make_ring(2);
    for (int i = 0; i < 5; i++) {
        uint64_t got = 7;
        assert_int_equal(shale_ring_try_put(ring, items[i]), 0);
        assert_int_equal(shale_ring_try_get(ring, &got), 0);
        assert_int_equal(got, items[i]);
    }
    shale_ring_destroy(ring);
}

static void batches_take_what_fits(void **state)
{
    struct shale_ring *ring = make_ring(8);
    uint64_t items[12], got[12];
    size_t done = 77;
    for (uint64_t i = 0; i < 12; i++)
        items[i] = i;
    assert_int_equal(shale_ring_put_many(ring, items, 0, &done), SHALE_EINVAL);
    assert_int_equal(shale_ring_get_many(ring, got, 3, &done), SHALE_EEMPTY);
    assert_int_equal(done, 77);
    assert_int_equal(shale_ring_put_many(ring, items, 12, &done), 0);
    assert_int_equal(done, 8);
    assert_int_equal(shale_ring_put_many(ring, items, 1, &done), SHALE_EFULL);
    assert_int_equal(shale_ring_get_many(ring, got, 3, &done), 0);
    assert_int_equal(done, 3);
    assert_int_equal(shale_ring_get_many(ring, got + 3, 9, &done), 0);
    assert_int_equal(done, 5);
    assert_memory_equal(got, items, 8 * sizeof *items);
    shale_ring_destroy(ring);
}

static void shutdown_refuses_puts_and_keeps_items(void **state)
{
    struct shale_ring *ring = make_ring(4);
    uint64_t item = 0;
    size_t done;
    assert_int_equal(shale_ring_try_put(ring, 5), 0);
    shale_ring_shutdown(ring);
    shale_ring_shutdown(ring);
    assert_int_equal(shale_ring_try_put(ring, 6), SHALE_ESHUTDOWN);
    assert_int_equal(shale_ring_put(ring, 6, SHALE_FOREVER), SHALE_ESHUTDOWN);
    assert_int_equal(shale_ring_put_many(ring, &item, 1, &done), SHALE_ESHUTDOWN);
    assert_int_equal(shale_ring_length(ring), 1);
    assert_int_equal(shale_ring_get(ring, SHALE_FOREVER, &item), 0);
    assert_int_equal(item, 5);
    assert_int_equal(shale_ring_try_get(ring, &item), SHALE_ESHUTDOWN);
    assert_int_equal(shale_ring_get(ring, SHALE_FOREVER, &item), SHALE_ESHUTDOWN);
    assert_int_equal(shale_ring_get_many(ring, &item, 1, &done), SHALE_ESHUTDOWN);
    shale_ring_destroy(ring);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void get_empty_times_out_and_not_before(void **state)
{
    struct shale_ring *ring = make_ring(2);
    uint64_t item;
    double start = now_s();
    assert_int_equal(shale_ring_get(ring, 0, &item), SHALE_ETIMEOUT);
    assert_int_equal(shale_ring_get(ring, 30000000, &item), SHALE_ETIMEOUT);
    assert_true(now_s() - start >= 0.03);
    assert_int_equal(shale_ring_try_put(ring, 1), 0);
    assert_int_equal(shale_ring_try_put(ring, 1), 0);
    start = now_s();
    assert_int_equal(shale_ring_put(ring, 1, 30000000), SHALE_ETIMEOUT);
    assert_true(now_s() - start >= 0.03);
    shale_ring_destroy(ring);
}

struct waiter {
    struct shale_ring *ring;
    bool puts;
    int result;
    uint64_t item;
};

static void *wait_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = waiter->puts ? shale_ring_put(waiter->ring, 3, SHALE_FOREVER)
                                  : shale_ring_get(waiter->ring, SHALE_FOREVER, &waiter->item);
    return NULL;
}

static void shutdown_wakes_all_who_wait(void **state)
{
    struct shale_ring *empty = make_ring(2), *full = make_ring(2);
    struct waiter waiters[4] = {{empty}, {empty}, {full, true}, {full, true}};
    pthread_t threads[4];
    assert_int_equal(shale_ring_try_put(full, 1), 0);
    assert_int_equal(shale_ring_try_put(full, 1), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]), 0);
    usleep(30000); /* all sleep by now */
    shale_ring_shutdown(empty);
    shale_ring_shutdown(full);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].result, SHALE_ESHUTDOWN);
    }
    shale_ring_destroy(empty);
    shale_ring_destroy(full);
}

static void sleeper_gets_what_is_put_later(void **state)
{
    struct shale_ring *ring = make_ring(2);
    struct waiter waiter = {ring};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &waiter), 0);
    usleep(30000);
    assert_int_equal(shale_ring_try_put(ring, 42), 0);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.result, 0);
    assert_int_equal(waiter.item, 42);
    shale_ring_destroy(ring);
}

static void count_item(uint64_t item, void *context)
{
    uint64_t *next = context;
    assert_int_equal(item, *next);
    ++*next;
}

static void destroy_calls_destructor_once_each_in_order(void **state)
{
    uint64_t next = 0;
    struct shale_ring_options options = {
        .capacity = 8, .destroy_item = count_item, .context = &next};
    struct shale_ring *ring;
    assert_int_equal(shale_ring_create(&options, &ring), 0);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(shale_ring_try_put(ring, i), 0);
    shale_ring_shutdown(ring);
    shale_ring_destroy(ring);
    assert_int_equal(next, 5);
    shale_ring_destroy(NULL);
}

static void fork_child_goes_on_with_its_copy(void **state)
{
    struct shale_ring *ring = make_ring(4);
    uint64_t item;
    int status;
    assert_int_equal(shale_ring_try_put(ring, 11), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(shale_ring_try_get(ring, &item) == 0 && item == 11 &&
                      shale_ring_try_put(ring, 12) == 0 && shale_ring_get(ring, 1000, &item) == 0 &&
                      item == 12
                  ? 0
                  : 1);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(shale_ring_length(ring), 1);
    shale_ring_destroy(ring);
}

/* ---- many threads ---- */

static int put_blocking(void *ring, uint64_t item)
{
    return shale_ring_put(ring, item, SHALE_FOREVER);
}

static int get_blocking(void *ring, uint64_t *item)
{
    return shale_ring_get(ring, SHALE_FOREVER, item);
}

static int put_spinning(void *ring, uint64_t item)
{
    int result;
    while ((result = shale_ring_try_put(ring, item)) == SHALE_EFULL)
        sched_yield();
    return result;
}

static int get_spinning(void *ring, uint64_t *item)
{
    int result;
    while ((result = shale_ring_try_get(ring, item)) == SHALE_EEMPTY)
        sched_yield();
    return result;
}

static void close_ring(void *ring)
{
    shale_ring_shutdown(ring);
}

static void ring_many_threads_lose_nothing(void **state)
{
    struct shale_ring *ring = make_ring(64);
    struct mpmc test = {.object = ring,
                        .producers = 4,
                        .consumers = 4,
                        .items = 20000,
                        .put = put_spinning,
                        .get = get_spinning,
                        .close = close_ring};
    assert_null(mpmc_run(&test));
    shale_ring_destroy(ring);
}

static void ring_oversubscribed_eight_times_loses_nothing(void **state)
{
    struct shale_ring *ring = make_ring(16);
    struct mpmc test = {.object = ring,
                        .producers = 8,
                        .consumers = 8,
                        .items = 3000,
                        .put = put_blocking,
                        .get = get_blocking,
                        .close = close_ring};
    assert_null(mpmc_run(&test));
    shale_ring_destroy(ring);
}

/* With room for two items every put and get comes to wait: a lost wake would never end. */
static void ring_blocking_pairs_lose_no_wake(void **state)
{
    struct shale_ring *ring = make_ring(2);
    struct mpmc test = {.object = ring,
                        .producers = 2,
                        .consumers = 2,
                        .items = 30000,
                        .put = put_blocking,
                        .get = get_blocking,
                        .close = close_ring};
    assert_null(mpmc_run(&test));
    shale_ring_destroy(ring);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(create_bad_capacity_is_refused),
    cmocka_unit_test(create_rounds_capacity_up),
    cmocka_unit_test(put_full_ring_changes_nothing),
    cmocka_unit_test(any_64_bits_are_an_item),
    cmocka_unit_test(batches_take_what_fits),
    cmocka_unit_test(shutdown_refuses_puts_and_keeps_items),
    cmocka_unit_test(get_empty_times_out_and_not_before),
    cmocka_unit_test(shutdown_wakes_all_who_wait),
    cmocka_unit_test(sleeper_gets_what_is_put_later),
    cmocka_unit_test(destroy_calls_destructor_once_each_in_order),
    cmocka_unit_test(fork_child_goes_on_with_its_copy),
    cmocka_unit_test(ring_many_threads_lose_nothing),
    cmocka_unit_test(ring_oversubscribed_eight_times_loses_nothing),
    cmocka_unit_test(ring_blocking_pairs_lose_no_wake),
};

RUN_TESTS("collections_ring")
