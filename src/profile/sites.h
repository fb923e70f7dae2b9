/* SPDX-License-Identifier: MIT */
/*
 * The distinct stacks of a recording, in the recorder's file, and the index that finds them by
 * their hash. Layer 3.
 *
 * Threads remember their stacks themselves (profile_file_thread.cache); here comes only what a
 * thread does not know yet. Two stacks of one 64-bit hash are taken for one.
 * Lock: SHALE_RANK_PROFILE_SITES, and that of the image inside.
 */
#ifndef SHALE_PROFILE_SITES_H
#define SHALE_PROFILE_SITES_H

#include "profile/image.h"
#include "profile/stack.h"

struct profile_sites {
    struct profile_image *image;
    struct shale_lock lock;
    struct profile_site_slot {
        uint64_t hash;
        uint32_t site_plus_one; /* 0: free */
    } * slots;                  /* the index, outside the file */
    uint64_t slot_mask;
    uint32_t count;
};

/* No site: there are too many, or no room. */
#define PROFILE_SITES_NONE ((uint32_t)PROFILE_BLOCK_NO_SITE)

/* SHALE_ENOMEM when there is no memory for the index. */
SHALE_NODISCARD int profile_sites_start(struct profile_sites *sites, struct profile_image *image);

/* Gives the index back. */
void profile_sites_stop(struct profile_sites *sites);

/* The site of a hash, or PROFILE_SITES_NONE. */
uint32_t profile_sites_find(struct profile_sites *sites, uint64_t hash);

/*
 * The site of a stack under a hash; adds it when it is new.
 *
 * @return PROFILE_SITES_NONE when there is no room.
 */
uint32_t profile_sites_add(struct profile_sites *sites, uint64_t hash,
                           const struct profile_stack *stack);

/* The record of a site that was found or added. */
struct profile_file_site *profile_sites_at(const struct profile_sites *sites, uint32_t site);

/* In a child after fork: a lock that another thread held is free. */
void profile_sites_forget(struct profile_sites *sites);

#endif
