/* SPDX-License-Identifier: MIT */
/*
 * Growing a large block elsewhere by moving its pages: no byte is copied. Layer 1.
 *
 * Segment by segment the pages go to the new place (mremap). The old place is mapped afresh at
 * once, and is one with its neighbours again. The new place is a mapping of its own until its
 * segments are purged, which maps them afresh as well; so the number of mappings is bounded by that
 * of moved segments that are in use or dirty, and that has a limit of its own.
 *
 * A system call that fails half-way can leave a hole in the range, which anybody may map before it
 * is seen. Segments that may be such holes are never used again, and nothing is moved any more.
 */
#ifndef SHALE_SLAB_MOVE_H
#define SHALE_SLAB_MOVE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A block of `size` bytes with the contents of `block`, which is gone then. NULL: not worth it, not
 * possible, or no memory; the block is as it was.
 *
 * @param block  of the range, and in use.
 * @param size   more than it has. Locks: none held; op is 0.
 */
void *slab_move(void *block, size_t size);

/*
 * Gives the pages of a segment back, whether moved or not: as shale_os_purge, or SHALE_ENOMEM: the
 * segment must not be used again. op is 0.
 */
int slab_move_purge(uint32_t segment);

/* Moved segments that are not yet mapped afresh. */
uint32_t slab_move_count(void);

#endif
