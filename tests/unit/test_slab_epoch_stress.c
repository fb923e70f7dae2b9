/* SPDX-License-Identifier: MIT */
/*
 * Workers that allocate and free in epochs that another thread closes under them. Every block is
 * filled from its address and checked before it is freed. SHALE_TEST_SECONDS and SHALE_TEST_SEED
 * set the length of each part and the seed; with more than 30 seconds (the long suite) memory must
 * not grow either.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <shale/epoch.h>
#include <time.h>

#include "blocks.h"
#include "slab/bias.h"
#include "slab/epoch_units.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum {
    WORKERS = 4,
    LIVE = 64,      /* blocks that a worker keeps */
    CLOSE_US = 100, /* between two closes */
    SLOTS = 8,      /* epochs open at once, in the race with frees */
    SHARED = 64,    /* places where workers leave blocks for each other */
};

static _Atomic bool stop;
static _Atomic uint64_t broken;
static _Atomic uint64_t unexpected; /* an error that no race explains */
static _Atomic uint64_t operations;
static _Atomic uint64_t refused;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t seconds(uint64_t plain)
{
    const char *given = getenv("SHALE_TEST_SECONDS");
    return given != NULL ? strtoull(given, NULL, 0) : plain;
}

static size_t some_size(uint64_t *random)
{
    uint64_t kind = random_below(random, 1000);
    return kind < 900   ? random_below(random, 769)
           : kind < 998 ? random_below(random, 20000)
                        : random_below(random, 3000000);
}

static bool make(struct tagged *t, shale_epoch epoch, uint64_t *random)
{
    t->size = some_size(random);
    t->tag = random_next(random);
    t->block = shale_epoch_alloc(epoch, t->size);
    if (t->block == NULL) {
        shale_atomic_fetch_add_relaxed(errno == ESTALE ? &refused : &unexpected, 1);
        return false;
    }
    tagged_fill(t);
    return true;
}

static void end(struct tagged *t)
{
    if (!tagged_intact(t))
        shale_atomic_fetch_add_relaxed(&broken, 1);
    shale_epoch_free(t->block);
    t->block = NULL;
}

/* ---- drained: every block stays valid ----------------------------------------------------------
 */

static void *work_in_current(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    struct tagged live[LIVE] = {{0}};
    while (!shale_atomic_load_relaxed(&stop)) {
        struct tagged *t = &live[random_below(&random, LIVE)];
        if (t->block != NULL)
            end(t);
        else
            (void)make(t, shale_epoch_current(), &random);
        shale_atomic_fetch_add_relaxed(&operations, 1);
    }
    for (int i = 0; i < LIVE; i++)
        if (live[i].block != NULL)
            end(&live[i]);
    return NULL;
}

static void start(pthread_t *threads, void *(*work)(void *), uint64_t seed)
{
    shale_atomic_store_relaxed(&stop, false);
    for (uint64_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work,
                                        (void *)(uintptr_t)(seed + i * 0x9e3779b97f4a7c15ull)),
                         0);
}

static void finish(pthread_t *threads)
{
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
}

static void pause_us(uint64_t us)
{
    struct timespec pause = {0, (long)us * 1000};
    nanosleep(&pause, NULL);
}

/* What a leak looks like, for whoever has to find it. */
static void print_left(void)
{
    struct shale_epoch_info info;
    for (shale_epoch id = 0; shale_epoch_next(id, &id) == 0;) {
        const struct slab_epoch_head *head = slab_head_at(slab_slot_of(id));
        const struct slab_epoch *epoch = slab_epoch_at(slab_slot_of(id));
        if (shale_epoch_query(id, &info) == 0)
            printf("# left: %llx state %d phase %d queued %u busy %u references %u used %llu KiB "
                   "(%u units, %u nursed, %u purging), dead %u\n",
                   (unsigned long long)id, (int)info.state, head->phase, head->queued, head->busy,
                   info.references, (unsigned long long)info.used_bytes >> 10, epoch->used_units,
                   epoch->nursed_used, epoch->purging_units, epoch->dead);
    }
}

static void assert_nothing_left(void)
{
    struct slab_sums sum;
    static struct slab_stats stats;
    for (int i = 0; i < 100 && shale_epoch_count() != 0; i++) {
        (void)slab_give_back(SIZE_MAX);
        pause_us(1000);
    }
    print_left();
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(shale_epoch_count(), 0);
    assert_int_equal(slab_stats_exact(&stats), 0);
    assert_int_equal(stats.pool.segments_used, stats.epoch_segments);
    assert_int_equal(slab_epoch_nursery.used_units, 0);
    slab_stats_sum(&sum);
    assert_int_equal(sum.misuse, 0);
    assert_int_equal(shale_atomic_load_relaxed(&broken), 0);
    assert_int_equal(shale_atomic_load_relaxed(&unexpected), 0);
}

static void report(const char *name, uint64_t closed, uint64_t deferred)
{
    printf("# %s: %llu operations, %llu refused, %llu closes, %llu of them deferred\n", name,
           (unsigned long long)shale_atomic_load_relaxed(&operations),
           (unsigned long long)shale_atomic_load_relaxed(&refused), (unsigned long long)closed,
           (unsigned long long)deferred);
}

static uint64_t resident(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages << 12;
}

static void run_workers_and_closer(const char *name, uint64_t plain_seconds)
{
    uint64_t seed = random_seed(name);
    uint64_t length = seconds(plain_seconds) * 1000000u;
    uint64_t begin = now_us();
    uint64_t closed = 0;
    uint64_t deferred = 0;
    uint64_t rss[2] = {0, 0};
    pthread_t threads[WORKERS];
    start(threads, work_in_current, seed);
    while (now_us() - begin < length) {
        int error = shale_epoch_advance(NULL, SHALE_EPOCH_DRAIN, NULL);
        if (error != 0 && error != SHALE_EDEFERRED && error != SHALE_ERANGE)
            shale_atomic_fetch_add_relaxed(&unexpected, 1);
        deferred += error != 0;
        closed++;
        if (closed % 512 == 0)
            assert_true(slab_validate() <= 0);
        if (rss[0] == 0 && now_us() - begin > length / 3)
            rss[0] = resident();
        pause_us(CLOSE_US);
    }
    rss[1] = resident();
    finish(threads);
    report(name, closed, deferred);
    printf("# resident after a third and at the end: %llu, %llu KiB\n",
           (unsigned long long)rss[0] >> 10, (unsigned long long)rss[1] >> 10);
    assert_true(shale_epoch_close(shale_epoch_current(), SHALE_EPOCH_DRAIN, 0) <= 0);
    assert_nothing_left();
    if (length > 30000000)
        assert_true(rss[1] < rss[0] + rss[0] / 4 + (8u << 20));
}

static void epoch_four_workers_and_a_closer(void **state)
{
    (void)state;
    run_workers_and_closer("workers and a closer", 20);
}

/* ---- discarded: blocks of an epoch may be freed until it is gone -------------------------------
 */

static _Atomic uint64_t epochs[SLOTS];
static _Atomic uintptr_t shared[SHARED];

/* Blocks go from thread to thread, and are freed whenever; nobody reads one that may be gone. */
static void *free_what_may_be_gone(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    while (!shale_atomic_load_relaxed(&stop)) {
        uint64_t index = random_below(&random, SLOTS);
        shale_epoch epoch = shale_atomic_load_acquire(&epochs[index]);
        if (epoch == 0 || shale_epoch_ref(epoch) != 0)
            continue;
        for (int i = 0; i < 40; i++) {
            struct tagged t;
            if (!make(&t, epoch, &random))
                break;
            if (!tagged_intact(&t))
                shale_atomic_fetch_add_relaxed(&broken, 1);
            if (random_below(&random, 4) != 0) {
                uintptr_t other = shale_atomic_exchange_acq_rel(
                    &shared[index * (SHARED / SLOTS) + random_below(&random, SHARED / SLOTS)],
                    (uintptr_t)t.block);
                shale_epoch_free((void *)other);
            }
            shale_atomic_fetch_add_relaxed(&operations, 1);
        }
        (void)shale_epoch_unref(epoch);
    }
    return NULL;
}

/* Takes the blocks out first: a place must not hold one of an epoch that is gone. */
static int discard_and_open(uint64_t index)
{
    shale_epoch next = 0;
    shale_epoch last = shale_atomic_exchange_acq_rel(&epochs[index], 0);
    int error = last == 0 ? 0 : shale_epoch_close(last, SHALE_EPOCH_DISCARD, 0);
    for (int i = 0; error != 0 && i < 20000; i++) {
        struct shale_epoch_info info;
        if (shale_epoch_query(last, &info) != 0)
            break;
        (void)shale_epoch_close(last, SHALE_EPOCH_DISCARD, 0);
        pause_us(50);
    }
    for (uint64_t i = 0; i < SHARED / SLOTS; i++)
        shale_atomic_store_relaxed(&shared[index * (SHARED / SLOTS) + i], 0);
    if (shale_epoch_open(NULL, &next) != 0)
        shale_atomic_fetch_add_relaxed(&unexpected, 1);
    shale_atomic_store_release(&epochs[index], next);
    return error;
}

static void run_discards(const char *name, uint64_t plain_seconds)
{
    uint64_t seed = random_seed(name);
    uint64_t begin = now_us();
    uint64_t closed = 0;
    uint64_t deferred = 0;
    pthread_t threads[WORKERS];
    start(threads, free_what_may_be_gone, seed);
    while (now_us() - begin < seconds(plain_seconds) * 1000000u) {
        deferred += discard_and_open(random_below(&seed, SLOTS)) != 0;
        if (++closed % 512 == 0)
            assert_true(slab_validate() <= 0);
        pause_us(CLOSE_US);
    }
    finish(threads);
    report(name, closed, deferred);
    for (uint64_t i = 0; i < SLOTS; i++) {
        shale_epoch last = shale_atomic_exchange_acq_rel(&epochs[i], 0);
        if (last != 0)
            assert_true(shale_epoch_close(last, SHALE_EPOCH_DISCARD, 0) <= 0);
    }
    assert_nothing_left();
}

static void epoch_discard_races_with_frees(void **state)
{
    (void)state;
    run_discards("discard and frees", 4);
}

/* ---- the same with full fences -----------------------------------------------------------------
 */

static void epoch_with_fences_nothing_broken(void **state)
{
    (void)state;
    slab_bias_use_fences();
    run_workers_and_closer("workers and a closer, fenced", 2);
    run_discards("discard and frees, fenced", 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(epoch_four_workers_and_a_closer),
    cmocka_unit_test(epoch_discard_races_with_frees),
    cmocka_unit_test(epoch_with_fences_nothing_broken),
};

RUN_TESTS("slab_epoch_stress")
