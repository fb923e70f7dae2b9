/* SPDX-License-Identifier: MIT */
/*
 * Epochs: memory that ends together.
 *
 * An epoch is a set of blocks that can be closed at once: a request, a frame, a batch. Opening one
 * costs no memory. Any thread may allocate from any epoch and free any block, also while another
 * thread closes the epoch. Two kinds:
 *
 *   SHALE_EPOCH_SLAB    blocks are freed one by one and their places are used again; the epoch may
 * be drained (nothing new, the rest is freed as before) or discarded SHALE_EPOCH_REGION  blocks lie
 * one behind the other; freeing one gives nothing back; the epoch is discarded as a whole
 *
 * An epoch's id is never used again, so an id that outlived its epoch is an error (ESTALE), never
 * another epoch. Id 0 is the eternal epoch: always open, never closed. Blocks of this interface and
 * blocks of shale_alloc() are different blocks unless the library's backend is `slab`.
 *
 * errno: functions that return a block set ENOMEM (no memory, or over a quota) or ESTALE (the epoch
 * is closed) with NULL. Functions that free keep errno.
 *
 * Threads: every function is safe from any thread. Signals: none is safe in a handler. Fork: the
 * child has every epoch as the parent had it, the blocks of lost threads included.
 */
#ifndef SHALE_EPOCH_H
#define SHALE_EPOCH_H

#include <stddef.h>
#include <stdint.h>

#include <shale/error.h>

#if defined(__GNUC__)
#define SHALE_EPOCH_API       __attribute__((visibility("default")))
#define SHALE_EPOCH_BLOCK     __attribute__((malloc, warn_unused_result))
#define SHALE_EPOCH_NODISCARD __attribute__((warn_unused_result))
#else
#define SHALE_EPOCH_API
#define SHALE_EPOCH_BLOCK
#define SHALE_EPOCH_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t shale_epoch;

#define SHALE_EPOCH_ETERNAL   ((shale_epoch)0)
#define SHALE_EPOCH_LABEL_MAX 48 /* bytes, with the final zero */

enum shale_epoch_kind {
    SHALE_EPOCH_SLAB,
    SHALE_EPOCH_REGION,
};

enum shale_epoch_flag {
    SHALE_EPOCH_HANDLES = 1, /* blocks may have handles (<shale/handle.h>); slab epochs only */
};

/* What becomes of the memory when an epoch ends. */
enum shale_epoch_policy {
    SHALE_EPOCH_ADAPTIVE, /* what is beyond the usual need goes back to the system, bit by bit */
    SHALE_EPOCH_RELEASE,  /* all of it goes back, within each call's budget */
    SHALE_EPOCH_RETAIN,   /* all of it is kept for the next epoch */
};

enum shale_epoch_state {
    SHALE_EPOCH_ACTIVE = 1, /* allocations succeed */
    SHALE_EPOCH_CLOSING,    /* being closed: not every thread has left it yet */
    SHALE_EPOCH_CLOSED,     /* drained: blocks of it are still live */
};

enum shale_epoch_close {
    SHALE_EPOCH_DRAIN,   /* allocations end; blocks stay valid until they are freed */
    SHALE_EPOCH_DISCARD, /* every block ends now, whether it was freed or not */
};

/* How to open an epoch. All zero is the default; zero it before setting what you mean. */
struct shale_epoch_options {
    enum shale_epoch_kind kind;
    unsigned flags; /* of enum shale_epoch_flag */
    enum shale_epoch_policy policy;
    const char *label; /* copied; NULL: none. Cut after SHALE_EPOCH_LABEL_MAX - 1 bytes */
};

/*
 * Opens an epoch.
 *
 * @param options  NULL: a slab epoch without a label.
 * @param epoch    gets the id.
 * @return 0; SHALE_EINVAL: options that contradict each other; SHALE_ERANGE: as many are open as
 *         can be (shale_epoch_max(), 65,535 in a range of full size); SHALE_ENOMEM.
 * Ownership: the caller's, until shale_epoch_close().
 * Cost: below a microsecond; no memory until the first allocation.
 * Since: 0.1.0
 * Example: examples/epoch.c
 */
SHALE_EPOCH_API int shale_epoch_open(const struct shale_epoch_options *options,
                                     shale_epoch *epoch) SHALE_EPOCH_NODISCARD;

/*
 * Allocates a block in an epoch; its content is indeterminate. Aligned to 16.
 *
 * @param size  in bytes; 0 gives a unique block.
 * @return the block; NULL with ENOMEM or ESTALE in errno.
 * Ownership: the caller's, until shale_epoch_free() or the end of the epoch.
 * Cost: as malloc of the slab engine, and an id to compare.
 * Since: 0.1.0
 */
SHALE_EPOCH_API void *shale_epoch_alloc(shale_epoch epoch, size_t size) SHALE_EPOCH_BLOCK;

/* As shale_epoch_alloc, count * size bytes, zeroed; ENOMEM also when the product overflows. */
SHALE_EPOCH_API void *shale_epoch_calloc(shale_epoch epoch, size_t count,
                                         size_t size) SHALE_EPOCH_BLOCK;

/* As shale_epoch_alloc, at a multiple of alignment: a power of two (else EINVAL) up to 1 MiB. */
SHALE_EPOCH_API void *shale_epoch_aligned(shale_epoch epoch, size_t alignment,
                                          size_t size) SHALE_EPOCH_BLOCK;

/*
 * Resizes a block, in the epoch that it belongs to.
 *
 * @param block  of any epoch, not NULL: there would be no telling which.
 * @return the block, perhaps elsewhere; NULL with ENOMEM, ESTALE (its epoch is closed and the block
 *         would have to move) or EINVAL (not a block of the engine): it is untouched.
 */
SHALE_EPOCH_API void *shale_epoch_realloc(void *block, size_t size) SHALE_EPOCH_NODISCARD;

/* Gives a block of any epoch back. NULL does nothing. */
SHALE_EPOCH_API void shale_epoch_free(void *block);

/* Bytes of a block that may be used; 0 for NULL and for what is no block of the engine. */
SHALE_EPOCH_API size_t shale_epoch_usable_size(const void *block);

/* The epoch that a live block belongs to. SHALE_ENOENT: not a block of the engine. */
SHALE_EPOCH_API int shale_epoch_of(const void *block, shale_epoch *epoch) SHALE_EPOCH_NODISCARD;

/*
 * Closes an epoch.
 *
 * From the return on no allocation from it succeeds. A discard waits for references
 * (shale_epoch_ref()). It ends every block, so reading, writing or freeing one afterwards is an
 * error as after shale_epoch_free(): it may be somebody else's by then. Frees that began before the
 * discard may end during it.
 *
 * @param how        enum shale_epoch_close. A region epoch can only be discarded.
 * @param budget_ns  time to spend on waiting for threads and on giving memory back; 0: 200 us.
 * @return 0: closed. SHALE_EDEFERRED: it is CLOSING, references or threads inside an operation are
 *         in the way; later calls of this interface finish it, and this one may be repeated.
 *         SHALE_ESTALE: it was closed before. SHALE_EINVAL; SHALE_ENOTSUP: drain of a region epoch.
 * Cost: O(slabs + threads); blocks are not visited.
 * Since: 0.1.0
 */
SHALE_EPOCH_API int shale_epoch_close(shale_epoch epoch, enum shale_epoch_close how,
                                      uint64_t budget_ns);

/*
 * The process's current epoch: whatever shale_epoch_advance() opened last. The eternal epoch at
 * first. Cost: a load.
 */
SHALE_EPOCH_API shale_epoch shale_epoch_current(void);

/*
 * Opens an epoch, makes it the current one, and closes the one that was.
 *
 * @param options  of the new one, as in shale_epoch_open().
 * @param how      closes the old one; the eternal epoch is left as it is.
 * @param epoch    gets the new id; may be NULL.
 * @return as shale_epoch_open(), nothing is changed then; otherwise as shale_epoch_close() of the
 *         old one: 0 or SHALE_EDEFERRED.
 * Threads: several may advance at once; each closes what it replaced.
 */
SHALE_EPOCH_API int shale_epoch_advance(const struct shale_epoch_options *options,
                                        enum shale_epoch_close how,
                                        shale_epoch *epoch) SHALE_EPOCH_NODISCARD;

/*
 * Takes a reference: until shale_epoch_unref() a discard does not end the blocks.
 * @return 0, or SHALE_ESTALE: closing already, or gone. Cost: a compare-and-swap.
 */
SHALE_EPOCH_API int shale_epoch_ref(shale_epoch epoch) SHALE_EPOCH_NODISCARD;

/* Gives a reference back; the last one lets a waiting discard go on. SHALE_ESTALE: there is none.
 */
SHALE_EPOCH_API int shale_epoch_unref(shale_epoch epoch);

/* What an epoch is at this moment. */
struct shale_epoch_info {
    shale_epoch epoch;
    enum shale_epoch_state state;
    enum shale_epoch_kind kind;
    unsigned flags;
    enum shale_epoch_policy policy;
    uint32_t references;
    uint64_t opened_ns;  /* clock of CLOCK_MONOTONIC */
    uint64_t used_bytes; /* of slabs, chunks and large blocks, whole units of 64 KiB */
    char label[SHALE_EPOCH_LABEL_MAX];
};

/*
 * Describes an epoch.
 * @return 0; SHALE_ESTALE: it has ended.
 */
SHALE_EPOCH_API int shale_epoch_query(shale_epoch epoch,
                                      struct shale_epoch_info *info) SHALE_EPOCH_NODISCARD;

/*
 * The epoch with this label that has the lowest place in the enumeration.
 * @return 0, or SHALE_ENOENT. Cost: O(epochs that were ever open at once).
 */
SHALE_EPOCH_API int shale_epoch_find(const char *label, shale_epoch *epoch) SHALE_EPOCH_NODISCARD;

/*
 * Enumerates: pass 0 first, then what the call before gave. Epochs that are opened or end meanwhile
 * may be missed or told; every other one is told once.
 * @return 0, or SHALE_ENOENT: there are no more.
 */
SHALE_EPOCH_API int shale_epoch_next(shale_epoch after, shale_epoch *epoch) SHALE_EPOCH_NODISCARD;

/*
 * Takes what all threads keep for themselves, idle ones too, finishes closes that were deferred,
 * and gives free memory back to the system. Serves plain allocations of the slab engine as well.
 *
 * @param max_bytes  stop after so many bytes.
 * @param max_ns     stop giving back after so long; 0: no limit. What is tidied first is not
 * limited.
 * @return bytes given back.
 * Cost: O(threads + their slabs), and about 0.1 ms per MiB given back.
 */
SHALE_EPOCH_API uint64_t shale_reclaim(uint64_t max_bytes, uint64_t max_ns);

/* How many can be open at once, and how many are (closing and draining ones included). */
SHALE_EPOCH_API uint32_t shale_epoch_max(void);
SHALE_EPOCH_API uint32_t shale_epoch_count(void);

#ifdef __cplusplus
}
#endif
#endif
