/* SPDX-License-Identifier: MIT */
/*
 * Not preloaded: the library is opened while threads run and have memory of the C library. Its
 * functions serve all of them, and take the older memory too. Argument: the library.
 */
#include "test.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>

enum { THREADS = 4, ROUNDS = 20000 };

static const char *path;
static pthread_barrier_t barrier;
static void *(*late_malloc)(size_t);
static void *(*late_realloc)(void *, size_t);
static void *(*late_reallocarray)(void *, size_t, size_t);
static size_t (*late_usable_size)(void *);
static void (*late_free)(void *);
static bool (*late_owns)(const void *);

static void load(void)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fail_msg("%s", dlerror());
    late_malloc = (void *(*)(size_t))dlsym(library, "malloc");
    late_realloc = (void *(*)(void *, size_t))dlsym(library, "realloc");
    late_reallocarray = (void *(*)(void *, size_t, size_t))dlsym(library, "reallocarray");
    late_usable_size = (size_t(*)(void *))dlsym(library, "malloc_usable_size");
    late_free = (void (*)(void *))dlsym(library, "free");
    late_owns = (bool (*)(const void *))dlsym(library, "shale_owns");
    assert_true(late_malloc != malloc && late_owns != NULL);
}

/* Starts with memory of the C library; the library comes between the two barriers. */
static void *work(void *argument)
{
    uintptr_t faults = 0;
    char *old = malloc(300);
    strcpy(old, "older than the library");
    (void)argument;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    old = late_realloc(old, 100000);
    faults += strcmp(old, "older than the library") != 0 || late_owns(old);
    faults += late_usable_size(old) < 100000;
    late_free(old);
    for (size_t i = 0; i < ROUNDS; i++) {
        unsigned char *block = late_malloc(i % 3000);
        faults += !late_owns(block);
        memset(block, 1, i % 3000);
        late_free(block);
    }
    return (void *)faults;
}

static void late_load_serves_threads_that_run(void **state)
{
    pthread_t threads[THREADS];
    void *faults;
    (void)state;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    pthread_barrier_wait(&barrier);
    load();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &faults);
        assert_null(faults);
    }
}

static void late_load_older_memory_taken(void **state)
{
    (void)state;
    char *block = strdup("a string of the C library");
    block = late_realloc(block, 5000);
    assert_string_equal(block, "a string of the C library");
    late_free(block);
    block = late_reallocarray(NULL, 100, 50); /* the library calls itself, not the C library */
    assert_true(late_owns(block));
    late_free(block);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(late_load_serves_threads_that_run),
    cmocka_unit_test(late_load_older_memory_taken),
};

int main(int argc, char **argv)
{
    path = argc > 1 ? argv[1] : "libshale-malloc.so";
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("preload_late", tests, NULL, NULL);
}
