/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the way a program uses Shale's engine: leaking epochs, survivors that keep
 * memory, frees by the wrong threads, allocations from closed epochs. For the program itself; for
 * another process: `shale stats PID --doctor`, which judges in the same way.
 *
 * It judges what <shale/stats.h> tells, and costs nothing until it is asked.
 */
#ifndef SHALE_DIAGNOSE_H
#define SHALE_DIAGNOSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(CODE, name, what to do about it) */
#define SHALE_CAUSE_LIST(X)                                                                        \
    X(LEAKING_EPOCH, "leaking-epoch", "close it, by discard if its blocks are not needed")         \
    X(UNFINISHED_CLOSE, "unfinished-close",                                                        \
      "free the blocks or give the references back; or close it by discard")                       \
    X(SURVIVORS, "survivors", "allocate what lives on in another epoch than what does not")        \
    X(REMOTE_FREES, "remote-frees",                                                                \
      "let threads free what they allocated, or make the blocks in an epoch and discard it")       \
    X(STALE_ALLOCS, "stale-allocs",                                                                \
      "look for who allocates from an epoch, or a domain, after it was closed")                    \
    X(MISUSE, "misuse", "run it under shale-secure, which reports the first one and stops")        \
    X(NO_MEMORY, "no-memory", "raise the limit, or close epochs earlier")                          \
    X(PURGE_REFUSED, "purge-refused", "do without mlockall, or lock what must be locked only")     \
    X(UNUSED_MEMORY, "unused-memory", "call shale_reclaim, or malloc_trim where it is preloaded")  \
    X(UNCOLLECTED, "uncollected",                                                                  \
      "the owners do not allocate: call shale_reclaim, or malloc_trim where it is preloaded")      \
    X(CONTENTION, "contention", "let threads keep blocks for longer, or give each its own epochs")

enum shale_cause {
#define SHALE_CAUSE_CODE(code, name, remedy) SHALE_CAUSE_##code,
    SHALE_CAUSE_LIST(SHALE_CAUSE_CODE)
#undef SHALE_CAUSE_CODE
};

/* One thing that is wrong. */
struct shale_finding {
    uint64_t cause; /* enum shale_cause */
    uint64_t epoch; /* whose it is, where it is one epoch's; else 0 */
    uint64_t count; /* blocks, calls: as the text says */
    uint64_t bytes; /* that would be free without it, where that is known */
    char text[208]; /* one line for people, with the figures that it rests on */
};

struct shale_diagnose_options {
    uint64_t epoch_age_ns; /* an open epoch with live blocks is suspect from here; 0: a minute */
};

#if defined(__GNUC__)
#define SHALE_DIAGNOSE_API __attribute__((visibility("default"), warn_unused_result))
#else
#define SHALE_DIAGNOSE_API
#endif

/*
 * Looks for causes of slowness and of memory that does not come back: epochs first, by slot.
 *
 * @param options      NULL: the defaults.
 * @param findings     gets up to *count of them; may be NULL where *count is 0.
 * @param struct_size  sizeof(struct shale_finding), as the caller knows it.
 * @param count        in: room in findings; out: how many there are, 0 if all is well. Untouched on
 *                     an error.
 * @return             0; SHALE_EINVAL: no count, no room, a struct_size that no release had;
 *                     SHALE_ENOMEM.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe in a child.
 * Ownership: none.
 * Cost: as shale_stats_epochs(), approximate. Maps 7 MiB for the time of the call, of which it
 *       touches what the open epochs need.
 * Since: 0.1.0
 * Example: examples/stats.c
 */
SHALE_DIAGNOSE_API int shale_diagnose(const struct shale_diagnose_options *options,
                                      struct shale_finding *findings, size_t struct_size,
                                      size_t *count);

/* The name of a cause, "survivors" say; NULL for a number that is none. Static text. */
SHALE_DIAGNOSE_API const char *shale_cause_name(uint64_t cause);

/* What to do about a cause; NULL for a number that is none. Static text. */
SHALE_DIAGNOSE_API const char *shale_cause_remedy(uint64_t cause);

#ifdef __cplusplus
}
#endif
#endif
