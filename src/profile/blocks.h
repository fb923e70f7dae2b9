/* SPDX-License-Identifier: MIT */
/*
 * The table of live blocks, in the recorder's file: by address, without locks. Layer 3.
 *
 * A block belongs to whoever the allocator gave it to, from the return of malloc to the call of
 * free; the allocator hands it on only after free. So an address has at most one entry, and the
 * entry has at most one user at a time: adding claims a free slot of a bucket, removing frees it.
 * Two threads meet only in claiming slots.
 *
 * A bucket that is full sends its blocks to the next ones, up to PROFILE_BLOCKS_REACH, and
 * remembers that it did. When those are full as well a level of twice the size is added. New blocks
 * go to the newest level; a search goes from the newest to the oldest.
 *
 * Progress: adding and removing are lock-free; a new level is made by one thread while the others
 * look on at longer searches. Signals: not in a handler that interrupts the same thread in here.
 */
#ifndef SHALE_PROFILE_BLOCKS_H
#define SHALE_PROFILE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/image.h"

enum { PROFILE_BLOCKS_REACH = 4, PROFILE_BLOCKS_LEVEL_MAX = 31 };

struct profile_blocks {
    struct profile_image *image;
    _Atomic uint32_t level_count;
    uint32_t first_buckets; /* of the first level; a power of two */
    _Atomic uint32_t growing;
    struct profile_level {
        struct profile_file_bucket *buckets;
        uint64_t mask;
    } levels[PROFILE_FILE_LEVELS];
};

/* What is known of a block: as struct profile_file_block, see there. */
struct profile_block_entry {
    uint64_t key;
    uint64_t what;
    uint64_t birth;
};

/*
 * Starts with an empty first level.
 *
 * @param first_buckets  a power of two.
 * @return 0 or SHALE_ENOMEM: the file has no room.
 */
SHALE_NODISCARD int profile_blocks_start(struct profile_blocks *blocks, struct profile_image *image,
                                         uint32_t first_buckets);

/*
 * Adds a block. An address that is there already is there twice: take it out first.
 *
 * @return 0, or SHALE_ENOMEM: the file has no room; the block is not there.
 */
int profile_blocks_add(struct profile_blocks *blocks, const struct profile_block_entry *entry);

/* Takes the block at an address out; false when it is not there. */
bool profile_blocks_remove(struct profile_blocks *blocks, uint64_t address,
                           struct profile_block_entry *entry);

/* The upper bits of the product depend on all of the address. */
static SHALE_ALWAYS_INLINE uint64_t profile_blocks_bucket(const struct profile_level *level,
                                                          uint64_t address)
{
    return ((address >> 4) * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & level->mask;
}

/* Asks the processor for the bucket that a removal will look at first. */
static SHALE_ALWAYS_INLINE void profile_blocks_prefetch(const struct profile_blocks *blocks,
                                                        uint64_t address)
{
    uint32_t count = shale_atomic_load_relaxed(&blocks->level_count);
    const struct profile_level *level = &blocks->levels[count - 1];
    const struct profile_file_bucket *bucket =
        &level->buckets[profile_blocks_bucket(level, address)];
    __builtin_prefetch(bucket, 1);
    __builtin_prefetch(bucket->blocks, 1);
}

#endif
