/* SPDX-License-Identifier: MIT */
/* The tables of the size classes. Layer 1. */
#include "slab/class.h"

uint8_t slab_class_table[SLAB_CLASS_MAX / 16 + 1];
uint32_t slab_class_sizes[SLAB_CLASSES];
uint32_t slab_class_magic[SLAB_CLASSES];

enum {
    STEPS_TO_128 = 8,
    PER_DOUBLING = 8,
    LARGEST_STEPPED = 128,
};

_Static_assert(STEPS_TO_128 + PER_DOUBLING * 9 == SLAB_CLASSES, "9 doublings from 128 B to 64 KiB");

uint32_t slab_class_size(unsigned class)
{
    if (class < STEPS_TO_128)
        return 16 * (class + 1);
    unsigned doubling = (class - STEPS_TO_128) / PER_DOUBLING;
    unsigned step = (class - STEPS_TO_128) % PER_DOUBLING + 1;
    return (LARGEST_STEPPED + 16 * step) << doubling;
}

void slab_class_start(void)
{
    uint32_t slot = 0;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        slab_class_sizes[class] = slab_class_size(class);
        slab_class_magic[class] = (uint32_t)((1ull << 32) / slab_class_size(class)) +
                                  ((1ull << 32) % slab_class_size(class) != 0);
        for (; slot * 16 <= slab_class_sizes[class]; slot++)
            slab_class_table[slot] = (uint8_t) class;
    }
}
