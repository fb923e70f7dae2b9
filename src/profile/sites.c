/* SPDX-License-Identifier: MIT */
/* The distinct stacks: see sites.h. */
#include "profile/sites.h"

#include <shale/error.h>
#include <string.h>

#include "base/os.h"

enum { FIRST_SLOTS = 4096 };

/* Block i holds 256 << i sites, from 256 * (2^i - 1) on. */
static unsigned block_of(uint32_t site)
{
    return 31U - (unsigned)__builtin_clz(site / PROFILE_FILE_SITES_FIRST + 1);
}

static uint32_t block_start(unsigned block)
{
    return ((1U << block) - 1) * PROFILE_FILE_SITES_FIRST;
}

static size_t index_bytes(uint64_t slots)
{
    return SHALE_ALIGN_UP(slots * sizeof(struct profile_site_slot), shale_os_page_size());
}

int profile_sites_start(struct profile_sites *sites, struct profile_image *image)
{
    void *slots;
    *sites =
        (struct profile_sites){.image = image, .lock = SHALE_LOCK_INIT(SHALE_RANK_PROFILE_SITES)};
    if (shale_os_map(index_bytes(FIRST_SLOTS), 0, &slots) != 0)
        return SHALE_ENOMEM;
    sites->slots = slots;
    sites->slot_mask = FIRST_SLOTS - 1;
    return 0;
}

void profile_sites_stop(struct profile_sites *sites)
{
    if (sites->slots != NULL)
        shale_os_release(sites->slots, index_bytes(sites->slot_mask + 1));
    sites->slots = NULL;
}

struct profile_file_site *profile_sites_at(const struct profile_sites *sites, uint32_t site)
{
    unsigned block = block_of(site);
    uint64_t at = shale_atomic_load_relaxed(&sites->image->header->live.site_block_at[block]);
    struct profile_file_site *first = profile_image_at(sites->image, at);
    return &first[site - block_start(block)];
}

static struct profile_site_slot *slot_of(const struct profile_sites *sites, uint64_t hash)
{
    for (uint64_t i = hash >> 7;; i++) {
        struct profile_site_slot *slot = &sites->slots[i & sites->slot_mask];
        if (slot->site_plus_one == 0 || slot->hash == hash)
            return slot;
    }
}

static bool grow_index(struct profile_sites *sites)
{
    struct profile_sites grown = {.slot_mask = sites->slot_mask * 2 + 1};
    void *slots;
    if (shale_os_map(index_bytes(grown.slot_mask + 1), 0, &slots) != 0)
        return false;
    grown.slots = slots;
    for (uint64_t i = 0; i <= sites->slot_mask; i++)
        if (sites->slots[i].site_plus_one != 0)
            *slot_of(&grown, sites->slots[i].hash) = sites->slots[i];
    profile_sites_stop(sites);
    sites->slots = grown.slots;
    sites->slot_mask = grown.slot_mask;
    return true;
}

/* The record of the next site: NULL without room. */
static struct profile_file_site *next_record(struct profile_sites *sites)
{
    struct profile_file_live *live = &sites->image->header->live;
    unsigned block = block_of(sites->count);
    if (sites->count >= PROFILE_SITES_NONE || block >= PROFILE_FILE_SITE_BLOCKS)
        return NULL;
    if (sites->count == block_start(block)) {
        struct profile_file_site *made = profile_image_take(
            sites->image, sizeof(*made) * ((size_t)PROFILE_FILE_SITES_FIRST << block));
        if (made == NULL)
            return NULL;
        shale_atomic_store_relaxed(&live->site_block_at[block],
                                   profile_image_offset(sites->image, made));
    }
    return profile_sites_at(sites, sites->count);
}

static uint32_t add(struct profile_sites *sites, struct profile_site_slot *slot, uint64_t hash,
                    const struct profile_stack *stack)
{
    struct profile_file_site *site = next_record(sites);
    size_t bytes = stack->depth * sizeof(stack->frames[0]);
    void *frames = site != NULL ? profile_image_take(sites->image, bytes) : NULL;
    if (frames == NULL)
        return PROFILE_SITES_NONE;
    memcpy(frames, stack->frames, bytes);
    site->hash = hash;
    site->frames_at = profile_image_offset(sites->image, frames);
    site->frame_count = stack->depth;
    site->flags = (stack->truncated ? PROFILE_SITE_TRUNCATED : 0U) |
                  (stack->unwound ? PROFILE_SITE_UNWOUND : 0U);
    uint32_t number = sites->count++;
    *slot = (struct profile_site_slot){hash, number + 1};
    shale_atomic_store_relaxed(&sites->image->header->live.site_count, sites->count);
    return number;
}

uint32_t profile_sites_find(struct profile_sites *sites, uint64_t hash)
{
    shale_lock_acquire(&sites->lock);
    uint32_t found = slot_of(sites, hash)->site_plus_one;
    shale_lock_release(&sites->lock);
    return found != 0 ? found - 1 : PROFILE_SITES_NONE;
}

uint32_t profile_sites_add(struct profile_sites *sites, uint64_t hash,
                           const struct profile_stack *stack)
{
    uint32_t site = PROFILE_SITES_NONE;
    shale_lock_acquire(&sites->lock);
    if (sites->count * UINT64_C(2) <= sites->slot_mask || grow_index(sites)) {
        struct profile_site_slot *slot = slot_of(sites, hash);
        site = slot->site_plus_one != 0 ? slot->site_plus_one - 1 : add(sites, slot, hash, stack);
    }
    shale_lock_release(&sites->lock);
    return site;
}

void profile_sites_forget(struct profile_sites *sites)
{
    shale_lock_reset(&sites->lock);
    profile_sites_stop(sites);
}
