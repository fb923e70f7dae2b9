/* SPDX-License-Identifier: MIT */
/* <shale/smr.h> as symbols: guards, retiring, reclaiming on demand. Layer 3. */
#include <sched.h>
#include <time.h>

#include <shale/error.h>

#include "base/clock.h"
#include "smr/guard.h"
#include "smr/limbo.h"
#include "smr/scan.h"

enum { YIELDS = 32, PAUSE_NS = 100000, FLUSH_LOOKS = 3 };

struct shale_smr_thread *shale_smr_enter(struct shale_smr *domain)
{
    struct shale_smr_thread *slot = smr_self(domain);
    if (SHALE_LIKELY(slot != NULL))
        smr_enter(slot);
    return slot;
}

void shale_smr_exit(struct shale_smr_thread *thread)
{
    smr_exit(thread);
}

void *shale_smr_load(struct shale_smr_thread *thread, const void *place)
{
    return (void *)smr_load(thread, (const _Atomic uintptr_t *)place);
}

uint64_t shale_smr_birth(struct shale_smr_thread *thread)
{
    return smr_birth(thread);
}

int shale_smr_reserve(struct shale_smr_thread *thread, size_t count)
{
    return smr_reserve(thread, count);
}

int shale_smr_retire(struct shale_smr_thread *thread, void *pointer, size_t size, uint64_t birth,
                     void (*function)(void *pointer, void *argument), void *argument)
{
    struct smr_record record = {.pointer = pointer,
                                .function = function,
                                .argument = argument,
                                .size = size,
                                .birth = birth};
    return smr_retire(thread, &record);
}

/* ---- on demand ---- */

size_t shale_smr_poll(struct shale_smr *domain, size_t max)
{
    struct shale_smr_thread *slot = smr_self(domain);
    if (!slot || slot->draining || max == 0)
        return 0;
    if (slot->ready < max) {
        smr_close(slot);
        smr_collect(slot);
    }
    return smr_drain(slot, max);
}

size_t shale_smr_flush(struct shale_smr *domain)
{
    size_t done = 0;
    for (int i = 0; i < FLUSH_LOOKS; i++)
        done += shale_smr_poll(domain, SIZE_MAX);
    return done;
}

/* Nothing of that era or an earlier one is left. */
static bool is_clear(const struct shale_smr_thread *slot, uint64_t era)
{
    for (const struct smr_bag *bag = slot->limbo.head; bag; bag = bag->next)
        if (bag->era <= era && bag->first < shale_atomic_load_relaxed(&bag->count))
            return false;
    return true;
}

static void pause_for(unsigned turn)
{
    struct timespec pause = {0, PAUSE_NS};
    if (turn < YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

int shale_smr_barrier(struct shale_smr *domain, uint64_t timeout_ns)
{
    struct shale_smr_thread *slot = smr_self(domain);
    if (!slot)
        return SHALE_ENOMEM;
    if (smr_is_inside(slot) || slot->draining)
        return SHALE_EBUSY;
    uint64_t start = shale_clock_monotonic_ns();
    smr_close(slot);
    smr_adopt(slot);
    uint64_t era = shale_atomic_load_relaxed(&domain->era);
    if (slot->interval)
        smr_next_era(domain); /* what reclaim functions retire is not waited for */
    for (unsigned turn = 0;; turn++) {
        smr_collect(slot);
        (void)smr_drain(slot, SIZE_MAX);
        if (is_clear(slot, era))
            return SHALE_OK;
        if (turn > FLUSH_LOOKS && shale_clock_monotonic_ns() - start >= timeout_ns)
            return SHALE_ETIMEOUT;
        if (turn > FLUSH_LOOKS)
            pause_for(turn);
    }
}
