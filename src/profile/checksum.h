/* SPDX-License-Identifier: MIT */
/* A checksum that notices any damaged bit. Layer 3. */
#ifndef SHALE_PROFILE_CHECKSUM_H
#define SHALE_PROFILE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Of size bytes; never 0. Bytes at `skipped` to `skipped + 7` count as zero (SIZE_MAX: none are).
 * Against accidents, not against forgers. Cost: about 10 GB a second.
 *
 * @param skipped  a multiple of 8.
 */
uint64_t profile_checksum(const void *data, size_t size, size_t skipped);

#endif
