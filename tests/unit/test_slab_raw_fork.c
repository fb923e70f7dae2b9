/* SPDX-License-Identifier: MIT */
/*
 * Children that no fork handler saw: of _Fork, of a raw clone, of vfork. What other threads were
 * doing to the heap at that moment must not keep the child from using it.
 */
#define _GNU_SOURCE
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "blocks.h"
#include "heap_use.h"
#include "slab/bias.h"
#include "slab/epoch.h"
#include "slab/late.h"
#include "slab/pool.h"
#include "slab/purger.h"
#include "slab/range.h"

enum { THREADS = 3, OWN = 200, FORKS = 150 };

static _Atomic bool stop;
static _Atomic int ready;
static void *from_parent[OWN];

static void take_blocks(void)
{
    for (int i = 0; i < OWN; i++)
        from_parent[i] = slab_malloc((size_t)i * 50);
}

static void free_blocks(void)
{
    for (int i = 0; i < OWN; i++) {
        slab_free(from_parent[i]);
        from_parent[i] = NULL;
    }
}

static pid_t fork_raw(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static pid_t fork_silent(void)
{
    return _Fork();
}

static void assert_exited_well(pid_t pid)
{
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("child: status 0x%x", (unsigned)status);
}

static void assert_child_uses_heap(pid_t (*forks)(void))
{
    pid_t pid = forks();
    if (pid == 0)
        _exit(heap_use(from_parent, OWN));
    assert_exited_well(pid);
}

static void fork_raw_alone_child_whole(void **state)
{
    (void)state;
    take_blocks();
    assert_child_uses_heap(fork_raw);
    assert_child_uses_heap(fork_silent);
    free_blocks();
}

/* Moves slabs, runs and segments between threads and shared lists all the time. */
static void *allocate_always(void *argument)
{
    uint64_t random = (uint64_t)(uintptr_t)argument | 1;
    struct tagged own[OWN] = {0};
    while (!shale_atomic_load_relaxed(&stop)) {
        struct tagged *t = &own[random_below(&random, OWN)];
        slab_free(t->block);
        *t = (struct tagged){NULL, random_size(&random) * 4, 1};
        t->block = slab_malloc(t->size);
        if (random_below(&random, 500) == 0)
            (void)slab_give_back(SIZE_MAX);
    }
    for (int i = 0; i < OWN; i++)
        slab_free(own[i].block);
    return NULL;
}

static void storm(pid_t (*forks)(void))
{
    pthread_t threads[THREADS];
    take_blocks();
    shale_atomic_store_relaxed(&stop, false);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_always, (void *)(i * 77 + 5)),
                         0);
    for (int i = 0; i < FORKS; i++)
        assert_child_uses_heap(forks);
    shale_atomic_store_relaxed(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    free_blocks();
    assert_int_equal(slab_validate(), 0);
}

static void fork_raw_storm_children_whole(void **state)
{
    (void)state;
    storm(fork_raw);
}

static void fork_silent_storm_children_whole(void **state)
{
    (void)state;
    storm(fork_silent);
}

/* ---- threads that are lost at the worst moment -------------------------------------------------
 */

static void wait_until(int value)
{
    while (shale_atomic_load_acquire(&ready) != value)
        usleep(1000);
}

/* Runs the body in a thread, forks raw while it stands at stand_still(), and ends it. */
static void lose_thread_in(void *(*body)(void *))
{
    pthread_t thread;
    take_blocks();
    shale_atomic_store_relaxed(&ready, 0);
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    wait_until(1);
    assert_child_uses_heap(fork_raw);
    shale_atomic_store_release(&ready, 2);
    pthread_join(thread, NULL);
    free_blocks();
    assert_int_equal(slab_validate(), 0);
}

static void stand_still(void)
{
    shale_atomic_store_release(&ready, 1);
    wait_until(2);
}

/* Both internal locks, and what they guard half changed. */
static void *change_lists(void *unused)
{
    void *run = slab_malloc(300000);
    void *blocks[64];
    (void)unused;
    for (int i = 0; i < 64; i++)
        blocks[i] = slab_malloc(3u << 20);
    for (int i = 0; i < 64; i += 2)
        slab_free(blocks[i]);
    slab_enter(slab_self);
    assert_true(slab_internal_try(&slab_epoch_eternal.lock));
    assert_true(slab_internal_try(slab_pool_lock()));
    struct slab_seg *seg = slab_seg_at(slab_index_of(run) / SLAB_SEGMENT_UNITS);
    struct slab_seg *other = slab_seg_at(slab_index_of(blocks[0]) / SLAB_SEGMENT_UNITS);
    struct slab_seg saved[2] = {*seg, *other};
    seg->used ^= 0x00ff00ff;
    seg->next = seg->prev = other->next = other->prev = 12345;
    stand_still();
    *seg = saved[0];
    *other = saved[1];
    shale_lock_release(slab_pool_lock());
    shale_lock_release(&slab_epoch_eternal.lock);
    slab_leave(slab_self);
    for (int i = 1; i < 64; i += 2)
        slab_free(blocks[i]);
    slab_free(run);
    return NULL;
}

static void fork_raw_lists_half_changed_rebuilt(void **state)
{
    (void)state;
    lose_thread_in(change_lists);
}

static void *hold_os_locks(void *unused)
{
    sigset_t saved[3];
    (void)unused;
    slab_free(slab_malloc(1));
    slab_os_lock(&slab_visit_lock, &saved[0]);
    slab_os_lock(&slab_gate, &saved[1]);
    slab_os_lock(&slab_range_lock, &saved[2]);
    stand_still();
    slab_os_unlock(&slab_range_lock, &saved[2]);
    slab_os_unlock(&slab_gate, &saved[1]);
    slab_os_unlock(&slab_visit_lock, &saved[0]);
    return NULL;
}

static void fork_raw_os_locks_held_child_works(void **state)
{
    (void)state;
    lose_thread_in(hold_os_locks);
}

static struct slab_thr *main_thread;

static void stand_in_visit(struct slab_thr *target, void *unused)
{
    (void)target;
    (void)unused;
    stand_still();
}

/* A visitor works on the heap of the very thread that forks. */
static void *visit_main(void *unused)
{
    sigset_t saved;
    (void)unused;
    slab_free(slab_malloc(1));
    slab_os_lock(&slab_visit_lock, &saved);
    enum slab_visit result =
        slab_visit(slab_self, main_thread, 0, stand_in_visit, NULL, 10000000000u);
    slab_os_unlock(&slab_visit_lock, &saved);
    return result == SLAB_VISITED ? NULL : "not visited";
}

static void fork_raw_visited_heap_abandoned(void **state)
{
    (void)state;
    main_thread = slab_self;
    lose_thread_in(visit_main);
}

static void *work_in_late_heap(void *unused)
{
    struct slab_thr *own = slab_self;
    (void)unused;
    slab_self = &slab_thr_gone; /* as in a destructor after ours */
    void *block = slab_malloc(100);
    struct slab_thr *late = slab_begin();
    bool is_late = late != NULL && late->id == SLAB_LATE;
    stand_still();
    if (late != NULL)
        slab_finish(late);
    slab_free(block);
    slab_self = own;
    return is_late ? NULL : "another heap";
}

static void *use_late_heap(void *unused)
{
    (void)unused;
    slab_self = &slab_thr_gone;
    void *block = slab_malloc(100);
    slab_free(block);
    slab_self = &slab_thr_empty;
    return block;
}

static void fork_raw_late_heap_abandoned(void **state)
{
    pthread_t thread;
    void *block = NULL;
    (void)state;
    shale_atomic_store_relaxed(&ready, 0);
    assert_int_equal(pthread_create(&thread, NULL, work_in_late_heap, NULL), 0);
    wait_until(1);
    pid_t pid = fork_raw();
    if (pid == 0) {
        alarm(20);
        int rule = slab_validate();
        pthread_t user; /* in the child there is a late heap again */
        pthread_create(&user, NULL, use_late_heap, NULL);
        pthread_join(user, &block);
        _exit(rule != 0 ? 1 : block == NULL ? 2 : heap_use(NULL, 0));
    }
    assert_exited_well(pid);
    shale_atomic_store_release(&ready, 2);
    pthread_join(thread, &block);
    assert_null(block);
}

/* Otherwise nobody would give memory back: who frees leaves it to a thread that is not there. */
static void fork_raw_purge_thread_forgotten(void **state)
{
    (void)state;
    assert_int_equal(slab_purger_start(), 0);
    assert_true(slab_purger_wake());
    take_blocks();
    pid_t pid = fork_raw();
    if (pid == 0) {
        int code = heap_use(from_parent, OWN);
        _exit(code != 0 ? code : slab_purger_wake() ? 91 : 0);
    }
    assert_exited_well(pid);
    free_blocks();
}

/* ---- the child's own threads ------------------------------------------------------------------
 */

static void *use_heap_in_thread(void *unused)
{
    (void)unused;
    return (void *)(uintptr_t)heap_use(NULL, 0);
}

/* The thread that forked only uses its fast path, and lives on while another one mends. */
static void fork_raw_child_first_call_in_new_thread(void **state)
{
    pthread_t parent_thread;
    (void)state;
    slab_free(slab_malloc(40));
    shale_atomic_store_relaxed(&stop, false);
    assert_int_equal(pthread_create(&parent_thread, NULL, allocate_always, (void *)9), 0);
    usleep(20000);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork_raw();
        if (pid == 0) {
            void *result = NULL;
            pthread_t thread;
            unsigned char *mine = slab_malloc(40);
            memset(mine, 7, 40);
            pthread_create(&thread, NULL, use_heap_in_thread, NULL);
            pthread_join(thread, &result);
            int code = mine[0] == 7 && mine[39] == 7 ? (int)(uintptr_t)result : 90;
            slab_free(mine);
            _exit(code != 0 ? code : heap_use(NULL, 0));
        }
        assert_exited_well(pid);
    }
    shale_atomic_store_relaxed(&stop, true);
    pthread_join(parent_thread, NULL);
}

static void fork_raw_grandchildren_whole(void **state)
{
    (void)state;
    take_blocks();
    pid_t pid = fork_raw();
    if (pid == 0) {
        int status = 0;
        pid_t handled = fork(); /* with the handlers, before the child used its heap */
        if (handled == 0) {
            pid_t silent = _Fork();
            if (silent == 0)
                _exit(heap_use(from_parent, OWN));
            waitpid(silent, &status, 0);
            _exit(status != 0 ? 80 : heap_use(from_parent, OWN));
        }
        waitpid(handled, &status, 0);
        _exit(status != 0 ? 81 : heap_use(from_parent, OWN));
    }
    assert_exited_well(pid);
    free_blocks();
}

/* It shares the memory: nothing is to be mended, and what it frees is free. */
static void vfork_child_changes_parents_heap(void **state)
{
    (void)state;
    static void *volatile kept;
    void *volatile given = slab_malloc(100);
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0) {
        slab_free(given);
        kept = slab_malloc(100);
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    assert_exited_well(pid);
    assert_ptr_equal(kept, given); /* the last one freed */
    slab_free(kept);
    assert_int_equal(slab_validate(), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fork_raw_alone_child_whole),
    cmocka_unit_test(fork_raw_lists_half_changed_rebuilt),
    cmocka_unit_test(fork_raw_os_locks_held_child_works),
    cmocka_unit_test(fork_raw_visited_heap_abandoned),
    cmocka_unit_test(fork_raw_late_heap_abandoned),
    cmocka_unit_test(fork_raw_child_first_call_in_new_thread),
    cmocka_unit_test(fork_raw_grandchildren_whole),
    cmocka_unit_test(vfork_child_changes_parents_heap),
    cmocka_unit_test(fork_raw_storm_children_whole),
    cmocka_unit_test(fork_silent_storm_children_whole),
    cmocka_unit_test(fork_raw_purge_thread_forgotten),
};

RUN_TESTS("slab_raw_fork")
