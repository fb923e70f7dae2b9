/* SPDX-License-Identifier: MIT */
/*
 * Looking at all threads: when, behind which fence, and the epochs of EBR. Layer 3.
 *
 * EBR: the epoch goes from e to e+1 when every open guard has announced e. A guard that could see a
 * node retired in epoch t announced t or less, or t+1 before it saw the unlink; so the step from
 * t+1 to t+2 waits for it, and at t+2 the node is free.
 *
 * A program may forbid membarrier after it was registered. The fence of who reclaims then fences
 * nobody else: guards change to fences of their own, and a slot is believed only once its owner has
 * entered a guard with one.
 */
#include "smr/scan.h"

#include <shale/error.h>

#include "base/membarrier.h"
#include "base/probe.h"
#include "smr/domain.h"
#include "smr/guard.h"
#include "smr/limbo.h"

enum { NODES_PER_THREAD = 8 };

/* ---- all threads ---- */

void smr_fence_all(struct shale_smr *domain)
{
    if (!shale_atomic_load_relaxed(&domain->light)) {
        /* ORDER SMR2 seq_cst <-> seq_cst in smr_full_fence() [smr/guard.h]. Nodes were unlinked
         * before, intervals are read after. Without it a guard and a reclaimer can miss each other.
         * Test smr_litmus_reader_and_reclaimer_see_each_other. */
        shale_fence_seq_cst();
        return;
    }
    /* ORDER SMR2 seq_cst <-> seq_cst in smr_guard_fence() [smr/guard.h]. The same for guards whose
     * fence is a compiler barrier. Test smr_litmus_reader_and_reclaimer_see_each_other. */
    if (shale_heavy_fence() != 0)
        smr_give_up_membarrier(domain);
}

uint64_t smr_lo(const struct shale_smr *domain, struct shale_smr_thread *slot)
{
    /* ORDER SMR11 acquire <- release in smr_full_fence() [smr/guard.h]. All that the owner
     * published behind compiler barriers is seen. Without it a guard from before could be
     * overlooked. Test guard_membarrier_refused_later_nothing_freed_early. */
    if (!shale_atomic_load_relaxed(&domain->light) && !shale_atomic_load_acquire(&slot->fenced))
        return 0;
    /* ORDER SMR4 acquire <- release in smr_exit() [smr/guard.h]. What was read in guards that are
     * over was read before. Without it a node could be freed under a load. Test
     * stress_ebr_nothing_broken. */
    return shale_atomic_load_acquire(&slot->lo);
}

uint64_t smr_oldest_lag(const struct shale_smr *domain)
{
    uint32_t end = smr_slots_end(domain);
    uint64_t oldest = SMR_OUTSIDE;
    uint64_t era = shale_atomic_load_relaxed(&domain->era);
    for (uint32_t i = 0; i < end; i++) {
        uint64_t lo = shale_atomic_load_relaxed(&smr_slot_at(domain, i)->lo);
        oldest = lo < oldest ? lo : oldest;
    }
    return oldest < era ? era - oldest : 0;
}

/* ---- EBR ---- */

static bool all_have_announced(const struct shale_smr *domain, uint64_t epoch)
{
    uint32_t end = smr_slots_end(domain);
    for (uint32_t i = 0; i < end; i++) {
        uint64_t lo = smr_lo(domain, smr_slot_at(domain, i));
        if (lo != SMR_OUTSIDE && lo != epoch)
            return false;
    }
    return true;
}

/* One step of the epoch, by this thread or another; false when a guard is in its way. */
static bool smr_ebr_advance(struct shale_smr *domain)
{
    /* ORDER SMR3 acquire <- seq_cst in smr_ebr_advance() [scan.c]. Builds on the step before. Test
     * smr_litmus_reader_and_reclaimer_see_each_other. */
    uint64_t epoch = shale_atomic_load_acquire(&domain->era);
    if (!all_have_announced(domain, epoch))
        return false; /* the fence would not make it better */
    smr_fence_all(domain);
    if (!all_have_announced(domain, epoch))
        return false;
    /* ORDER SMR3 seq_cst -> acquire in smr_publish() [smr/guard.h]. The epoch begins after all
     * guards of the one before the last are over, and after what was unlinked before. Without it a
     * guard that is over could still read what is freed. Test stress_ebr_nothing_broken. */
    (void)shale_atomic_cas_seq_cst(&domain->era, &epoch, epoch + 1);
    return true;
}

static bool mark_until(struct shale_smr_thread *slot, uint64_t epoch)
{
    bool found = false;
    for (struct smr_bag *bag = slot->limbo.head; bag && bag->era + 2 <= epoch; bag = bag->next) {
        uint32_t count = shale_atomic_load_relaxed(&bag->count);
        slot->ready += count - bag->ready;
        found |= count > bag->ready;
        bag->ready = count;
    }
    slot->cursor = slot->limbo.head;
    return found;
}

bool smr_ebr_collect(struct shale_smr_thread *slot)
{
    struct shale_smr *domain = slot->domain;
    bool advanced = smr_ebr_advance(domain);
    /* ORDER SMR3 acquire <- seq_cst in smr_ebr_advance() [scan.c]. All guards that could see the
     * nodes are over. Without it they are freed under a load. Test stress_ebr_nothing_broken. */
    bool found = mark_until(slot, shale_atomic_load_acquire(&domain->era));
    return advanced || found;
}

/* ---- when ---- */

static void tell(struct shale_smr *domain, enum shale_smr_event event, uint64_t amount)
{
    if (domain->options.event)
        domain->options.event(event, amount, domain->options.context);
}

static void note_stall(struct shale_smr_thread *slot)
{
    uint64_t lag = smr_oldest_lag(slot->domain);
    shale_atomic_add_single_writer(&slot->stall_count, 1);
    SHALE_PROBE2(smr_stall, slot->domain, lag);
    tell(slot->domain, SHALE_SMR_EVENT_STALL, lag);
}

void smr_note_neutralized(struct shale_smr_thread *slot, uint64_t count)
{
    bool nested = slot->draining;
    SHALE_PROBE2(smr_neutralized, slot->domain, count);
    slot->draining = true;
    tell(slot->domain, SHALE_SMR_EVENT_NEUTRALIZED, count);
    slot->draining = nested;
}

static void note_cap(struct shale_smr_thread *slot)
{
    bool over = slot->limbo_bytes > slot->domain->options.limbo_cap_bytes;
    bool passed = over && !slot->over_cap;
    slot->over_cap = over;
    if (!passed)
        return;
    shale_atomic_add_single_writer(&slot->over_cap_count, 1);
    SHALE_PROBE2(smr_over_cap, slot->domain, slot->limbo_bytes);
    tell(slot->domain, SHALE_SMR_EVENT_OVER_CAP, slot->limbo_bytes);
}

void smr_collect(struct shale_smr_thread *slot)
{
    smr_adopt(slot);
    slot->closed = slot->closed_bytes = 0;
    if (!slot->limbo.head)
        return;
    shale_atomic_add_single_writer(&slot->scan_count, 1);
    bool found = slot->interval ? smr_ibr_collect(slot) : smr_ebr_collect(slot);
    bool nested = slot->draining;
    slot->draining = true; /* an event function is bound like a reclaim function */
    if (!found)
        note_stall(slot);
    note_cap(slot);
    slot->draining = nested;
}

void smr_collect_if_due(struct shale_smr_thread *slot)
{
    uint64_t cap = slot->domain->options.limbo_cap_bytes;
    size_t nodes = NODES_PER_THREAD * (size_t)shale_atomic_load_relaxed(&slot->domain->used);
    /* What a guard holds up is not looked at again and again. */
    nodes = slot->kept / 4 > nodes ? slot->kept / 4 : nodes;
    size_t bytes = slot->kept_bytes / 4 > cap / 8 ? slot->kept_bytes / 4 : cap / 8;
    if (slot->closed >= nodes || slot->closed_bytes >= bytes)
        smr_collect(slot);
}
