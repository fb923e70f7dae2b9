/* SPDX-License-Identifier: MIT */
/* fork while other threads allocate: every child has a whole heap and can use and free all of it.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocks.h"
#include "heap_use.h"
#include "slab/bias.h"
#include "slab/malloc.h"
#include "slab/validate.h"

enum { THREADS = 3, OWN = 200, FORKS = 60 };

static _Atomic bool stop;
static void *from_parent[OWN];

static void *allocate_always(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    struct tagged own[OWN] = {0};
    while (!shale_atomic_load_relaxed(&stop)) {
        struct tagged *t = &own[random_below(&random, OWN)];
        slab_free(t->block);
        *t = (struct tagged){NULL, random_size(&random), 1};
        t->block = slab_malloc(t->size);
    }
    for (int i = 0; i < OWN; i++)
        slab_free(own[i].block);
    return NULL;
}

static int use_heap(void)
{
    return heap_use(from_parent, OWN);
}

static void assert_child_succeeds(void)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(use_heap());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("child: status 0x%x", (unsigned)status);
}

static void fork_storm(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < OWN; i++)
        from_parent[i] = slab_malloc((size_t)i * 50);
    shale_atomic_store_relaxed(&stop, false);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_always, (void *)(i * 77 + 5)),
                         0);
    for (int i = 0; i < FORKS; i++)
        assert_child_succeeds();
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < OWN; i++) {
        slab_free(from_parent[i]);
        from_parent[i] = NULL;
    }
    assert_int_equal(slab_validate(), 0);
}

static void fork_storm_children_whole(void **state)
{
    (void)state;
    fork_storm();
}

static void fork_grandchild_whole(void **state)
{
    (void)state;
    int status = 0;
    slab_free(slab_malloc(5));
    pid_t pid = fork();
    if (pid == 0) {
        int inner = 0;
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(use_heap());
        waitpid(grandchild, &inner, 0);
        _exit(WIFEXITED(inner) ? WEXITSTATUS(inner) : 97);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static struct slab_thr *_Atomic stuck;

static void *stay_inside(void *argument)
{
    (void)argument;
    slab_free(slab_malloc(10));
    slab_enter(slab_self);
    shale_atomic_store_release(&stuck, slab_self);
    while (!shale_atomic_load_relaxed(&stop))
        usleep(1000);
    slab_leave(slab_self);
    return NULL;
}

static void fork_thread_stuck_inside_child_works(void **state)
{
    pthread_t thread;
    int status = 0;
    (void)state;
    shale_atomic_store_relaxed(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, stay_inside, NULL), 0);
    while (shale_atomic_load_acquire(&stuck) == NULL)
        usleep(1000);
    pid_t pid = fork();
    if (pid == 0) {
        uint32_t state_there = shale_atomic_load_relaxed(&shale_atomic_load_relaxed(&stuck)->state);
        int code = use_heap();
        _exit(state_there == SLAB_THR_SUSPECT ? code : 96);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    shale_atomic_store_relaxed(&stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(slab_validate(), 0);
}

static void *allocate_in_handler(void)
{
    void *block = slab_malloc(100000);
    return block;
}

static _Atomic int handler_failures;

static void hook(void)
{
    void *small = slab_malloc(33);
    void *large = allocate_in_handler();
    void *segments = slab_malloc(70u << 20); /* moves the frontier */
    if (small == NULL || large == NULL || segments == NULL)
        shale_atomic_fetch_add_relaxed(&handler_failures, 1);
    slab_free(small);
    slab_free(large);
    slab_free(segments);
}

/* Registered after the engine's: its prepare runs before, its parent and child after. */
static void fork_other_handlers_can_allocate(void **state)
{
    (void)state;
    slab_free(slab_malloc(1));
    assert_int_equal(pthread_atfork(hook, hook, hook), 0);
    assert_child_succeeds();
    assert_int_equal(shale_atomic_load_relaxed(&handler_failures), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fork_grandchild_whole),
    cmocka_unit_test(fork_storm_children_whole),
    cmocka_unit_test(fork_thread_stuck_inside_child_works),
    cmocka_unit_test(fork_other_handlers_can_allocate),
};

/* Registered before the engine starts: its prepare runs while the engine holds everybody. */
static void early_hook(void)
{
    slab_free(slab_malloc(48));
    slab_free(slab_malloc(300000));
}

int main(void)
{
    pthread_atfork(early_hook, early_hook, early_hook);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("slab_fork", tests, NULL, NULL);
}
