/* SPDX-License-Identifier: MIT */
/*
 * Who really serves malloc in this process: proven by symbol resolution and by the ownership of
 * real pointers, never by a name, the environment or a program's own report.
 *
 * A verdict is relative to an expectation: the allocator that was asked for. `shale verify` does
 * the same for another process and for a file.
 */
#ifndef SHALE_VERIFY_H
#define SHALE_VERIFY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are part of the interface: a verdict keeps its number for ever. */
enum shale_verdict {
    SHALE_VERDICT_ACTIVE = 0,           /* the expected allocator serves every call that was seen */
    SHALE_VERDICT_PARTIAL = 1,          /* it serves, but not every function or object */
    SHALE_VERDICT_MAPPED_BUT_INERT = 2, /* in the process; serves none of malloc ... free */
    SHALE_VERDICT_ABSENT = 3,           /* not in the process, or in another version */
    SHALE_VERDICT_UNKNOWN = 4,          /* nothing could be proven; the reason says why */
};

/* What was found. Strings are NUL-terminated, cut when too long, empty when not known. */
struct shale_verification {
    enum shale_verdict verdict;
    char expected[32];  /* the allocator the verdict is about: "mimalloc" */
    char allocator[64]; /* who serves malloc: a known name, else the base name of the object */
    char version[64];   /* of who serves malloc, as "2.0.9" */
    char object[256];   /* the file that holds that malloc */
    char reason[512];   /* one or two sentences: what the verdict rests on */
};

#if defined(__GNUC__)
#define SHALE_VERIFY_API __attribute__((visibility("default"), warn_unused_result))
#else
#define SHALE_VERIFY_API
#endif

/*
 * Proves who serves malloc in the calling process.
 *
 * Resolves each function of the malloc family as the dynamic linker did, reads what the objects in
 * memory are really bound to, and asks the allocators in the process whose real pointers are.
 *
 * @param expected  name, or NAME@VERSION, of the allocator that should serve ("mimalloc",
 *                  "system@2.36"); NULL: what LD_PRELOAD asks for, else the first replacement
 *                  allocator in the process, else "system".
 * @param result    gets the finding; untouched on an error.
 * @return 0, whatever the verdict; SHALE_EINVAL when result is NULL or expected is no known name;
 *         SHALE_ENOMEM.
 *
 * Threads / signals / fork: safe from any thread, also while others load libraries; not from a
 * signal handler; works in a forked child.
 * Ownership: result is the caller's and holds no pointers.
 * Cost: milliseconds (reads the relocations of every loaded object); allocates and frees memory.
 * Since: 0.1.0
 * Example:
 *     struct shale_verification found;
 *     if (shale_verify_self("mimalloc", &found) == 0 && found.verdict != SHALE_VERDICT_ACTIVE)
 *         fprintf(stderr, "mimalloc does not serve malloc: %s\n", found.reason);
 */
SHALE_VERIFY_API int shale_verify_self(const char *expected, struct shale_verification *result);

/*
 * The name of a verdict: "ACTIVE", "PARTIAL", "MAPPED_BUT_INERT", "ABSENT", "UNKNOWN".
 *
 * @return a static string, never NULL; "UNKNOWN" for a number that is no verdict.
 * Threads / signals / fork: safe anywhere. Ownership: static. Cost: none. Since: 0.1.0
 */
SHALE_VERIFY_API const char *shale_verdict_name(enum shale_verdict verdict);

#undef SHALE_VERIFY_API

#ifdef __cplusplus
}
#endif
#endif
