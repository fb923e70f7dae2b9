/* SPDX-License-Identifier: MIT */
/* Where a thread's own heap cannot be used: signal handlers inside an operation, late destructors.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "blocks.h"
#include "slab/bias.h"
#include "slab/epoch.h"
#include "slab/late.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { HANDLER_BLOCKS = 64 };

static void *kept[HANDLER_BLOCKS];
static _Atomic uint32_t handled;
static _Atomic uint32_t failures;

/*
 * Allocates, frees what an earlier run left, keeps the new one. That this is allowed in a handler
 * is what the test is about. NOLINTBEGIN(bugprone-signal-handler)
 */
static void handler(int signal)
{
    (void)signal;
    uint32_t n = shale_atomic_fetch_add_relaxed(&handled, 1);
    unsigned char *block = slab_malloc(n % 700);
    if (block == NULL || slab_usable_size(block) < n % 700) {
        shale_atomic_fetch_add_relaxed(&failures, 1);
        return;
    }
    memset(block, (int)n, n % 700);
    slab_free(kept[n % HANDLER_BLOCKS]);
    kept[n % HANDLER_BLOCKS] = block;
}

/* NOLINTEND(bugprone-signal-handler) */

static void free_kept(void)
{
    for (int i = 0; i < HANDLER_BLOCKS; i++) {
        slab_free(kept[i]);
        kept[i] = NULL;
    }
}

static void assert_clean(void)
{
    struct slab_sums sum;
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_validate(), 0);
    slab_stats_sum(&sum);
    assert_int_equal(sum.misuse, 0);
}

static void late_heap_serves_signal_handler(void **state)
{
    (void)state;
    void *own = slab_malloc(100);
    signal(SIGUSR1, handler);
    struct slab_thr *thr = slab_self;
    for (int i = 0; i < 1000; i++) {
        slab_enter(thr); /* the handler finds the thread inside an operation */
        raise(SIGUSR1);
        slab_leave(thr);
        raise(SIGUSR1); /* and outside */
    }
    assert_int_equal(shale_atomic_load_relaxed(&handled), 2000);
    assert_int_equal(shale_atomic_load_relaxed(&failures), 0);
    free_kept();
    slab_free(own);
    assert_clean();
}

static void late_heap_maps_directly_under_a_lock(void **state)
{
    (void)state;
    slab_free(slab_malloc(1));
    signal(SIGUSR1, handler);
    struct slab_thr *thr = slab_self;
    slab_enter(thr);
    assert_true(slab_internal_try(&slab_epoch_eternal.lock)); /* whom the handler interrupts */
    for (int i = 0; i < HANDLER_BLOCKS; i++)
        raise(SIGUSR1);
    shale_lock_release(&slab_epoch_eternal.lock);
    slab_leave(thr);
    assert_int_equal(shale_atomic_load_relaxed(&failures), 0);
    free_kept();
    assert_clean();
}

static void late_heap_timer_storm_nothing_broken(void **state)
{
    uint64_t random = random_seed("late_heap_timer_storm");
    enum { COUNT = 500 };
    static struct tagged blocks[COUNT];
    struct itimerval timer = {{0, 2000}, {0, 2000}};
    (void)state;
    shale_atomic_store_relaxed(&handled, 0);
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &timer, NULL);
    /* Long enough for some ticks on a fast machine, not for ever where none comes. */
    for (int i = 0; i < 100000 || (shale_atomic_load_relaxed(&handled) <= 10 && i < 100000000);
         i++) {
        struct tagged *t = &blocks[random_below(&random, COUNT)];
        if (t->block != NULL)
            assert_true(tagged_intact(t));
        slab_free(t->block);
        *t = (struct tagged){NULL, random_size(&random) / 4, i};
        t->block = slab_malloc(t->size);
        assert_non_null(t->block);
        tagged_fill(t);
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < COUNT; i++)
        slab_free(blocks[i].block);
    assert_true(shale_atomic_load_relaxed(&handled) > 10);
    assert_int_equal(shale_atomic_load_relaxed(&failures), 0);
    free_kept();
    assert_clean();
}

static pthread_key_t late_key;

static void late_destructor(void *value)
{
    unsigned round = (unsigned)(uintptr_t)value;
    unsigned char *block = slab_malloc(1000);
    if (block == NULL)
        shale_atomic_fetch_add_relaxed(&failures, 1);
    else
        memset(block, 1, 1000);
    slab_free(block);
    if (round < 4)
        pthread_setspecific(late_key, (void *)(uintptr_t)(round + 1));
}

static void *allocate_and_exit(void *argument)
{
    (void)argument;
    slab_free(slab_malloc(1));
    pthread_setspecific(late_key, (void *)1);
    return slab_malloc(500); /* left behind: an orphan */
}

static void late_heap_serves_destructors(void **state)
{
    (void)state;
    pthread_key_create(&late_key, late_destructor);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        void *left;
        assert_int_equal(pthread_create(&thread, NULL, allocate_and_exit, NULL), 0);
        pthread_join(thread, &left);
        slab_free(left);
    }
    assert_int_equal(shale_atomic_load_relaxed(&failures), 0);
    assert_clean();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(late_heap_serves_signal_handler),
    cmocka_unit_test(late_heap_maps_directly_under_a_lock),
    cmocka_unit_test(late_heap_timer_storm_nothing_broken),
    cmocka_unit_test(late_heap_serves_destructors),
};

RUN_TESTS("slab_late")
