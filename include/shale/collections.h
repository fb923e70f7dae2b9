/* SPDX-License-Identifier: MIT */
/* What the headers of all collections share: attributes, and the timeout that never comes. */
#ifndef SHALE_COLLECTIONS_H
#define SHALE_COLLECTIONS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SHALE_COLLECTIONS_API       __attribute__((visibility("default")))
#define SHALE_COLLECTIONS_NODISCARD __attribute__((warn_unused_result))
#else
#define SHALE_COLLECTIONS_API
#define SHALE_COLLECTIONS_NODISCARD
#endif

/* As a timeout in nanoseconds: wait without end. */
#define SHALE_FOREVER UINT64_MAX

#endif
