/* SPDX-License-Identifier: MIT */
/* Reservation, frontiers and the lock around them. Layer 1. */
#include "slab/range.h"

#include <pthread.h>

#include <shale/error.h>

#include "base/os.h"
#include "base/probe.h"
#include "base/system.h"
#include "slab/bias.h"
#include "slab/epoch.h"
#include "slab/fork.h"
#include "slab/thread.h"
#include "slab/watch.h"

struct slab_range slab_range;
_Atomic uint32_t slab_range_frontier[SLAB_HALVES];
struct shale_lock slab_range_lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_FRONTIER);

enum {
    STEP_MIN_SEGMENTS = 1,
    STEP_MAX_SEGMENTS = 32, /* 64 MiB: mprotect of a reserved range costs nothing per byte */
    THREADS_MIN = 1024,
    THREADS_MIN_ON_DEMAND = 64, /* what little there is should not go into metadata */
    THREADS_MAX = 65536,
    THREADS_STEP = 16,
    ON_DEMAND_STEPS = 128, /* of a half: what a step takes in advance is no more than that part */
    SLOT_SHIFT = 18,       /* an epoch per 256 KiB of a small range */
    SLOTS_MAX = 65536,
    SLOTS_STEP = 256,
    GUARD = SLAB_UNIT_SIZE,
};

static uint32_t step[SLAB_HALVES];
static uint32_t threads_accessible;
_Atomic uint32_t slab_range_slots;

/*
 * A handler that interrupted an operation may run above internal locks, which rank higher. It may
 * wait nevertheless: the holder of an OS lock has signals blocked, so it is another thread.
 */
static void acquire(struct shale_lock *lock)
{
    if (shale_atomic_load_relaxed(&slab_self->op) == 0) {
        shale_lock_acquire(lock);
        return;
    }
    while (!shale_lock_try(lock))
        slab_wait();
}

void slab_os_lock(struct shale_lock *lock, sigset_t *saved)
{
    sigset_t all;
    if (slab_fork_is_mine())
        return;
    slab_fork_check();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, saved);
    acquire(lock);
}

void slab_os_unlock(struct shale_lock *lock, const sigset_t *saved)
{
    if (slab_fork_is_mine())
        return;
    shale_lock_release(lock);
    pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* Takes `size` bytes behind *next, a guard after them. */
static char *carve(char **next, uint64_t size)
{
    char *start = *next;
    *next += SHALE_ALIGN_UP(size, (uint64_t)SLAB_UNIT_SIZE) + GUARD;
    return start;
}

static uint64_t threads_for(uint64_t size, bool on_demand)
{
    uint64_t least = on_demand ? THREADS_MIN_ON_DEMAND : THREADS_MIN;
    uint64_t threads = size >> 20;
    return threads < least ? least : threads > THREADS_MAX ? THREADS_MAX : threads;
}

/* Places everything for `size` bytes of blocks behind base; says how much that takes. */
static uint64_t place(struct slab_range *range, char *base, uint64_t size, bool on_demand)
{
    uint64_t units = size >> SLAB_UNIT_SHIFT;
    uint64_t threads = threads_for(size, on_demand);
    char *next = base + GUARD;

    range->size = size;
    range->segments = (uint32_t)(size >> SLAB_SEGMENT_SHIFT);
    range->threads = (uint32_t)threads;
    range->owners = (_Atomic uint32_t *)(void *)carve(&next, units * sizeof(uint32_t));
    range->units = (struct slab_unit *)carve(&next, units * sizeof(struct slab_unit));
    range->hots = (struct slab_hot *)carve(&next, units * sizeof(struct slab_hot));
    range->rems = (struct slab_rem *)carve(&next, units * sizeof(struct slab_rem));
    range->segs = (struct slab_seg *)carve(&next, range->segments * sizeof(struct slab_seg));
    range->thrs = carve(&next, threads * SLAB_THR_SIZE);
    range->slots = (uint32_t)(size >> SLOT_SHIFT < SLOTS_MAX ? size >> SLOT_SHIFT : SLOTS_MAX);
    range->heads =
        (struct slab_epoch_head *)(void *)carve(&next, range->slots * (uint64_t)SLAB_HEAD_SIZE);
    range->epochs =
        (struct slab_epoch *)(void *)carve(&next, range->slots * (uint64_t)SLAB_EPOCH_SIZE);
    range->reservation = base;
    range->on_demand = on_demand;
    range->base = NULL;
    range->reserved = (uint64_t)(next - base);
    if (on_demand)
        return range->reserved;
    range->base = (char *)SHALE_ALIGN_UP((uintptr_t)next, (uintptr_t)SLAB_SEGMENT_SIZE);
    range->reserved = (uint64_t)(range->base - base) + size + GUARD;
    return range->reserved;
}

void slab_range_advise(uint32_t segment, uint32_t count)
{
    enum shale_os_huge huge =
        segment >= slab_range.first[1] ? SHALE_OS_HUGE_ALWAYS : SHALE_OS_HUGE_NEVER;
    (void)shale_os_advise_huge(slab_segment_address(segment), (size_t)count << SLAB_SEGMENT_SHIFT,
                               huge);
}

/* Segment 0 stays unused, so that index 0 can mean none. */
static void split_in_halves(struct slab_range *range)
{
    range->first[0] = 1;
    range->first[1] = range->segments / 2;
    shale_atomic_store_relaxed(&range->end[0], range->first[1]);
    shale_atomic_store_relaxed(&range->end[1], range->segments);
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        shale_atomic_store_relaxed(&slab_range_frontier[half], range->first[half]);
        step[half] = STEP_MIN_SEGMENTS;
    }
    if (range->on_demand)
        return; /* the advice is given as they are mapped */
    uint64_t middle = (uint64_t)range->first[1] << SLAB_SEGMENT_SHIFT;
    (void)shale_os_advise_huge(range->base, middle, SHALE_OS_HUGE_NEVER);
    (void)shale_os_advise_huge(range->base + middle, range->size - middle, SHALE_OS_HUGE_ALWAYS);
}

/*
 * Where blocks can be mapped as they are needed: the kernel places mappings from the top down, so
 * far below them nobody comes, and a limited program cannot fill what is between. NULL: nowhere.
 */
static char *place_on_demand(const struct slab_range *range)
{
    uintptr_t top = (uintptr_t)range->reservation;
    for (uint64_t gap = 1ull << 44; gap >= 1ull << 33; gap >>= 1) {
        if (top < 2 * gap || top < gap + range->size)
            continue;
        uintptr_t base = SHALE_ALIGN_DOWN(top - gap - range->size, (uintptr_t)SLAB_SEGMENT_SIZE);
        if (shale_os_map_at((void *)base, shale_os_page_size()) == 0) {
            (void)shale_os_release((void *)base, shale_os_page_size());
            return (char *)base;
        }
    }
    return NULL;
}

static int reserve(struct slab_range *range, uint64_t size, bool on_demand)
{
    void *address;
    /* How much it takes is the same behind any base so aligned. */
    uint64_t reserved = place(range, (char *)(uintptr_t)SLAB_SEGMENT_SIZE, size, on_demand);
    int error = shale_os_reserve(reserved, on_demand ? 0 : SLAB_SEGMENT_SIZE, &address);
    if (error != 0)
        return error;
    (void)place(range, (char *)address, size, on_demand);
    if (!on_demand)
        return 0;
    range->base = place_on_demand(range);
    if (range->base != NULL)
        return 0;
    (void)shale_os_release(range->reservation, range->reserved);
    return SHALE_ENOMEM;
}

/* Half of what a limit leaves is decent where blocks have to be reserved too. */
static int reserve_some(struct slab_range *range)
{
    uint64_t left = shale_system_address_space_left();
    int error = SHALE_ENOMEM;
    if (left < SLAB_RANGE_MAX / 2)
        error = reserve(range, SHALE_ALIGN_UP(left * 2, SLAB_RANGE_MIN), true);
    uint64_t most = slab_watch_on_valgrind() ? SLAB_RANGE_VALGRIND : SLAB_RANGE_MAX;
    uint64_t size = left / 2 >= most ? most : left / 2;
    while (error != 0 && (size = SHALE_ALIGN_DOWN(size, SLAB_RANGE_MIN)) != 0) {
        error = reserve(range, size, false);
        size /= 2;
    }
    return error;
}

int slab_range_start(void)
{
    struct slab_range range = {0};
    int error = reserve_some(&range);
    if (error != 0)
        return SHALE_ENOMEM;
    /* Owners and units lie next to each other, a guard behind each. */
    uint64_t readable = (uint64_t)((char *)range.hots - GUARD - (char *)range.owners);
    error = shale_os_protect((void *)range.owners, readable, SHALE_OS_READ);
    if (error != 0) {
        (void)shale_os_release(range.reservation, range.reserved);
        return error;
    }
    split_in_halves(&range);
    slab_range = range;
    threads_accessible = 0;
    shale_atomic_store_relaxed(&slab_range_slots, 0);
    return 0;
}

/* Makes the pages of [address, end) accessible; whole pages around them are harmless. */
static int open_pages(void *address, void *end)
{
    uintptr_t page = shale_os_page_size();
    uintptr_t from = SHALE_ALIGN_DOWN((uintptr_t)address, page);
    uintptr_t to = SHALE_ALIGN_UP((uintptr_t)end, page);
    return shale_os_protect((void *)from, to - from, SHALE_OS_READ_WRITE);
}

static int open_blocks(uint32_t from, uint32_t to)
{
    char *start = slab_segment_address(from);
    if (!slab_range.on_demand)
        return open_pages(start, slab_segment_address(to));
    int error = shale_os_map_at(start, (uint64_t)(to - from) << SLAB_SEGMENT_SHIFT);
    if (error == 0)
        slab_range_advise(from, to - from);
    return error;
}

static uint32_t longest_step(void)
{
    uint32_t most = slab_range.segments / SLAB_HALVES / ON_DEMAND_STEPS;
    return slab_range.on_demand && most < STEP_MAX_SEGMENTS ? most : STEP_MAX_SEGMENTS;
}

/* Blocks last: a frontier that stops half-way leaves only metadata open, which harms nobody. */
static int open_segments(uint32_t from, uint32_t to)
{
    uint64_t first = (uint64_t)from * SLAB_SEGMENT_UNITS;
    uint64_t last = (uint64_t)to * SLAB_SEGMENT_UNITS;
    struct slab_range *r = &slab_range;
    int error = open_pages((void *)&r->owners[first], (void *)&r->owners[last]);
    if (error == 0)
        error = open_pages(&r->units[first], &r->units[last]);
    if (error == 0)
        error = open_pages(&r->hots[first], &r->hots[last]);
    if (error == 0)
        error = open_pages(&r->rems[first], &r->rems[last]);
    if (error == 0)
        error = open_pages(&r->segs[from], &r->segs[to]);
    if (error == 0)
        error = open_blocks(from, to);
    return error;
}

/*
 * Opened, and resident without having been touched: the process locks its memory (mlockall), and
 * every byte that is opened costs a page at once.
 */
static bool is_locked(uint32_t segment)
{
    size_t page = shale_os_page_size();
    size_t bytes = 0;
    char *last = slab_segment_address(segment + 1) - page;
    return shale_os_resident(last, page, &bytes) == 0 && bytes != 0;
}

/* The least that serves, then the rest of a step as large as the half's habit. */
static int move_frontier(unsigned half, uint32_t from, uint32_t segment)
{
    uint32_t wanted = from + step[half];
    if (wanted < segment)
        wanted = segment;
    if (wanted > slab_range_end(half))
        wanted = slab_range_end(half);
    int error = open_segments(from, segment);
    if (error == SHALE_EBUSY) /* somebody else is there: the other half is left */
        shale_atomic_store_relaxed(&slab_range.end[half], from);
    if (error != 0)
        return error;
    if (wanted > segment && (is_locked(segment - 1) || open_segments(segment, wanted) != 0))
        wanted = segment;
    SLAB_TOTAL(frontier_moves, 1);
    SHALE_PROBE2(slab_range_grow, half, wanted);
    if (step[half] < longest_step())
        step[half] *= 2;
    /* ORDER RANGE1 release -> acquire in slab_pool_take() [pool.c]. Publishes that the pages below
     * the frontier are accessible. Without it a thread could touch them too early. Test
     * range_grow_many_threads_no_fault. */
    shale_atomic_store_release(&slab_range_frontier[half], wanted);
    return 0;
}

int slab_range_grow(unsigned half, uint32_t segment)
{
    if (segment > slab_range_end(half))
        return SHALE_ENOMEM;
    sigset_t saved;
    int error = 0;
    slab_os_lock(&slab_range_lock, &saved);
    uint32_t from = shale_atomic_load_relaxed(&slab_range_frontier[half]);
    if (from < segment)
        error = move_frontier(half, from, segment);
    slab_os_unlock(&slab_range_lock, &saved);
    return error;
}

int slab_range_grow_threads(uint32_t index)
{
    while (index >= threads_accessible) {
        char *from = slab_range.thrs + (uint64_t)threads_accessible * SLAB_THR_SIZE;
        uint32_t more = slab_range.threads - threads_accessible;
        if (more > THREADS_STEP)
            more = THREADS_STEP;
        if (more == 0 || open_pages(from, from + (uint64_t)more * SLAB_THR_SIZE) != 0)
            return SHALE_ENOMEM;
        threads_accessible += more;
    }
    return 0;
}

static int open_slots(uint32_t from, uint32_t to)
{
    int error = open_pages(slab_head_at(from), slab_head_at(to));
    return error == 0 ? open_pages(slab_epoch_at(from), slab_epoch_at(to)) : error;
}

int slab_range_grow_slots(uint32_t slot)
{
    sigset_t saved;
    int error = 0;
    if (slot >= slab_range.slots)
        return SHALE_ENOMEM;
    slab_os_lock(&slab_range_lock, &saved);
    uint32_t from = shale_atomic_load_relaxed(&slab_range_slots);
    uint32_t to = SHALE_ALIGN_DOWN(slot, (uint32_t)SLOTS_STEP) + SLOTS_STEP;
    to = to < slab_range.slots ? to : slab_range.slots;
    if (from < to)
        error = open_slots(from, to);
    if (from < to && error == 0) {
        /* ORDER RANGE2 release -> acquire in slab_epoch_exists() [epoch.h]. The tables below are
         * accessible. Without it a look-up could fault. Test epoch_many_open_then_error. */
        shale_atomic_store_release(&slab_range_slots, to);
    }
    slab_os_unlock(&slab_range_lock, &saved);
    return error == 0 ? 0 : SHALE_ENOMEM;
}
