/* SPDX-License-Identifier: MIT */
/*
 * Size classes: 16 B steps to 128 B, then 8 per doubling to 64 KiB. Layer 1.
 *
 * A block wastes at most 1/8 of a request above 128 B. Every class is a multiple of 16, and since
 * blocks start at slab offset 0, a block is aligned to the largest power of two that divides its
 * class. Classes above 8 KiB live in slabs of 512 KiB, so that a slab has at least 7 blocks.
 */
#ifndef SHALE_SLAB_CLASS_H
#define SHALE_SLAB_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "slab/layout.h"

enum {
    SLAB_CLASSES_LINEAR = 8, /* 16 B steps, to SLAB_CLASS_LINEAR_MAX */
    SLAB_CLASS_LINEAR_SHIFT = 7,
    SLAB_CLASS_LINEAR_MAX = 1 << SLAB_CLASS_LINEAR_SHIFT,
    SLAB_CLASS_STEP_BITS = 3, /* 8 classes per doubling above */
};

/* Bytes of a block by class. */
extern uint32_t slab_class_sizes[SLAB_CLASSES];
/* 2^32 / bytes, rounded up: times an offset below 512 KiB that is a multiple, >> 32, is its slot.
 */
extern uint32_t slab_class_magic[SLAB_CLASSES];

/* A slab whose blocks have tags (tag.h), by class + 1; the first has no blocks. */
struct slab_class_tags {
    uint32_t block; /* bytes */
    uint32_t capacity;
    uint32_t end; /* bytes of the slab */
};
extern struct slab_class_tags slab_class_tags[SLAB_CLASSES + 1];

/* Fills the tables: before any function here that reads them. */
void slab_class_start(void);

/* As the table, which it fills: needs none. */
uint32_t slab_class_size(unsigned class);

/*
 * Class of a request of at most SLAB_CLASS_MAX bytes; 0 bytes get the smallest. Computed: a table
 * would be a page or two resident in every process.
 */
static SHALE_ALWAYS_INLINE unsigned slab_class_of(size_t size)
{
    unsigned last = (unsigned)size - (size != 0); /* offset of the last byte */
    if (last < SLAB_CLASS_LINEAR_MAX)
        return last / 16;
    unsigned bits = 31u - (unsigned)__builtin_clz(last);
    unsigned step = last >> (bits - SLAB_CLASS_STEP_BITS); /* 8 to 15 */
    return ((bits - SLAB_CLASS_LINEAR_SHIFT) << SLAB_CLASS_STEP_BITS | (step & 7)) +
           SLAB_CLASSES_LINEAR;
}

/*
 * What to ask for instead of `size` bytes at an alignment: its class is the smallest whose blocks
 * have both. Class sizes are a power of two apart within a doubling. Where the alignment is no less
 * than that, every multiple of it is a class size; where it is less, every class size is a
 * multiple of it.
 *
 * @param alignment  a power of two up to SLAB_UNIT_SIZE.
 * @return 0 when only a run of units can serve it.
 */
static SHALE_ALWAYS_INLINE size_t slab_class_aligned_bytes(size_t size, size_t alignment)
{
    return size <= SLAB_CLASS_MAX ? SHALE_ALIGN_UP(size + (size == 0), alignment) : 0;
}

/* Units of a slab of the class: 1 or SLAB_WIDE_UNITS. */
static SHALE_ALWAYS_INLINE unsigned slab_class_units(unsigned class)
{
    return slab_class_sizes[class] > SLAB_ONE_UNIT_MAX ? SLAB_WIDE_UNITS : 1;
}

/* Blocks in a slab of the class. */
static SHALE_ALWAYS_INLINE uint32_t slab_class_capacity(unsigned class)
{
    return slab_class_units(class) * SLAB_UNIT_SIZE / slab_class_sizes[class];
}

#endif
