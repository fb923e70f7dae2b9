/* SPDX-License-Identifier: MIT */
/*
 * The backend "system": the C library's malloc, or whatever a preload puts in its place.
 * Included by <shale/alloc.h> only.
 */
#ifndef SHALE_BACKEND_SYSTEM_H
#define SHALE_BACKEND_SYSTEM_H

#include <shale/backend/malloc_family.h>

#endif
