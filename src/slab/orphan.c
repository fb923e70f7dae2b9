/* SPDX-License-Identifier: MIT */
/* Making, adopting and burying orphans. Layer 1. */
#include "slab/orphan.h"

#include "base/probe.h"
#include "slab/class.h"
#include "slab/close.h"
#include "slab/remote.h"
#include "slab/unit.h"

enum {
    WORTH_SHARE = 8, /* an orphan with fewer free blocks than 1/8 is left to die */
};

static void push_orphan(struct slab_epoch *epoch, struct slab_hot *hot)
{
    uint32_t first = shale_atomic_load_relaxed(&epoch->orphans[hot->class]);
    hot->list = SLAB_LIST_ORPHAN;
    hot->next = SLAB_NONE;
    hot->prev = epoch->orphans_last[hot->class];
    if (hot->prev != SLAB_NONE)
        slab_hot_at(hot->prev)->next = hot->unit;
    else
        first = hot->unit;
    epoch->orphans_last[hot->class] = hot->unit;
    shale_atomic_store_relaxed(&epoch->orphans[hot->class], first);
}

static void remove_orphan(struct slab_epoch *epoch, struct slab_hot *hot)
{
    if (hot->prev != SLAB_NONE)
        slab_hot_at(hot->prev)->next = hot->next;
    else
        shale_atomic_store_relaxed(&epoch->orphans[hot->class], hot->next);
    if (hot->next != SLAB_NONE)
        slab_hot_at(hot->next)->prev = hot->prev;
    else
        epoch->orphans_last[hot->class] = hot->prev;
    hot->next = hot->prev = SLAB_NONE;
    hot->list = SLAB_LIST_NONE;
}

void slab_make_orphan(struct slab_thr *thr, struct slab_hot *hot)
{
    struct slab_epoch *epoch = slab_epoch_of(hot->epoch);
    struct slab_rem *rem = slab_rem_at(hot->unit);
    uint64_t word;
    uint64_t orphan;
    slab_set_owner(hot->unit, SLAB_NONE);
    push_orphan(epoch, hot);
    thr->owned--;
    SLAB_COUNT(thr, orphaned, 1);
    SHALE_PROBE2(slab_orphan, hot->unit, hot->allocs - slab_frees(hot));
    do {
        slab_collect(thr, hot);
        if (slab_frees(hot) >= hot->allocs)
            break;
        word = shale_atomic_load_relaxed(&rem->word) & SLAB_REM_NOTIFY;
        orphan = SLAB_REM_ORPHAN | (hot->allocs - slab_frees(hot)) << SLAB_REM_COUNT_SHIFT;
        /* ORDER ORPHAN1 acq_rel <-> acq_rel in send_to_orphan() [remote.c]. Publishes the hot line
         * to whoever owns the slab next. Test orphan_counted_down_by_many_released_once. */
    } while (!shale_atomic_cas_acq_rel(&rem->word, &word, orphan));
    if (slab_frees(hot) < hot->allocs)
        return;
    remove_orphan(epoch, hot);
    if (slab_frees(hot) == hot->allocs) {
        slab_release_locked(epoch, hot);
        SLAB_COUNT(thr, slabs_released, 1);
    } else {
        hot->list = SLAB_LIST_BROKEN;
        SLAB_COUNT(thr, misuse, 1);
    }
}

void slab_leave_behind(struct slab_thr *thr, struct slab_hot *hot)
{
    slab_detach(thr, hot);
    slab_collect(thr, hot);
    if (slab_frees(hot) == hot->allocs) {
        slab_release_locked(slab_epoch_of(hot->epoch), hot);
        thr->owned--;
        SLAB_COUNT(thr, slabs_released, 1);
    } else {
        slab_make_orphan(thr, hot);
    }
}

/* Claims the orphan if enough of it is free; *word gets what it was. */
static bool claim(const struct slab_hot *hot, uint64_t *word)
{
    struct slab_rem *rem = slab_rem_at(hot->unit);
    uint64_t now = shale_atomic_load_relaxed(&rem->word);
    for (;;) {
        uint32_t live = (uint32_t)(now >> SLAB_REM_COUNT_SHIFT);
        if ((now & SLAB_REM_ORPHAN) == 0 || live == 0 ||
            hot->capacity - live < hot->capacity / WORTH_SHARE || live == hot->capacity)
            return false;
        /* ORDER ORPHAN1 acq_rel <-> acq_rel in send_to_orphan() [remote.c]. The blocks freed since,
         * and the hot line as the last owner left it. */
        if (shale_atomic_cas_acq_rel(&rem->word, &now, 0)) {
            *word = now;
            return true;
        }
    }
}

/* What was freed since the slab lost its owner goes on its free list. */
static void take_over(struct slab_thr *thr, struct slab_hot *hot, uint64_t word)
{
    uint64_t live = word >> SLAB_REM_COUNT_SHIFT;
    uint64_t head = word & SLAB_REM_HEAD_MASK;
    uint32_t freed = (uint32_t)(hot->allocs - slab_frees(hot) - live);
    if (freed != 0) {
        char *first = slab_unit_address(hot->unit) + (head - 1) * 16;
        slab_take_back(hot, (struct slab_block *)(void *)first, NULL, freed);
    }
    slab_set_owner(hot->unit, hot->tagged ? thr->id | SLAB_OWNER_TAGGED : thr->id);
    thr->owned++;
    SLAB_COUNT(thr, adopted, 1);
    SHALE_PROBE2(slab_adopt, hot->unit, live);
}

struct slab_hot *slab_adopt(struct slab_thr *thr, const struct slab_cache *cache, unsigned class)
{
    struct slab_epoch *epoch = slab_epoch_of(cache->slot);
    struct slab_hot *adopted = NULL;
    uint64_t word = 0;
    if (shale_atomic_load_relaxed(&epoch->orphans[class]) == SLAB_NONE ||
        !slab_internal_try(&epoch->lock))
        return NULL;
    slab_bury_left(epoch);
    uint32_t first = shale_atomic_load_relaxed(&epoch->orphans[class]);
    if (first != SLAB_NONE) {
        struct slab_hot *hot = slab_hot_at(first);
        remove_orphan(epoch, hot);
        if (claim(hot, &word))
            adopted = hot;
        else
            push_orphan(epoch, hot); /* behind the others */
    }
    shale_lock_release(&epoch->lock);
    if (adopted != NULL)
        take_over(thr, adopted, word);
    return adopted;
}

/* Nobody's blocks are live any more. False: a free counted them to 0 first, and buries the slab. */
static bool disown(uint32_t unit)
{
    struct slab_rem *rem = slab_rem_at(unit);
    uint64_t word = shale_atomic_load_relaxed(&rem->word);
    do {
        if ((word & SLAB_REM_DEAD) != 0)
            return false;
        /* ORDER ORPHAN1 acq_rel <-> acq_rel in send_to_orphan() [remote.c]. As an adoption. */
    } while (!shale_atomic_cas_acq_rel(&rem->word, &word, 0));
    return true;
}

bool slab_discard_orphans(struct slab_epoch *epoch, uint32_t max)
{
    slab_bury_left(epoch);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        uint32_t unit = shale_atomic_load_relaxed(&epoch->orphans[class]);
        while (unit != SLAB_NONE) {
            struct slab_hot *hot = slab_hot_at(unit);
            unit = hot->next;
            if (max-- == 0)
                return false;
            if (disown(hot->unit)) {
                remove_orphan(epoch, hot);
                slab_discard(epoch, hot);
            }
        }
    }
    return true;
}

static void release_dead(struct slab_epoch *epoch, uint32_t unit)
{
    struct slab_hot *hot = slab_hot_at(unit);
    remove_orphan(epoch, hot);
    slab_release_locked(epoch, hot);
}

void slab_bury_left(struct slab_epoch *epoch)
{
    if (shale_atomic_load_relaxed(&epoch->dead) == SLAB_NONE)
        return;
    /* ORDER ORPHAN2 acquire <- release in slab_bury() [orphan.c]. The links of the stack. */
    uint32_t unit = shale_atomic_exchange_acquire(&epoch->dead, SLAB_NONE);
    while (unit != SLAB_NONE) {
        uint32_t next = slab_rem_at(unit)->next_dead;
        release_dead(epoch, unit);
        unit = next;
    }
}

void slab_bury(uint32_t unit)
{
    uint32_t slot = slab_unit_at(unit)->epoch;
    struct slab_epoch *epoch = slab_epoch_of(slot);
    if (slab_internal_try(&epoch->lock)) {
        release_dead(epoch, unit);
        slab_bury_left(epoch);
        shale_lock_release(&epoch->lock);
        return;
    }
    uint32_t top = shale_atomic_load_relaxed(&epoch->dead);
    do
        slab_rem_at(unit)->next_dead = top;
    /* ORDER ORPHAN2 release -> acquire in slab_bury_left() [orphan.c]. Publishes the link. Without
     * it the stack could be followed into nowhere. Test orphan_counted_down_by_many_released_once.
     */
    while (!shale_atomic_cas_weak_release(&epoch->dead, &top, unit));
    if (slot != 0)
        slab_close_left(slab_head_at(slot)); /* from here on it may be another epoch's */
}

void slab_orphans_forget(struct slab_epoch *epoch)
{
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        shale_atomic_store_relaxed(&epoch->orphans[class], SLAB_NONE);
        epoch->orphans_last[class] = SLAB_NONE;
    }
    shale_atomic_store_relaxed(&epoch->dead, SLAB_NONE);
}

void slab_orphan_remember(struct slab_epoch *epoch, struct slab_hot *hot)
{
    push_orphan(epoch, hot);
}
