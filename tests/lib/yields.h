/* SPDX-License-Identifier: MIT */
/*
 * Included before everything else (-include), this gives the processor away at any atomic access:
 * tests/unit/yields.c decides when. A macro's own name is not expanded in it, so what is called in
 * the end is the compiler's builtin, which <stdatomic.h> is made of.
 */
#ifndef SHALE_TESTS_YIELDS_H
#define SHALE_TESTS_YIELDS_H

void shale_test_step(void);

#define __atomic_load(...)             (shale_test_step(), __atomic_load(__VA_ARGS__))
#define __atomic_store(...)            (shale_test_step(), __atomic_store(__VA_ARGS__))
#define __atomic_exchange(...)         (shale_test_step(), __atomic_exchange(__VA_ARGS__))
#define __atomic_compare_exchange(...) (shale_test_step(), __atomic_compare_exchange(__VA_ARGS__))
#define __atomic_fetch_add(...)        (shale_test_step(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_sub(...)        (shale_test_step(), __atomic_fetch_sub(__VA_ARGS__))
#define __atomic_fetch_or(...)         (shale_test_step(), __atomic_fetch_or(__VA_ARGS__))
#define __atomic_fetch_and(...)        (shale_test_step(), __atomic_fetch_and(__VA_ARGS__))

#define __c11_atomic_load(...)     (shale_test_step(), __c11_atomic_load(__VA_ARGS__))
#define __c11_atomic_store(...)    (shale_test_step(), __c11_atomic_store(__VA_ARGS__))
#define __c11_atomic_exchange(...) (shale_test_step(), __c11_atomic_exchange(__VA_ARGS__))
#define __c11_atomic_compare_exchange_strong(...)                                                  \
    (shale_test_step(), __c11_atomic_compare_exchange_strong(__VA_ARGS__))
#define __c11_atomic_compare_exchange_weak(...)                                                    \
    (shale_test_step(), __c11_atomic_compare_exchange_weak(__VA_ARGS__))
#define __c11_atomic_fetch_add(...) (shale_test_step(), __c11_atomic_fetch_add(__VA_ARGS__))
#define __c11_atomic_fetch_sub(...) (shale_test_step(), __c11_atomic_fetch_sub(__VA_ARGS__))
#define __c11_atomic_fetch_or(...)  (shale_test_step(), __c11_atomic_fetch_or(__VA_ARGS__))
#define __c11_atomic_fetch_and(...) (shale_test_step(), __c11_atomic_fetch_and(__VA_ARGS__))

#endif
