/* SPDX-License-Identifier: MIT */
/* Asymmetric fences: one of two sides always sees the other; refusal by a filter is reported. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/membarrier.h"

#include "test.h"

/* ---- store-then-load of two threads, many times ---- */

enum { ROUNDS = 5000 };
static _Atomic unsigned frequent_flag;
static _Atomic unsigned rare_flag;
static _Atomic unsigned round_started;
static _Atomic unsigned round_ended;
static unsigned frequent_saw;

/* Spins a little, then gives way: on a busy machine the other side may not be running at all. */
static void await_round(_Atomic unsigned *word, unsigned round)
{
    for (int spins = 0; shale_atomic_load_acquire(word) != round; spins++) {
        if (spins < 1000)
            shale_cpu_relax();
        else
            sched_yield();
    }
}

static void *frequent_side(void *unused)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        await_round(&round_started, round);
        shale_atomic_store_relaxed(&frequent_flag, round);
        shale_light_fence();
        frequent_saw = shale_atomic_load_relaxed(&rare_flag);
        shale_atomic_store_release(&round_ended, round);
    }
    return NULL;
}

static void membarrier_dekker_one_side_sees_the_other(void **state)
{
    pthread_t thread;
    unsigned missed = 0;
    (void)shale_membarrier_register();
    assert_int_equal(pthread_create(&thread, NULL, frequent_side, NULL), 0);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        shale_atomic_store_release(&round_started, round);
        shale_atomic_store_relaxed(&rare_flag, round);
        assert_int_equal(shale_heavy_fence(), 0);
        unsigned saw = shale_atomic_load_relaxed(&frequent_flag);
        await_round(&round_ended, round);
        missed += saw != round && frequent_saw != round;
    }
    pthread_join(thread, NULL);
    assert_int_equal(missed, 0);
}

/* ---- in a child of its own: the answer of registration is kept for the process's life ---- */

static int in_child(int (*body)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* From now on membarrier(command) fails with EPERM; command -1 is every one. */
static bool deny_membarrier(int command)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)command, 0, command == -1 ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {SHALE_ARRAY_LENGTH(filter), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum { EXPEDITED = 1 << 3, NO_FILTER = 99 };

static int denied_before_registration(void)
{
    if (!deny_membarrier(-1))
        return NO_FILTER;
    if (shale_membarrier_register() != SHALE_ENOTSUP || shale_membarrier_available())
        return 1;
    errno = 0;
    shale_light_fence();
    return shale_heavy_fence() == 0 && errno == 0 ? 0 : 2;
}

static int command_denied_before_registration(void)
{
    if (!deny_membarrier(EXPEDITED))
        return NO_FILTER;
    return shale_membarrier_register() == SHALE_ENOTSUP ? 0 : 1;
}

static int denied_after_registration(void)
{
    if (shale_membarrier_register() != 0)
        return SHALE_THREAD_SANITIZER ? 0 : 1;
    if (!deny_membarrier(-1))
        return NO_FILTER;
    errno = 0;
    return shale_heavy_fence() == SHALE_EPERM && errno == 0 ? 0 : 2;
}

static void expect_in_child(int (*body)(void))
{
    int status = in_child(body);
    if (status == NO_FILTER)
        SKIP("seccomp filters are not available here");
    assert_int_equal(status, 0);
}

static void register_denied_falls_back_to_full_fences(void **state)
{
    expect_in_child(denied_before_registration);
}

static void register_only_command_denied_falls_back_too(void **state)
{
    expect_in_child(command_denied_before_registration);
}

static void heavy_fence_denied_later_says_so(void **state)
{
    expect_in_child(denied_after_registration);
}

static const struct CMUnitTest tests[] = {
    /* First those in children: they must find the process unregistered. */
    cmocka_unit_test(register_denied_falls_back_to_full_fences),
    cmocka_unit_test(register_only_command_denied_falls_back_too),
    cmocka_unit_test(heavy_fence_denied_later_says_so),
    cmocka_unit_test(membarrier_dekker_one_side_sees_the_other),
};

RUN_TESTS("base_membarrier")
