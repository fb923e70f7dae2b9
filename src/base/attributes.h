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
#define SHALE_HOT                 __attribute__((hot))
#define SHALE_CONST               __attribute__((const))
#define SHALE_PURE                __attribute__((pure))
#define SHALE_MALLOC              __attribute__((malloc))
#define SHALE_ALIGNED(bytes)      __attribute__((aligned(bytes)))
#define SHALE_ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define SHALE_CONTAINER_OF(pointer, type, member)                                                  \
    ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))

/*
 * Thread-local state that is read inside malloc: with any other model the first access can itself
 * call malloc. Initial-exec takes static TLS space, so keep such variables few and small.
 */
#define SHALE_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* Two counters written by different threads stay this far apart (two lines: prefetch is paired). */
#define SHALE_CACHE_LINE    64
#define SHALE_FALSE_SHARING 128

/* align is a power of two. */
#define SHALE_ALIGN_DOWN(value, align) ((value) & ~((align)-1))
#define SHALE_ALIGN_UP(value, align)   SHALE_ALIGN_DOWN((value) + (align)-1, align)
#define SHALE_IS_POWER_OF_TWO(value)   ((value) != 0 && ((value) & ((value)-1)) == 0)

/* gcc defines macros for the sanitizer of a build, clang answers a question. */
#if !defined(__has_feature)
#define SHALE_HAS_FEATURE(feature) 0
#else
#define SHALE_HAS_FEATURE(feature) __has_feature(feature)
#endif
#if defined(__SANITIZE_THREAD__) || SHALE_HAS_FEATURE(thread_sanitizer)
#define SHALE_THREAD_SANITIZER 1
#else
#define SHALE_THREAD_SANITIZER 0
#endif
#if defined(__SANITIZE_ADDRESS__) || SHALE_HAS_FEATURE(address_sanitizer)
#define SHALE_ADDRESS_SANITIZER 1
#else
#define SHALE_ADDRESS_SANITIZER 0
#endif

/* 1 where SHALE_ASSERT checks. Structures may hold fields for checks behind it. */
#if !defined(NDEBUG) || defined(SHALE_CHECKED)
#include <assert.h>
#define SHALE_CHECKS            1
#define SHALE_ASSERT(condition) assert(condition)
#else
#define SHALE_CHECKS            0
#define SHALE_ASSERT(condition) ((void)sizeof(condition))
#endif

#endif
