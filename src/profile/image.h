/* SPDX-License-Identifier: MIT */
/*
 * The recorder's file: created, mapped, grown. Layer 3.
 *
 * Addresses are reserved once for the largest file there can be, so that a piece of the file keeps
 * its address and an offset is a difference of pointers. Space is asked from the file system before
 * it is touched: a full disk is an error here, never a SIGBUS there.
 *
 *     base -> | file, mapped and shared ......... | reserved, no access ............... |
 *             0          used <=            mapped_bytes                  reserved_bytes
 *
 * No descriptor stays open between two calls: programs close what they do not know, and would give
 * its number to another file. The file is opened again by its path, and must be the same file.
 *
 * Nothing here calls malloc. Lock: SHALE_RANK_PROFILE_IMAGE around growing.
 */
#ifndef SHALE_PROFILE_IMAGE_H
#define SHALE_PROFILE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/lock.h"
#include "profile/file.h"

enum { PROFILE_IMAGE_PATH = 4096 };

struct profile_image {
    struct profile_file_header *header; /* the base; NULL without a file */
    size_t mapped_bytes;
    size_t reserved_bytes;
    dev_t device;
    ino_t inode;
    _Atomic int problem; /* errno of the first growth that failed; 0 none */
    struct shale_lock lock;
    char path[PROFILE_IMAGE_PATH];
};

/*
 * Creates the file, which must not exist, with room for the header, all zero.
 *
 * @return 0 or an errno: EEXIST, ENOSPC, ENOMEM, EACCES, ...
 */
SHALE_NODISCARD int profile_image_create(struct profile_image *image, const char *path);

/*
 * Zeroed bytes of the file, aligned to 64. NULL when the file cannot grow: image->problem.
 *
 * Threads: any. Cost: a few instructions under a lock; every 256 KiB or more, system calls.
 */
void *profile_image_take(struct profile_image *image, size_t bytes);

/* Cuts the file to the bytes in use. */
void profile_image_trim(struct profile_image *image);

/* Takes the mapping away; the file stays. In a child after fork: the parent's mapping is not it. */
void profile_image_forget(struct profile_image *image);

static inline uint64_t profile_image_offset(const struct profile_image *image, const void *piece)
{
    return (uint64_t)((const char *)piece - (const char *)image->header);
}

static inline void *profile_image_at(const struct profile_image *image, uint64_t offset)
{
    return (char *)image->header + offset;
}

#endif
