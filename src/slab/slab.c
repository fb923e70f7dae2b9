/* SPDX-License-Identifier: MIT */
/* Lists, linking, parking and release of slabs. Layer 1. */
#include "slab/slab.h"

#include <string.h>

#include "base/probe.h"
#include "slab/cache.h"
#include "slab/class.h"
#include "slab/epoch_units.h"
#include "slab/pages.h"
#include "slab/remote.h"
#include "slab/secure.h"
#include "slab/tag.h"

enum {
    LINK_BYTES = 4096,   /* new blocks per step: one page is touched */
    LINK_PAGES_MANY = 4, /* pages per step, of a slab begun, in the heap of a thread that owns */
    OWNED_MANY = 128,    /* so many slabs: fewer steps fault, for 12 KiB per class at most */
    LINK_ORDERS = 16,    /* blocks per step of the secure variant, at least: 16! orders */
    WORTH_SHARE = 8,     /* a full slab is worth a visit when 1/8 of it came back, */
    WORTH_MAX = 128,     /* or this many blocks */
    EMPTIES_MIN = 4,     /* empty slabs a thread may keep */
    EMPTIES_SHARE = 4,   /* and one in so many that it owns */
    RELEASES_AT_ONCE = 2,
    SPARES = 8, /* units that a cache of an epoch takes at once */
};

struct slab_hot slab_hot_empty;

/* A thread that owns a slab of an epoch has a cache of it. */
static struct slab_cache *cache_of(struct slab_thr *thr, const struct slab_hot *hot)
{
    return SHALE_LIKELY(hot->epoch == 0) ? &thr->main : slab_cache_at(thr, hot->epoch);
}

static uint32_t link_bytes(const struct slab_thr *thr, const struct slab_hot *hot)
{
    bool many = thr->owned >= OWNED_MANY && hot->linked >= hot->capacity / 4;
    return many ? LINK_PAGES_MANY * LINK_BYTES : LINK_BYTES;
}

bool slab_link_more(struct slab_thr *thr, struct slab_hot *hot)
{
    if (hot->linked == hot->capacity)
        return slab_pages_return(hot);
    uint32_t bytes = link_bytes(thr, hot);
    uint32_t count = hot->size >= bytes ? 1 : bytes / hot->size;
    if (SLAB_SECURE && count < LINK_ORDERS)
        count = LINK_ORDERS;
    if (count > hot->capacity - hot->linked)
        count = hot->capacity - hot->linked;
    if (SLAB_SECURE) {
        slab_secure_link(hot, count);
        SLAB_COUNT(thr, linked, 1);
        return true;
    }
    char *block = slab_unit_address(hot->unit) + (uint64_t)hot->linked * hot->size;
    struct slab_block *first = (struct slab_block *)(void *)block;
    struct slab_block *last = first;
    for (uint32_t i = 1; i < count; i++) {
        block += hot->size;
        last->next = (struct slab_block *)(void *)block;
        last = last->next;
    }
    last->next = hot->free;
    hot->free = first;
    hot->linked += count;
    SLAB_COUNT(thr, linked, 1);
    return true;
}

void slab_take_back(struct slab_hot *hot, struct slab_block *chain, struct slab_block *tail,
                    uint32_t count)
{
    hot->left -= count;
    if (count > hot->capacity)
        count = hot->capacity; /* blocks freed twice */
    if (hot->free != NULL) {
        if (tail == NULL) {
            tail = chain;
            for (uint32_t i = 1; i < count && slab_next(tail) != NULL; i++)
                tail = slab_next(tail);
        }
        slab_set_next(tail, hot->free);
    }
    hot->free = chain;
}

static uint32_t worth(const struct slab_hot *hot)
{
    uint32_t blocks = hot->capacity / WORTH_SHARE;
    return blocks < 1 ? 1 : blocks > WORTH_MAX ? WORTH_MAX : blocks;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void push_full(struct slab_cache *cache, struct slab_hot *hot)
{
    hot->list = SLAB_LIST_FULL;
    slab_set_trigger(hot, slab_frees(hot) + worth(hot));
    if (hot->trigger > hot->allocs)
        slab_set_trigger(hot, hot->allocs); /* blocks whose tags are used up do not come back */
    hot->prev = SLAB_NONE;
    hot->next = cache->full;
    if (cache->full != SLAB_NONE)
        slab_hot_at(cache->full)->prev = hot->unit;
    cache->full = hot->unit;
}

/* Behind the others: by its turn more of its blocks have come back. */
static void push_partial(struct slab_cache *cache, struct slab_hot *hot)
{
    hot->list = SLAB_LIST_PARTIAL;
    slab_set_trigger(hot, hot->allocs);
    hot->next = SLAB_NONE;
    hot->prev = cache->partial_last[hot->class];
    if (hot->prev != SLAB_NONE)
        slab_hot_at(hot->prev)->next = hot->unit;
    else
        cache->partial[hot->class] = hot->unit;
    cache->partial_last[hot->class] = hot->unit;
}

void slab_set_current(struct slab_cache *cache, unsigned class, struct slab_hot *hot)
{
    uint32_t last = slab_class_sizes[class] / 16;
    cache->current[class] = hot;
    if (last >= SLAB_DIRECT || cache->tagged)
        return;
    for (uint32_t i = class == 0 ? 0 : slab_class_sizes[class - 1] / 16 + 1; i <= last; i++)
        cache->direct[i] = hot;
}

static void unlink_hot(struct slab_hot *hot, uint32_t *first, uint32_t *last)
{
    if (hot->prev != SLAB_NONE)
        slab_hot_at(hot->prev)->next = hot->next;
    else
        *first = hot->next;
    if (hot->next != SLAB_NONE)
        slab_hot_at(hot->next)->prev = hot->prev;
    else
        *last = hot->prev;
    hot->next = hot->prev = SLAB_NONE;
}

/* The others keep their order: the longest kept is the first. */
static void remove_empty(struct slab_thr *thr, uint32_t index)
{
    uint32_t behind = --thr->empties - index;
    memmove(&thr->empty_unit[index], &thr->empty_unit[index + 1], behind * sizeof(uint32_t));
    memmove(&thr->empty_class[index], &thr->empty_class[index + 1], behind);
}

static void detach_empty(struct slab_thr *thr, const struct slab_hot *hot)
{
    for (uint32_t i = 0; i < thr->empties; i++) {
        if (thr->empty_unit[i] == hot->unit) {
            remove_empty(thr, i);
            return;
        }
    }
}

void slab_detach(struct slab_thr *thr, struct slab_hot *hot)
{
    struct slab_cache *cache = cache_of(thr, hot);
    uint32_t ignored = SLAB_NONE;
    switch ((enum slab_list)hot->list) {
    case SLAB_LIST_CURRENT:
        slab_set_current(cache, hot->class, &slab_hot_empty);
        break;
    case SLAB_LIST_PARTIAL:
        unlink_hot(hot, &cache->partial[hot->class], &cache->partial_last[hot->class]);
        break;
    case SLAB_LIST_FULL:
        unlink_hot(hot, &cache->full, &ignored);
        break;
    case SLAB_LIST_EMPTY:
        detach_empty(thr, hot);
        break;
    case SLAB_LIST_NONE:
    case SLAB_LIST_ORPHAN:
    case SLAB_LIST_BROKEN:
        break;
    }
    hot->list = SLAB_LIST_NONE;
}

/* ---- from one list to the next --------------------------------------------------------------- */

/* More blocks came back than went out: a double free. Its free list cannot be trusted again. */
static void give_up(struct slab_thr *thr, struct slab_hot *hot)
{
    slab_detach(thr, hot);
    hot->list = SLAB_LIST_BROKEN;
    hot->free = NULL;
    slab_set_trigger(hot, UINT64_MAX);
    slab_set_owner(hot->unit, SLAB_NONE); /* what is freed of it goes nowhere */
    thr->owned--;
    SLAB_COUNT(thr, misuse, 1);
    SHALE_PROBE2(slab_misuse, hot->unit, slab_frees(hot));
}

static uint32_t empties_allowed(const struct slab_thr *thr)
{
    uint32_t allowed = thr->owned / EMPTIES_SHARE;
    if (allowed < EMPTIES_MIN)
        return EMPTIES_MIN;
    return allowed < SLAB_EMPTIES_MAX ? allowed : SLAB_EMPTIES_MAX;
}

static void push_empty(struct slab_thr *thr, struct slab_hot *hot)
{
    hot->list = SLAB_LIST_EMPTY;
    slab_set_trigger(hot, slab_frees(hot) + 1);
    thr->empty_unit[thr->empties] = hot->unit;
    thr->empty_class[thr->empties] = hot->class;
    thr->empties++;
}

static bool try_release(struct slab_thr *thr, struct slab_hot *hot)
{
    struct slab_epoch *epoch = slab_epoch_of(hot->epoch);
    if (!slab_internal_try(&epoch->lock)) {
        SLAB_COUNT(thr, lock_busy, 1);
        return false;
    }
    SHALE_PROBE2(slab_release, hot->unit, hot->size); /* while it is ours */
    slab_release_locked(epoch, hot);
    shale_lock_release(&epoch->lock);
    thr->owned--;
    SLAB_COUNT(thr, slabs_released, 1);
    return true;
}

/*
 * Keeps a slab whose blocks are all back, and gives the longest kept away when there are too many:
 * a thread that owns less and less keeps less and less. Those of other epochs go back at once.
 */
static void retire(struct slab_thr *thr, struct slab_hot *hot)
{
    if (hot->epoch == 0 && slab_class_units(hot->class) == 1 && thr->empties < SLAB_EMPTIES_MAX) {
        push_empty(thr, hot);
        for (int i = 0; i < RELEASES_AT_ONCE && thr->empties > empties_allowed(thr); i++) {
            if (!try_release(thr, slab_hot_at(thr->empty_unit[0])))
                break;
            remove_empty(thr, 0);
        }
    } else if (!try_release(thr, hot)) {
        thr->tidy_again = true;
        push_partial(cache_of(thr, hot), hot);
        slab_set_trigger(hot, UINT64_MAX);
    }
}

void slab_reclassify(struct slab_thr *thr, struct slab_hot *hot)
{
    if (slab_frees(hot) > hot->allocs) {
        give_up(thr, hot);
    } else if (hot->list == SLAB_LIST_PARTIAL || hot->list == SLAB_LIST_FULL) {
        if (slab_frees(hot) == hot->allocs) {
            slab_detach(thr, hot);
            retire(thr, hot);
        } else if (hot->list == SLAB_LIST_PARTIAL) {
            slab_set_trigger(hot, hot->allocs);
        } else if (slab_frees(hot) >= hot->trigger) {
            slab_detach(thr, hot);
            push_partial(cache_of(thr, hot), hot);
        }
    }
}

void slab_park(struct slab_thr *thr, struct slab_hot *hot)
{
    slab_detach(thr, hot);
    push_partial(cache_of(thr, hot), hot);
    slab_arm(thr, hot);
    slab_reclassify(thr, hot);
}

void slab_make_current(struct slab_thr *thr, struct slab_hot *hot)
{
    hot->list = SLAB_LIST_CURRENT;
    slab_set_trigger(hot, UINT64_MAX);
    slab_set_current(cache_of(thr, hot), hot->class, hot);
    /* When its blocks are used up these are looked at; both may have left the cache long ago. */
    __builtin_prefetch(slab_rem_at(hot->unit), 1);
    __builtin_prefetch(slab_hot_at(cache_of(thr, hot)->partial[hot->class]), 1);
}

bool slab_park_full(struct slab_thr *thr, struct slab_hot *hot)
{
    slab_arm(thr, hot);
    if (slab_frees(hot) > hot->allocs) {
        give_up(thr, hot);
        return true;
    }
    if (hot->free != NULL)
        return false;
    struct slab_cache *cache = cache_of(thr, hot);
    slab_set_current(cache, hot->class, &slab_hot_empty);
    if (slab_frees(hot) < hot->allocs)
        push_full(cache, hot);
    else
        retire(thr, hot);
    return true;
}

struct slab_hot *slab_unpark(struct slab_thr *thr, const struct slab_cache *cache, unsigned class)
{
    uint32_t unit = cache->partial[class];
    if (unit == SLAB_NONE)
        return NULL;
    struct slab_hot *hot = slab_hot_at(unit);
    slab_detach(thr, hot);
    return hot;
}

/* ---- taking and releasing ---------------------------------------------------------------------
 */

void slab_make(struct slab_thr *thr, uint32_t slot, uint32_t unit, unsigned class, bool zero)
{
    struct slab_hot *hot = slab_hot_at(unit);
    struct slab_unit *entry = slab_unit_at(unit);
    *hot = (struct slab_hot){.left = UINT64_MAX,
                             .trigger = UINT64_MAX,
                             .capacity = slab_class_capacity(class),
                             .size = slab_class_sizes[class],
                             .unit = unit,
                             .class = (uint8_t) class,
                             .zero = zero,
                             .epoch = (uint16_t)slot};
    if (SLAB_SECURE)
        slab_secure_make(hot, zero);
    shale_atomic_store_relaxed(&slab_rem_at(unit)->word, 0);
    slab_pages_forget(unit);
    entry->class = (uint8_t) class;
    entry->epoch = (uint16_t)slot;
    for (uint32_t i = 1; i < slab_class_units(class); i++) {
        slab_unit_at(unit + i)->class = (uint8_t) class;
        slab_set_inner(unit + i, i);
    }
    shale_atomic_store_relaxed(&entry->state, SLAB_UNIT_SLAB);
    slab_set_owner(unit, thr->id);
}

struct slab_hot *slab_take_empty(struct slab_thr *thr, unsigned class, bool any)
{
    uint32_t index = thr->empties;
    if (index == 0)
        return NULL;
    do
        index--;
    while (thr->empty_class[index] != class && index > 0);
    if (thr->empty_class[index] != class && (!any || slab_class_units(class) != 1))
        return NULL;
    struct slab_hot *hot = slab_hot_at(thr->empty_unit[index]);
    remove_empty(thr, index);
    hot->list = SLAB_LIST_NONE;
    if (hot->class != class) {
        thr->past_allocs[hot->class] += hot->allocs;
        slab_make(thr, 0, hot->unit, class, false);
    }
    SLAB_COUNT(thr, slabs_reused, 1);
    return hot;
}

/* Some units at once; one where the quota or the range is nearly used up. */
static enum slab_step take_spares(struct slab_cache *cache, struct slab_growth *grow)
{
    struct slab_run run;
    uint32_t count = SPARES;
    enum slab_step step = slab_epoch_take_units(cache->epoch, 0, count, 1, &run, grow);
    if (step == SLAB_OVER_QUOTA || step == SLAB_NO_MEMORY)
        step = slab_epoch_take_units(cache->epoch, 0, count = 1, 1, &run, grow);
    if (step != SLAB_DONE)
        return step;
    for (uint32_t i = 0; i < count; i++) {
        slab_unit_at(run.unit + i)->epoch = (uint16_t)cache->slot;
        shale_atomic_store_relaxed(&slab_unit_at(run.unit + i)->state, SLAB_UNIT_SPARE);
    }
    cache->spare = run.unit;
    cache->spares = (uint8_t)count;
    cache->spares_zero = run.zero;
    return SLAB_DONE;
}

void slab_give_spares(struct slab_cache *cache)
{
    uint32_t count = cache->spares;
    cache->spares = 0;
    for (uint32_t i = 0; i < count; i++)
        shale_atomic_store_relaxed(&slab_unit_at(cache->spare + i)->state, SLAB_UNIT_FREE);
    if (count != 0)
        slab_epoch_give_units(slab_epoch_at(cache->slot), cache->spare, count);
}

/*
 * The unit of a slab. A request has a slab of each of its classes: from the fifth on they come
 * several for one hold of the epoch's lock. Units of slabs with tags are chosen one by one.
 */
static enum slab_step take_unit(struct slab_cache *cache, unsigned class, unsigned half,
                                struct slab_run *run, struct slab_growth *grow)
{
    uint32_t units = slab_class_units(class);
    if (cache->epoch == 0 || cache->tagged || units != 1 || half != 0 ||
        cache->chunks < SLAB_NURSED) {
        enum slab_step step = slab_epoch_take_units(cache->epoch, half, units, 1, run, grow);
        cache->chunks += step == SLAB_DONE && cache->chunks < SLAB_NURSED;
        return step;
    }
    enum slab_step step = cache->spares != 0 ? SLAB_DONE : take_spares(cache, grow);
    if (step != SLAB_DONE)
        return step;
    *run = (struct slab_run){cache->spare++, cache->spares_zero};
    cache->spares--;
    return SLAB_DONE;
}

enum slab_step slab_take(struct slab_thr *thr, struct slab_cache *cache, unsigned class,
                         unsigned half, struct slab_hot **hot, struct slab_growth *grow)
{
    struct slab_run run;
    enum slab_step step = take_unit(cache, class, half, &run, grow);
    if (step != SLAB_DONE)
        return step;
    slab_make(thr, cache->slot, run.unit, class, run.zero);
    if (SLAB_SECURE)
        slab_secure_guard(run.unit, class);
    if (cache->tagged)
        slab_tag_make(thr, slab_hot_at(run.unit), run.zero);
    thr->owned++;
    SLAB_COUNT(thr, slabs_taken, 1);
    SHALE_PROBE2(slab_take, run.unit, slab_class_sizes[class]);
    *hot = slab_hot_at(run.unit);
    return SLAB_DONE;
}

void slab_release_locked(struct slab_epoch *epoch, struct slab_hot *hot)
{
    uint32_t unit = hot->unit;
    uint32_t units = slab_class_units(hot->class);
    struct slab_unit *entry = slab_unit_at(unit);
    hot->list = SLAB_LIST_NONE;
    epoch->past_allocs[hot->class] += hot->allocs;
    if (SLAB_SECURE)
        slab_secure_unguard(unit, hot->class);
    slab_set_owner(unit, SLAB_NONE);
    shale_atomic_add_single_writer(&entry->generation, 1);
    if (hot->tagged)
        slab_tag_end_life(unit);
    shale_atomic_store_relaxed(&slab_rem_at(unit)->word, 0);
    for (uint32_t i = 0; i < units; i++)
        shale_atomic_store_relaxed(&slab_unit_at(unit + i)->state, SLAB_UNIT_FREE);
    slab_epoch_give_units(epoch, unit, units);
}

void slab_discard(struct slab_epoch *epoch, struct slab_hot *hot)
{
    struct slab_unit *entry = slab_unit_at(hot->unit);
    unsigned units = slab_class_units(hot->class);
    epoch->past_allocs[hot->class] += hot->allocs;
    if (SLAB_SECURE)
        slab_secure_unguard(hot->unit, hot->class);
    hot->list = SLAB_LIST_NONE;
    slab_set_owner(hot->unit, SLAB_NONE);
    shale_atomic_add_single_writer(&entry->generation, 1);
    if (hot->tagged)
        slab_tag_end_life(hot->unit);
    for (unsigned i = 0; i < units; i++)
        shale_atomic_store_relaxed(&entry[i].state, SLAB_UNIT_FREE);
}

bool slab_release_empties(struct slab_thr *thr, uint32_t keep)
{
    while (thr->empties > keep) {
        struct slab_hot *hot = slab_hot_at(thr->empty_unit[thr->empties - 1]);
        if (!try_release(thr, hot))
            return false;
        thr->empties--;
    }
    return true;
}
