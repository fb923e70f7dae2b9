/* SPDX-License-Identifier: MIT */
/* How much of the process's memory is the allocator's, as the kernel counts it. Layer 3. */
#ifndef SHALE_PROFILE_HEAP_H
#define SHALE_PROFILE_HEAP_H

#include <stdint.h>

#include "profile/stack.h"

/*
 * Resident bytes of private writable mappings without a file, but for the stacks given: what
 * allocators get from the system, and a little more (a program's own mappings).
 *
 * Cost: reading /proc/self/smaps, a tenth of a millisecond and more with many mappings.
 */
uint64_t profile_heap_resident(const struct profile_stack_bounds *stacks, unsigned stack_count);

#endif
