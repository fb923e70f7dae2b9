/* SPDX-License-Identifier: MIT */
/* The map and the note that leads to it. Layer 1. */
#include "slab/map.h"

#include <shale/version.h>

#include "slab/fingerprint.h"

#define ADDRESS(object) ((uint64_t)(uintptr_t) & (object))

/* The loader fills the addresses in; the note below names it. */
__attribute__((used)) struct slab_map slab_map = {
    .magic = SLAB_MAP_MAGIC,
    .version = SLAB_MAP_VERSION,
    .bytes = sizeof(struct slab_map),
    .fingerprint = SLAB_FINGERPRINT,
    .release = SHALE_VERSION_STRING,
    .range = ADDRESS(slab_range),
    .thr_end = ADDRESS(slab_thr_end),
    .tally = ADDRESS(slab_pool_tally),
    .eternal = ADDRESS(slab_epoch_eternal),
    .slots = ADDRESS(slab_range_slots),
    .totals = ADDRESS(slab_totals),
};

/* Sizes of name and content, type, name, padding, content: the distance from itself to the map. */
__asm__(".pushsection .note.shale, \"a\", %note\n"
        ".balign 4\n"
        ".long 6, 8, 1\n"
        ".asciz \"Shale\"\n"
        ".balign 4\n"
        "1: .quad slab_map - 1b\n"
        ".popsection\n");
