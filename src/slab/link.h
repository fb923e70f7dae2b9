/* SPDX-License-Identifier: MIT */
/*
 * The links of free blocks: plain addresses, or scrambled in the secure variant (secure.h).
 * Layer 1.
 */
#ifndef SHALE_SLAB_LINK_H
#define SHALE_SLAB_LINK_H

#include "slab/layout.h"

/* How a block is not what it should be. */
enum slab_offence {
    SLAB_OFFENCE_DOUBLE_FREE,
    SLAB_OFFENCE_INSIDE,  /* freed by an address inside it */
    SLAB_OFFENCE_NOTHING, /* freed, or resized, where no block is */
    SLAB_OFFENCE_WRITTEN, /* a free block was written to */
};

/* Tells stderr in one line and ends the process with abort(). Callable from anywhere. */
SHALE_COLD _Noreturn void slab_secure_report(enum slab_offence offence, const void *block);

#if SLAB_SECURE

extern uint64_t slab_secure_key;

static SHALE_ALWAYS_INLINE uint64_t slab_mask_of(const struct slab_block *block)
{
    return slab_secure_key ^ (uint64_t)(uintptr_t)block * 0x9e3779b97f4a7c15ull;
}

/* The low bytes, which an overflow reaches first, decode to the high ones. */
static SHALE_ALWAYS_INLINE struct slab_block *slab_next(const struct slab_block *block)
{
    uint64_t stored = (uint64_t)(uintptr_t)block->next;
    return (struct slab_block *)(uintptr_t)(__builtin_bswap64(stored) ^ slab_mask_of(block));
}

static SHALE_ALWAYS_INLINE void slab_set_next(struct slab_block *block, struct slab_block *next)
{
    uint64_t stored = __builtin_bswap64((uint64_t)(uintptr_t)next ^ slab_mask_of(block));
    block->next = (struct slab_block *)(uintptr_t)stored;
}

/* The block behind a slab's first free one. */
static SHALE_ALWAYS_INLINE struct slab_block *slab_next_checked(const struct slab_hot *hot,
                                                                const struct slab_block *block)
{
    struct slab_block *next = slab_next(block);
    uint64_t offset = (uint64_t)((const char *)next - slab_unit_address(hot->unit));
    if (SHALE_UNLIKELY(next != NULL && offset >= (uint64_t)hot->capacity * hot->size))
        slab_secure_report(SLAB_OFFENCE_WRITTEN, block);
    return next;
}

#else

static SHALE_ALWAYS_INLINE struct slab_block *slab_next(const struct slab_block *block)
{
    return block->next;
}

static SHALE_ALWAYS_INLINE void slab_set_next(struct slab_block *block, struct slab_block *next)
{
    block->next = next;
}

static SHALE_ALWAYS_INLINE struct slab_block *slab_next_checked(const struct slab_hot *hot,
                                                                const struct slab_block *block)
{
    (void)hot;
    return block->next;
}

#endif
#endif
