/* SPDX-License-Identifier: MIT */
/* Handing foreign pointers on. Layer 1. */
#include "slab/foreign.h"

#include <errno.h>

#include "base/atomic.h"
#include "slab/thread.h"

static const struct slab_next *(*finder)(void);

void slab_foreign_set_finder(const struct slab_next *(*find)(void))
{
    finder = find;
}

/* Whom to hand a call on to. Not from inside an operation that a signal interrupted. */
static const struct slab_next *next_allocator(void)
{
    const struct slab_next *next = NULL;
    struct slab_thr *thr = slab_self;
    bool inside =
        thr != &slab_thr_empty && thr != &slab_thr_gone && shale_atomic_load_relaxed(&thr->op) != 0;
    if (finder != NULL && !inside)
        next = finder();
    if (next != NULL)
        SLAB_TOTAL(foreign_forwarded, 1);
    else
        SLAB_TOTAL(foreign_ignored, 1);
    return next;
}

void slab_foreign_free(void *block)
{
    const struct slab_next *next = next_allocator();
    if (next != NULL)
        next->free(block);
}

void *slab_foreign_realloc(void *block, size_t size)
{
    const struct slab_next *next = next_allocator();
    if (next != NULL)
        return next->realloc(block, size);
    errno = ENOMEM;
    return NULL;
}

size_t slab_foreign_usable_size(const void *block)
{
    const struct slab_next *next = next_allocator();
    if (next == NULL || next->usable_size == NULL)
        return 0;
    return next->usable_size((void *)(uintptr_t)block);
}

uint64_t slab_foreign_forwarded(void)
{
    return shale_atomic_load_relaxed(&slab_totals.foreign_forwarded);
}

uint64_t slab_foreign_ignored(void)
{
    return shale_atomic_load_relaxed(&slab_totals.foreign_ignored);
}
