/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate, hand blocks to each other, free each other's, come and go, while one more
 * thread reclaims and validates. Every block is filled from its address and checked before it is
 * freed. SHALE_TEST_SECONDS, SHALE_TEST_THREADS and SHALE_TEST_SEED set the length of a case, the
 * number of threads and the seed.
 */
#include "test.h"

#include <pthread.h>
#include <time.h>

#include "blocks.h"
#include "slab/bias.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum {
    THREADS = 4,
    THREADS_MAX = 64,
    OWN = 400,    /* blocks a thread keeps */
    SHARED = 256, /* places where threads leave blocks for each other */
    LIFE = 4000,  /* operations in the life of a thread */
};

/* A place is empty (NULL), busy (1), or holds a block description. */
static _Atomic uintptr_t shared[SHARED];
static _Atomic bool stop;
static _Atomic uint64_t broken;
static _Atomic uint64_t operations;

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static struct tagged *make(uint64_t *random)
{
    struct tagged *t = slab_malloc(sizeof(*t));
    t->size = random_size(random);
    t->tag = random_next(random);
    t->block = random_below(random, 4) == 0 ? slab_calloc(1, t->size) : slab_malloc(t->size);
    tagged_fill(t);
    return t;
}

static void destroy(struct tagged *t)
{
    if (t == NULL)
        return;
    if (!tagged_intact(t))
        shale_atomic_fetch_add_relaxed(&broken, 1);
    slab_free(t->block);
    slab_free(t);
}

static void resize(struct tagged *t, uint64_t *random)
{
    size_t size = random_size(random);
    struct tagged old = *t;
    unsigned char first = t->size > 0 ? t->block[0] : 0;
    t->block = slab_realloc(t->block, size);
    if (old.size > 0 && size > 0 && t->block[0] != first)
        shale_atomic_fetch_add_relaxed(&broken, 1);
    t->size = size;
    tagged_fill(t);
}

/* Puts a block into a place and takes out what was there. */
static struct tagged *exchange(struct tagged *t, uint64_t *random)
{
    _Atomic uintptr_t *place = &shared[random_below(random, SHARED)];
    return (struct tagged *)shale_atomic_exchange_acq_rel(place, (uintptr_t)t);
}

static void live_once(uint64_t *random)
{
    struct tagged *own[OWN] = {0};
    for (int i = 0; i < LIFE && !shale_atomic_load_relaxed(&stop); i++) {
        struct tagged **slot = &own[random_below(random, OWN)];
        uint64_t what = random_below(random, 100);
        if (*slot == NULL)
            *slot = make(random);
        else if (what < 40)
            *slot = exchange(*slot, random);
        else if (what < 50)
            resize(*slot, random);
        else {
            destroy(*slot);
            *slot = NULL;
        }
        shale_atomic_fetch_add_relaxed(&operations, 1);
    }
    for (int i = 0; i < OWN; i++)
        destroy(i % 8 == 0 && own[i] != NULL ? exchange(own[i], random) : own[i]);
}

static void *one_life(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    live_once(&random);
    return NULL;
}

/* Starts a thread after the other. */
static void *lives(void *argument)
{
    uint64_t random = *(uint64_t *)argument;
    while (!shale_atomic_load_relaxed(&stop)) {
        pthread_t thread;
        uint64_t seed = random_next(&random);
        if (pthread_create(&thread, NULL, one_life, (void *)(uintptr_t)seed) != 0)
            break;
        pthread_join(thread, NULL);
    }
    return NULL;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);
    return given != NULL ? strtoull(given, NULL, 0) : otherwise;
}

static void run_stress(const char *name, uint64_t seconds)
{
    uint64_t seed = random_seed(name);
    uint64_t end = now_ms() + 1000 * setting("SHALE_TEST_SECONDS", seconds);
    int count = (int)setting("SHALE_TEST_THREADS", THREADS);
    uint64_t seeds[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    int rule = 0;
    shale_atomic_store_relaxed(&stop, false);
    for (int i = 0; i < count; i++) {
        seeds[i] = seed + (uint64_t)i * 0x9e3779b97f4a7c15ull;
        assert_int_equal(pthread_create(&threads[i], NULL, lives, &seeds[i]), 0);
    }
    for (int i = 0; now_ms() < end && rule == 0; i++) {
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, NULL);
        if (i % 4 == 0)
            (void)slab_give_back(SIZE_MAX);
        int result = slab_validate();
        rule = result > 0 ? result : 0; /* busy is no fault */
    }
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SHARED; i++)
        destroy((struct tagged *)shale_atomic_exchange_acq_rel(&shared[i], 0));
    printf("# %llu operations\n", (unsigned long long)shale_atomic_load_relaxed(&operations));
    assert_int_equal(rule, 0);
    assert_int_equal(shale_atomic_load_relaxed(&broken), 0);
}

/* After everything was freed: nothing live, nothing misused, all segments back. */
static void assert_nothing_left(void)
{
    static struct slab_stats stats;
    struct slab_sums sum;
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(slab_stats_exact(&stats), 0);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        if (stats.classes[class].live != 0)
            fail_msg("class %u: %llu live", class, (unsigned long long)stats.classes[class].live);
    assert_int_equal(stats.run_blocks, 0);
    assert_int_equal(stats.large_blocks, 0);
    assert_int_equal(stats.orphan_slabs, 0);
    assert_int_equal(stats.used_units, 0);
    assert_int_equal(stats.pool.segments_used, 0);
    slab_stats_sum(&sum);
    assert_int_equal(sum.misuse, 0);
    assert_int_equal(sum.dropped, 0);
}

static void stress_transfer_and_churn_nothing_broken(void **state)
{
    (void)state;
    run_stress("stress", 4);
    assert_nothing_left();
}

static void stress_with_fences_nothing_broken(void **state)
{
    (void)state;
    slab_bias_use_fences();
    run_stress("stress with fences", 3);
    assert_nothing_left();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(stress_transfer_and_churn_nothing_broken),
    cmocka_unit_test(stress_with_fences_nothing_broken),
};

RUN_TESTS("slab_stress")
