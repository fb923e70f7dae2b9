/* SPDX-License-Identifier: MIT */
/*
 * Compiler attributes and the three levels of assertion. Layer 0.
 *
 * What a user can get wrong is an error return, never an assertion. SHALE_ASSERT is for what only
 * our own bug can break: on in debug builds (NDEBUG unset) and in builds with -DSHALE_CHECKED.
 */
#ifndef SHALE_BASE_ATTRIBUTES_H
#define SHALE_BASE_ATTRIBUTES_H

#define SHALE_EXPORT              __attribute__((visibility("default")))
#define SHALE_NODISCARD           __attribute__((warn_unused_result))
#define SHALE_NOINLINE            __attribute__((noinline))
#define SHALE_ALWAYS_INLINE       inline __attribute__((always_inline))
#define SHALE_COLD                __attribute__((cold, noinline))
#define SHALE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define SHALE_CLEANUP(function)   __attribute__((cleanup(function)))
#define SHALE_UNUSED              __attribute__((unused))
#define SHALE_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SHALE_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define SHALE_ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define SHALE_CONTAINER_OF(pointer, type, member)                                                  \
    ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))

#if !defined(NDEBUG) || defined(SHALE_CHECKED)
#include <assert.h>
#define SHALE_ASSERT(condition) assert(condition)
#else
#define SHALE_ASSERT(condition) ((void)sizeof(condition))
#endif

#endif
