/* SPDX-License-Identifier: MIT */
/*
 * fork: every heap is consistent in the child, and the child takes over what its lost threads had.
 * Layer 1.
 *
 * prepare takes the engine's OS locks and holds every other thread outside its heap. A thread that
 * does not get outside within 100 ms in all (a stop-the-world signal parked it inside) is SUSPECT
 * in the child: what it had stays as it is for ever. Between prepare and parent or child the
 * forking thread's own calls work: the locks count as free for it.
 *
 * A child of _Fork or of a raw clone is found out by a word that reads as zero in every child. It
 * is looked at where something would be waited for, and before any OS lock is taken: until then a
 * child only uses what its one thread has, which is whole. What is found then is mended: threads
 * that were outside their heaps are taken over, those inside are SUSPECT, locks are free again, and
 * what a lost thread was changing under an internal lock is made anew from the states of units
 * (rebuild.h). A vfork child shares the memory of its parent and is nothing new.
 */
#ifndef SHALE_SLAB_FORK_H
#define SHALE_SLAB_FORK_H

#include <stdbool.h>

#include "base/atomic.h"
#include "base/attributes.h"

/* Registers the handlers, once. SHALE_ENOMEM. */
SHALE_NODISCARD int slab_fork_start(void);

/* What the word is outside of a child that is to be mended. */
enum { SLAB_FORK_WHOLE = 1 };
extern _Atomic uint32_t *_Atomic slab_fork_word;

/* Mends the child, once. Threads: any; the others wait. */
void slab_fork_mend(void);

/* Before an OS lock is taken, and where one would wait for another thread. Cost: two loads. */
static SHALE_ALWAYS_INLINE void slab_fork_check(void)
{
    /* ORDER FORK2 acquire <- release in watch() [fork.c]. The page says WHOLE when it is found. */
    const _Atomic uint32_t *word = shale_atomic_load_acquire(&slab_fork_word);
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(word) != SLAB_FORK_WHOLE))
        slab_fork_mend();
}

/* True between prepare and parent or child, in the thread that forks. Cost: a load. */
bool slab_fork_is_mine(void);

#endif
