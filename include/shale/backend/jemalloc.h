/* SPDX-License-Identifier: MIT */
/*
 * The backend "jemalloc", through the standard names, which it defines for the whole process.
 * Included by <shale/alloc.h> only.
 *
 * mallocx() and sdallocx() are left alone on purpose: with another allocator preloaded, malloc()
 * would be that one's and sdallocx() still jemalloc's, and the first sized free would corrupt both.
 */
#ifndef SHALE_BACKEND_JEMALLOC_H
#define SHALE_BACKEND_JEMALLOC_H

#include <shale/backend/malloc_family.h>

#endif
