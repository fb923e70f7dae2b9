/* SPDX-License-Identifier: MIT */
/*
 * What the process has in memory after epochs end: as before them, while other threads go on. Not
 * under sanitizers and valgrind, whose own memory is counted too.
 */
#include "epochs.h"

#include <time.h>

#include "base/clock.h"
#include "blocks.h"

enum {
    MIB = 1 << 20,
    PAYLOAD = 256 * MIB,
    SIZE_SPAN = 705, /* 64 to 768 */
    BLOCKS_MAX = PAYLOAD / 64,
    BUSY_THREADS = 2,
    PATIENCE_MS = 10000,
};

static void **all;
static _Atomic bool stop;

/* The machine does nothing else: the long suite. */
static bool is_quiet(void)
{
    return getenv("SHALE_TEST_QUIET") != NULL;
}

static size_t resident(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages << 12;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* Allocates and frees without pause, always the same amount. */
static void *busy(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    void *live[64] = {0};
    while (!shale_atomic_load_relaxed(&stop)) {
        void **place = &live[random_below(&random, 64)];
        slab_free(*place);
        *place = slab_malloc(64 + random_below(&random, SIZE_SPAN));
    }
    for (int i = 0; i < 64; i++)
        slab_free(live[i]);
    return NULL;
}

static size_t fill_epoch(shale_epoch epoch, size_t bytes, uint64_t *random)
{
    size_t count = 0;
    for (size_t sum = 0; sum < bytes; count++) {
        size_t size = 64 + random_below(random, SIZE_SPAN);
        all[count] = shale_epoch_alloc(epoch, size);
        assert_non_null(all[count]);
        memset(all[count], 1, size);
        sum += size;
    }
    return count;
}

/* @return milliseconds that it took. */
static uint64_t reclaim_all(void)
{
    uint64_t begin = now_ms();
    while (shale_reclaim(SIZE_MAX, 0) > MIB)
        continue;
    return now_ms() - begin;
}

/* On a busy machine a thread may be stopped inside an operation: the close is finished later. */
static void close_whole(shale_epoch epoch, enum shale_epoch_close how)
{
    uint64_t begin = now_ms();
    int error = shale_epoch_close(epoch, how, 0);
    while (error == SHALE_EDEFERRED && now_ms() - begin < PATIENCE_MS)
        error = shale_epoch_close(epoch, how, 0);
    assert_true(error == 0 || error == SHALE_ESTALE);
}

/* On a busy machine a visit to a thread may have to be tried again. */
static void assert_near(const char *what, size_t before, uint64_t ms)
{
    size_t allowed = before / 50 > MIB ? before / 50 : MIB;
    uint64_t begin = now_ms();
    size_t after = resident();
    while (after > before + allowed && now_ms() - begin < PATIENCE_MS) {
        (void)reclaim_all();
        after = resident();
    }
    printf("# %s: %zu KiB before, %zu KiB after, %llu ms\n", what, before >> 10, after >> 10,
           (unsigned long long)ms);
    assert_true(after <= before + allowed);
}

/* Freed first and drained, discarded as it is, and a region: all of it goes back. */
static void epoch_memory_falls_to_what_it_was(void **state)
{
    static const char *const names[] = {"freed and drained", "discarded", "region"};
    pthread_t threads[BUSY_THREADS];
    uint64_t random = random_seed("rss");
    (void)state;
    for (uint64_t i = 0; i < BUSY_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)(uintptr_t)(random + i)),
                         0);
    for (int kind = 0; kind < 3; kind++) {
        memset(all, 0, BLOCKS_MAX * sizeof(*all));
        (void)reclaim_all();
        size_t before = resident();
        shale_epoch epoch = kind < 2 ? open_plain() : open_region();
        size_t count = fill_epoch(epoch, PAYLOAD, &random);
        assert_true(resident() > before + PAYLOAD / 10 * 9);
        for (size_t i = 0; i < count && kind == 0; i++)
            shale_epoch_free(all[i]);
        close_whole(epoch, kind == 0 ? SHALE_EPOCH_DRAIN : SHALE_EPOCH_DISCARD);
        uint64_t ms = reclaim_all();
        assert_near(names[kind], before, ms);
        assert_true(!is_quiet() || ms <= 100);
    }
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < BUSY_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_nothing_left();
}

/* One object in a hundred lives in another epoch: what stays is about what lives. */
static void epoch_survivors_pin_only_their_own(void **state)
{
    uint64_t random = random_seed("survivors");
    size_t live = 0;
    (void)state;
    memset(all, 0, BLOCKS_MAX * sizeof(*all));
    (void)reclaim_all();
    size_t before = resident();
    shale_epoch most = open_plain();
    shale_epoch few = open_plain();
    for (size_t sum = 0; sum < 40 * (size_t)MIB;) {
        size_t size = 64 + random_below(&random, SIZE_SPAN);
        bool survives = random_below(&random, 100) == 0;
        memset(shale_epoch_alloc(survives ? few : most, size), 1, size);
        live += survives ? size : 0;
        sum += size;
    }
    close_whole(most, SHALE_EPOCH_DISCARD);
    (void)reclaim_all();
    size_t after = resident();
    printf("# %zu KiB live, %zu KiB before, %zu KiB after\n", live >> 10, before >> 10,
           after >> 10);
    assert_true(after <= before + live / 5 * 6 + 2 * MIB);
    close_whole(few, SHALE_EPOCH_DISCARD);
    assert_nothing_left();
}

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* @return the median of the openings, in microseconds. */
static double open_many(shale_epoch *epochs, int many, bool region)
{
    static uint64_t spent[10000];
    for (int i = 0; i < many; i++) {
        uint64_t begin = shale_clock_monotonic_ns();
        epochs[i] = region ? open_region() : open_plain();
        spent[i] = shale_clock_monotonic_ns() - begin;
    }
    qsort(spent, (size_t)many, sizeof(*spent), by_value);
    int middle = many / 2;
    return (double)spent[middle] / 1000;
}

/* Thousands open at once, 60 KB in each; then none. */
static void epoch_thousands_open_at_once(void **state)
{
    enum { MOST = 10000, EACH = 60000 };
    static shale_epoch epochs[MOST];
    int many = is_quiet() ? MOST : 2000;
    double open_us = 0;
    uint64_t random = random_seed("many");
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        (void)reclaim_all();
        size_t before = resident();
        size_t live = 0;
        open_us = open_many(epochs, many, kind == 0);
        for (int i = 0; i < many; i++) {
            for (size_t sum = 0; sum < EACH;) {
                size_t size = 64 + random_below(&random, SIZE_SPAN);
                memset(shale_epoch_alloc(epochs[i], size), 1, size);
                sum += size;
                live += size;
            }
        }
        double overhead = (double)(resident() - before) / (double)live - 1;
        printf("# %s: %.1f %% more than the objects; opening %.2f us\n",
               kind == 0 ? "regions" : "slabs", overhead * 100, open_us);
        assert_true(!is_quiet() || open_us <= 1);
        assert_true(overhead < (kind == 0 ? 0.15 : 1.5));
        for (int i = 0; i < many; i++)
            close_whole(epochs[i], SHALE_EPOCH_DISCARD);
        uint64_t ms = reclaim_all();
        printf("# %d closed: %zu KiB before, %zu KiB after, %llu ms\n", many, before >> 10,
               resident() >> 10, (unsigned long long)ms);
        /* Metadata stays: 2 KiB per slot, 144 B per unit. */
        assert_true(resident() <= before + many * (2048 + 32 * 144) + MIB);
    }
    assert_nothing_left();
}

static int set_up(void **state)
{
    (void)state;
    all = calloc(BLOCKS_MAX, sizeof(*all));
    return all == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(all);
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(epoch_memory_falls_to_what_it_was, set_up, tear_down),
    cmocka_unit_test_setup_teardown(epoch_survivors_pin_only_their_own, set_up, tear_down),
    cmocka_unit_test_setup_teardown(epoch_thousands_open_at_once, set_up, tear_down),
};

RUN_TESTS("slab_epoch_rss")
