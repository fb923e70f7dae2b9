/* SPDX-License-Identifier: MIT */
/*
 * The inline functions of <shale/alloc.h> as symbols of the library: the same bodies. Layer 2.
 * For dlsym(), function pointers, unoptimised programs and other languages.
 */
#define SHALE_ALLOC_DEFINE
#include <shale/alloc.h>
