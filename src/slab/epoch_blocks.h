/* SPDX-License-Identifier: MIT */
/* Blocks of epochs, as malloc's family meets them. Layer 1. */
#ifndef SHALE_SLAB_EPOCH_BLOCKS_H
#define SHALE_SLAB_EPOCH_BLOCKS_H

#include <stddef.h>

/* Resizes a block of another epoch than the eternal one; it stays in its epoch. As slab_realloc. */
void *slab_epoch_realloc(void *block, size_t old_size, size_t size);

#endif
