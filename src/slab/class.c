/* SPDX-License-Identifier: MIT */
/* The tables of the size classes. Layer 1. */
#include "slab/class.h"

uint32_t slab_class_sizes[SLAB_CLASSES];
uint32_t slab_class_magic[SLAB_CLASSES];

enum { PER_DOUBLING = 1 << SLAB_CLASS_STEP_BITS };

_Static_assert(SLAB_CLASSES_LINEAR + PER_DOUBLING * 9 == SLAB_CLASSES,
               "9 doublings from 128 B to 64 KiB");

uint32_t slab_class_size(unsigned class)
{
    if (class < SLAB_CLASSES_LINEAR)
        return 16 * (class + 1);
    unsigned doubling = (class - SLAB_CLASSES_LINEAR) / PER_DOUBLING;
    unsigned step = (class - SLAB_CLASSES_LINEAR) % PER_DOUBLING + 1;
    return (SLAB_CLASS_LINEAR_MAX + 16 * step) << doubling;
}

struct slab_class_tags slab_class_tags[SLAB_CLASSES + 1];

void slab_class_start(void)
{
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        slab_class_sizes[class] = slab_class_size(class);
        slab_class_magic[class] = (uint32_t)((1ull << 32) / slab_class_size(class)) +
                                  ((1ull << 32) % slab_class_size(class) != 0);
        uint32_t end = slab_class_units(class) * SLAB_UNIT_SIZE;
        slab_class_tags[class + 1] = (struct slab_class_tags){
            slab_class_sizes[class],
            SLAB_SECURE ? (end - SLAB_GUARD_BYTES - SLAB_TAGS_BYTES) / slab_class_sizes[class]
                        : end / (slab_class_sizes[class] + 1),
            end};
    }
}
