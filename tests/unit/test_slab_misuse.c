/* SPDX-License-Identifier: MIT */
/*
 * Blocks freed twice, with and without threads: what the program gets of it is undefined, but every
 * call of the engine ends. Each case is a process of its own: its heap cannot be trusted again.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocks.h"
#include "slab/malloc.h"

enum {
    SLOTS = 2000,
    ROUNDS = 3,
    REPLACEMENTS = 8000,
    ONE_IN = 50, /* frees that happen twice */
    PATIENCE_S = 120,
    THREADS_MAX = 4,
};

struct misuse {
    size_t size_min;
    size_t size_max;
    unsigned threads;
    uint64_t seed;
};

static void *_Atomic slots[SLOTS];
static struct misuse misuse;

static void free_maybe_twice(void *block, uint64_t *state)
{
    slab_free(block);
    if (block != NULL && random_below(state, ONE_IN) == 0)
        slab_free(block);
}

static void *make(uint64_t *state)
{
    return slab_malloc(misuse.size_min +
                       random_below(state, misuse.size_max - misuse.size_min + 1));
}

static void *replace(void *argument)
{
    uint64_t state = misuse.seed + (uintptr_t)argument;
    for (int i = 0; i < REPLACEMENTS; i++) {
        void *block = atomic_exchange(&slots[random_below(&state, SLOTS)], make(&state));
        free_maybe_twice(block, &state);
    }
    return NULL;
}

/* Threads that end leave orphans to the next round. */
static void run_child(void)
{
    pthread_t threads[THREADS_MAX];
    signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next case, in the child */
    alarm(PATIENCE_S);
    for (uintptr_t round = 0; round < ROUNDS; round++) {
        (void)replace((void *)(round * 10));
        for (uintptr_t i = 0; i < misuse.threads; i++)
            if (pthread_create(&threads[i], NULL, replace, (void *)(round * 10 + i + 1)) != 0)
                _exit(1);
        for (unsigned i = 0; i < misuse.threads; i++)
            pthread_join(threads[i], NULL);
        (void)slab_give_back(SIZE_MAX);
    }
    _exit(0);
}

static void check(size_t size_min, size_t size_max)
{
    int status = -1;
    for (unsigned threads = 0; threads <= THREADS_MAX; threads += 2) {
        misuse = (struct misuse){size_min, size_max, threads, random_seed(__func__)};
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            run_child();
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void misuse_smallest_freed_twice_all_end(void **state)
{
    (void)state;
    check(16, 16);
}

static void misuse_small_freed_twice_all_end(void **state)
{
    (void)state;
    check(16, 1024);
}

/* One block is a batch. */
static void misuse_middle_freed_twice_all_end(void **state)
{
    (void)state;
    check(8000, 60000);
}

static void misuse_large_freed_twice_all_end(void **state)
{
    (void)state;
    check(70000, 3000000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(misuse_smallest_freed_twice_all_end),
    cmocka_unit_test(misuse_small_freed_twice_all_end),
    cmocka_unit_test(misuse_middle_freed_twice_all_end),
    cmocka_unit_test(misuse_large_freed_twice_all_end),
};

RUN_TESTS("slab_misuse")
