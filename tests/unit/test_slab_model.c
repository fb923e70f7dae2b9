/* SPDX-License-Identifier: MIT */
/*
 * The engine against a model: an array of what is live. After random operations the engine's own
 * exact statistics must say the same, and every block must hold what was written.
 */
#include "test.h"

#include <pthread.h>

#include "blocks.h"
#include "slab/class.h"
#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

enum { COUNT = 3000, ROUNDS = 60, STEPS = 2000 };

static struct tagged model[COUNT];

static void compare(void)
{
    static struct slab_stats stats;
    static uint64_t live[SLAB_CLASSES];
    uint64_t large = 0;
    memset(live, 0, sizeof(live));
    assert_int_equal(slab_validate(), 0);
    assert_int_equal(slab_stats_exact(&stats), 0);
    for (int i = 0; i < COUNT; i++) {
        if (model[i].block == NULL)
            continue;
        size_t usable = slab_usable_size(model[i].block);
        if (usable <= SLAB_CLASS_MAX &&
            stats.classes[slab_class_of(usable)].block_bytes == usable &&
            slab_unit_state_of(slab_index_of(model[i].block)) != SLAB_UNIT_RUN)
            live[slab_class_of(usable)]++;
        else
            large++;
    }
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        if (stats.classes[class].live != live[class])
            fail_msg("class %u: %llu live, the model has %llu", class,
                     (unsigned long long)stats.classes[class].live,
                     (unsigned long long)live[class]);
    assert_int_equal(stats.run_blocks + stats.large_blocks, large);
}

static void check_and_forget(struct tagged *t)
{
    if (t->block == NULL)
        return;
    if (!tagged_intact(t))
        fail_msg("%p of %zu bytes was overwritten", (void *)t->block, t->size);
    slab_free(t->block);
    t->block = NULL;
}

static void *allocate(size_t size, uint64_t *random)
{
    size_t alignment = (size_t)1 << random_below(random, 18);
    switch (random_below(random, 4)) {
    case 0:
        return slab_calloc(1, size);
    case 1: {
        void *block = slab_aligned(alignment, size);
        assert_int_equal((uintptr_t)block % alignment, 0);
        return block;
    }
    default:
        return slab_malloc(size);
    }
}

static void step(uint64_t *random)
{
    struct tagged *t = &model[random_below(random, COUNT)];
    size_t size = random_size(random) / (random_below(random, 4) == 0 ? 1 : 8);
    if (t->block != NULL && random_below(random, 3) == 0) {
        size_t kept = t->size < size ? t->size : size;
        struct tagged before = *t;
        unsigned char saved[64];
        memcpy(saved, before.block, kept < 64 ? kept : 64);
        t->block = slab_realloc(t->block, size);
        assert_non_null(t->block);
        assert_memory_equal(t->block, saved, kept < 64 ? kept : 64);
    } else {
        check_and_forget(t);
        if (random_below(random, 5) == 0)
            return;
        t->block = allocate(size, random);
        assert_non_null(t->block);
    }
    t->size = size;
    t->tag = random_next(random);
    assert_true(slab_usable_size(t->block) >= size);
    tagged_fill(t);
}

static void model_random_operations_agree(void **state)
{
    uint64_t random = random_seed("model");
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STEPS; i++)
            step(&random);
        if (round % 7 == 6)
            (void)slab_give_back(SIZE_MAX);
        if (round % 20 == 19)
            for (int i = 0; i < COUNT; i++)
                check_and_forget(&model[i]);
        compare();
    }
}

/* The same, with another thread that frees, and allocates what this one frees. */
static void *other_thread(void *argument)
{
    uint64_t random = *(uint64_t *)argument;
    for (int i = 0; i < STEPS; i++)
        step(&random);
    return NULL;
}

static void model_operations_of_threads_in_turn_agree(void **state)
{
    uint64_t random = random_seed("model in threads");
    (void)state;
    for (int round = 0; round < ROUNDS / 2; round++) {
        pthread_t thread;
        uint64_t seed = random_next(&random);
        assert_int_equal(pthread_create(&thread, NULL, other_thread, &seed), 0);
        pthread_join(thread, NULL);
        for (int i = 0; i < STEPS / 2; i++)
            step(&random);
        (void)slab_give_back(SIZE_MAX); /* what is on its way arrives */
        compare();
    }
    for (int i = 0; i < COUNT; i++)
        check_and_forget(&model[i]);
    (void)slab_give_back(SIZE_MAX);
    compare();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(model_random_operations_agree),
    cmocka_unit_test(model_operations_of_threads_in_turn_agree),
};

RUN_TESTS("slab_model")
