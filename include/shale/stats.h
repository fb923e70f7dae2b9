/* SPDX-License-Identifier: MIT */
/*
 * What Shale's own engine has and did, in this process: for the program itself. For another
 * process, and as text, JSON or Prometheus' format: `shale stats PID`.
 *
 * The engine in libshale is meant, whose blocks the front door hands out over the backend `slab`;
 * a preloaded libshale-malloc.so has an engine of its own. With another backend all is zero.
 *
 * The fast paths count nothing for these figures: the two counters that each slab has anyway say
 * how many blocks it handed out and got back.
 */
#ifndef SHALE_STATS_H
#define SHALE_STATS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a snapshot is taken. */
enum shale_stats_how {
    /*
     * Nobody waits: figures of slabs that are in use meanwhile are of slightly different moments,
     * and blocks that another thread freed count as live while they are on their way in a message.
     */
    SHALE_STATS_APPROXIMATE = 0,
    /* Every thread is kept out of the engine for the time of the walk: all figures fit together. */
    SHALE_STATS_EXACT = 1,
};

/*
 * X(name, kind, help): kind is `gauge` (what is there now) or `counter` (since the start; only
 * grows). Names end in the unit; blocks and slabs are counted.
 */
#define SHALE_STATS_LIST(X)                                                                        \
    X(threads, gauge, "threads with a heap of their own")                                          \
    X(epochs, gauge, "epochs that are open or closing")                                            \
    X(live_blocks, gauge, "blocks handed out and not freed")                                       \
    X(live_bytes, gauge, "usable bytes of those blocks")                                           \
    X(pending_bytes, gauge, "of blocks freed by other threads and on their way back")              \
    X(free_bytes, gauge, "of free blocks in slabs, touched before")                                \
    X(untouched_bytes, gauge, "of slabs, never handed out so far")                                 \
    X(empty_slab_bytes, gauge, "of slabs without a live block that threads keep")                  \
    X(orphan_slabs, gauge, "slabs whose threads ended")                                            \
    X(slabs, gauge, "slabs in use")                                                                \
    X(dirty_bytes, gauge, "free and not given back to the system: reused without a fault")         \
    X(clean_bytes, gauge, "free and given back to the system")                                     \
    X(large_blocks, gauge, "live blocks above 64 KiB")                                             \
    X(large_bytes, gauge, "bytes of those blocks, with what they were rounded up by")              \
    X(region_bytes, gauge, "chunks of region epochs, which free nothing one by one")               \
    X(direct_bytes, gauge, "mapped one by one, outside the range")                                 \
    X(used_bytes, gauge, "of the range: slabs, regions and large blocks")                          \
    X(range_bytes, gauge, "address space reserved for blocks; no memory")                          \
    X(allocs, counter, "blocks handed out")                                                        \
    X(frees, counter, "blocks that came back")                                                     \
    X(slow_allocs, counter, "allocations that left the fast path")                                 \
    X(slow_frees, counter, "frees that left the fast path")                                        \
    X(new_block_steps, counter, "pages' worth of blocks used for the first time")                  \
    X(slabs_taken, counter, "slabs that threads took")                                             \
    X(slabs_reused, counter, "empty slabs that threads had kept and used again")                   \
    X(slabs_released, counter, "slabs that threads gave back")                                     \
    X(slabs_orphaned, counter, "slabs with live blocks left behind by threads that ended")         \
    X(slabs_adopted, counter, "of those, taken over by another thread")                            \
    X(segments_taken, counter, "segments of 2 MiB taken from the pool")                            \
    X(remote_frees, counter, "frees of blocks of another thread")                                  \
    X(remote_batches, counter, "batches they were sent in")                                        \
    X(messages_sent, counter, "of those, sent as messages: the owner had no other reason to look") \
    X(messages_forwarded, counter, "messages that arrived after the slab had changed hands")       \
    X(remote_collected, counter, "blocks of others' frees that owners collected")                  \
    X(lock_waits, counter, "operations started again because an internal lock was taken")          \
    X(visits, counter, "times that another thread worked in a thread's heap")                      \
    X(visits_deferred, counter, "times that a thread was too busy to be visited")                  \
    X(large_allocs, counter, "blocks above 64 KiB handed out")                                     \
    X(large_frees, counter, "blocks above 64 KiB freed")                                           \
    X(direct_allocs, counter, "blocks mapped one by one")                                          \
    X(range_grows, counter, "system calls that made more of the range accessible")                 \
    X(reclaims, counter, "rounds over all threads to get memory back")                             \
    X(purges, counter, "calls that gave memory back to the system")                                \
    X(purges_failed, counter, "of those, refused: locked memory, say")                             \
    X(purged_bytes, counter, "bytes given back to the system")                                     \
    X(out_of_memory, counter, "requests that had to get everything back first")                    \
    X(failed_allocs, counter, "requests that got no memory")                                       \
    X(stale_allocs, counter, "requests refused because their epoch was closed")                    \
    X(region_frees, counter, "frees of blocks of region epochs, which did nothing")                \
    X(misuses, counter, "frees that could not be right, double frees among them")                  \
    X(foreign_forwarded, counter, "calls for blocks of another allocator, handed on to it")        \
    X(foreign_ignored, counter, "calls for blocks of nobody, ignored")

/*
 * The engine as a whole. Fields are only ever appended; struct_size tells the library which of them
 * the caller knows.
 */
struct shale_stats {
    uint32_t struct_size; /* in: sizeof(struct shale_stats); out: bytes filled */
    uint32_t exact;       /* 1: all threads stood still; 0: approximate */
#define SHALE_STATS_FIELD(name, kind, help) uint64_t name;
    SHALE_STATS_LIST(SHALE_STATS_FIELD)
#undef SHALE_STATS_FIELD
};

/* An initialiser: struct shale_stats stats = SHALE_STATS_INIT; */
#define SHALE_STATS_INIT                                                                           \
    {                                                                                              \
        sizeof(struct shale_stats)                                                                 \
    }

/* Blocks of one size class. */
struct shale_stats_class {
    uint64_t block_bytes;      /* of each block */
    uint64_t allocs;           /* ever */
    uint64_t live_blocks;      /* handed out and not freed */
    uint64_t pending_blocks;   /* freed by other threads and on their way back */
    uint64_t free_blocks;      /* touched before */
    uint64_t untouched_blocks; /* never handed out so far */
    uint64_t slabs;
};

/* One thread's heap: what it counted, and did, outside the fast paths. */
struct shale_stats_thread {
    uint64_t id;    /* the engine's; given again after the thread ended */
    uint64_t slabs; /* that it owns */
    uint64_t slow_allocs;
    uint64_t slow_frees;
    uint64_t slabs_taken;
    uint64_t slabs_reused;
    uint64_t slabs_released;
    uint64_t remote_frees; /* frees of blocks of other threads */
    uint64_t remote_collected;
    uint64_t lock_waits;
    uint64_t large_allocs;
    uint64_t large_frees;
    uint64_t misuses;
};

/*
 * One epoch, or plain malloc's blocks. A slab pins memory when at most an eighth of its blocks that
 * were ever touched are live and no thread allocates from it now.
 */
struct shale_stats_epoch {
    uint64_t epoch;          /* id; 0: the eternal epoch, plain malloc's */
    uint64_t state;          /* enum shale_epoch_state */
    uint64_t kind;           /* enum shale_epoch_kind */
    uint64_t references;     /* that discard waits for */
    uint64_t age_ns;         /* since it was opened */
    uint64_t live_blocks;    /* of slabs and above 64 KiB; those on their way back are live */
    uint64_t live_bytes;     /* usable bytes of those */
    uint64_t region_bytes;   /* chunks of a region epoch */
    uint64_t used_bytes;     /* units of slabs, chunks and large blocks */
    uint64_t free_bytes;     /* of free blocks in slabs, touched before */
    uint64_t pinning_blocks; /* live blocks of slabs that pin memory */
    uint64_t pinning_bytes;
    uint64_t pinned_slabs;
    uint64_t pinned_bytes; /* of the free ones of those slabs */
    char label[48];        /* NUL-terminated */
};

#if defined(__GNUC__)
#define SHALE_STATS_API __attribute__((visibility("default"), warn_unused_result))
#else
#define SHALE_STATS_API
#endif

/*
 * Reads the figures of the engine as a whole.
 *
 * @param stats  struct_size set by the caller (SHALE_STATS_INIT); untouched on an error.
 * @param how    enum shale_stats_how.
 * @return       0; SHALE_EINVAL: no stats, a struct_size that no release had, an unknown `how`;
 *               SHALE_EBUSY: exact, and a thread did not get out of the engine within 100 ms;
 *               SHALE_ENOMEM: exact, and the engine could not be started.
 * Threads / signals / fork: safe from any thread; not in a signal handler; safe in a child.
 * Ownership: none.
 * Cost: reads about 170 bytes of metadata for each 64 KiB in use. Exact, other
 *       threads wait so long when they leave the fast path or want a block. Allocates nothing.
 * Since: 0.1.0
 * Example: examples/stats.c
 */
SHALE_STATS_API int shale_stats_global(struct shale_stats *stats, int how);

/*
 * Reads the figures of each size class, smallest first.
 *
 * @param classes      gets up to *count of them; may be NULL where *count is 0.
 * @param struct_size  sizeof(struct shale_stats_class), as the caller knows it.
 * @param count        in: room in classes; out: how many classes there are. Untouched on an error.
 * @param how          enum shale_stats_how.
 * @return             0; SHALE_EINVAL; SHALE_EBUSY, SHALE_ENOMEM: as shale_stats_global().
 * Threads / signals / fork, ownership, cost: as shale_stats_global().
 * Since: 0.1.0
 * Example: examples/stats.c
 */
SHALE_STATS_API int shale_stats_classes(struct shale_stats_class *classes, size_t struct_size,
                                        size_t *count, int how);

/*
 * Reads the figures of each live thread's heap. The counters of a heap that was given again to a
 * new thread go on from those of the last.
 *
 * @param threads      gets up to *count of them; may be NULL where *count is 0.
 * @param struct_size  sizeof(struct shale_stats_thread), as the caller knows it.
 * @param count        in: room in threads; out: how many there are. Untouched on an error.
 * @param how          enum shale_stats_how.
 * @return             0; SHALE_EINVAL; SHALE_EBUSY, SHALE_ENOMEM: as shale_stats_global().
 * Threads / signals / fork, ownership, cost: as shale_stats_global().
 * Since: 0.1.0
 * Example: examples/stats.c
 */
SHALE_STATS_API int shale_stats_threads(struct shale_stats_thread *threads, size_t struct_size,
                                        size_t *count, int how);

/*
 * Reads the figures of the eternal epoch and of each that is open or closing: which of them keep
 * how much memory.
 *
 * @param epochs       gets up to *count of them; may be NULL where *count is 0.
 * @param struct_size  sizeof(struct shale_stats_epoch), as the caller knows it.
 * @param count        in: room in epochs; out: how many there are. Untouched on an error.
 * @param how          enum shale_stats_how.
 * @return             0; SHALE_EINVAL; SHALE_EBUSY, SHALE_ENOMEM: as shale_stats_global();
 *                     SHALE_ENOMEM also where there is none to add up in.
 * Threads / signals / fork, ownership: as shale_stats_global().
 * Cost: as shale_stats_global(), and a mapping of 80 bytes per slot for the time of the call.
 * Since: 0.1.0
 * Example: examples/stats.c
 */
SHALE_STATS_API int shale_stats_epochs(struct shale_stats_epoch *epochs, size_t struct_size,
                                       size_t *count, int how);

#ifdef __cplusplus
}
#endif
#endif
