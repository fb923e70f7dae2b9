/* SPDX-License-Identifier: MIT */
/* Thread numbers and names, exit hooks, fork hooks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/atomic.h"
#include "base/thread.h"

#include "test.h"

enum { THREADS = 8 };

static void *store_id(void *id)
{
    *(uint64_t *)id = shale_thread_id();
    return NULL;
}

static void id_many_threads_never_zero_never_twice(void **state)
{
    uint64_t ids[2 * THREADS + 1];
    ids[0] = shale_thread_id();
    for (int batch = 0; batch < 2; batch++) { /* the second after the first has ended */
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, store_id, &ids[1 + batch * THREADS + i]), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 2 * THREADS + 1; i++) {
        assert_true(ids[i] != 0);
        for (int j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
    }
    assert_int_equal(shale_thread_id(), ids[0]);
}

static void name_own_thread_is_what_was_set(void **state)
{
    char name[SHALE_THREAD_NAME_SIZE];
    assert_int_equal(pthread_setname_np(pthread_self(), "fifteen-letters"), 0);
    assert_int_equal(shale_thread_name(0, name), 0);
    assert_string_equal(name, "fifteen-letters");
    assert_int_equal(shale_thread_name(getpid(), name), 0);
    assert_string_equal(name, "fifteen-letters");
}

static void *store_os_id(void *id)
{
    *(pid_t *)id = shale_thread_os_id();
    return NULL;
}

static void name_ended_thread_is_gone(void **state)
{
    pthread_t thread;
    pid_t id = 0;
    char name[SHALE_THREAD_NAME_SIZE] = "untouched";
    assert_int_equal(pthread_create(&thread, NULL, store_os_id, &id), 0);
    pthread_join(thread, NULL);
    assert_true(id != getpid());
    /* The kernel drops the entry a little after the join. */
    int code = 0;
    for (int i = 0; i < 200 && (code = shale_thread_name(id, name)) == 0; i++)
        usleep(1000);
    assert_int_equal(code, SHALE_EGONE);
}

static struct shale_thread_key key;
static _Atomic int destroyed;

static void destroy(void *value)
{
    shale_atomic_fetch_add_relaxed(&destroyed, *(int *)value);
}

static void *set_key(void *value)
{
    if (value && shale_thread_key_set(&key, value) == 0 && shale_thread_key_get(&key) == value)
        return value;
    return NULL;
}

static void key_thread_exit_runs_destructor_once(void **state)
{
    static int seven = 7;
    pthread_t thread;
    void *result;
    assert_int_equal(shale_thread_key_create(&key, destroy), 0);
    assert_int_equal(pthread_create(&thread, NULL, set_key, &seven), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &seven);
    assert_int_equal(destroyed, 7);
    assert_int_equal(pthread_create(&thread, NULL, set_key, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(destroyed, 7); /* a thread without a value has nothing to destroy */
    assert_null(shale_thread_key_get(&key));
    shale_thread_key_delete(&key);
}

static void key_all_taken_is_out_of_memory(void **state)
{
    static struct shale_thread_key keys[2048];
    size_t made = 0;
    while (made < SHALE_ARRAY_LENGTH(keys) && shale_thread_key_create(&keys[made], NULL) == 0)
        made++;
    assert_true(made > 0 && made < SHALE_ARRAY_LENGTH(keys));
    while (made > 0)
        shale_thread_key_delete(&keys[--made]);
}

/* ---- fork: each hook appends a letter ---- */

static char trace[32];

static void note(char letter)
{
    size_t length = strlen(trace);
    if (length + 1 < sizeof trace)
        trace[length] = letter;
}

static void prepare_a(void)
{
    note('a');
}
static void parent_a(void)
{
    note('p');
}
static void child_a(void)
{
    note('c');
}
static void prepare_b(void)
{
    note('b');
}
static void parent_b(void)
{
    note('q');
}
static void child_b(void)
{
    note('d');
}

static void prepare_inner(void)
{
    note('i');
}
static void parent_inner(void)
{
    note('j');
}
static void child_inner(void)
{
    note('k');
}

static const struct shale_fork_hooks hooks_a = {prepare_a, parent_a, child_a, 20};
static const struct shale_fork_hooks hooks_b = {prepare_b, parent_b, child_b, 20};
static const struct shale_fork_hooks hooks_none = {NULL, NULL, NULL, 20};
static const struct shale_fork_hooks hooks_inner = {prepare_inner, parent_inner, child_inner, 30};

static void fork_hooks_run_in_order_of_ranks_in_both_processes(void **state)
{
    int status;
    assert_int_equal(shale_fork_hooks_register(&hooks_a), 0);
    assert_int_equal(shale_fork_hooks_register(&hooks_b), 0);
    assert_int_equal(shale_fork_hooks_register(&hooks_inner), 0);
    assert_int_equal(shale_fork_hooks_register(&hooks_none), 0);
    assert_int_equal(shale_fork_hooks_register(&hooks_a), 0); /* again: still once */
    memset(trace, 0, sizeof trace);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The child can register and fork itself. */
        bool good = strcmp(trace, "baikcd") == 0 && shale_fork_hooks_register(&hooks_b) == 0;
        _exit(good ? 0 : 1);
    }
    assert_string_equal(trace, "baijpq");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void fork_hooks_beyond_the_table_are_refused(void **state)
{
    static const struct shale_fork_hooks many[SHALE_FORK_HOOKS_MAX + 1];
    int code = 0;
    size_t i = 0;
    while (code == 0 && i < SHALE_ARRAY_LENGTH(many))
        code = shale_fork_hooks_register(&many[i++]);
    assert_int_equal(code, SHALE_ENOMEM);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(id_many_threads_never_zero_never_twice),
    cmocka_unit_test(name_own_thread_is_what_was_set),
    cmocka_unit_test(name_ended_thread_is_gone),
    cmocka_unit_test(key_thread_exit_runs_destructor_once),
    cmocka_unit_test(key_all_taken_is_out_of_memory),
    cmocka_unit_test(fork_hooks_run_in_order_of_ranks_in_both_processes),
    cmocka_unit_test(fork_hooks_beyond_the_table_are_refused),
};

RUN_TESTS("base_thread")
