/* SPDX-License-Identifier: MIT */
/* The allocator that comes behind the preloaded one: whose foreign pointers are. Layer 5. */
#ifndef SHALE_PRELOAD_NEXT_H
#define SHALE_PRELOAD_NEXT_H

#include "slab/foreign.h"

/*
 * Looks for it once, with dlsym(RTLD_NEXT). Without one it says so on stderr, once, and returns
 * NULL. Threads: any; several may look at once, and find the same.
 */
const struct slab_next *preload_next_allocator(void);

#endif
