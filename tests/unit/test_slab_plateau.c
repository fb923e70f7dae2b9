/* SPDX-License-Identifier: MIT */
/*
 * Churn for a long time: resident memory stays where it was after the first part. Two threads, each
 * with blocks of its own, that now and then free one of the other's. SHALE_TEST_OPERATIONS sets how
 * many operations they do together.
 */
#include "test.h"

#include <pthread.h>
#include <unistd.h>

#include "base/atomic.h"
#include "blocks.h"
#include "slab/malloc.h"
#include "slab/validate.h"

enum {
    THREADS = 2,
    LIVE = 20000, /* blocks of a thread */
    SHARED = 64,
    SAMPLES = 100, /* of memory, in the whole run */
    WARM = 20,     /* samples before memory counts as grown */
    OPERATIONS = 3000000,
    /*
     * What later samples may be above the first ones, as a share. Which slabs are in use settles in
     * the course of some hundred lives of each block, so a short run still grows.
     */
    MANY = 50000000, /* operations after which it has settled in the first part */
    SHARE_OF_MANY = 10,
    SHARE_OF_FEW = 2,
};

static _Atomic uintptr_t shared[SHARED];
static _Atomic uint64_t done; /* operations */
static uint64_t wanted;       /* of each thread */

static uint64_t resident_kib(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    (void)fclose(file);
    return resident * (uint64_t)getpagesize() / 1024;
}

/* All of a block is touched: memory that is not used does not show. */
static void *take(uint64_t *random)
{
    size_t size =
        random_below(random, 1000) == 0 ? random_size(random) : random_below(random, 1500);
    unsigned char *block = slab_malloc(size);
    if (block != NULL)
        memset(block, (int)size, size);
    return block;
}

static void *churn(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument;
    void **own = slab_calloc(LIVE, sizeof(void *));
    for (uint64_t i = 0; i < wanted; i++) {
        void **slot = &own[random_below(&random, LIVE)];
        if (random_below(&random, 50) == 0)
            *slot = (void *)shale_atomic_exchange_acq_rel(&shared[random_below(&random, SHARED)],
                                                          (uintptr_t)*slot);
        slab_free(*slot);
        *slot = take(&random);
        if (i % 1024 == 1023)
            shale_atomic_fetch_add_relaxed(&done, 1024);
    }
    for (int i = 0; i < LIVE; i++)
        slab_free(own[i]);
    slab_free(own);
    return NULL;
}

/* Samples while the threads work: the most in the first part and in the rest. */
static void sample(uint64_t total, uint64_t most[2])
{
    for (uint64_t i = 1; i <= SAMPLES - 2; i++) {
        while (shale_atomic_load_relaxed(&done) < total * i / SAMPLES)
            usleep(1000);
        uint64_t now = resident_kib();
        uint64_t *part = &most[i > WARM];
        *part = now > *part ? now : *part;
    }
}

static void plateau_long_churn_memory_flat(void **state)
{
    const char *given = getenv("SHALE_TEST_OPERATIONS");
    uint64_t total = given != NULL ? strtoull(given, NULL, 0) : OPERATIONS;
    uint64_t seed = random_seed("plateau");
    uint64_t most[2] = {0, 0};
    pthread_t threads[THREADS];
    (void)state;
    wanted = total / THREADS;
    for (uint64_t i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)(seed + i * 77777 + 1)), 0);
    sample(total, most);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SHARED; i++)
        slab_free((void *)shale_atomic_exchange_acq_rel(&shared[i], 0));
    printf("# %llu operations, resident KiB: %llu at most in the first %d %%, %llu later\n",
           (unsigned long long)total, (unsigned long long)most[0], WARM,
           (unsigned long long)most[1]);
    assert_true(most[1] <= most[0] + most[0] / (total < MANY ? SHARE_OF_FEW : SHARE_OF_MANY));
    (void)slab_give_back(SIZE_MAX);
    assert_int_equal(slab_validate(), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(plateau_long_churn_memory_flat),
};

RUN_TESTS("slab_plateau")
