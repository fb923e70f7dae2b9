/* SPDX-License-Identifier: MIT */
/* Slow allocation, as the other entry points use it. Layer 1. */
#ifndef SHALE_SLAB_SLOW_H
#define SHALE_SLAB_SLOW_H

#include "slab/large.h"
#include "slab/thread.h"

struct slab_request {
    unsigned class;
    unsigned tries;
    bool reclaimed;          /* everything was tidied and purged for it */
    struct slab_large large; /* size; results: block, zero */
};

/*
 * A block of request->class. `thr` is entered (slab_resume, slab_begin); it is left on return.
 * @return false: no memory.
 */
bool slab_alloc_class(struct slab_thr *thr, struct slab_request *request);

/* A block above SLAB_CLASS_MAX or with an alignment above a unit; NULL with ENOMEM. */
void *slab_alloc_large(size_t size, size_t alignment, bool *zero);

#endif
