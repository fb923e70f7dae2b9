/* SPDX-License-Identifier: MIT */
/* The backend "tcmalloc" of gperftools. Layer 2. */
#include <gperftools/malloc_extension_c.h>
#include <gperftools/tcmalloc.h>
#include <stdio.h>

#include "alloc/backend.h"

const enum backend_proof backend_proof = BACKEND_PROOF_BLOCK;

const char *backend_version(void)
{
    static char release[32];
    int major = 0;
    int minor = 0;
    const char *patch = "";
    tc_version(&major, &minor, &patch);
    snprintf(release, sizeof release, "%d.%d%s", major, minor, patch);
    return release;
}

bool backend_owns(const void *block)
{
    return MallocExtension_GetOwnership(block) == MallocExtension_kOwned;
}
