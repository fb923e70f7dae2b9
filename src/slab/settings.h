/* SPDX-License-Identifier: MIT */
/*
 * What the user of the engine may choose. Read at each use; changed before there are threads, or at
 * any time if it does not matter which call sees it first. Layer 1.
 */
#ifndef SHALE_SLAB_SETTINGS_H
#define SHALE_SLAB_SETTINGS_H

#include <stdbool.h>

#include "base/atomic.h"

struct slab_settings {
    _Atomic bool huge_pages; /* large heaps take slabs from the upper half */
};

extern struct slab_settings slab_settings;

#endif
