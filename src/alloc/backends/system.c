/* SPDX-License-Identifier: MIT */
/* The backend "system": the C library's malloc. Layer 2. */
#include <features.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "alloc/backend.h"

const enum backend_proof backend_proof = BACKEND_PROOF_MALLOC;

const char *backend_version(void)
{
#ifdef __GLIBC__
    return gnu_get_libc_version();
#else
    return "unknown";
#endif
}

bool backend_owns(const void *block)
{
    return false;
}
