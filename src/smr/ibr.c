/* SPDX-License-Identifier: MIT */
/*
 * IBR: a node is held up by the guards whose interval meets the node's life. Layer 3.
 *
 * A node that lived in [birth, era of its bag] is held up by a guard that published [lo, hi] with
 * hi >= birth and lo <= era. The guards are looked at in blocks of BLOCK, each for all bags of the
 * slot, so that no memory is needed however many threads there are:
 *
 *     bag  | drained | ready | passed all blocks so far ->  <- held up by one of them |
 *          0         first   ready                       undecided                 count
 */
#include <string.h>

#include "base/atomic.h"
#include "smr/limbo.h"
#include "smr/phase.h"
#include "smr/scan.h"

enum { BLOCK = 64 };

struct interval {
    uint64_t lo;
    uint64_t hi;
    const struct shale_smr_thread *writer; /* only its reserved nodes count; else NULL */
};

struct block {
    struct interval intervals[BLOCK];
    unsigned count;
};

static struct interval read_interval(const struct shale_smr *domain, struct shale_smr_thread *slot)
{
    struct interval found = {.lo = smr_lo(domain, slot)};
    if (found.lo == 0)
        found.hi = UINT64_MAX; /* not to be believed yet */
    else if (found.lo != SMR_OUTSIDE && slot->phases && smr_is_writing(slot))
        found.writer = slot;
    if (!found.writer && found.lo != 0)
        found.hi = shale_atomic_load_relaxed(&slot->hi); /* not older than lo: SMR4 */
    return found;
}

/* Reads the intervals of open guards from slot `from` on; returns the slot to go on with. */
static uint32_t read_block(const struct shale_smr *domain, uint32_t from, struct block *block)
{
    uint32_t end = smr_slots_end(domain);
    block->count = 0;
    for (; from < end && block->count < BLOCK; from++) {
        struct interval found = read_interval(domain, smr_slot_at(domain, from));
        if (found.lo != SMR_OUTSIDE)
            block->intervals[block->count++] = found;
    }
    return from < end ? from : UINT32_MAX;
}

static bool holds_up(const struct interval *interval, const struct smr_record *record, uint64_t era)
{
    if (interval->writer)
        return smr_has_reserved(interval->writer, record->pointer);
    return interval->hi >= record->birth && interval->lo <= era;
}

static bool is_held_up(const struct block *block, const struct smr_record *record, uint64_t era)
{
    for (unsigned i = 0; i < block->count; i++)
        if (holds_up(&block->intervals[i], record, era))
            return true;
    return false;
}

/* Moves what the block holds up behind what passed. */
static void sieve(struct smr_bag *bag, const struct block *block)
{
    uint32_t i = bag->ready;
    while (i < bag->undecided) {
        struct smr_record record = bag->records[i];
        if (!is_held_up(block, &record, bag->era)) {
            i++;
            continue;
        }
        bag->records[i] = bag->records[--bag->undecided];
        bag->records[bag->undecided] = record;
    }
}

/* Moves what is left of a bag to the front, then into the bag before, where it has room and nothing
 * of this one is ready; true when the bag is empty then. */
static bool compact(struct smr_bag *before, struct smr_bag *bag)
{
    uint32_t left = shale_atomic_load_relaxed(&bag->count) - bag->first;
    uint32_t used = before ? shale_atomic_load_relaxed(&before->count) : 0;
    if (before && bag->first == bag->ready && used + left <= before->capacity) {
        memcpy(&before->records[used], &bag->records[bag->first], left * sizeof bag->records[0]);
        before->era = bag->era > before->era ? bag->era : before->era;
        shale_atomic_store_relaxed(&before->count, used + left);
        return true;
    }
    memmove(&bag->records[0], &bag->records[bag->first], left * sizeof bag->records[0]);
    bag->ready -= bag->first;
    bag->first = 0;
    shale_atomic_store_relaxed(&bag->count, left);
    return left == 0;
}

/* Bags that a guard has thinned out become few full ones. */
static void compact_all(struct shale_smr_thread *slot)
{
    struct smr_bag *before = NULL;
    struct smr_bag *next = NULL;
    smr_busy(slot);
    for (struct smr_bag *bag = slot->limbo.head; bag; bag = next) {
        next = bag->next;
        if (!compact(before, bag)) {
            before = bag;
            continue;
        }
        if (before)
            before->next = next;
        else
            slot->limbo.head = next;
        smr_put_bag(slot, bag);
    }
    slot->limbo.tail = before;
    smr_idle(slot);
}

static bool settle(struct shale_smr_thread *slot)
{
    bool found = false;
    slot->ready = slot->kept = slot->kept_bytes = 0;
    for (struct smr_bag *bag = slot->limbo.head; bag; bag = bag->next) {
        uint32_t count = shale_atomic_load_relaxed(&bag->count);
        found |= bag->undecided > bag->ready;
        bag->ready = bag->undecided;
        slot->ready += bag->ready - bag->first;
        slot->kept += count - bag->ready;
        for (uint32_t i = bag->ready; i < count; i++)
            slot->kept_bytes += bag->records[i].size;
    }
    slot->cursor = slot->limbo.head;
    return found || slot->ready > 0;
}

static bool scan(struct shale_smr_thread *slot)
{
    struct block block;
    smr_fence_all(slot->domain);
    smr_busy(slot); /* records change places */
    for (struct smr_bag *bag = slot->limbo.head; bag; bag = bag->next)
        bag->undecided = shale_atomic_load_relaxed(&bag->count);
    for (uint32_t from = 0; from != UINT32_MAX;) {
        from = read_block(slot->domain, from, &block);
        for (struct smr_bag *bag = slot->limbo.head; block.count > 0 && bag; bag = bag->next)
            sieve(bag, &block);
    }
    smr_idle(slot);
    return settle(slot);
}

bool smr_ibr_collect(struct shale_smr_thread *slot)
{
    compact_all(slot);
    bool found = scan(slot);
    if (slot->phases && smr_neutralize(slot))
        found |= scan(slot);
    return found;
}
