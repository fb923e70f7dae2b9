/* SPDX-License-Identifier: MIT */
/* The table of live blocks: see blocks.h. */
#include "profile/blocks.h"

#include <shale/error.h>

static int add_level(struct profile_blocks *blocks, uint32_t count)
{
    uint64_t buckets = (uint64_t)blocks->first_buckets << count;
    if (count >= PROFILE_BLOCKS_LEVEL_MAX)
        return SHALE_ENOMEM;
    struct profile_level *level = &blocks->levels[count];
    level->buckets =
        profile_image_take(blocks->image, buckets * sizeof(struct profile_file_bucket));
    if (level->buckets == NULL)
        return SHALE_ENOMEM;
    level->mask = buckets - 1;
    struct profile_file_live *live = &blocks->image->header->live;
    shale_atomic_store_relaxed(&live->level_at[count],
                               profile_image_offset(blocks->image, level->buckets));
    shale_atomic_store_relaxed(&live->level_buckets[count], buckets);
    shale_atomic_store_relaxed(&live->level_count, count + 1);
    /* ORDER PBLOCKS1 release -> acquire in newest_level() [blocks.c]. Publishes the level. Without
     * it another thread could use one whose place it does not know. Test
     * blocks_crowd_every_block_found. */
    shale_atomic_store_release(&blocks->level_count, count + 1);
    return 0;
}

static SHALE_ALWAYS_INLINE uint32_t newest_level(const struct profile_blocks *blocks)
{
    /* ORDER PBLOCKS1 acquire <- release in add_level() [blocks.c]. The levels counted are there. */
    return shale_atomic_load_acquire(&blocks->level_count);
}

int profile_blocks_start(struct profile_blocks *blocks, struct profile_image *image,
                         uint32_t first_buckets)
{
    *blocks = (struct profile_blocks){.image = image, .first_buckets = first_buckets};
    return add_level(blocks, 0);
}

static SHALE_ALWAYS_INLINE bool claim(struct profile_file_bucket *bucket,
                                      const struct profile_block_entry *entry)
{
    for (unsigned slot = 0; slot < PROFILE_FILE_SLOTS; slot++) {
        uint64_t expected = 0;
        if (shale_atomic_load_relaxed(&bucket->keys[slot]) != 0)
            continue;
        /* ORDER PBLOCKS2 acquire <- release in take_out() [blocks.c]. Who freed the slot has read
         * what was in it. */
        if (!shale_atomic_cas_acquire(&bucket->keys[slot], &expected, entry->key))
            continue;
        shale_atomic_store_relaxed(&bucket->blocks[slot].what, entry->what);
        shale_atomic_store_relaxed(&bucket->blocks[slot].birth, entry->birth);
        return true;
    }
    return false;
}

static bool add_to(const struct profile_level *level, const struct profile_block_entry *entry,
                   uint64_t reach)
{
    uint64_t first = profile_blocks_bucket(level, entry->key >> PROFILE_BLOCK_ADDRESS_SHIFT);
    for (uint64_t i = 0; i < reach; i++) {
        struct profile_file_bucket *bucket = &level->buckets[(first + i) & level->mask];
        if (SHALE_LIKELY(claim(bucket, entry)))
            return true;
        /* Relaxed: who looks for the block learned its address after this. */
        shale_atomic_store_relaxed(&bucket->passed, 1);
    }
    return false;
}

/* The newest level is full, or another thread adds one: longer searches until that is done. */
static SHALE_COLD int add_slowly(struct profile_blocks *blocks,
                                 const struct profile_block_entry *entry)
{
    for (uint64_t reach = PROFILE_BLOCKS_REACH;;) {
        uint32_t count = newest_level(blocks), expected = 0;
        const struct profile_level *level = &blocks->levels[count - 1];
        if (add_to(level, entry, reach < level->mask ? reach : level->mask + 1))
            return 0;
        /* ORDER PBLOCKS3 acquire <- release in add_slowly() [blocks.c]. Who added a level before is
         * done with it. */
        if (!shale_atomic_cas_acquire(&blocks->growing, &expected, 1)) {
            reach *= 2;
            continue;
        }
        int result = newest_level(blocks) == count ? add_level(blocks, count) : 0;
        /* ORDER PBLOCKS3 release -> acquire in add_slowly() [blocks.c]. Publishes the level to who
         * adds the next. Without it two could take one place. Test blocks_crowd_every_block_found.
         */
        shale_atomic_store_release(&blocks->growing, 0);
        if (result != 0)
            return result;
        reach = PROFILE_BLOCKS_REACH;
    }
}

int profile_blocks_add(struct profile_blocks *blocks, const struct profile_block_entry *entry)
{
    const struct profile_level *level = &blocks->levels[newest_level(blocks) - 1];
    if (SHALE_LIKELY(add_to(level, entry, PROFILE_BLOCKS_REACH)))
        return 0;
    return add_slowly(blocks, entry);
}

static SHALE_ALWAYS_INLINE bool take_out(struct profile_file_bucket *bucket, uint64_t address,
                                         struct profile_block_entry *entry)
{
    for (unsigned slot = 0; slot < PROFILE_FILE_SLOTS; slot++) {
        uint64_t key = shale_atomic_load_relaxed(&bucket->keys[slot]);
        if (key >> PROFILE_BLOCK_ADDRESS_SHIFT != address)
            continue;
        entry->key = key;
        entry->what = shale_atomic_load_relaxed(&bucket->blocks[slot].what);
        entry->birth = shale_atomic_load_relaxed(&bucket->blocks[slot].birth);
        /* ORDER PBLOCKS2 release -> acquire in claim() [blocks.c]. The reads above come before the
         * next block's words. Without it a block could be taken out with another's size. Test
         * blocks_crowd_every_block_found. */
        shale_atomic_store_release(&bucket->keys[slot], 0);
        return true;
    }
    return false;
}

bool profile_blocks_remove(struct profile_blocks *blocks, uint64_t address,
                           struct profile_block_entry *entry)
{
    for (uint32_t i = newest_level(blocks); i-- > 0;) {
        const struct profile_level *level = &blocks->levels[i];
        uint64_t number = profile_blocks_bucket(level, address);
        for (uint64_t looked = 0; looked <= level->mask; looked++) {
            struct profile_file_bucket *bucket = &level->buckets[(number + looked) & level->mask];
            if (take_out(bucket, address, entry))
                return true;
            if (SHALE_LIKELY(shale_atomic_load_relaxed(&bucket->passed) == 0))
                break;
        }
    }
    return false;
}
