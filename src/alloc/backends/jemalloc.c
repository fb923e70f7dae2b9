/* SPDX-License-Identifier: MIT */
/* The backend "jemalloc". Layer 2. */
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <string.h>

#include "alloc/backend.h"

const enum backend_proof backend_proof = BACKEND_PROOF_MALLOC;

/* jemalloc says "5.3.0-0-g54eaed1d..."; the part before the first '-' is the release. */
const char *backend_version(void)
{
    static char release[32];
    const char *text = NULL;
    size_t size = sizeof text;
    if (mallctl("version", (void *)&text, &size, NULL, 0) != 0 || !text)
        return "unknown";
    snprintf(release, sizeof release, "%.*s", (int)strcspn(text, "-"), text);
    return release;
}

bool backend_owns(const void *block)
{
    return false;
}
