/* SPDX-License-Identifier: MIT */
/*
 * What src/alloc asks of the backend besides the calls in <shale/backend/NAME.h>. Layer 2.
 * One of backends/NAME.c implements it; no backend knows another.
 */
#ifndef SHALE_ALLOC_BACKEND_H
#define SHALE_ALLOC_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

/* The version as the backend in this process tells it, without its name; "unknown" if it does not.
 * Static; the first call may fill a buffer, and two threads that do so write the same bytes. */
const char *backend_version(void);

/* How it is proven that the backend serves the front door. */
enum backend_proof {
    BACKEND_PROOF_NONE,   /* it cannot tell whose a block is */
    BACKEND_PROOF_BLOCK,  /* backend_owns() */
    BACKEND_PROOF_MALLOC, /* it serves malloc itself: shale_verify_self() */
};

extern const enum backend_proof backend_proof;

/* BACKEND_PROOF_BLOCK: does this block of shale_alloc() belong to the backend? */
bool backend_owns(const void *block);

#endif
