/* SPDX-License-Identifier: MIT */
/*
 * Atomics whose names say their order. Layer 0.
 *
 * This is the only file that names a memory_order; everywhere else an order is a word of a
 * function's name, so that a reader sees it and tests/meta can find it. Each use that is not
 * relaxed carries a comment
 *
 *     ORDER <tag> release -> acquire in fn() [file.c]. Publishes ... Without it ... Test ...
 *
 * (`acquire <- release` at the other end, `seq_cst <-> seq_cst` where both sides store, then load),
 * and the tag is listed in docs/internals/ordering.md.
 *
 * All take a pointer to an _Atomic object of an integer or pointer type. `cas` takes a pointer to
 * the expected value, which gets the value found on failure; a failed cas loads relaxed, except
 * that acq_rel, acquire and seq_cst ones load with acquire. `cas_weak` may fail for no reason and
 * belongs in a loop. Progress: every one is lock-free on the platforms we build for (asserted
 * below); cas_weak loops are lock-free, not wait-free.
 */
#ifndef SHALE_BASE_ATOMIC_H
#define SHALE_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attributes.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
               "64-bit and pointer atomics must be lock-free: they are used in signal handlers");

#define shale_atomic_load_relaxed(p) atomic_load_explicit(p, memory_order_relaxed)
#define shale_atomic_load_acquire(p) atomic_load_explicit(p, memory_order_acquire)
#define shale_atomic_load_seq_cst(p) atomic_load_explicit(p, memory_order_seq_cst)

#define shale_atomic_store_relaxed(p, x) atomic_store_explicit(p, x, memory_order_relaxed)
#define shale_atomic_store_release(p, x) atomic_store_explicit(p, x, memory_order_release)
#define shale_atomic_store_seq_cst(p, x) atomic_store_explicit(p, x, memory_order_seq_cst)

#define shale_atomic_exchange_relaxed(p, x) atomic_exchange_explicit(p, x, memory_order_relaxed)
#define shale_atomic_exchange_acquire(p, x) atomic_exchange_explicit(p, x, memory_order_acquire)
#define shale_atomic_exchange_release(p, x) atomic_exchange_explicit(p, x, memory_order_release)
#define shale_atomic_exchange_acq_rel(p, x) atomic_exchange_explicit(p, x, memory_order_acq_rel)
#define shale_atomic_exchange_seq_cst(p, x) atomic_exchange_explicit(p, x, memory_order_seq_cst)

#define SHALE_CAS_STRONG(p, expected, x, order, failed)                                            \
    atomic_compare_exchange_strong_explicit(p, expected, x, memory_order_##order,                  \
                                            memory_order_##failed)
#define SHALE_CAS_WEAK(p, expected, x, order, failed)                                              \
    atomic_compare_exchange_weak_explicit(p, expected, x, memory_order_##order,                    \
                                          memory_order_##failed)

#define shale_atomic_cas_relaxed(p, expected, x) SHALE_CAS_STRONG(p, expected, x, relaxed, relaxed)
#define shale_atomic_cas_acquire(p, expected, x) SHALE_CAS_STRONG(p, expected, x, acquire, acquire)
#define shale_atomic_cas_release(p, expected, x) SHALE_CAS_STRONG(p, expected, x, release, relaxed)
#define shale_atomic_cas_acq_rel(p, expected, x) SHALE_CAS_STRONG(p, expected, x, acq_rel, acquire)
#define shale_atomic_cas_seq_cst(p, expected, x) SHALE_CAS_STRONG(p, expected, x, seq_cst, acquire)

#define shale_atomic_cas_weak_relaxed(p, expected, x)                                              \
    SHALE_CAS_WEAK(p, expected, x, relaxed, relaxed)
#define shale_atomic_cas_weak_acquire(p, expected, x)                                              \
    SHALE_CAS_WEAK(p, expected, x, acquire, acquire)
#define shale_atomic_cas_weak_release(p, expected, x)                                              \
    SHALE_CAS_WEAK(p, expected, x, release, relaxed)
#define shale_atomic_cas_weak_acq_rel(p, expected, x)                                              \
    SHALE_CAS_WEAK(p, expected, x, acq_rel, acquire)
#define shale_atomic_cas_weak_seq_cst(p, expected, x)                                              \
    SHALE_CAS_WEAK(p, expected, x, seq_cst, acquire)

#define shale_atomic_fetch_add_relaxed(p, x) atomic_fetch_add_explicit(p, x, memory_order_relaxed)
#define shale_atomic_fetch_add_acquire(p, x) atomic_fetch_add_explicit(p, x, memory_order_acquire)
#define shale_atomic_fetch_add_release(p, x) atomic_fetch_add_explicit(p, x, memory_order_release)
#define shale_atomic_fetch_add_acq_rel(p, x) atomic_fetch_add_explicit(p, x, memory_order_acq_rel)
#define shale_atomic_fetch_add_seq_cst(p, x) atomic_fetch_add_explicit(p, x, memory_order_seq_cst)

#define shale_atomic_fetch_sub_relaxed(p, x) atomic_fetch_sub_explicit(p, x, memory_order_relaxed)
#define shale_atomic_fetch_sub_release(p, x) atomic_fetch_sub_explicit(p, x, memory_order_release)
#define shale_atomic_fetch_sub_acq_rel(p, x) atomic_fetch_sub_explicit(p, x, memory_order_acq_rel)
#define shale_atomic_fetch_sub_seq_cst(p, x) atomic_fetch_sub_explicit(p, x, memory_order_seq_cst)

#define shale_atomic_fetch_or_relaxed(p, x) atomic_fetch_or_explicit(p, x, memory_order_relaxed)
#define shale_atomic_fetch_or_release(p, x) atomic_fetch_or_explicit(p, x, memory_order_release)
#define shale_atomic_fetch_or_acq_rel(p, x) atomic_fetch_or_explicit(p, x, memory_order_acq_rel)
#define shale_atomic_fetch_or_seq_cst(p, x) atomic_fetch_or_explicit(p, x, memory_order_seq_cst)

#define shale_atomic_fetch_and_relaxed(p, x) atomic_fetch_and_explicit(p, x, memory_order_relaxed)
#define shale_atomic_fetch_and_release(p, x) atomic_fetch_and_explicit(p, x, memory_order_release)
#define shale_atomic_fetch_and_acq_rel(p, x) atomic_fetch_and_explicit(p, x, memory_order_acq_rel)
#define shale_atomic_fetch_and_seq_cst(p, x) atomic_fetch_and_explicit(p, x, memory_order_seq_cst)

/* A counter with one writer and any readers: two plain instructions, no locked one. */
#define shale_atomic_add_single_writer(p, x)                                                       \
    shale_atomic_store_relaxed(p, shale_atomic_load_relaxed(p) + (x))

/*
 * Thread sanitizer does not know fences. There each is a read-modify-write of one common word: no
 * false report, but two threads that both fence look ordered, so races next to fences can be
 * missed.
 */
#if SHALE_THREAD_SANITIZER
extern _Atomic unsigned shale_fence_word;
#define shale_fence_acquire() ((void)shale_atomic_fetch_add_acquire(&shale_fence_word, 0U))
#define shale_fence_release() ((void)shale_atomic_fetch_add_release(&shale_fence_word, 0U))
#define shale_fence_seq_cst() ((void)shale_atomic_fetch_add_seq_cst(&shale_fence_word, 0U))
#else
#define shale_fence_acquire() atomic_thread_fence(memory_order_acquire)
#define shale_fence_release() atomic_thread_fence(memory_order_release)
#define shale_fence_seq_cst() atomic_thread_fence(memory_order_seq_cst)
#endif

/*
 * Orders this thread's accesses for the compiler alone: against a signal handler of the same
 * thread, or together with a membarrier by the other side (base/membarrier.h).
 */
#define shale_compiler_barrier() atomic_signal_fence(memory_order_seq_cst)

/* In a spin loop: tells the core that this is one. */
static SHALE_ALWAYS_INLINE void shale_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
