/* SPDX-License-Identifier: MIT */
/* Making, finding and taking away caches of epochs. Layer 1. */
#include "slab/cache.h"

#include <stddef.h>
#include <string.h>

#include <shale/epoch.h>

#include "slab/class.h"
#include "slab/epoch_units.h"
#include "slab/orphan.h"
#include "slab/remote.h"
#include "slab/secure.h"
#include "slab/slow.h"

enum {
    SLABS_AT_ONCE = 512, /* in one hold of the epoch's lock, and one visit */
    PREFETCH = 16,       /* slabs */
};

/* ---- memory of caches --------------------------------------------------------------------------
 */

static enum slab_step take_block(struct slab_thr *thr, size_t size, void **block,
                                 struct slab_growth *grow)
{
    struct slab_hot *hot;
    enum slab_step step = slab_ready(thr, &thr->main, slab_class_of(size), &hot, grow);
    if (step == SLAB_DONE)
        *block = slab_pop(hot);
    return step;
}

static void give_block(struct slab_thr *thr, void *block)
{
    uint32_t unit = slab_first_unit(slab_index_of(block));
    if (SLAB_SECURE)
        slab_secure_close(unit, block);
    slab_free_own(thr, block, unit);
}

/* ---- finding -----------------------------------------------------------------------------------
 */

struct slab_cache *slab_cache_find(struct slab_thr *thr, uint64_t epoch)
{
    uint32_t slot = slab_slot_of(epoch);
    struct slab_cache **chunk = thr->directory[slot / SLAB_CHUNK];
    struct slab_cache *cache = chunk == NULL ? NULL : chunk[slot % SLAB_CHUNK];
    return cache != NULL && cache->epoch == epoch ? cache : NULL;
}

/* The first entry is the eternal epoch's as long as no other has it: id 0, and the thread's own
 * cache. An unused one has id 0 too, which belongs in the first alone. */
static void forget_recent(struct slab_thr *thr, struct slab_recent *recent)
{
    *recent = (struct slab_recent){0, recent == thr->recent ? &thr->main : NULL};
}

static void remember(struct slab_thr *thr, struct slab_cache *cache)
{
    struct slab_recent *recent = &thr->recent[cache->slot % SLAB_RECENT];
    recent->cache = cache;
    recent->id = cache->region ? cache->epoch ^ SLAB_REGION_ID : cache->epoch;
}

static void forget(struct slab_thr *thr, struct slab_cache *cache)
{
    struct slab_recent *recent = &thr->recent[cache->slot % SLAB_RECENT];
    if (recent->cache == cache)
        forget_recent(thr, recent);
    thr->directory[cache->slot / SLAB_CHUNK][cache->slot % SLAB_CHUNK] = NULL;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static enum slab_step need_chunk(struct slab_thr *thr, uint32_t slot, struct slab_growth *grow)
{
    void *block;
    if (thr->directory[slot / SLAB_CHUNK] != NULL)
        return SLAB_DONE;
    enum slab_step step = take_block(thr, SLAB_CHUNK * sizeof(struct slab_cache *), &block, grow);
    if (step != SLAB_DONE)
        return step;
    thr->directory[slot / SLAB_CHUNK] = memset(block, 0, SLAB_CHUNK * sizeof(struct slab_cache *));
    return SLAB_DONE;
}

static void ready(struct slab_cache *cache, struct slab_thr *thr, uint64_t epoch)
{
    const struct slab_epoch_head *head = slab_head_at(slab_slot_of(epoch));
    bool region = head->kind == SHALE_EPOCH_REGION;
    memset(cache, 0, region ? offsetof(struct slab_cache, direct) : sizeof(*cache));
    cache->epoch = epoch;
    cache->thread = thr->id;
    cache->slot = slab_slot_of(epoch);
    cache->region = region;
    cache->tagged = (head->flags & SHALE_EPOCH_HANDLES) != 0;
    if (region)
        return;
    for (unsigned i = 0; i < SLAB_DIRECT; i++)
        cache->direct[i] = &slab_hot_empty;
    for (unsigned i = 0; i < SLAB_CLASSES; i++)
        cache->current[i] = &slab_hot_empty;
}

static void link_cache(struct slab_thr *thr, struct slab_epoch *epoch, struct slab_cache *cache)
{
    cache->next_in_epoch = epoch->caches;
    if (epoch->caches != NULL)
        epoch->caches->prev_in_epoch = cache;
    epoch->caches = cache;
    cache->next = thr->caches;
    if (thr->caches != NULL)
        thr->caches->prev = cache;
    thr->caches = cache;
}

static enum slab_step make(struct slab_thr *thr, uint64_t id, struct slab_cache **made,
                           struct slab_growth *grow)
{
    uint32_t slot = slab_slot_of(id);
    bool region = slab_head_at(slot)->kind == SHALE_EPOCH_REGION;
    void *block;
    enum slab_step step = need_chunk(thr, slot, grow);
    if (step == SLAB_DONE)
        step = take_block(thr, region ? offsetof(struct slab_cache, direct) : sizeof(**made),
                          &block, grow);
    if (step != SLAB_DONE)
        return step;
    /* From here on the epoch is known to be the one that was asked for. */
    step = slab_epoch_lock_active(id);
    if (step == SLAB_DONE && region != (slab_head_at(slot)->kind == SHALE_EPOCH_REGION)) {
        shale_lock_release(&slab_epoch_at(slot)->lock);
        step = SLAB_BUSY; /* the slot had another life when we looked first */
    }
    if (step != SLAB_DONE) {
        give_block(thr, block);
        return step;
    }
    ready(block, thr, id);
    link_cache(thr, slab_epoch_at(slot), block);
    shale_lock_release(&slab_epoch_at(slot)->lock);
    thr->directory[slot / SLAB_CHUNK][slot % SLAB_CHUNK] = block;
    SLAB_COUNT(thr, caches, 1);
    *made = block;
    return SLAB_DONE;
}

enum slab_step slab_cache_attach(struct slab_thr *thr, uint64_t epoch, struct slab_cache **cache,
                                 struct slab_growth *grow)
{
    enum slab_step step = SLAB_DONE;
    if (!slab_epoch_exists(epoch))
        return SLAB_STALE;
    const struct slab_epoch_head *head = slab_head_at(slab_slot_of(epoch));
    if (shale_atomic_load_relaxed(&head->id) != epoch || slab_state_of(head) != SLAB_EPOCH_ACTIVE)
        return SLAB_STALE;
    *cache = slab_cache_find(thr, epoch);
    if (*cache == NULL)
        step = make(thr, epoch, cache, grow);
    if (step == SLAB_DONE)
        remember(thr, *cache);
    return step;
}

/* ---- taking away -------------------------------------------------------------------------------
 */

struct slab_hot *slab_cache_any(const struct slab_cache *cache, unsigned *from)
{
    if (cache->region)
        return NULL;
    if (cache->full != SLAB_NONE)
        return slab_hot_at(cache->full);
    for (; *from < SLAB_CLASSES; (*from)++) {
        if (cache->current[*from] != &slab_hot_empty)
            return cache->current[*from];
        if (cache->partial[*from] != SLAB_NONE)
            return slab_hot_at(cache->partial[*from]);
    }
    return NULL;
}

static void discard_slab(struct slab_thr *thr, struct slab_epoch *epoch, struct slab_hot *hot)
{
    slab_discard(epoch, hot);
    thr->owned--;
}

static void discard_list(struct slab_thr *thr, struct slab_epoch *epoch, uint32_t *first, int *left)
{
    while (*first != SLAB_NONE && *left > 0) {
        struct slab_hot *hot = slab_hot_at(*first);
        *first = hot->next;
        /* Full slabs lie in the order they were taken, the last one first: the list itself would
         * tell only one cache miss ahead. A guess, never followed. */
        __builtin_prefetch(hot - PREFETCH, 1);
        discard_slab(thr, epoch, hot);
        (*left)--;
    }
    if (*first != SLAB_NONE)
        slab_hot_at(*first)->prev = SLAB_NONE;
}

static void discard_slabs(struct slab_thr *thr, struct slab_epoch *epoch, struct slab_cache *cache)
{
    int left = SLABS_AT_ONCE;
    discard_list(thr, epoch, &cache->full, &left);
    for (unsigned class = 0; class < SLAB_CLASSES && left > 0; class ++) {
        struct slab_hot *hot = cache->current[class];
        if (hot != &slab_hot_empty) {
            slab_set_current(cache, class, &slab_hot_empty);
            discard_slab(thr, epoch, hot);
            left--;
        }
        discard_list(thr, epoch, &cache->partial[class], &left);
        if (cache->partial[class] == SLAB_NONE)
            cache->partial_last[class] = SLAB_NONE;
    }
}

static void leave_slabs(struct slab_thr *thr, struct slab_cache *cache)
{
    struct slab_hot *hot;
    unsigned from = 0;
    for (int i = 0; i < SLABS_AT_ONCE && (hot = slab_cache_any(cache, &from)) != NULL; i++)
        slab_leave_behind(thr, hot);
}

static void unlink_cache(struct slab_thr *thr, struct slab_epoch *epoch, struct slab_cache *cache)
{
    if (cache->prev_in_epoch != NULL)
        cache->prev_in_epoch->next_in_epoch = cache->next_in_epoch;
    else
        epoch->caches = cache->next_in_epoch;
    if (cache->next_in_epoch != NULL)
        cache->next_in_epoch->prev_in_epoch = cache->prev_in_epoch;
    if (cache->prev != NULL)
        cache->prev->next = cache->next;
    else
        thr->caches = cache->next;
    if (cache->next != NULL)
        cache->next->prev = cache->prev;
}

/* Allocation ends at once, also when the slabs take more than one slice. */
static void stop_using(struct slab_cache *cache)
{
    for (unsigned i = 0; i < SLAB_DIRECT; i++)
        cache->direct[i] = &slab_hot_empty;
}

enum slab_step slab_cache_detach(struct slab_thr *thr, struct slab_cache *cache,
                                 enum slab_detach how)
{
    struct slab_epoch *epoch = slab_epoch_at(cache->slot);
    unsigned from = 0;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    if (!cache->region) {
        stop_using(cache);
        if (how == SLAB_DETACH_DISCARD)
            discard_slabs(thr, epoch, cache);
        else
            leave_slabs(thr, cache);
    }
    bool done = slab_cache_any(cache, &from) == NULL;
    if (done) {
        if (!cache->region && how == SLAB_DETACH_LEAVE)
            slab_give_spares(cache); /* a discard gives whole segments back */
        unlink_cache(thr, epoch, cache);
    }
    shale_lock_release(&epoch->lock);
    if (!done)
        return SLAB_BUSY;
    forget(thr, cache);
    give_block(thr, cache);
    return SLAB_DONE;
}

void slab_cache_free_directory(struct slab_thr *thr)
{
    for (unsigned i = 0; i < SLAB_CHUNKS; i++) {
        if (thr->directory[i] != NULL)
            give_block(thr, thr->directory[i]);
        thr->directory[i] = NULL;
    }
}
