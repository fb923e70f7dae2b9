/* SPDX-License-Identifier: MIT */
/*
 * The fast paths of malloc and free, to be compiled into the function that is called. Layer 1.
 *
 * No call, no locked instruction, no fence; everything rare is a tail call. What makes that correct
 * is the biased lock (bias.h) and the trigger (slab.h).
 */
#ifndef SHALE_SLAB_FAST_H
#define SHALE_SLAB_FAST_H

#include "slab/class.h"
#include "slab/secure.h"
#include "slab/thread.h"

/* Finish what the fast paths began. `old` is what op was before they set it to 1. */
void *slab_malloc_slow(size_t size, uint32_t old);
void *slab_calloc_slow(size_t size, uint32_t old, bool *zero);
/* Above SLAB_DIRECT_MAX. */
void *slab_malloc_middle(size_t size);
void slab_free_slow(void *block, uint32_t old);
/* frees reached trigger. op is 1. */
void slab_free_triggered(struct slab_thr *thr, struct slab_hot *hot);

/*
 * The next free block of a slab; `slow` when there is none. The block behind it is not fetched:
 * that costs a twentieth of a pair and gains nothing that can be measured under random churn.
 */
#define SLAB_POP(hot, block, slow)                                                                 \
    do {                                                                                           \
        (block) = (hot)->free;                                                                     \
        if (SHALE_UNLIKELY((block) == NULL))                                                       \
            return slow;                                                                           \
        slab_unlink(hot, block);                                                                   \
    } while (0)

static SHALE_ALWAYS_INLINE void *slab_malloc_fast(size_t size)
{
    struct slab_thr *thr = slab_self;
    struct slab_block *block;
    if (SHALE_UNLIKELY(size > SLAB_DIRECT_MAX))
        return slab_malloc_middle(size);
    uint32_t old = shale_atomic_load_relaxed(&thr->op);
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    if (SHALE_UNLIKELY((old | shale_atomic_load_acquire(&thr->attn)) != 0))
        return slab_malloc_slow(size, old);
    struct slab_hot *hot = thr->main.direct[(size + 15) >> 4];
    SLAB_POP(hot, block, slab_malloc_slow(size, 0));
    /* ORDER BIAS1 release -> acquire in is_outside() [bias.c]. As in slab_leave. */
    shale_atomic_store_release(&thr->op, 0);
    return block;
}

/*
 * As slab_malloc_fast, for at most SLAB_CLASS_MAX bytes; *zero tells whether the block reads as
 * zero but for its first word. That is so in a slab that came from zeroed memory and has seen no
 * free.
 */
static SHALE_ALWAYS_INLINE void *slab_calloc_fast(size_t size, bool *zero)
{
    struct slab_thr *thr = slab_self;
    struct slab_block *block;
    uint32_t old = shale_atomic_load_relaxed(&thr->op);
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    if (SHALE_UNLIKELY((old | shale_atomic_load_acquire(&thr->attn)) != 0))
        return slab_calloc_slow(size, old, zero);
    struct slab_hot *hot = size <= SLAB_DIRECT_MAX ? thr->main.direct[(size + 15) >> 4]
                                                   : thr->main.current[slab_class_of(size)];
    SLAB_POP(hot, block, slab_calloc_slow(size, 0, zero));
    *zero = hot->zero && slab_frees(hot) == 0;
    /* ORDER BIAS1 release -> acquire in is_outside() [bias.c]. As in slab_leave. */
    shale_atomic_store_release(&thr->op, 0);
    return block;
}

static SHALE_ALWAYS_INLINE void slab_free_fast(void *address)
{
    struct slab_thr *thr = slab_self;
    uint32_t old = shale_atomic_load_relaxed(&thr->op);
    shale_atomic_store_relaxed(&thr->op, 1);
    shale_compiler_barrier();
    uint64_t offset = (uint64_t)((uintptr_t)address - (uintptr_t)thr->base);
    /* ORDER BIAS2 acquire <- release in slab_let_go() [bias.c]. As in slab_enter. */
    if (SHALE_UNLIKELY((old | shale_atomic_load_acquire(&thr->attn)) != 0 ||
                       offset >= thr->limit)) {
        slab_free_slow(address, old);
        return;
    }
    uint64_t unit = offset >> SLAB_UNIT_SHIFT;
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&thr->owners[unit]) != thr->id)) {
        slab_free_slow(address, old);
        return;
    }
    if (SLAB_SECURE) {
        slab_secure_free_fast(thr, address, (uint32_t)unit);
        return;
    }
    struct slab_hot *hot = &thr->hots[unit];
    struct slab_block *block = address;
    block->next = hot->free;
    hot->free = block;
    if (SHALE_UNLIKELY(--hot->left == 0)) {
        slab_free_triggered(thr, hot);
        return;
    }
    /* ORDER BIAS1 release -> acquire in is_outside() [bias.c]. As in slab_leave. */
    shale_atomic_store_release(&thr->op, 0);
}

#endif
