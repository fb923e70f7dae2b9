/* SPDX-License-Identifier: MIT */
/*
 * Asymmetric fences over membarrier(2). Layer 0.
 *
 * The answer of the first registration is kept: `ready` goes from false to true at most once,
 * before a second thread uses the fences (membarrier.h says who must see to that), and is never
 * unset.
 */
#define _GNU_SOURCE
#include "base/membarrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shale/error.h>

_Atomic bool shale_membarrier_ready;

#if SHALE_THREAD_SANITIZER
_Atomic unsigned shale_fence_word;
#endif

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static int membarrier(int command)
{
    int saved = errno;
    long result = syscall(SYS_membarrier, command, 0, 0);
    errno = saved;
    return result < 0 ? -1 : (int)result;
}

static void register_once(void)
{
    if (SHALE_THREAD_SANITIZER)
        return; /* It would see no ordering at all behind a compiler barrier. */
    int commands = membarrier(MEMBARRIER_CMD_QUERY);
    if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return;
    if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0)
        return;
    /* A filter may allow the query and the registration and refuse the command itself. */
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
        return;
    shale_atomic_store_relaxed(&shale_membarrier_ready, true);
}

int shale_membarrier_register(void)
{
    pthread_once(&registered, register_once);
    return shale_membarrier_available() ? 0 : SHALE_ENOTSUP;
}

int shale_heavy_fence(void)
{
    /* ORDER FENCE1 seq_cst <-> seq_cst in shale_light_fence() [membarrier.h]. The rare side of
     * store-then-load; also orders this thread itself when there is no membarrier. Without it both
     * sides can miss each other's store. Test membarrier_dekker_one_side_sees_the_other. */
    shale_fence_seq_cst();
    if (!shale_membarrier_available())
        return 0;
    return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0 ? 0 : SHALE_EPERM;
}
