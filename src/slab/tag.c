/* SPDX-License-Identifier: MIT */
/* Tags of slabs. Layer 1. */
#include "slab/tag.h"

#include <string.h>

#include "slab/secure.h"

uint8_t slab_tag_end = SLAB_TAG_END;
uint16_t slab_lives_end = SLAB_LIVES_END;

bool slab_is_spent(uint32_t unit)
{
    return shale_atomic_load_relaxed(&slab_unit_at(unit)->handles) >> SLAB_HANDLES_LIVES_SHIFT >=
           slab_lives_end;
}

void slab_tag_make(struct slab_thr *thr, struct slab_hot *hot, bool zero)
{
    struct slab_unit *entry = slab_unit_at(hot->unit);
    hot->capacity = slab_tag_capacity(hot->class);
    hot->tagged = true;
    if (!zero)
        memset((void *)slab_tag_at(hot->unit, hot->class, hot->capacity - 1), 0, hot->capacity);
    uint32_t lives = shale_atomic_load_relaxed(&entry->handles) >> SLAB_HANDLES_LIVES_SHIFT;
    /* ORDER HANDLE1 release -> acquire in look_at() [handle.c]. The tags are zero. Without it a
     * handle of an earlier use of the memory could be found valid. Test
     * handle_stale_after_every_kind_of_end. */
    shale_atomic_store_release(&entry->handles, lives << SLAB_HANDLES_LIVES_SHIFT |
                                                    (hot->class + 1u) << SLAB_HANDLES_CLASS_SHIFT);
    slab_set_owner(hot->unit, thr->id | SLAB_OWNER_TAGGED);
}

void slab_tag_end_life(uint32_t unit)
{
    struct slab_unit *entry = slab_unit_at(unit);
    uint32_t lives = shale_atomic_load_relaxed(&entry->handles) >> SLAB_HANDLES_LIVES_SHIFT;
    shale_atomic_store_relaxed(&entry->handles, (lives + 1) << SLAB_HANDLES_LIVES_SHIFT);
    shale_fence_release(); /* ORDER HANDLE2 release -> acquire in look_at() [handle.c]. Before the
                            * memory is anybody else's: who reads other bytes for a tag reads the
                            * word after that, and finds it changed. Test
                            * handle_stale_after_every_kind_of_end. */
}

void *slab_tag_pop(struct slab_hot *hot)
{
    uint32_t slot;
    uint8_t tag;
    return slab_tag_pop_at(hot, &slot, &tag);
}

bool slab_tag_clear(uint32_t unit, const void *block)
{
    const struct slab_hot *hot = slab_hot_at(unit);
    uint32_t slot = slab_slot_of_block(hot, block);
    if ((const char *)block != slab_unit_address(unit) + (uint64_t)slot * hot->size ||
        slot >= hot->capacity)
        return false;
    _Atomic uint8_t *tag = slab_tag_at(unit, hot->class, slot);
    uint8_t was = shale_atomic_load_relaxed(tag);
    if (was % 2 == 0)
        return false;
    if (!slab_is_alone())
        return shale_atomic_cas_relaxed(tag, &was, (uint8_t)(was + 1));
    shale_atomic_store_relaxed(tag, (uint8_t)(was + 1));
    return true;
}
