/* SPDX-License-Identifier: MIT */
/*
 * What the secure variant of the engine does more, and what the plain one does in its place.
 * Layer 1.
 *
 * The variant is the same code compiled with SHALE_SECURE: SLAB_SECURE is a constant, and what
 * stands behind it costs the plain variant nothing.
 *
 *     | block 0 | block 1 | ... | block n-1 | unused | guard 4 KiB | tags 4 KiB |   a slab
 *
 *   tags        a byte per block of every slab, as tag.h says; behind the guard. Odd: allocated.
 * The free of a block whose tag is even ends the process. They wrap, but for handles. links       a
 * free block's first word is the next one's address, scrambled with a key of the process and its
 * own address. What does not lead into the slab ends the process. order       the blocks of a step
 * (slab_link_more) are linked at random. wiping      a block is zeroed by free; a block above 64
 * KiB has its pages taken away. quarantine  a freed block of plain malloc, up to 8 KiB, waits
 * behind QUARANTINE_BLOCKS others of its thread. guards      between a slab's blocks and its tags;
 * behind each larger block of plain malloc.
 *
 * Blocks of epochs are in no quarantine: a close would have to wait for it. Their larger blocks
 * have no guard: a discard gives them back without visiting them.
 */
#ifndef SHALE_SLAB_SECURE_H
#define SHALE_SLAB_SECURE_H

#include "slab/link.h"
#include "slab/tag.h"

/* Makes the key: once, before the first slab. */
void slab_secure_start(void);

/* Gives a structure its quarantine; without memory for it, it has none. Locks: the gate. */
void slab_secure_prepare(struct slab_thr *thr);

/* Ends the process unless the address is that of a live block. */
void slab_secure_check_live(const void *block);

/* The tags of a slab that gets its class; `zero`: its memory reads as zero. */
void slab_secure_make(struct slab_hot *hot, bool zero);

/* Links `count` blocks that were never used, in random order. */
void slab_secure_link(struct slab_hot *hot, uint32_t count);

/* Marks a live block as free and zeroes it; what is no live block ends the process. */
void slab_secure_close(uint32_t unit, void *block);

/* Frees a block of a slab, in time. Locks: the biased lock. */
void slab_secure_free(struct slab_thr *thr, void *block, uint32_t unit);

/* As free's fast path behind its entry: op is 1 before and 0 after. */
void slab_secure_free_fast(struct slab_thr *thr, void *block, uint32_t unit);

/* Ends the quarantine of all blocks that wait. Locks: the biased lock. */
void slab_secure_flush(struct slab_thr *thr);

/* Guards of slabs and of larger blocks; `end`: of the last unit. */
void slab_secure_guard(uint32_t unit, unsigned class);
void slab_secure_unguard(uint32_t unit, unsigned class);
void slab_secure_guard_end(char *end);

/* Before a larger block is freed: its pages go, and its guard. */
void slab_secure_wipe_large(char *block, char *end);

#if SLAB_SECURE

/* Takes the first free block, which is `block`: what was in it is gone. */
static SHALE_ALWAYS_INLINE void slab_unlink(struct slab_hot *hot, struct slab_block *block)
{
    struct slab_block *next = slab_next_checked(hot, block);
    uint32_t slot = slab_slot_of_block(hot, block);
    _Atomic uint8_t *tag = slab_tag_at(hot->unit, hot->class, slot);
    uint8_t was = shale_atomic_load_relaxed(tag);
    if (SHALE_UNLIKELY((char *)block != slab_unit_address(hot->unit) + (uint64_t)slot * hot->size ||
                       was % 2 != 0))
        slab_secure_report(SLAB_OFFENCE_WRITTEN, block);
    shale_atomic_store_relaxed(tag, (uint8_t)(was + 1));
    hot->free = next;
    hot->allocs++;
    ((uint64_t *)(void *)block)[0] = 0;
    ((uint64_t *)(void *)block)[1] = 0;
}

#else

static SHALE_ALWAYS_INLINE void slab_unlink(struct slab_hot *hot, struct slab_block *block)
{
    hot->free = block->next;
    hot->allocs++;
}

#endif
#endif
