/* SPDX-License-Identifier: MIT */
/*
 * Which files the code of this process came from, written to the recorder's file. Layer 3.
 *
 * Read from /proc/self/maps, which needs no lock of the dynamic linker. Lock:
 * SHALE_RANK_PROFILE_MODULES, and that of the image inside.
 */
#ifndef SHALE_PROFILE_MODULES_H
#define SHALE_PROFILE_MODULES_H

#include <stdbool.h>

#include "profile/image.h"
#include "profile/stack.h"

enum { PROFILE_MODULES_MAX = 4096 };

struct profile_modules {
    struct profile_image *image;
    struct shale_lock lock;
    uint32_t count;
    struct profile_range {
        uint64_t start;
        uint64_t end;
        uint64_t name; /* hash of path and offset */
    } ranges[PROFILE_MODULES_MAX];
    uint64_t scanned_ns; /* CLOCK_MONOTONIC of the last look */
};

void profile_modules_start(struct profile_modules *modules, struct profile_image *image);

/* Looks at the mappings again when a frame lies in none that is known; at most every 100 ms. */
void profile_modules_cover(struct profile_modules *modules, const struct profile_stack *stack);

#endif
