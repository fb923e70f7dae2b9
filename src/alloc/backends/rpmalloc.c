/* SPDX-License-Identifier: MIT */
/* The backend "rpmalloc", which tells neither its version nor whose a block is. Layer 2. */
#include <shale/config.h>

#include "alloc/backend.h"

const enum backend_proof backend_proof = BACKEND_PROOF_NONE;

const char *backend_version(void)
{
    return SHALE_BACKEND_BUILT_VERSION;
}

bool backend_owns(const void *block)
{
    return false;
}
