/* SPDX-License-Identifier: MIT */
/*
 * Address space and memory from the operating system: the whole contract of the port. Layer 0.
 *
 * Memory is first reserved (addresses, no access, nothing charged), then made accessible in steps,
 * purged (contents gone, addresses and access kept) and at last released:
 *
 *     reserve -> [no access] -> protect(READ_WRITE) -> [usable] -> purge -> [usable, zero]
 *                     ^                                    |
 *                     +----------- decommit ---------------+          release: any time
 *
 * Addresses and sizes are multiples of the page size (else SHALE_EINVAL) unless said otherwise.
 * Every function keeps errno, calls no malloc, takes no lock, and can be used from a signal handler
 * and between fork and exec. Failures are SHALE_E* codes; outputs stay untouched on failure.
 */
#ifndef SHALE_BASE_OS_H
#define SHALE_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum shale_os_access {
    SHALE_OS_NONE,
    SHALE_OS_READ,
    SHALE_OS_READ_WRITE,
};

/* What is told to the kernel about huge pages in a range. */
enum shale_os_huge {
    SHALE_OS_HUGE_NEVER,    /* small pages even where THP is `always` */
    SHALE_OS_HUGE_ALWAYS,   /* huge pages even where THP is `madvise` */
    SHALE_OS_HUGE_COLLAPSE, /* copy into huge pages now; around a millisecond each (Linux 6.1) */
};

/* Bytes in a page. Cost: a load. */
SHALE_CONST size_t shale_os_page_size(void);

/*
 * Reserves size bytes of inaccessible address space.
 *
 * @param alignment  a power of two; 0 or less than a page is the page size.
 * @param address    gets the start.
 * @return 0; SHALE_EINVAL for a bad size or alignment; SHALE_ENOMEM where the address space or a
 *         limit (RLIMIT_AS, overcommit) refuses.
 * Ownership: the caller's, until shale_os_release. Cost: up to three system calls.
 */
SHALE_NODISCARD int shale_os_reserve(size_t size, size_t alignment, void **address);

/* As shale_os_reserve, but readable, writable and zero at once. */
SHALE_NODISCARD int shale_os_map(size_t size, size_t alignment, void **address);

/*
 * As shale_os_map, at an address that is given. SHALE_EBUSY: something is there already, or the
 * kernel has no such address. What is mapped piece after piece becomes one mapping.
 */
SHALE_NODISCARD int shale_os_map_at(void *address, size_t size);

/* Gives addresses back. Any page range of one or more mappings may go. */
int shale_os_release(void *address, size_t size);

/*
 * Sets the access of a range. READ_WRITE charges it to the commit limit where overcommit is off
 * (SHALE_ENOMEM is possible); contents stay.
 */
SHALE_NODISCARD int shale_os_protect(void *address, size_t size, enum shale_os_access access);

/*
 * Gives the pages back now: on success the range reads as zero and counts no more in RSS.
 *
 * Locked memory (mlock, MCL_FUTURE) needs Linux 5.18; before that SHALE_EBUSY, contents kept.
 * Purge whole huge pages: a part of one is a split, which is slower and frees nothing at once.
 */
SHALE_NODISCARD int shale_os_purge(void *address, size_t size);

/*
 * Lets the kernel take the pages when it needs them. They stay in RSS till then, and the contents
 * are either kept or zero: never treat the range as known zero, never measure RSS after it.
 */
SHALE_NODISCARD int shale_os_purge_lazily(void *address, size_t size);

/* Purges and makes inaccessible: the state after shale_os_reserve. Uncharges commit (Linux: no). */
SHALE_NODISCARD int shale_os_decommit(void *address, size_t size);

/* Advises on huge pages; SHALE_ENOTSUP where the kernel has none. A failure changes nothing. */
int shale_os_advise_huge(void *address, size_t size, enum shale_os_huge huge);

/* The range reads as zero in a child after fork: detects a fork that no handler saw. */
SHALE_NODISCARD int shale_os_wipe_on_fork(void *address, size_t size);

/* Leaves the range out of core dumps. */
int shale_os_exclude_from_dumps(void *address, size_t size);

/*
 * Makes any access to the range a fault; the contents are lost. Uses a guard mark where the kernel
 * has it (6.13: no VMA is split), else takes the access away.
 */
SHALE_NODISCARD int shale_os_guard(void *address, size_t size);

/* Takes a guard off again: the range is READ_WRITE and zero. */
SHALE_NODISCARD int shale_os_unguard(void *address, size_t size);

/*
 * Grows, shrinks or moves a mapping made by shale_os_map without copying its contents.
 *
 * @param moved  gets the new start; it keeps no alignment beyond the page. The part that is new
 *               reads as zero.
 * @return 0; SHALE_ENOMEM (the old mapping is untouched); SHALE_ENOTSUP.
 */
SHALE_NODISCARD int shale_os_remap(void *address, size_t size, size_t new_size, void **moved);

/*
 * Moves the pages of `from` to `to` without copying; both are accessible and private. On success
 * `from` stays accessible and reads as zero. Each piece moved is a mapping of its own until
 * shale_os_renew: systems limit their number. Cost: 2 us per 2 MiB where both are so aligned.
 *
 * @return 0; SHALE_ENOTSUP: the system cannot, nothing changed; other codes: `from` is untouched,
 *         and `to` may have lost its mapping.
 */
SHALE_NODISCARD int shale_os_move(void *from, size_t size, void *to);

/*
 * Puts fresh zeroed memory in the place of a piece of a reservation: purges it and, after the same
 * advice as theirs, makes it one mapping with its neighbours again. On failure the range may have
 * lost its mapping.
 */
SHALE_NODISCARD int shale_os_renew(void *address, size_t size);

/*
 * Fills with bytes that nobody can foresee, without waiting for them.
 * @return 0; SHALE_ENOTSUP: the system has none (yet). Cost: a system call.
 */
SHALE_NODISCARD int shale_os_random(void *bytes, size_t size);

/* Bytes of the range that are in memory. Cost: a system call per 4 MiB of range. */
SHALE_NODISCARD int shale_os_resident(const void *address, size_t size, size_t *bytes);

/*
 * The system calls that everything above goes through, for tests: each returns 0 (or the address)
 * or a negative errno, as the kernel does.
 */
struct shale_os_calls {
    intptr_t (*map)(void *address, size_t size, int protection, int flags);
    int (*unmap)(void *address, size_t size);
    int (*protect)(void *address, size_t size, int protection);
    int (*advise)(void *address, size_t size, int advice);
    intptr_t (*remap)(void *address, size_t size, size_t new_size, int flags);
    int (*move)(void *from, size_t size, void *to);
};

/* The kernel's own; a test's hooks fall through to these. */
extern const struct shale_os_calls shale_os_kernel_calls;

/* Puts other calls in place, NULL the kernel's again. Only while no other thread is in here. */
void shale_os_set_calls(const struct shale_os_calls *calls);

#endif
