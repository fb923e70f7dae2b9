/* SPDX-License-Identifier: MIT */
/*
 * Validators. Layer 1. Rules by number:
 *
 *   1-9    pool.c      11-19  unit.c
 *   21     a slab on a thread's list is not that thread's, or its state is not SLAB
 *   22     it is on another list than it says
 *   23     more frees than allocs
 *   24     the free list is not made of its own blocks, or has not linked - (allocs - frees) of
 * them 25     the trigger does not fit the list 27     list links disagree 28     thr.owned is not
 * the number of its slabs 31     an orphan has an owner, or its word is neither ORPHAN nor DEAD 32
 * units in use are not the sum of what slabs and runs have
 *   26     a current slab is of another epoch than its cache
 *   41     a cache is not its thread's, or not in its directory
 *   42     a slot without an epoch is not empty
 *   43     the nursery's units are not those that epochs have
 */
#include "slab/validate.h"

#include <string.h>

#include "slab/class.h"
#include "slab/epoch.h"
#include "slab/pages.h"
#include "slab/pool.h"
#include "slab/secure.h"
#include "slab/stop.h"
#include "slab/unit.h"

static bool is_block_of(const struct slab_hot *hot, const struct slab_block *block)
{
    uint64_t offset = (uint64_t)((const char *)block - slab_unit_address(hot->unit));
    return offset % hot->size == 0 && offset / hot->size < hot->linked;
}

static int check_free_list(const struct slab_hot *hot)
{
    uint64_t expected =
        hot->linked - hot->retired - (hot->allocs - slab_frees(hot)) - slab_pages_out(hot);
    uint64_t count = 0;
    for (const struct slab_block *b = hot->free; b != NULL; b = slab_next(b))
        if (!is_block_of(hot, b) || ++count > expected)
            return 24;
    return count == expected ? 0 : 24;
}

static bool trigger_fits(const struct slab_hot *hot)
{
    switch ((enum slab_list)hot->list) {
    case SLAB_LIST_CURRENT:
        return hot->trigger == UINT64_MAX;
    case SLAB_LIST_PARTIAL:
        return hot->trigger == (slab_frees(hot) == hot->allocs ? UINT64_MAX : hot->allocs);
    case SLAB_LIST_FULL:
        return hot->trigger > slab_frees(hot) && hot->trigger <= hot->allocs;
    case SLAB_LIST_EMPTY:
        return slab_frees(hot) == hot->allocs && hot->trigger == slab_frees(hot) + 1;
    case SLAB_LIST_NONE:
    case SLAB_LIST_ORPHAN:
    case SLAB_LIST_BROKEN:
        break;
    }
    return false;
}

static int check_slab(const struct slab_thr *thr, const struct slab_hot *hot, enum slab_list list)
{
    if (slab_owner_of(hot->unit) != thr->id || slab_unit_state_of(hot->unit) != SLAB_UNIT_SLAB)
        return 21;
    if (hot->list != list)
        return 22;
    if (slab_frees(hot) > hot->allocs)
        return 23;
    if (!trigger_fits(hot))
        return 25;
    return check_free_list(hot);
}

static int check_list(const struct slab_thr *thr, uint32_t first, enum slab_list list,
                      uint32_t *slabs)
{
    uint32_t prev = SLAB_NONE;
    int rule = 0;
    for (uint32_t unit = first; unit != SLAB_NONE && rule == 0; unit = slab_hot_at(unit)->next) {
        const struct slab_hot *hot = slab_hot_at(unit);
        if (hot->prev != prev || hot->unit != unit)
            return 27;
        rule = check_slab(thr, hot, list);
        prev = unit;
        (*slabs)++;
    }
    return rule;
}

static int check_class(const struct slab_thr *thr, const struct slab_cache *cache, unsigned class,
                       uint32_t *slabs)
{
    const struct slab_hot *current = cache->current[class];
    int rule = 0;
    if (current != &slab_hot_empty) {
        rule = current->class == class ? check_slab(thr, current, SLAB_LIST_CURRENT) : 22;
        (*slabs)++;
    }
    if (rule == 0 && current != &slab_hot_empty && current->epoch != cache->slot)
        rule = 26;
    return rule != 0 ? rule : check_list(thr, cache->partial[class], SLAB_LIST_PARTIAL, slabs);
}

static int check_cache(const struct slab_thr *thr, const struct slab_cache *cache, uint32_t *slabs)
{
    if (cache->region)
        return 0;
    int rule = check_list(thr, cache->full, SLAB_LIST_FULL, slabs);
    for (unsigned class = 0; class < SLAB_CLASSES && rule == 0; class ++)
        rule = check_class(thr, cache, class, slabs);
    return rule;
}

static int check_caches(const struct slab_thr *thr, uint32_t *slabs)
{
    int rule = 0;
    for (const struct slab_cache *c = thr->caches; c != NULL && rule == 0; c = c->next) {
        if (c->thread != thr->id || thr->directory[c->slot / SLAB_CHUNK][c->slot % SLAB_CHUNK] != c)
            return 41;
        rule = check_cache(thr, c, slabs);
    }
    return rule;
}

static int check_thread(const struct slab_thr *thr)
{
    uint32_t slabs = 0;
    int rule = check_cache(thr, &thr->main, &slabs);
    if (rule == 0)
        rule = check_caches(thr, &slabs);
    for (uint32_t i = 0; i < thr->empties && rule == 0; i++) {
        const struct slab_hot *hot = slab_hot_at(thr->empty_unit[i]);
        rule = hot->class == thr->empty_class[i] ? check_slab(thr, hot, SLAB_LIST_EMPTY) : 22;
        slabs++;
    }
    return rule == 0 && slabs != thr->owned ? 28 : rule;
}

static int check_orphans(const struct slab_epoch *epoch)
{
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        uint32_t unit = shale_atomic_load_relaxed(&epoch->orphans[class]);
        for (; unit != SLAB_NONE; unit = slab_hot_at(unit)->next) {
            uint64_t word = shale_atomic_load_relaxed(&slab_rem_at(unit)->word);
            if (slab_owner_of(unit) != SLAB_NONE || (word & (SLAB_REM_ORPHAN | SLAB_REM_DEAD)) == 0)
                return 31;
        }
    }
    return 0;
}

/* Units by the slot of who has them. Tests only: untouched else. */
static uint32_t units_of[1 << SLAB_SLOT_BITS];

static void count_units(void)
{
    memset(units_of, 0, sizeof(units_of));
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        uint32_t end = slab_pool_fresh(half) * SLAB_SEGMENT_UNITS;
        for (uint32_t u = slab_range.first[half] * SLAB_SEGMENT_UNITS; u < end; u++) {
            enum slab_unit_state state = slab_unit_state_of(u);
            uint16_t slot = slab_unit_at(u)->epoch;
            if (state == SLAB_UNIT_SLAB)
                units_of[slot] += slab_class_units(slab_unit_at(u)->class);
            else if (state == SLAB_UNIT_RUN || state == SLAB_UNIT_REGION)
                units_of[slot] += slab_hot_at(u)->size;
            else if (state == SLAB_UNIT_SPARE)
                units_of[slot]++;
        }
    }
}

/* What a discard has ended is in use until it has finished. */
static int check_epoch(uint32_t slot, uint32_t *nursed)
{
    const struct slab_epoch_head *head = slab_head_at(slot);
    const struct slab_epoch *epoch = slab_epoch_at(slot);
    if (shale_atomic_load_relaxed(&head->id) == 0 || epoch->id == 0)
        return epoch->id == 0 && epoch->segments == 0 && epoch->caches == NULL ? 0 : 42;
    int rule = slab_units_validate(epoch);
    if (rule == 0)
        rule = check_orphans(epoch);
    for (unsigned i = 0; i < SLAB_NURSED; i++)
        *nursed += epoch->nursed[i] != SLAB_NONE;
    uint64_t used =
        shale_atomic_load_relaxed(&epoch->used_units) - epoch->purging_units - epoch->spent_units;
    bool discarded = slab_state_of(head) == SLAB_EPOCH_CLOSING;
    if (rule == 0 && !discarded &&
        units_of[slot] != used + (uint32_t)__builtin_popcount(epoch->nursed_used))
        rule = 32;
    return rule;
}

static int check_epochs(void)
{
    uint32_t slots = shale_atomic_load_relaxed(&slab_range_slots);
    uint32_t nursed = 0;
    int rule = slab_units_validate(&slab_epoch_nursery);
    for (uint32_t slot = 1; slot < slots && rule == 0; slot++)
        rule = check_epoch(slot, &nursed);
    uint32_t used = shale_atomic_load_relaxed(&slab_epoch_nursery.used_units);
    return rule == 0 && nursed != used - slab_epoch_nursery.purging_units ? 43 : rule;
}

static int check_units(const struct slab_epoch *epoch)
{
    uint32_t used = shale_atomic_load_relaxed(&epoch->used_units);
    count_units();
    return units_of[0] == used - epoch->purging_units ? check_epochs() : 32;
}

static int look(void *unused)
{
    (void)unused;
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    int rule = slab_pool_validate();
    if (rule == 0)
        rule = slab_units_validate(&slab_epoch_eternal);
    if (rule == 0)
        rule = check_orphans(&slab_epoch_eternal);
    if (rule == 0)
        rule = check_units(&slab_epoch_eternal);
    for (uint32_t id = 1; id < end && rule == 0; id++)
        if (shale_atomic_load_relaxed(&slab_thr_at(id)->state) == SLAB_THR_LIVE)
            rule = check_thread(slab_thr_at(id));
    return rule;
}

int slab_validate(void)
{
    return slab_with_all_stopped(look, NULL);
}
