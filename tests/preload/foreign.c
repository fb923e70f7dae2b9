/* SPDX-License-Identifier: MIT */
/*
 * Run with libshale-malloc.so preloaded: blocks of the C library's own allocator, which code gets
 * by its other name, are taken back by that allocator.
 */
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>

void *__libc_malloc(size_t size); /* NOLINT(bugprone-reserved-identifier) */

enum { THREADS = 8, COUNT = 2000 };

/* Volatile: the compiler knows what these functions do, and would leave calls out. */
static void *(*volatile libc_malloc)(size_t) = __libc_malloc;
static void *(*volatile call_realloc)(void *, size_t) = realloc;
static void (*volatile call_free)(void *) = free;
static bool (*owns)(const void *);

static void *foreign_block(size_t size)
{
    unsigned char *block = libc_malloc(size);
    assert_non_null(block);
    assert_false(owns(block));
    memset(block, 0x5a, size);
    return block;
}

/* The first use of the next allocator in this process, by all threads at once. */
static pthread_barrier_t barrier;

static void *free_foreign(void *argument)
{
    void **blocks = argument;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < COUNT; i++)
        call_free(blocks[i]);
    return NULL;
}

static void foreign_of_many_threads_taken(void **state)
{
    static void *blocks[THREADS][COUNT];
    pthread_t threads[THREADS];
    (void)state;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < COUNT; j++)
            blocks[i][j] = libc_malloc(16 + (size_t)j);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, free_foreign, blocks[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

static void foreign_free_reaches_its_allocator(void **state)
{
    (void)state;
    errno = 5;
    void *block = foreign_block(1000);
    call_free(block);
    assert_int_equal(errno, 5);
    void *again = libc_malloc(1000); /* it has the place again */
    assert_ptr_equal(again, block);
    call_free(again);
}

static void foreign_realloc_keeps_contents_and_allocator(void **state)
{
    static const size_t sizes[] = {1, 100, 5000, 200000, 3u << 20};
    (void)state;
    unsigned char *block = foreign_block(100);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        block = call_realloc(block, sizes[i]);
        assert_non_null(block);
        assert_false(owns(block));
        assert_int_equal(block[0], 0x5a);
    }
    assert_null(call_realloc(block, 0));
}

static void foreign_usable_size_told(void **state)
{
    (void)state;
    void *block = foreign_block(1000);
    assert_in_range(malloc_usable_size(block), 1000, 1100);
    call_free(block);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(foreign_of_many_threads_taken),
    cmocka_unit_test(foreign_free_reaches_its_allocator),
    cmocka_unit_test(foreign_realloc_keeps_contents_and_allocator),
    cmocka_unit_test(foreign_usable_size_told),
};

int main(void)
{
    owns = (bool (*)(const void *))dlsym(RTLD_DEFAULT, "shale_owns");
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return owns == NULL ? 1 : cmocka_run_group_tests_name("preload_foreign", tests, NULL, NULL);
}
