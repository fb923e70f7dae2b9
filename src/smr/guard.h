/* SPDX-License-Identifier: MIT */
/*
 * Guards, inline for the library's own structures: the bodies of shale_smr_enter() and so on.
 * Layer 3.
 *
 * A slot is found by the domain's index in a table of the thread:
 *
 *     struct shale_smr_thread *slot = smr_self(domain);     NULL: cannot be attached
 *     smr_enter(slot);
 *     node = (struct node *)smr_load(slot, &head);          an _Atomic uintptr_t
 *     smr_exit(slot);
 */
#ifndef SHALE_SMR_GUARD_H
#define SHALE_SMR_GUARD_H

#include "base/membarrier.h"
#include "smr/slot.h"

/* The slots of a thread, by index of the domain; of its pages only those in use are in memory. */
struct smr_table {
    _Atomic(struct shale_smr_thread *) slots[SHALE_SMR_DOMAINS_MAX];
    struct smr_table *next; /* of all tables */
    struct smr_table **link;
};

/* Never NULL: an empty table before the first attach. */
extern SHALE_THREAD_LOCAL struct smr_table *smr_mine;

/* Attaches the calling thread. SHALE_ENOMEM, SHALE_EBUSY. */
SHALE_NODISCARD int smr_attach(struct shale_smr *domain, struct shale_smr_thread **slot);

/* The same; NULL when it fails. */
SHALE_NODISCARD SHALE_COLD struct shale_smr_thread *smr_attach_self(struct shale_smr *domain);

/* The calling thread's slot, NULL when it has none. */
static SHALE_ALWAYS_INLINE struct shale_smr_thread *smr_find(const struct shale_smr *domain)
{
    return shale_atomic_load_relaxed(&smr_mine->slots[domain->index]);
}

/* The same, attaching it where it has none. NULL when that fails. */
static SHALE_ALWAYS_INLINE struct shale_smr_thread *smr_self(struct shale_smr *domain)
{
    struct shale_smr_thread *slot = smr_find(domain);
    return SHALE_LIKELY(slot != NULL) ? slot : smr_attach_self(domain);
}

/* Whether the slot's thread is in a guard. */
static SHALE_ALWAYS_INLINE bool smr_is_inside(const struct shale_smr_thread *slot)
{
    return shale_atomic_load_relaxed(&slot->lo) != SMR_OUTSIDE;
}

/* Where guards are not fenced by membarrier. */
static inline void smr_full_fence(struct shale_smr_thread *slot)
{
    /* ORDER SMR11 release -> acquire in smr_lo() [smr/scan.c]. All that was published behind
     * compiler barriers comes before. Without it a guard from before could be overlooked. Test
     * guard_membarrier_refused_later_nothing_freed_early. */
    shale_atomic_store_release(&slot->fenced, true);
    /* ORDER SMR8 seq_cst <-> seq_cst in close_for() [smr/limbo.c]. Who has read an era finds no
     * node that was retired in an earlier one. Test smr_litmus_stale_era_is_never_read. */
    /* ORDER SMR2 seq_cst <-> seq_cst in smr_fence_all() [smr/scan.c]. The guard's interval is
     * published before the nodes are read; who reclaims has unlinked them before it looks at the
     * intervals. Without it both miss each other: a use after free. Test
     * smr_litmus_reader_and_reclaimer_see_each_other. */
    shale_fence_seq_cst();
}

/* ORDER SMR2 seq_cst <-> seq_cst in smr_fence_all() [smr/scan.c]. As smr_full_fence(); the compiler
 * barrier is one with membarrier at the other side. Test
 * smr_litmus_reader_and_reclaimer_see_each_other. */
static SHALE_ALWAYS_INLINE void smr_guard_fence(struct shale_smr_thread *slot)
{
    if (SHALE_LIKELY(shale_atomic_load_relaxed(&slot->light)))
        shale_compiler_barrier();
    else
        smr_full_fence(slot);
}

/* Publishes a guard from this era on. `hi` is still that of the guard before: the first load sees
 * to it, and until then the guard has seen nothing. */
static SHALE_ALWAYS_INLINE void smr_publish(struct shale_smr_thread *slot)
{
    /* ORDER SMR3 acquire <- seq_cst in smr_ebr_advance() [smr/scan.c]. Who has seen an epoch sees
     * what was unlinked before it began. Without it a guard of the new epoch could still find a
     * node that is reclaimed in it. Test smr_litmus_reader_and_reclaimer_see_each_other. */
    uint64_t era = shale_atomic_load_acquire(&slot->domain->era);
    /* ORDER SMR4 release -> acquire in smr_lo() [smr/scan.c]. The guard before is over for whoever
     * sees this one. Without it what it read could be freed under its loads. Test
     * stress_ebr_nothing_broken. */
    shale_atomic_store_release(&slot->lo, era);
    smr_guard_fence(slot);
}

/* A guard in a guard, and leaving one, or a phase. */
SHALE_COLD void smr_enter_nested(struct shale_smr_thread *slot);
SHALE_COLD void smr_exit_nested(struct shale_smr_thread *slot);

static SHALE_ALWAYS_INLINE void smr_enter(struct shale_smr_thread *slot)
{
    if (SHALE_LIKELY(!smr_is_inside(slot)))
        smr_publish(slot);
    else
        smr_enter_nested(slot);
}

static SHALE_ALWAYS_INLINE void smr_exit(struct shale_smr_thread *slot)
{
    SHALE_ASSERT(smr_is_inside(slot));
    if (SHALE_UNLIKELY(slot->nested != 0)) {
        smr_exit_nested(slot);
        return;
    }
    /* ORDER SMR4 release -> acquire in smr_lo() [smr/scan.c]. All loads of the guard are over for
     * whoever sees it left. Without it what it read could be freed under its loads. Test
     * stress_ebr_nothing_broken. */
    shale_atomic_store_release(&slot->lo, SMR_OUTSIDE);
}

/* The era has moved on: widens the interval, to the era that is then loaded under. */
static SHALE_ALWAYS_INLINE void smr_widen(struct shale_smr_thread *slot, uint64_t era)
{
    shale_atomic_store_relaxed(&slot->hi, era);
    smr_guard_fence(slot);
}

/* A protected load of a pointer with whatever bits the structure keeps in it. */
static SHALE_ALWAYS_INLINE uintptr_t smr_load(struct shale_smr_thread *slot,
                                              const _Atomic uintptr_t *place)
{
    for (;;) {
        /* ORDER SMR5 acquire <- release in smr_link() [smr/guard.h]. What was written to a node
         * before it was linked, and its birth. Without it its fields can be seen unwritten. Test
         * stress_ebr_nothing_broken. */
        uintptr_t found = shale_atomic_load_acquire(place);
        if (!slot->interval)
            return found;
        /* ORDER SMR6 acquire <- acq_rel in smr_next_era() [smr/guard.h]. Read after the pointer: a
         * node that was found was born at or before this era. Without it a node born later could be
         * outside of the interval. Test smr_litmus_interval_covers_what_was_found. */
        uint64_t era = shale_atomic_load_acquire(&slot->domain->era);
        if (SHALE_LIKELY(era == shale_atomic_load_relaxed(&slot->hi)))
            return found;
        smr_widen(slot, era);
    }
}

/* Links a node: what was written to it before is seen by who loads it. */
static SHALE_ALWAYS_INLINE void smr_link(_Atomic uintptr_t *place, uintptr_t node)
{
    /* ORDER SMR5 release -> acquire in smr_load() [smr/guard.h]. Publishes the node's fields.
     * Without it they can be seen unwritten. Test stress_ebr_nothing_broken. */
    shale_atomic_store_release(place, node);
}

static SHALE_ALWAYS_INLINE void smr_next_era(struct shale_smr *domain)
{
    /* ORDER SMR6 acq_rel -> acquire in smr_load() [smr/guard.h]. Also what was unlinked before is
     * seen by who reads the new era. Test smr_litmus_interval_covers_what_was_found. */
    shale_atomic_fetch_add_acq_rel(&domain->era, 1);
}

static SHALE_ALWAYS_INLINE uint64_t smr_birth(struct shale_smr_thread *slot)
{
    if (!slot->interval)
        return 0;
    if (SHALE_UNLIKELY(++slot->births >= slot->domain->options.era_frequency)) {
        slot->births = 0;
        smr_next_era(slot->domain);
    }
    /* ORDER SMR6 acquire <- acq_rel in smr_next_era() [smr/guard.h]. Read before the node is
     * linked: who finds it reads this era or a later one. Test
     * smr_litmus_interval_covers_what_was_found. */
    return shale_atomic_load_acquire(&slot->domain->era);
}

/* Retires a node (smr/limbo.c): shale_smr_retire(). */
SHALE_NODISCARD int smr_retire(struct shale_smr_thread *slot, const struct smr_record *record);

/* shale_smr_reserve(). */
SHALE_NODISCARD int smr_reserve(struct shale_smr_thread *slot, size_t count);

#endif
