/* SPDX-License-Identifier: MIT */
/*
 * Makes memory calls of base/os.h fail, for tests: the n-th, from the n-th on, or by advice.
 *
 *     os_fail_nth(OS_MAP, 3);       the third mmap from now on fails with ENOMEM
 *     os_fail_from(OS_ADVISE, 1);   every madvise fails
 *     os_fail_advice(MADV_X, error) madvise(MADV_X) fails with that errno, the others work
 *     os_fail_off();                back to the kernel; returns how many calls failed
 *
 * os_fail_calls(kind) counts the calls since the last of the above. Not for several threads.
 */
#ifndef SHALE_TESTS_OS_FAIL_H
#define SHALE_TESTS_OS_FAIL_H

#include <errno.h>

#include "base/os.h"

enum os_call { OS_MAP, OS_UNMAP, OS_PROTECT, OS_ADVISE, OS_REMAP, OS_MOVE, OS_CALLS };

static struct {
    enum os_call kind;
    unsigned long first;
    unsigned long last;
    int advice;
    int advice_error;
    unsigned long failed;
    unsigned long seen[OS_CALLS];
} os_fail_state;

static inline bool os_fail_now(enum os_call kind)
{
    unsigned long number = ++os_fail_state.seen[kind];
    if (kind != os_fail_state.kind || number < os_fail_state.first || number > os_fail_state.last)
        return false;
    os_fail_state.failed++;
    return true;
}

static inline intptr_t os_fail_map(void *address, size_t size, int protection, int flags)
{
    if (os_fail_now(OS_MAP))
        return -ENOMEM;
    return shale_os_kernel_calls.map(address, size, protection, flags);
}

static inline int os_fail_unmap(void *address, size_t size)
{
    return os_fail_now(OS_UNMAP) ? -ENOMEM : shale_os_kernel_calls.unmap(address, size);
}

static inline int os_fail_protect(void *address, size_t size, int protection)
{
    if (os_fail_now(OS_PROTECT))
        return -ENOMEM;
    return shale_os_kernel_calls.protect(address, size, protection);
}

static inline int os_fail_advise(void *address, size_t size, int advice)
{
    if (os_fail_now(OS_ADVISE))
        return -ENOMEM;
    if (os_fail_state.advice_error != 0 && advice == os_fail_state.advice) {
        os_fail_state.failed++;
        return -os_fail_state.advice_error;
    }
    return shale_os_kernel_calls.advise(address, size, advice);
}

static inline intptr_t os_fail_remap(void *address, size_t size, size_t new_size, int flags)
{
    if (os_fail_now(OS_REMAP))
        return -ENOMEM;
    return shale_os_kernel_calls.remap(address, size, new_size, flags);
}

static inline int os_fail_move(void *from, size_t size, void *to)
{
    return os_fail_now(OS_MOVE) ? -ENOMEM : shale_os_kernel_calls.move(from, size, to);
}

static inline void os_fail_range(enum os_call kind, unsigned long first, unsigned long last)
{
    static const struct shale_os_calls calls = {
        .map = os_fail_map,
        .unmap = os_fail_unmap,
        .protect = os_fail_protect,
        .advise = os_fail_advise,
        .remap = os_fail_remap,
        .move = os_fail_move,
    };
    os_fail_state = (__typeof__(os_fail_state)){.kind = kind, .first = first, .last = last};
    shale_os_set_calls(&calls);
}

static inline void os_fail_nth(enum os_call kind, unsigned long n)
{
    os_fail_range(kind, n, n);
}

static inline void os_fail_from(enum os_call kind, unsigned long n)
{
    os_fail_range(kind, n, ~0UL);
}

static inline void os_fail_advice(int advice, int error)
{
    os_fail_range(OS_CALLS, 0, 0);
    os_fail_state.advice = advice;
    os_fail_state.advice_error = error;
}

static inline unsigned long os_fail_calls(enum os_call kind)
{
    return os_fail_state.seen[kind];
}

static inline unsigned long os_fail_off(void)
{
    unsigned long failed = os_fail_state.failed;
    shale_os_set_calls(NULL);
    os_fail_state = (__typeof__(os_fail_state)){.kind = OS_CALLS};
    return failed;
}

#endif
