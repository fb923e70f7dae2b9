/* SPDX-License-Identifier: MIT */
/*
 * Safe memory reclamation: when a node that was unlinked from a concurrent structure may be freed.
 *
 * Readers hold a guard while they follow pointers; who unlinks a node retires it, and its memory
 * goes back once no guard can still see it. Readers take no lock and never wait.
 *
 *     reader                                    writer
 *     g = shale_smr_enter(domain);              g = shale_smr_enter(domain);
 *     node = shale_smr_load(g, &head);          node = unlink(&head);
 *     ... read *node ...                        shale_smr_retire(g, node, size, birth, NULL, NULL);
 *     shale_smr_exit(g);                        shale_smr_exit(g);
 *
 * A domain has one scheme. What is in limbo (retired, not yet reclaimed) is bounded by:
 *
 *   EBR         nothing: one guard that is never left holds up all that is retired after it.
 *               Nodes may be followed freely, through retired ones too. Cheapest.
 *   IBR         a guard that is never left holds up the nodes that were born before its last load,
 *               at most 5/4 of those and those born in one era after it (era_frequency for each
 *               thread); and each thread keeps up to three bags of its own.
 *   NEUTRALIZE  as IBR; but a guard in a read phase that holds up more than a bag of a thread is
 *               thrown out by a signal, and one in a write phase holds up only the nodes it has
 *               reserved (at most SHALE_SMR_RESERVED_MAX). A thread that cannot take the signal
 *               (stopped, signal masked) holds up what IBR says. Linux;
 *               elsewhere, under thread sanitizer, and where the program has a handler for the
 *               signal, it is IBR.
 *
 * What IBR and NEUTRALIZE ask of a structure:
 *   - Every pointer to a node is read by shale_smr_load().
 *   - A node's birth is read by shale_smr_birth() before the node can be reached, and handed to
 *     shale_smr_retire(). Birth 0 is always right, and the node is then held up by every guard that
 *     was entered before it was retired.
 *   - A pointer found in a retired node leads nowhere safe: reading it again proves nothing, its
 *     `next` is frozen. A traversal that passes marked nodes validates, after each load, that the
 *     last node it knows to be linked still leads to where it walked on, else starts again from it.
 *
 * Threads: a domain may be used by up to SHALE_SMR_THREADS_MAX threads at a time. A thread is
 * attached by its first guard or by shale_smr_attach(), and detached when it ends; what it retired
 * goes to the threads that stay. A guard belongs to its thread.
 * Signals: no function here may be called in a signal handler.
 * Fork: the child has the domain with the forking thread's guards; those of other threads are gone,
 * and what they retired is reclaimed in the child (except of a thread that was at work on its list
 * at that moment: lost_count).
 */
#ifndef SHALE_SMR_H
#define SHALE_SMR_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <shale/epoch.h>

#if defined(__GNUC__)
#define SHALE_SMR_API       __attribute__((visibility("default")))
#define SHALE_SMR_NODISCARD __attribute__((visibility("default"), warn_unused_result))
#else
#define SHALE_SMR_API
#define SHALE_SMR_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A reclamation domain: structures that share it share its guards and its limbo. */
struct shale_smr;

/* A thread's place in a domain. */
struct shale_smr_thread;

enum {
    SHALE_SMR_THREADS_MAX = 4096, /* attached to a domain at a time */
    SHALE_SMR_DOMAINS_MAX = 4096, /* in a process at a time */
    SHALE_SMR_RESERVED_MAX = 48,  /* nodes of a write phase */
};

enum shale_smr_scheme {
    SHALE_SMR_EBR = 0,
    SHALE_SMR_IBR = 1,
    SHALE_SMR_NEUTRALIZE = 2,
};

enum shale_smr_flags {
    /* Full fences in guards instead of membarrier(2): no interrupts of other threads. */
    SHALE_SMR_PLAIN_FENCES = 1,
    /* Nodes are reclaimed in poll, flush, barrier and destroy only: never inside a guard. */
    SHALE_SMR_RECLAIM_IN_POLL = 2,
    /* A node that is retired twice is refused with SHALE_EINVAL. Costs a lock and a look-up. */
    SHALE_SMR_CHECK_RETIRES = 4,
};

enum shale_smr_event {
    SHALE_SMR_EVENT_STALL = 0,       /* a guard holds reclamation up; amount: eras it lags behind */
    SHALE_SMR_EVENT_OVER_CAP = 1,    /* a thread's limbo passed limbo_cap_bytes; amount: bytes */
    SHALE_SMR_EVENT_NEUTRALIZED = 2, /* read phases were thrown out; amount: how many */
};

/* Fields are only ever appended; 0 in any of them is the default. */
struct shale_smr_options {
    uint32_t struct_size;     /* sizeof(struct shale_smr_options) */
    uint32_t scheme;          /* enum shale_smr_scheme */
    uint32_t flags;           /* enum shale_smr_flags */
    uint32_t era_frequency;   /* births of a thread in an era; 128 */
    uint32_t bag_size;        /* retires between two tries to reclaim; 128, at most 65536; more
                                 where more than 16 threads are attached: 8 for each */
    int32_t signal;           /* of NEUTRALIZE; SIGURG */
    uint64_t limbo_cap_bytes; /* of a thread, soft: above it 64 nodes are freed by each retire,
                                 above half of it 8, else 2; 8 MiB */
    /* Reclaims nodes retired without a function; NULL: shale_free(). */
    void (*reclaim)(void *pointer, size_t size, void *context);
    /* Called by the thread that notices. NULL: none. The rules of reclaim functions hold for it. */
    void (*event)(enum shale_smr_event event, uint64_t amount, void *context);
    void *context; /* of both */
};

/* An initialiser: struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT; */
#define SHALE_SMR_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(struct shale_smr_options)                                                           \
    }

/* Counted since the domain was made. Fields are only ever appended. */
struct shale_smr_stats {
    uint32_t struct_size;           /* in: sizeof(struct shale_smr_stats); out: bytes filled */
    uint32_t scheme;                /* enum shale_smr_scheme: the one that is really used */
    uint32_t asymmetric;            /* 1: guards cost no fence */
    uint32_t thread_count;          /* attached */
    uint64_t era;                   /* of EBR: the epoch */
    uint64_t oldest_lag;            /* eras between now and the oldest open guard; 0 without one */
    uint64_t retired_count;         /* nodes */
    uint64_t reclaimed_count;       /* nodes */
    uint64_t limbo_count;           /* nodes retired and not reclaimed */
    uint64_t limbo_bytes;           /* of those, as told to shale_smr_retire() */
    uint64_t scan_count;            /* looks at all threads */
    uint64_t stall_count;           /* of them: held up by a guard */
    uint64_t over_cap_count;        /* times that a thread's limbo passed limbo_cap_bytes */
    uint64_t neutralized_count;     /* read phases thrown out */
    uint64_t unacknowledged_count;  /* signals that no thread answered in time */
    uint64_t orphaned_count;        /* nodes left by threads that ended, ever */
    uint64_t lost_count;            /* nodes that cannot be reclaimed after a fork */
    uint64_t refused_retires_count; /* SHALE_SMR_CHECK_RETIRES: retired twice */
};

#define SHALE_SMR_STATS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct shale_smr_stats)                                                             \
    }

/*
 * Makes a domain.
 *
 * @param options  NULL: all defaults, EBR. Copied.
 * @param domain   gets it.
 * @return         0; SHALE_EINVAL: a field is out of range; SHALE_ENOMEM: no memory, or
 *                 SHALE_SMR_DOMAINS_MAX are there.
 * Threads / signals / fork: safe from any thread; never in a handler; see the top.
 * Ownership: the caller's, until shale_smr_destroy().
 * Cost: an allocation; the first one registers the process for membarrier, which is quick while it
 *       has one thread and takes milliseconds later.
 * Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD int shale_smr_create(const struct shale_smr_options *options,
                                         struct shale_smr **domain);

/*
 * Reclaims all that is in limbo and ends a domain. No thread may use it any more; threads that are
 * still attached need not detach.
 *
 * @param domain  NULL does nothing.
 * @return        0; SHALE_EBUSY: a guard is open, or called by a reclaim function; nothing changed.
 * Threads / signals / fork: safe against the ends of threads; never in a handler; see the top.
 * Ownership: ends. Cost: all that is in limbo. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_API int shale_smr_destroy(struct shale_smr *domain);

/*
 * Attaches the calling thread, so that none of its guards fails; does nothing where it is attached.
 *
 * @param thread  gets the thread's place, as shale_smr_enter() returns it; may be NULL.
 * @return        0; SHALE_ENOMEM; SHALE_EBUSY: SHALE_SMR_THREADS_MAX are attached.
 * Threads / signals / fork: see the top.
 * Ownership: the domain's, until the thread detaches or ends.
 * Cost: a lock and an allocation of about bag_size * 40 bytes. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD int shale_smr_attach(struct shale_smr *domain,
                                         struct shale_smr_thread **thread);

/*
 * Detaches the calling thread and leaves what it retired to the others; does nothing where it is
 * not attached.
 *
 * @return  0; SHALE_EBUSY: the thread is inside a guard, or called by a reclaim function.
 * Threads / signals / fork: see the top. Ownership: what it retired is the domain's.
 * Cost: a lock. Since: 0.1.0
 */
SHALE_SMR_API int shale_smr_detach(struct shale_smr *domain);

/*
 * Enters a guard: from here on no node that can be reached is reclaimed. Guards nest, and each is
 * left by an exit of its own; only the outermost counts.
 *
 * @return  the thread's place; NULL: the thread could not be attached (as shale_smr_attach()
 * fails), and there is no guard. Threads / signals / fork: see the top. Ownership: the domain's.
 * Cost: with the exit about a nanosecond, or a fence where membarrier is missing; the call of a
 * library. Since: 0.1.0 Example: examples/smr.c
 */
SHALE_SMR_NODISCARD struct shale_smr_thread *shale_smr_enter(struct shale_smr *domain);

/*
 * Leaves a guard. What was loaded in it must not be used any more.
 *
 * Threads / signals / fork: the thread that entered. Ownership: none. Cost: see shale_smr_enter().
 * Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_API void shale_smr_exit(struct shale_smr_thread *thread);

/*
 * Loads a pointer to a node, which stays valid until the guard is left. Bits that a structure keeps
 * in the pointer are none of this function's business.
 *
 * @param place  of an atomic pointer or an integer of its size, in the structure or in a protected
 *               node. Read with acquire.
 * @return       what is there.
 * Threads / signals / fork: the thread of the guard. Ownership: the structure's.
 * Cost: a load with EBR; three else, and a fence whenever the era has changed. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD void *shale_smr_load(struct shale_smr_thread *thread, const void *place);

/*
 * The birth of a node that is about to be linked; to be kept in the node, for shale_smr_retire().
 *
 * @return  an era; 0 with EBR.
 * Threads / signals / fork: the thread itself. Ownership: none.
 * Cost: a load; every era_frequency-th call an atomic addition. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD uint64_t shale_smr_birth(struct shale_smr_thread *thread);

/*
 * Makes sure that the next `count` retires of this thread do not fail: to be called before the
 * change that they end.
 *
 * @return  0; SHALE_ENOMEM: nothing changed.
 * Threads / signals / fork: the thread itself. Ownership: none.
 * Cost: a few instructions while there is room. Since: 0.1.0
 */
SHALE_SMR_NODISCARD int shale_smr_reserve(struct shale_smr_thread *thread, size_t count);

/*
 * Hands over a node that can be reached no more, to be reclaimed when no guard can see it. It may
 * also reclaim some nodes of earlier retires.
 *
 * Unlink first, with an operation of any order, then retire. A node is retired once.
 *
 * @param thread    of the calling thread; inside a guard or not.
 * @param pointer   the node.
 * @param size      in bytes; counted in the limbo, else unused; 0 is allowed.
 * @param birth     of shale_smr_birth(); 0: not known.
 * @param function  reclaims it; NULL: the domain's. Called once, by any thread that uses the
 * domain, perhaps inside a guard or a retire of that thread. It may enter guards and retire, and
 * must not wait for other threads, detach, or leave by longjmp.
 * @param argument  its second one.
 * @return          0; SHALE_ENOMEM: the node is still the caller's (shale_smr_reserve() prevents
 *                  it); SHALE_EINVAL: retired twice, seen by SHALE_SMR_CHECK_RETIRES only.
 * Threads / signals / fork: the thread itself; not in a read phase. Ownership: the domain's.
 * Cost: some nanoseconds, and the reclaiming of 2, 8 or 64 nodes (limbo_cap_bytes); every bag_size
 *       calls a look at all threads. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD int shale_smr_retire(struct shale_smr_thread *thread, void *pointer,
                                         size_t size, uint64_t birth,
                                         void (*function)(void *pointer, void *argument),
                                         void *argument);

/*
 * Hands over all nodes of an epoch at once (<shale/epoch.h>): the epoch is discarded when no guard
 * can see any of them, and its slabs go back whole, no node being visited. For what ends together:
 * an old generation of a table, the nodes of a structure that is thrown away.
 *
 * All nodes of the epoch have been made unreachable before, or were retired with a function that
 * does not touch them. Nothing is allocated from it any more.
 *
 * @param epoch  not the eternal one. It stays open until then.
 * @param size   of all its nodes in bytes; counted in the limbo, else unused; 0 is allowed.
 * @param birth  of the oldest of the nodes; 0: not known.
 * @return       0; SHALE_EINVAL: the eternal epoch, or retired twice as in shale_smr_retire();
 *               SHALE_ENOMEM: the epoch is still the caller's.
 * Threads / signals / fork: as shale_smr_retire(). Ownership: the domain's.
 * Cost: as shale_smr_retire(); later the discard, O(slabs + threads). Since: 0.1.0
 */
SHALE_SMR_NODISCARD int shale_smr_retire_epoch(struct shale_smr_thread *thread, shale_epoch epoch,
                                               size_t size, uint64_t birth);

/*
 * Reclaims up to `max` nodes of the calling thread and of threads that ended. Does not wait.
 *
 * @return  nodes reclaimed; 0 also where the thread cannot be attached, and in reclaim functions.
 * Threads / signals / fork: see the top. Best outside a guard, which may hold them up itself.
 * Ownership: none. Cost: a look at all threads and the reclaim functions. Since: 0.1.0
 */
SHALE_SMR_API size_t shale_smr_poll(struct shale_smr *domain, size_t max);

/*
 * Reclaims all of the calling thread's nodes, and those of threads that ended, that no guard holds
 * up. Does not wait.
 *
 * @return, threads, cost: as shale_smr_poll(), with several looks. Since: 0.1.0
 */
SHALE_SMR_API size_t shale_smr_flush(struct shale_smr *domain);

/*
 * Waits until all is reclaimed that the calling thread, and threads that ended, retired before.
 *
 * @param timeout_ns  in nanoseconds; UINT64_MAX: no limit.
 * @return            0; SHALE_ETIMEOUT: a guard stayed open; SHALE_EBUSY: the thread itself is in a
 *                    guard or a reclaim function; SHALE_ENOMEM: it cannot be attached.
 * Threads / signals / fork: see the top. Ownership: none.
 * Cost: the longest guard that is open. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_API int shale_smr_barrier(struct shale_smr *domain, uint64_t timeout_ns);

/*
 * Reads the counters. While other threads work they are of slightly different moments.
 *
 * @param stats  struct_size set (SHALE_SMR_STATS_INIT), the rest filled.
 * @return       0; SHALE_EINVAL: NULL, or struct_size is smaller than the first release's.
 * Threads / signals / fork: safe from any thread. Ownership: none.
 * Cost: a pass over the threads' counters. Since: 0.1.0
 * Example: examples/smr.c
 */
SHALE_SMR_NODISCARD int shale_smr_stats_snapshot(struct shale_smr *domain,
                                                 struct shale_smr_stats *stats);

/*
 * Read phases, for structures whose operations search first and change then. Under NEUTRALIZE a
 * thread in a read phase may be sent back to its beginning at any moment; with the other schemes
 * these do nothing.
 *
 *     g = shale_smr_enter(domain);
 *     SHALE_SMR_READ(g);                       <- a thread that was thrown out goes on here
 *     ... search; writes nothing shared ...
 *     shale_smr_write(g, nodes, count);        <- only these nodes stay protected
 *     ... change them; SHALE_SMR_READ(g) again to start over ...
 *     shale_smr_exit(g);
 *
 * In a read phase: no system call that matters, no malloc, no lock, no standard I/O, no callback,
 * no guard of another domain, no retire: what was begun there would be left half done. No pointer
 * from before it is used. Local variables that it changes have indeterminate values after a
 * restart: set them behind SHALE_SMR_READ. The function that holds SHALE_SMR_READ must not return
 * inside the phase. A nested guard has no phases: SHALE_SMR_READ does nothing in it, and nothing
 * throws the outer one out any more until its next phase.
 *
 * It is a macro because the frame that called sigsetjmp() must be alive.
 */
#define SHALE_SMR_READ(thread)                                                                     \
    do {                                                                                           \
        sigjmp_buf *shale_smr_jump_ = (sigjmp_buf *)shale_smr_read_checkpoint(thread);             \
        if (shale_smr_jump_)                                                                       \
            (void)sigsetjmp(*shale_smr_jump_, 0);                                                  \
        shale_smr_read_begin(thread);                                                              \
    } while (0)

/* For SHALE_SMR_READ: where a restart leads, NULL where there is none. A sigjmp_buf. */
SHALE_SMR_API void *shale_smr_read_checkpoint(struct shale_smr_thread *thread);

/* For SHALE_SMR_READ: protects what is reached from here on, and may be thrown out. */
SHALE_SMR_API void shale_smr_read_begin(struct shale_smr_thread *thread);

/*
 * Ends a read phase: the thread is thrown out no more, and under NEUTRALIZE only `nodes` stay
 * protected, until the next read phase or the exit.
 *
 * @param nodes  addresses as handed to shale_smr_retire(); NULL entries are allowed. Copied.
 * @param count  at most SHALE_SMR_RESERVED_MAX.
 * @return       0; SHALE_EINVAL: too many, nothing changed.
 * Threads / signals / fork: the thread of the guard. Ownership: none. Cost: a store for each.
 * Since: 0.1.0
 */
SHALE_SMR_NODISCARD int shale_smr_write(struct shale_smr_thread *thread, void *const *nodes,
                                        size_t count);

#ifdef __cplusplus
}
#endif
#endif
