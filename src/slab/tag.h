/* SPDX-License-Identifier: MIT */
/*
 * Tags: what makes handles exact. Layer 1.
 *
 *     | block 0 | block 1 | ... | block n-1 | unused | tag n-1 ... tag 1 | tag 0 |   end of the
 * slab
 *
 * A slab of an epoch with handles has a byte per block at its end: even when the block is free, odd
 * when it is allocated, one up at each of both. A block whose tag is SLAB_TAG_END is never used
 * again in this life of the slab. The unit's `handles` word says which life of its first unit with
 * handles it is, and the class while it lasts; a unit whose lives are used up gets no such slab.
 *
 * Who validates a handle reads the word, the tag, and the word again: between two equal words the
 * tag was a tag. The owner word of these slabs carries SLAB_OWNER_TAGGED, so that a free by address
 * leaves the fast path and finds the tag. Model: tests/models/handle.pml.
 */
#ifndef SHALE_SLAB_TAG_H
#define SHALE_SLAB_TAG_H

#include "slab/class.h"
#include "slab/late.h"
#include "slab/link.h"
#include "slab/thread.h"

enum {
    SLAB_TAG_END = 254,
    SLAB_LIVES_END = 0xffff,
    SLAB_HANDLES_LIVES_SHIFT = 16,
    SLAB_HANDLES_CLASS_SHIFT = 8, /* of class + 1; 0: no slab with handles now */
};

/* Tests make them smaller, to see the ends. */
extern uint8_t slab_tag_end;
extern uint16_t slab_lives_end;

static SHALE_ALWAYS_INLINE uint32_t slab_tag_capacity(unsigned class)
{
    return slab_class_tags[class + 1].capacity;
}

static SHALE_ALWAYS_INLINE _Atomic uint8_t *slab_tag_at(uint32_t unit, unsigned class,
                                                        uint32_t slot)
{
    return (_Atomic uint8_t *)(void *)(slab_unit_address(unit) + slab_class_tags[class + 1].end -
                                       1 - slot);
}

static SHALE_ALWAYS_INLINE uint32_t slab_slot_of_block(const struct slab_hot *hot,
                                                       const void *block)
{
    uint64_t offset = (uint64_t)((const char *)block - slab_unit_address(hot->unit));
    return (uint32_t)(offset * slab_class_magic[hot->class] >> 32);
}

static SHALE_ALWAYS_INLINE bool slab_is_tagged(uint32_t unit)
{
    return (shale_atomic_load_relaxed(&slab_unit_at(unit)->handles) >> SLAB_HANDLES_CLASS_SHIFT &
            0xff) != 0;
}

/* The late heap and the first thread: nobody runs at the same time as the caller. */
static SHALE_ALWAYS_INLINE bool slab_is_alone(void)
{
    return shale_atomic_load_relaxed(&slab_thr_end) <= SLAB_LATE + 2;
}

/* The unit's lives with handles are used up. */
bool slab_is_spent(uint32_t unit);

/* A new slab of the thread gets its tags; its blocks have not been linked. */
void slab_tag_make(struct slab_thr *thr, struct slab_hot *hot, bool zero);

/* The life of a slab with tags is over: no handle of it is valid from here. */
void slab_tag_end_life(uint32_t unit);

/*
 * The next free block that can be used once more, allocated; NULL: the free list has none.
 * @param slot  gets its place; tag: its tag, odd.
 */
static SHALE_ALWAYS_INLINE void *slab_tag_pop_at(struct slab_hot *hot, uint32_t *slot, uint8_t *tag)
{
    struct slab_block *block;
    while ((block = hot->free) != NULL) {
        *slot = slab_slot_of_block(hot, block);
        _Atomic uint8_t *place = slab_tag_at(hot->unit, hot->class, *slot);
        uint8_t was = shale_atomic_load_relaxed(place);
        hot->free = slab_next_checked(hot, block);
        if (SHALE_LIKELY(was < slab_tag_end)) {
            hot->allocs++;
            *tag = was + 1;
            shale_atomic_store_relaxed(place, *tag);
            return block;
        }
        hot->retired++;
    }
    return NULL;
}

void *slab_tag_pop(struct slab_hot *hot);

/* Frees by address: the tag of a block goes to even. False: not an allocated block. */
bool slab_tag_clear(uint32_t unit, const void *block);

#endif
