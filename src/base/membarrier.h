/* SPDX-License-Identifier: MIT */
/*
 * Asymmetric fences: nothing but a compiler barrier on the frequent side, a system call on the
 * rare one. Layer 0.
 *
 * Two threads that each store, then load what the other stored, need a full fence between the two
 * on both sides, or each can miss the other's store. membarrier(PRIVATE_EXPEDITED) makes the kernel
 * run that fence on every running thread of the process, so the frequent side can go without:
 *
 *     frequent side                        rare side
 *     store mine; shale_light_fence();     store mine; shale_heavy_fence();
 *     load theirs                          load theirs
 *
 * Where membarrier is missing or was refused (another system, seccomp), and under thread sanitizer,
 * which does not know it, both are full fences: the same code, chosen at run time. A program may
 * install a seccomp filter later; then shale_heavy_fence() says so by its result and the caller
 * needs another way (see there).
 */
#ifndef SHALE_BASE_MEMBARRIER_H
#define SHALE_BASE_MEMBARRIER_H

#include <stdbool.h>

#include "base/atomic.h"
#include "base/attributes.h"

/* Not to be read directly: the mode of shale_light_fence. */
extern _Atomic bool shale_membarrier_ready;

/*
 * Registers this process for private expedited membarriers, once.
 *
 * Call it before the second thread exists: later the kernel waits for a grace period
 * (milliseconds). Only a call with no other thread, or one that happens before every use of the
 * fences, may find them changed afterwards.
 *
 * @return 0; SHALE_ENOTSUP when the kernel, a filter or this build cannot: the fences are then
 *         full ones.
 * Threads: any; the first call decides. Fork: the child inherits the registration.
 * Cost: two system calls the first time.
 */
int shale_membarrier_register(void);

/* True when light fences are compiler barriers. Threads: any. */
static SHALE_ALWAYS_INLINE bool shale_membarrier_available(void)
{
    return shale_atomic_load_relaxed(&shale_membarrier_ready);
}

/* The frequent side. Cost: nothing, or a full fence where membarrier is not available. */
static SHALE_ALWAYS_INLINE void shale_light_fence(void)
{
    if (SHALE_LIKELY(shale_membarrier_available()))
        shale_compiler_barrier();
    else
        shale_fence_seq_cst(); /* ORDER FENCE1 seq_cst <-> seq_cst in shale_heavy_fence()
                                * [membarrier.c]. Store-then-load against the rare side. Test
                                * membarrier_dekker_one_side_sees_the_other. */
}

/*
 * The rare side: after it, every store that other threads made before a light fence is seen here,
 * and what was stored here before it is seen by them after theirs.
 *
 * @return 0; SHALE_EPERM when membarrier was available at registration and is refused now: the
 *         other threads were NOT fenced, and the caller must get their acknowledgement otherwise.
 * Threads: any. Signals: safe. Cost: about half a microsecond with few threads.
 */
SHALE_NODISCARD int shale_heavy_fence(void);

#endif
