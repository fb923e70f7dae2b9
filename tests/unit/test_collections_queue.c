/* SPDX-License-Identifier: MIT */
/* The queue: segments, batches, waiting, shutdown, and many threads that lose and double nothing.
 */
#include <pthread.h>
#include <shale/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpmc.h"
#include "test.h"

static struct shale_queue *make_queue(const struct shale_queue_options *options)
{
    struct shale_queue *queue = NULL;
    assert_int_equal(shale_queue_create(options, &queue), 0);
    return queue;
}

static void items_come_out_in_order_over_segments(void **state)
{
    struct shale_queue *queue = make_queue(NULL);
    uint64_t item;
    assert_int_equal(shale_queue_try_get(queue, &item), SHALE_EEMPTY);
    for (uint64_t i = 0; i < 5000; i++)
        assert_int_equal(shale_queue_put(queue, i), 0);
    assert_int_equal(shale_queue_length(queue), 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(shale_queue_try_get(queue, &item), 0);
        assert_int_equal(item, i);
    }
    assert_int_equal(shale_queue_try_get(queue, &item), SHALE_EEMPTY);
    assert_int_equal(shale_queue_length(queue), 0);
    shale_queue_destroy(queue);
    shale_queue_destroy(NULL);
}

static void reserved_items_are_refused(void **state)
{
    struct shale_queue *queue = make_queue(NULL);
    uint64_t items[2] = {3, UINT64_MAX}, item;
    size_t done = 9;
    assert_int_equal(shale_queue_put(queue, UINT64_MAX), SHALE_ERANGE);
    assert_int_equal(shale_queue_put(queue, SHALE_QUEUE_RESERVED), SHALE_ERANGE);
    assert_int_equal(shale_queue_put_many(queue, items, 2, &done), SHALE_ERANGE);
    assert_int_equal(done, 9);
    assert_int_equal(shale_queue_length(queue), 0);
    assert_int_equal(shale_queue_put(queue, SHALE_QUEUE_RESERVED - 1), 0);
    assert_int_equal(shale_queue_put(queue, 0), 0);
    assert_int_equal(shale_queue_try_get(queue, &item), 0);
    assert_int_equal(item, SHALE_QUEUE_RESERVED - 1);
    assert_int_equal(shale_queue_try_get(queue, &item), 0);
    assert_int_equal(item, 0);
    shale_queue_destroy(queue);
}

static void batches_pass_segments(void **state)
{
    static uint64_t items[3000], got[3000];
    struct shale_queue *queue = make_queue(NULL);
    size_t done;
    for (uint64_t i = 0; i < 3000; i++)
        items[i] = i;
    assert_int_equal(shale_queue_put_many(queue, items, 0, &done), SHALE_EINVAL);
    assert_int_equal(shale_queue_get_many(queue, got, 0, &done), SHALE_EINVAL);
    assert_int_equal(shale_queue_get_many(queue, got, 5, &done), SHALE_EEMPTY);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(shale_queue_put_many(queue, items, 3000, &done), 0);
        assert_int_equal(done, 3000);
        for (size_t all = 0; all < 3000; all += done)
            assert_int_equal(shale_queue_get_many(queue, got + all, 3000 - all, &done), 0);
        assert_memory_equal(got, items, sizeof items);
        assert_int_equal(shale_queue_length(queue), 0);
    }
    shale_queue_destroy(queue);
}

static void shutdown_refuses_puts_and_keeps_items(void **state)
{
    struct shale_queue *queue = make_queue(NULL);
    uint64_t item = 0;
    size_t done;
    assert_int_equal(shale_queue_put(queue, 5), 0);
    shale_queue_shutdown(queue);
    shale_queue_shutdown(queue);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(shale_queue_put(queue, 6), SHALE_ESHUTDOWN);
    assert_int_equal(shale_queue_put_many(queue, &item, 1, &done), SHALE_ESHUTDOWN);
    assert_int_equal(shale_queue_get(queue, SHALE_FOREVER, &item), 0);
    assert_int_equal(item, 5);
    assert_int_equal(shale_queue_try_get(queue, &item), SHALE_ESHUTDOWN);
    assert_int_equal(shale_queue_get(queue, SHALE_FOREVER, &item), SHALE_ESHUTDOWN);
    assert_int_equal(shale_queue_get_many(queue, &item, 1, &done), SHALE_ESHUTDOWN);
    shale_queue_destroy(queue);
}

struct waiter {
    struct shale_queue *queue;
    int result;
    uint64_t item;
};

static void *wait_in_thread(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = shale_queue_get(waiter->queue, SHALE_FOREVER, &waiter->item);
    return NULL;
}

static void sleepers_get_an_item_or_the_shutdown(void **state)
{
    struct waiter waiters[2] = {{make_queue(NULL)}, {make_queue(NULL)}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]), 0);
    usleep(30000); /* both sleep by now */
    assert_int_equal(shale_queue_put(waiters[0].queue, 42), 0);
    shale_queue_shutdown(waiters[1].queue);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        shale_queue_destroy(waiters[i].queue);
    }
    assert_int_equal(waiters[0].result, 0);
    assert_int_equal(waiters[0].item, 42);
    assert_int_equal(waiters[1].result, SHALE_ESHUTDOWN);
}

static void get_empty_times_out(void **state)
{
    struct shale_queue *queue = make_queue(NULL);
    uint64_t item;
    assert_int_equal(shale_queue_get(queue, 0, &item), SHALE_ETIMEOUT);
    assert_int_equal(shale_queue_get(queue, 20000000, &item), SHALE_ETIMEOUT);
    shale_queue_destroy(queue);
}

static void count_item(uint64_t item, void *context)
{
    uint64_t *next = context;
    assert_int_equal(item, *next);
    ++*next;
}

static void destroy_calls_destructor_once_each_in_order(void **state)
{
    uint64_t next = 100, item;
    struct shale_queue_options options = {.destroy_item = count_item, .context = &next};
    struct shale_queue *queue = make_queue(&options);
    for (uint64_t i = 0; i < 2500; i++)
        assert_int_equal(shale_queue_put(queue, i), 0);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(shale_queue_try_get(queue, &item), 0);
    shale_queue_destroy(queue);
    assert_int_equal(next, 2500);
}

static void segments_go_back(void **state)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    struct shale_queue_options options = {0};
    uint64_t item;
    assert_int_equal(shale_smr_create(NULL, &options.domain), 0);
    struct shale_queue *queue = make_queue(&options);
    for (uint64_t i = 0; i < 1024 * 1000; i++) {
        assert_int_equal(shale_queue_put(queue, i), 0);
        assert_int_equal(shale_queue_try_get(queue, &item), 0);
    }
    assert_int_equal(shale_smr_stats_snapshot(options.domain, &stats), 0);
    assert_in_range(stats.retired_count, 998, 1000);
    shale_queue_destroy(queue);
    assert_int_equal(shale_smr_destroy(options.domain), 0);
}

static void fork_child_goes_on_with_its_copy(void **state)
{
    struct shale_queue *queue = make_queue(NULL);
    uint64_t item;
    int status;
    assert_int_equal(shale_queue_put(queue, 11), 0);
    pid_t child = fork();
    if (child == 0) {
        bool good = shale_queue_try_get(queue, &item) == 0 && item == 11;
        for (uint64_t i = 0; i < 3000; i++)
            good = good && shale_queue_put(queue, i) == 0 &&
                   shale_queue_get(queue, 1000, &item) == 0 && item == i;
        _exit(good ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(shale_queue_length(queue), 1);
    shale_queue_destroy(queue);
}

/* ---- many threads ---- */

static int put(void *queue, uint64_t item)
{
    return shale_queue_put(queue, item);
}

static int get(void *queue, uint64_t *item)
{
    return shale_queue_get(queue, SHALE_FOREVER, item);
}

static int get_spinning(void *queue, uint64_t *item)
{
    int result;
    while ((result = shale_queue_try_get(queue, item)) == SHALE_EEMPTY)
        sched_yield();
    return result;
}

static void shut(void *queue)
{
    shale_queue_shutdown(queue);
}

static void run_crowd(enum shale_smr_scheme scheme, unsigned threads, uint64_t items,
                      int (*getter)(void *queue, uint64_t *item))
{
    struct shale_smr_options smr = SHALE_SMR_OPTIONS_INIT;
    struct shale_queue_options options = {0};
    smr.scheme = scheme;
    smr.bag_size = 4;
    assert_int_equal(shale_smr_create(&smr, &options.domain), 0);
    struct mpmc test = {.object = make_queue(&options),
                        .producers = threads,
                        .consumers = threads,
                        .items = items,
                        .put = put,
                        .get = getter,
                        .close = shut};
    assert_null(mpmc_run(&test));
    shale_queue_destroy(test.object);
    assert_int_equal(shale_smr_destroy(options.domain), 0);
}

static void queue_many_threads_lose_nothing(void **state)
{
    run_crowd(SHALE_SMR_EBR, 3, 50000, get_spinning);
    run_crowd(SHALE_SMR_IBR, 3, 50000, get_spinning);
}

static void queue_oversubscribed_eight_times_loses_nothing(void **state)
{
    run_crowd(SHALE_SMR_IBR, 8, 10000, get);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(items_come_out_in_order_over_segments),
    cmocka_unit_test(reserved_items_are_refused),
    cmocka_unit_test(batches_pass_segments),
    cmocka_unit_test(shutdown_refuses_puts_and_keeps_items),
    cmocka_unit_test(sleepers_get_an_item_or_the_shutdown),
    cmocka_unit_test(get_empty_times_out),
    cmocka_unit_test(destroy_calls_destructor_once_each_in_order),
    cmocka_unit_test(segments_go_back),
    cmocka_unit_test(fork_child_goes_on_with_its_copy),
    cmocka_unit_test(queue_many_threads_lose_nothing),
    cmocka_unit_test(queue_oversubscribed_eight_times_loses_nothing),
};

RUN_TESTS("collections_queue")
