/* SPDX-License-Identifier: MIT */
/*
 * Ranked locks over a futex. Layer 0.
 *
 * The word is 0 (free), 1 (held) or 2 (held, somebody may sleep). A sleeper always leaves 2 behind,
 * so a release that finds 1 needs no system call. Checked builds keep the thread's held locks in a
 * small thread-local array; a lock beyond its end goes unchecked.
 */
#define _GNU_SOURCE
#include "base/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"

enum { FREE, HELD, AWAITED };
enum { SPINS = 40, HELD_MAX = 16 };

#if SHALE_CHECKS
static SHALE_THREAD_LOCAL const struct shale_lock *held[HELD_MAX];
static SHALE_THREAD_LOCAL unsigned held_count;

static void check_may_wait(const struct shale_lock *lock)
{
    for (unsigned i = 0; i < held_count && i < HELD_MAX; i++) {
        SHALE_ASSERT(held[i] != lock && "the thread already holds this lock");
        SHALE_ASSERT(held[i]->rank < lock->rank && "locks are taken against their ranks");
    }
}

static void note_held(const struct shale_lock *lock)
{
    if (held_count < HELD_MAX)
        held[held_count] = lock;
    held_count++;
}

static void note_released(const struct shale_lock *lock)
{
    unsigned known = held_count < HELD_MAX ? held_count : HELD_MAX;
    unsigned i = known;
    while (i > 0 && held[i - 1] != lock)
        i--;
    SHALE_ASSERT((i > 0 || held_count > HELD_MAX) && "the thread does not hold this lock");
    for (; i > 0 && i < known; i++)
        held[i - 1] = held[i];
    held_count--;
}

unsigned shale_lock_held_count(void)
{
    return held_count;
}
#else
static void check_may_wait(const struct shale_lock *lock)
{
}

static void note_held(const struct shale_lock *lock)
{
}

static void note_released(const struct shale_lock *lock)
{
}

unsigned shale_lock_held_count(void)
{
    return 0;
}
#endif

static void futex(struct shale_lock *lock, int operation, uint32_t value)
{
    int saved = errno;
    syscall(SYS_futex, &lock->word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
    errno = saved;
}

static bool take_free(struct shale_lock *lock)
{
    uint32_t expected = FREE;
    /* ORDER LOCK1 acquire <- release in shale_lock_release() [lock.c]. Sees all that the last
     * holder wrote. Without it what the lock guards can be stale. Test
     * lock_two_threads_counter_is_exact. */
    return shale_atomic_cas_acquire(&lock->word, &expected, HELD);
}

static void wait_and_take(struct shale_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (shale_atomic_load_relaxed(&lock->word) == FREE && take_free(lock))
            return;
        shale_cpu_relax();
    }
    /* ORDER LOCK1 acquire <- release in shale_lock_release() [lock.c]. As in take_free; leaves
     * AWAITED behind, since others may sleep too. Test lock_two_threads_counter_is_exact. */
    while (shale_atomic_exchange_acquire(&lock->word, AWAITED) != FREE)
        futex(lock, FUTEX_WAIT, AWAITED);
}

void shale_lock_acquire(struct shale_lock *lock)
{
    check_may_wait(lock);
    if (!take_free(lock))
        wait_and_take(lock);
    note_held(lock);
}

bool shale_lock_try(struct shale_lock *lock)
{
    if (!take_free(lock))
        return false;
    note_held(lock);
    return true;
}

void shale_lock_release(struct shale_lock *lock)
{
    note_released(lock);
    /* ORDER LOCK1 release -> acquire in take_free() [lock.c]. Publishes what was written under the
     * lock. Without it the next holder can read the state before. Test
     * lock_two_threads_counter_is_exact. */
    if (shale_atomic_exchange_release(&lock->word, FREE) == AWAITED)
        futex(lock, FUTEX_WAKE, 1);
}

void shale_lock_reset(struct shale_lock *lock)
{
    shale_atomic_store_relaxed(&lock->word, FREE);
}

bool shale_lock_is_held(const struct shale_lock *lock)
{
    return shale_atomic_load_relaxed(&lock->word) != FREE;
}
