/* SPDX-License-Identifier: MIT */
/*
 * The backend "slab": the engine of src/slab, which libshale carries itself. Layer 2.
 *
 * Its fast paths are compiled into these functions, so that a call of the front door is one call
 * and nothing behind it. A thread in an implicit domain (<shale/domain.h>) allocates from that
 * domain's epoch instead.
 */
#define SHALE_ALLOC_BACKEND
#include <shale/alloc.h>
#include <shale/epoch.h>
#include <shale/version.h>

#include "alloc/backend.h"
#include "slab/domain.h"
#include "slab/fast.h"
#include "slab/malloc.h"

const enum backend_proof backend_proof = BACKEND_PROOF_BLOCK;

const char *backend_version(void)
{
    return SHALE_VERSION_STRING;
}

bool backend_owns(const void *block)
{
    return slab_owns(block);
}

SHALE_EXPORT void *shale_slab_alloc(size_t size)
{
    if (SHALE_UNLIKELY(slab_domain_implicit != 0))
        return shale_epoch_alloc(slab_domain_implicit, size);
    return slab_malloc_fast(size);
}

SHALE_EXPORT void *shale_slab_calloc(size_t count, size_t size)
{
    if (SHALE_UNLIKELY(slab_domain_implicit != 0))
        return shale_epoch_calloc(slab_domain_implicit, count, size);
    return slab_calloc(count, size);
}

SHALE_EXPORT void *shale_slab_realloc(void *block, size_t size)
{
    if (SHALE_UNLIKELY(slab_domain_implicit != 0) && block == NULL)
        return shale_epoch_alloc(slab_domain_implicit, size);
    return slab_realloc(block, size);
}

SHALE_EXPORT void *shale_slab_aligned(size_t alignment, size_t size)
{
    if (SHALE_UNLIKELY(slab_domain_implicit != 0))
        return shale_epoch_aligned(slab_domain_implicit, alignment, size);
    return slab_aligned(alignment, size);
}

SHALE_EXPORT void shale_slab_free(void *block)
{
    slab_free_fast(block);
}

SHALE_EXPORT size_t shale_slab_usable_size(const void *block)
{
    return slab_usable_size(block);
}
