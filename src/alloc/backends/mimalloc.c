/* SPDX-License-Identifier: MIT */
/* The backend "mimalloc", versions 2 and 3. Layer 2. */
#include <mimalloc.h>
#include <stdio.h>

#include "alloc/backend.h"

const enum backend_proof backend_proof = BACKEND_PROOF_BLOCK;

/* 209 is 2.0.9, and from 3.2 on 30600 is 3.6.0. */
const char *backend_version(void)
{
    static char release[32];
    int number = mi_version();
    int digits = number < 10000 ? 10 : 100;
    snprintf(release, sizeof release, "%d.%d.%d", number / digits / digits,
             number / digits % digits, number % digits);
    return release;
}

bool backend_owns(const void *block)
{
    return mi_is_in_heap_region(block);
}
