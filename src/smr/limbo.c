/* SPDX-License-Identifier: MIT */
/*
 * Retire, bags, draining, orphans. Layer 3.
 *
 * A retire writes one record into the open bag. A full bag is closed: one fence, one load of the
 * era for all of its nodes. The scheme then decides which nodes of the closed bags are ready
 * (smr/scan.h), and each retire reclaims a few of those, so that no single call pays for many.
 * A record is taken out of its bag before its function runs: the function may retire and enter
 * guards; nested in it nothing is scanned or drained.
 */
#include "smr/limbo.h"

#include <shale/alloc.h>
#include <shale/error.h>

#include "smr/check.h"
#include "smr/guard.h"
#include "smr/scan.h"

enum { SPARES_KEPT = 2 };
enum { DRAIN_STEADY = 2, DRAIN_FULLER = 8, DRAIN_OVER_CAP = 64 };

void smr_busy(struct shale_smr_thread *slot)
{
    shale_atomic_store_relaxed(&slot->busy, true);
    /* ORDER SMR7 release -> acquire in smr_was_idle() [limbo.c]. The mark comes before the change.
     * Without it a forked child could take over torn lists. Test
     * fork_while_others_retire_child_reclaims. */
    shale_fence_release();
}

void smr_idle(struct shale_smr_thread *slot)
{
    /* ORDER SMR7 release -> acquire in smr_was_idle() [limbo.c]. The change is whole. Without it a
     * forked child could take over torn lists. Test fork_while_others_retire_child_reclaims. */
    shale_atomic_store_release(&slot->busy, false);
}

bool smr_was_idle(struct shale_smr_thread *slot)
{
    /* ORDER SMR7 acquire <- release in smr_idle() [limbo.c]. The lists as they were when the slot
     * was not busy. Without it they can be torn. Test fork_while_others_retire_child_reclaims. */
    return !shale_atomic_load_acquire(&slot->busy);
}

/* ---- bags ---- */

static struct smr_bag *new_bag(const struct shale_smr *domain)
{
    struct smr_bag *bag = shale_alloc(sizeof *bag + domain->bag_size * sizeof(struct smr_record));
    if (bag)
        *bag = (struct smr_bag){.capacity = domain->bag_size};
    return bag;
}

static struct smr_bag *take_bag(struct shale_smr_thread *slot)
{
    struct smr_bag *bag = slot->spare;
    if (!bag)
        return new_bag(slot->domain);
    slot->spare = bag->next;
    slot->spares--;
    bag->next = NULL;
    return bag;
}

void smr_put_bag(struct shale_smr_thread *slot, struct smr_bag *bag)
{
    if (slot->spares >= SPARES_KEPT) {
        shale_free(bag);
        return;
    }
    *bag = (struct smr_bag){.capacity = bag->capacity, .next = slot->spare};
    slot->spare = bag;
    slot->spares++;
}

void smr_free_spares(struct shale_smr_thread *slot)
{
    while (slot->spare) {
        struct smr_bag *bag = slot->spare;
        slot->spare = bag->next;
        shale_free(bag);
    }
    slot->spares = 0;
}

int smr_open_first(struct shale_smr_thread *slot)
{
    if (!slot->open)
        slot->open = take_bag(slot);
    return slot->open ? SHALE_OK : SHALE_ENOMEM;
}

int smr_reserve(struct shale_smr_thread *slot, size_t count)
{
    size_t size = slot->domain->bag_size;
    size_t room = slot->spares * size;
    if (slot->open)
        room += size - shale_atomic_load_relaxed(&slot->open->count);
    for (; SHALE_UNLIKELY(room < count); room += size) {
        struct smr_bag *bag = new_bag(slot->domain);
        if (!bag)
            return SHALE_ENOMEM;
        bag->next = slot->spare;
        slot->spare = bag;
        slot->spares++;
    }
    return SHALE_OK;
}

void smr_append(struct shale_smr_thread *slot, struct smr_bag *head)
{
    struct smr_bag *tail = head;
    if (!head)
        return;
    while (tail->next)
        tail = tail->next;
    if (slot->limbo.tail)
        slot->limbo.tail->next = head;
    else
        slot->limbo.head = head;
    slot->limbo.tail = tail;
}

/* The open bag joins the limbo; `next`, which may be NULL, is filled from now on. */
static void close_for(struct shale_smr_thread *slot, struct smr_bag *next)
{
    struct smr_bag *bag = slot->open;
    /* ORDER SMR8 seq_cst <-> seq_cst in smr_full_fence() [smr/guard.h]. The era is read after all
     * nodes of the bag were unlinked, in the one order of fences. Without it the era can be an old
     * one, and a guard of the true era be overlooked. Test smr_litmus_stale_era_is_never_read. */
    shale_fence_seq_cst();
    /* ORDER SMR3 acquire <- seq_cst in smr_ebr_advance() [smr/scan.c]. As in smr_publish(). Test
     * smr_litmus_stale_era_is_never_read. */
    bag->era = shale_atomic_load_acquire(&slot->domain->era);
    smr_busy(slot);
    slot->closed += shale_atomic_load_relaxed(&bag->count);
    slot->closed_bytes += slot->open_bytes;
    slot->open_bytes = 0;
    slot->open = next;
    smr_append(slot, bag);
    smr_idle(slot);
    /* Guards from here on begin behind what was retired. Epochs go on by smr_ebr_advance() alone.
     */
    if (slot->interval)
        smr_next_era(slot->domain);
}

void smr_close(struct shale_smr_thread *slot)
{
    if (slot->open && shale_atomic_load_relaxed(&slot->open->count) > 0)
        close_for(slot, take_bag(slot));
}

/* ---- retire ---- */

static void count_retired(struct shale_smr_thread *slot, size_t size)
{
    slot->limbo_bytes += size;
    slot->open_bytes += size;
    shale_atomic_add_single_writer(&slot->retired_count, 1);
    shale_atomic_add_single_writer(&slot->retired_bytes, size);
}

/* Closes the open bag when it is full, or heavy and another one can be had for it. */
static SHALE_NOINLINE void close_full(struct shale_smr_thread *slot, bool full)
{
    struct smr_bag *next = full ? take_bag(slot) : new_bag(slot->domain);
    if (!full && !next)
        return; /* what smr_reserve() promised stays there */
    close_for(slot, next);
    if (!slot->draining)
        smr_collect_if_due(slot);
}

static size_t drain_amount(const struct shale_smr_thread *slot)
{
    uint64_t cap = slot->domain->options.limbo_cap_bytes;
    if (SHALE_LIKELY(slot->limbo_bytes <= cap / 2))
        return DRAIN_STEADY;
    return slot->limbo_bytes <= cap ? DRAIN_FULLER : DRAIN_OVER_CAP;
}

int smr_retire(struct shale_smr_thread *slot, const struct smr_record *record)
{
    const struct shale_smr *domain = slot->domain;
    if (SHALE_UNLIKELY(!slot->open) && smr_open_first(slot) != 0)
        return SHALE_ENOMEM;
    if (SHALE_UNLIKELY(domain->check != NULL)) {
        int refused = smr_check_add(slot, record->pointer);
        if (refused)
            return refused;
    }
    struct smr_bag *bag = slot->open;
    uint32_t count = shale_atomic_load_relaxed(&bag->count);
    count_retired(slot, record->size); /* first: no one sees more reclaimed than retired */
    bag->records[count] = *record;
    /* ORDER SMR9 release -> acquire in bury() [thread.c]. The record is whole. Without it
     * a forked child could reclaim half a record. Test fork_while_others_retire_child_reclaims. */
    shale_atomic_store_release(&bag->count, ++count);
    bool full = count == bag->capacity;
    if (SHALE_UNLIKELY(full || slot->open_bytes > domain->options.limbo_cap_bytes / 8))
        close_full(slot, full);
    if (slot->ready > 0 && !(domain->options.flags & SHALE_SMR_RECLAIM_IN_POLL))
        (void)smr_drain(slot, drain_amount(slot));
    return SHALE_OK;
}

/* ---- draining ---- */

/* The next ready record, taken out of its bag. `ready` is above 0. */
static struct smr_record take_ready(struct shale_smr_thread *slot)
{
    struct smr_bag *bag = slot->cursor;
    while (bag->first == bag->ready)
        bag = bag->next;
    smr_busy(slot);
    struct smr_record record = bag->records[bag->first++];
    slot->ready--;
    slot->cursor = bag;
    if (bag == slot->limbo.head && bag->first == shale_atomic_load_relaxed(&bag->count)) {
        slot->limbo.head = bag->next;
        slot->cursor = bag->next;
        if (!bag->next)
            slot->limbo.tail = NULL;
        smr_put_bag(slot, bag);
    }
    smr_idle(slot);
    return record;
}

static void reclaim(struct shale_smr_thread *slot, const struct smr_record *record)
{
    const struct shale_smr *domain = slot->domain;
    if (SHALE_UNLIKELY(domain->check != NULL))
        smr_check_remove(slot, record->pointer);
    if (record->function)
        record->function(record->pointer, record->argument);
    else if (domain->options.reclaim)
        domain->options.reclaim(record->pointer, record->size, domain->options.context);
    else
        shale_free(record->pointer);
    slot->limbo_bytes -= record->size;
    shale_atomic_add_single_writer(&slot->reclaimed_count, 1);
    shale_atomic_add_single_writer(&slot->reclaimed_bytes, record->size);
}

size_t smr_drain(struct shale_smr_thread *slot, size_t max)
{
    size_t done = 0;
    if (slot->draining)
        return 0;
    slot->draining = true;
    for (; done < max && slot->ready > 0; done++) {
        struct smr_record record = take_ready(slot);
        reclaim(slot, &record);
    }
    slot->draining = false;
    return done;
}

/* ---- orphans ---- */

static void push_orphans(struct shale_smr *domain, struct smr_bags bags)
{
    struct smr_bag *first = shale_atomic_load_relaxed(&domain->orphans);
    do
        bags.tail->next = first;
    /* ORDER SMR10 release -> acquire in smr_adopt() [limbo.c]. The bags and their nodes go to
     * whoever adopts them. Without it records can be seen unwritten. Test
     * stress_threads_come_and_go_nothing_broken. */
    while (!shale_atomic_cas_weak_release(&domain->orphans, &first, bags.head));
}

static size_t bytes_of(const struct smr_bag *bag)
{
    size_t bytes = 0;
    for (; bag; bag = bag->next)
        for (uint32_t i = bag->first; i < shale_atomic_load_relaxed(&bag->count); i++)
            bytes += bag->records[i].size;
    return bytes;
}

static size_t count_of(const struct smr_bag *bag)
{
    size_t count = 0;
    for (; bag; bag = bag->next)
        count += shale_atomic_load_relaxed(&bag->count) - bag->first;
    return count;
}

void smr_abandon(struct shale_smr_thread *slot)
{
    struct shale_smr *domain = slot->domain;
    if (slot->open && shale_atomic_load_relaxed(&slot->open->count) > 0)
        close_for(slot, NULL);
    smr_busy(slot);
    struct smr_bags bags = slot->limbo;
    slot->limbo = (struct smr_bags){NULL, NULL};
    slot->cursor = NULL;
    slot->ready = slot->closed = slot->kept = 0;
    slot->limbo_bytes = slot->closed_bytes = slot->kept_bytes = 0;
    if (bags.head) {
        shale_atomic_fetch_add_relaxed(&domain->orphaned_count, count_of(bags.head));
        push_orphans(domain, bags);
    }
    smr_idle(slot);
}

void smr_adopt(struct shale_smr_thread *slot)
{
    struct shale_smr *domain = slot->domain;
    if (SHALE_LIKELY(!shale_atomic_load_relaxed(&domain->orphans)))
        return;
    smr_busy(slot);
    /* ORDER SMR10 acquire <- release in push_orphans() [limbo.c]. The bags as their thread left
     * them. Without it records can be seen unwritten. Test
     * stress_threads_come_and_go_nothing_broken. */
    struct smr_bag *head = shale_atomic_exchange_acquire(&domain->orphans, NULL);
    for (struct smr_bag *bag = head; bag; bag = bag->next)
        bag->ready = bag->first; /* whoever adopts looks for itself */
    slot->limbo_bytes += bytes_of(head);
    slot->closed += count_of(head);
    smr_append(slot, head);
    smr_idle(slot);
}
