/* SPDX-License-Identifier: MIT */
/* Ranked locks: exclusion, sleeping, and the misuse that checked builds report. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"

#include "test.h"

static struct shale_lock outer = SHALE_LOCK_INIT(10);
static struct shale_lock inner = SHALE_LOCK_INIT(20);
static struct shale_lock same_rank = SHALE_LOCK_INIT(10);

enum { ROUNDS = 50000 };
static long counter;

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        shale_lock_acquire(&outer);
        counter++;
        shale_lock_release(&outer);
    }
    return NULL;
}

static void lock_two_threads_counter_is_exact(void **state)
{
    pthread_t threads[3];
    counter = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counter, 3 * ROUNDS);
    assert_false(shale_lock_is_held(&outer));
}

static void *take_once(void *unused)
{
    shale_lock_acquire(&outer);
    counter = 1;
    shale_lock_release(&outer);
    return NULL;
}

static void lock_held_long_waiter_sleeps_then_gets_it(void **state)
{
    pthread_t waiter;
    counter = 0;
    shale_lock_acquire(&outer);
    assert_int_equal(pthread_create(&waiter, NULL, take_once, NULL), 0);
    usleep(30000); /* far beyond its spinning */
    assert_int_equal(counter, 0);
    shale_lock_release(&outer);
    pthread_join(waiter, NULL);
    assert_int_equal(counter, 1);
}

static void *try_outer(void *got)
{
    *(bool *)got = shale_lock_try(&outer);
    if (*(bool *)got)
        shale_lock_release(&outer);
    return NULL;
}

static bool try_in_other_thread(void)
{
    pthread_t thread;
    bool got = false;
    assert_int_equal(pthread_create(&thread, NULL, try_outer, &got), 0);
    pthread_join(thread, NULL);
    return got;
}

static void try_free_and_held_tells_which(void **state)
{
    assert_true(try_in_other_thread());
    shale_lock_acquire(&outer);
    assert_true(shale_lock_is_held(&outer));
    assert_false(try_in_other_thread());
    shale_lock_release(&outer);
    assert_true(try_in_other_thread());
}

static void try_against_ranks_is_allowed(void **state)
{
    shale_lock_acquire(&inner);
    assert_true(shale_lock_try(&outer));
    assert_int_equal(shale_lock_held_count(), SHALE_CHECKS ? 2 : 0);
    shale_lock_release(&inner); /* any order of release is good */
    shale_lock_release(&outer);
    assert_int_equal(shale_lock_held_count(), 0);
}

static void reset_held_lock_is_free(void **state)
{
    struct shale_lock lock = SHALE_LOCK_INIT(5);
    lock.word = 2;
    shale_lock_reset(&lock);
    assert_true(shale_lock_try(&lock));
    shale_lock_release(&lock);
}

/* ---- misuse: each ends the process in checked builds ---- */

static void acquire_against_rank(void)
{
    shale_lock_acquire(&inner);
    shale_lock_acquire(&outer);
}

static void acquire_equal_rank(void)
{
    shale_lock_acquire(&outer);
    shale_lock_acquire(&same_rank);
}

static void acquire_twice(void)
{
    shale_lock_acquire(&outer);
    shale_lock_acquire(&outer);
}

static void release_not_held(void)
{
    shale_lock_release(&outer);
}

static bool aborts(void (*misuse)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        alarm(10); /* a misuse that waits for ever instead */
        misuse();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void misuse_checked_build_aborts(void **state)
{
    if (!SHALE_CHECKS)
        SKIP("this build has no checks (NDEBUG)");
    assert_true(aborts(acquire_against_rank));
    assert_true(aborts(acquire_equal_rank));
    assert_true(aborts(acquire_twice));
    assert_true(aborts(release_not_held));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lock_two_threads_counter_is_exact),
    cmocka_unit_test(lock_held_long_waiter_sleeps_then_gets_it),
    cmocka_unit_test(try_free_and_held_tells_which),
    cmocka_unit_test(try_against_ranks_is_allowed),
    cmocka_unit_test(reset_held_lock_is_free),
    cmocka_unit_test(misuse_checked_build_aborts),
};

RUN_TESTS("base_lock")
