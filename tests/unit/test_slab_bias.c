/* SPDX-License-Identifier: MIT */
/* The biased lock: owners and visitors exclude each other; requests are answered once, and never
 * lost. */
#include "test.h"

#include <pthread.h>
#include <time.h>

#include "slab/bias.h"
#include "slab/malloc.h"
#include "slab/range.h"
#include "slab/stats.h"

enum { VISITS = 300, PATIENCE_NS = 1000000000 };

static struct slab_thr *_Atomic owner;
static _Atomic bool inside;
static _Atomic bool leave;
static _Atomic bool done;
static uint64_t guarded; /* plain: the lock is what makes it right */
static uint64_t entries; /* the owner's */

static void pause_briefly(void)
{
    struct timespec t = {0, 100000};
    nanosleep(&t, NULL);
}

static struct slab_thr *own_structure(void)
{
    slab_free(slab_malloc(1));
    return slab_self;
}

static void *enter_often(void *argument)
{
    struct slab_thr *thr = own_structure();
    (void)argument;
    shale_atomic_store_release(&owner, thr);
    for (entries = 0; !shale_atomic_load_acquire(&leave); entries++) {
        slab_enter(thr);
        guarded++;
        slab_leave(thr);
    }
    shale_atomic_store_release(&done, true);
    return NULL;
}

static void increment(struct slab_thr *target, void *argument)
{
    (void)target;
    (void)argument;
    guarded++;
}

static enum slab_visit visit(uint32_t request, uint64_t patience)
{
    sigset_t saved;
    slab_os_lock(&slab_visit_lock, &saved);
    enum slab_visit result = slab_visit(own_structure(), shale_atomic_load_acquire(&owner), request,
                                        increment, NULL, patience);
    slab_os_unlock(&slab_visit_lock, &saved);
    return result;
}

static void start_owner(pthread_t *thread, void *(*function)(void *))
{
    shale_atomic_store_relaxed(&owner, NULL);
    shale_atomic_store_relaxed(&done, false);
    shale_atomic_store_relaxed(&inside, false);
    shale_atomic_store_relaxed(&leave, false);
    (void)own_structure();
    assert_int_equal(pthread_create(thread, NULL, function, NULL), 0);
    while (shale_atomic_load_acquire(&owner) == NULL)
        pause_briefly();
}

static void exclude(void)
{
    pthread_t thread;
    uint64_t visits = 0;
    guarded = 0;
    start_owner(&thread, enter_often);
    for (int i = 0; i < VISITS; i++)
        visits += visit(0, PATIENCE_NS) == SLAB_VISITED;
    shale_atomic_store_release(&leave, true);
    pthread_join(thread, NULL);
    assert_int_equal(visits, VISITS);
    assert_int_equal(guarded, entries + visits);
}

static void bias_visitors_and_owner_exclude(void **state)
{
    (void)state;
    exclude();
}

static void *stay_inside(void *argument)
{
    struct slab_thr *thr = own_structure();
    (void)argument;
    slab_enter(thr);
    shale_atomic_store_release(&owner, thr);
    while (!shale_atomic_load_acquire(&leave))
        pause_briefly();
    slab_leave(thr);
    slab_free(slab_malloc(10)); /* the next entry answers */
    shale_atomic_store_release(&done, true);
    return NULL;
}

static uint64_t answered(void)
{
    struct slab_sums sum;
    slab_stats_sum(&sum);
    return sum.answered;
}

static void bias_request_answered_once(void **state)
{
    pthread_t thread;
    (void)state;
    start_owner(&thread, stay_inside);
    uint64_t before = answered();
    guarded = 0;
    assert_int_equal(visit(SLAB_ATTN_TIDY, 1000000), SLAB_DEFERRED);
    assert_int_equal(guarded, 0);
    assert_int_equal(visit(SLAB_ATTN_TIDY, 1000000), SLAB_DEFERRED);
    shale_atomic_store_release(&leave, true);
    while (!shale_atomic_load_acquire(&done))
        pause_briefly();
    assert_int_equal(answered(), before + 1);
    pthread_join(thread, NULL);
}

static void bias_departed_thread_absent(void **state)
{
    pthread_t thread;
    (void)state;
    start_owner(&thread, enter_often);
    shale_atomic_store_release(&leave, true);
    pthread_join(thread, NULL);
    guarded = 0;
    assert_int_equal(visit(0, PATIENCE_NS), SLAB_ABSENT);
    assert_int_equal(guarded, 0);
}

static void *idle(void *argument)
{
    (void)argument;
    shale_atomic_store_release(&owner, own_structure());
    while (!shale_atomic_load_acquire(&leave))
        pause_briefly();
    slab_free(slab_malloc(10));
    shale_atomic_store_release(&inside, true);
    while (!shale_atomic_load_acquire(&done))
        pause_briefly();
    return NULL;
}

/* From here on all threads of this process fence: the last cases. */
static void bias_fences_adopted_by_all(void **state)
{
    pthread_t thread;
    (void)state;
    start_owner(&thread, idle);
    slab_bias_use_fences();
    if (shale_atomic_load_relaxed(&shale_atomic_load_acquire(&owner)->fenced_seen) == 0)
        assert_int_equal(visit(0, 1000000), SLAB_DEFERRED); /* nothing can be known of it yet */
    shale_atomic_store_release(&leave, true);
    while (!shale_atomic_load_acquire(&inside))
        pause_briefly();
    assert_int_equal(visit(0, PATIENCE_NS), SLAB_VISITED);
    shale_atomic_store_release(&done, true);
    pthread_join(thread, NULL);
}

static void bias_fenced_exclude(void **state)
{
    (void)state;
    exclude();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bias_visitors_and_owner_exclude),
    cmocka_unit_test(bias_request_answered_once),
    cmocka_unit_test(bias_departed_thread_absent),
    cmocka_unit_test(bias_fences_adopted_by_all),
    cmocka_unit_test(bias_fenced_exclude),
};

RUN_TESTS("slab_bias")
