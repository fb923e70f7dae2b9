/* SPDX-License-Identifier: MIT */
/* What malloc and free do when the fast path cannot. Layer 1. */
#include <errno.h>

#include "base/clock.h"
#include "base/probe.h"
#include "slab/cache.h"
#include "slab/domain.h"
#include "slab/fast.h"
#include "slab/foreign.h"
#include "slab/huge.h"
#include "slab/late.h"
#include "slab/malloc.h"
#include "slab/orphan.h"
#include "slab/reclaim.h"
#include "slab/region.h"
#include "slab/settings.h"
#include "slab/slow.h"
#include "slab/tag.h"
#include "slab/watch.h"

enum { HUGE_OWNED_MIN = (64 << 20) / SLAB_UNIT_SIZE };

struct slab_settings slab_settings;

/* ---- steps that may have to be tried again ----------------------------------------------------
 */

static enum slab_step class_step(struct slab_thr *thr, struct slab_request *request,
                                 struct slab_growth *grow);

static enum slab_step large_step(struct slab_thr *thr, struct slab_request *request,
                                 struct slab_growth *grow)
{
    return slab_large_alloc(thr, &request->large, grow);
}

enum { HOPELESS_NS = 10000000 };

/*
 * Flushes, drains and gives back everything there is, once per request, and not again for a while
 * after it brought nothing: in a full range each call comes here. op is 0.
 */
static bool make_memory(struct slab_thr *thr, struct slab_request *request)
{
    static _Atomic uint64_t hopeless_until;
    uint64_t now = shale_clock_monotonic_ns();
    if (request->reclaimed || thr->id == SLAB_LATE ||
        now < shale_atomic_load_relaxed(&hopeless_until))
        return false;
    request->reclaimed = true;
    SLAB_TOTAL(out_of_memory, 1);
    SHALE_PROBE1(slab_out_of_memory, request->large.size);
    if (slab_reclaim(thr, SIZE_MAX) == 0)
        shale_atomic_store_relaxed(&hopeless_until, now + HOPELESS_NS);
    return true;
}

/* How often a busy lock is worth another try; 0: until it is free. */
static uint32_t tries_of(const struct slab_thr *thr)
{
    if (thr->id != SLAB_LATE)
        return 0;
    bool in_handler = slab_self != &slab_thr_gone && slab_self != &slab_thr_empty;
    return in_handler ? SLAB_HANDLER_TRIES : SLAB_LATE_TRIES;
}

/* True when the step is to be tried again; op is 0. */
static bool prepare_again(struct slab_thr *thr, struct slab_request *request, enum slab_step step,
                          const struct slab_growth *grow)
{
    if (step == SLAB_BUSY) {
        SLAB_COUNT(thr, lock_busy, 1);
        slab_wait();
        return tries_of(thr) == 0 || (uint32_t)++request->tries < tries_of(thr);
    }
    if (step == SLAB_STALE)
        SLAB_COUNT(thr, stale, 1);
    if (step == SLAB_STALE || step == SLAB_OVER_QUOTA)
        return false;
    if (step == SLAB_GROW && slab_pool_grow(grow) == 0)
        return true;
    return make_memory(thr, request);
}

bool slab_run(struct slab_thr *thr, struct slab_request *request,
              enum slab_step (*step)(struct slab_thr *, struct slab_request *,
                                     struct slab_growth *))
{
    struct slab_growth grow;
    for (;;) {
        enum slab_step result = step(thr, request, &grow);
        request->result = result;
        if (result == SLAB_DONE) {
            slab_finish(thr);
            return true;
        }
        slab_leave(thr);
        bool again = prepare_again(thr, request, result, &grow);
        slab_enter(thr);
        if (!again) {
            slab_finish(thr);
            return false;
        }
    }
}

static void *no_memory(void)
{
    SLAB_TOTAL(failed, 1);
    SHALE_PROBE0(slab_failed);
    errno = ENOMEM;
    return NULL;
}

void *slab_refuse(const struct slab_request *request)
{
    if (request->result == SLAB_OVER_QUOTA)
        slab_domain_tell(slab_head_at(slab_slot_of(request->epoch))->account, request->large.size);
    errno = request->result == SLAB_STALE ? ESTALE : ENOMEM;
    return NULL;
}

/*
 * What the range cannot serve: it is full, or too small for the block, or this is the late heap in
 * a place it cannot work in. Any size: a block has pages of its own.
 */
static void *map_directly(size_t size, size_t alignment)
{
    void *block = slab_huge_alloc(size, alignment);
    return block != NULL ? block : no_memory();
}

/* ---- blocks of a class ------------------------------------------------------------------------
 */

/* Blocks never used are handed out as they are, not linked first: where an epoch ends them. */
static bool takes_fresh(const struct slab_hot *hot)
{
    return hot->epoch != 0 && !hot->tagged;
}

static void *take_block(struct slab_hot *hot)
{
    struct slab_block *block;
    if (hot->free != NULL)
        return slab_pop(hot);
    if ((block = slab_take_fresh(hot)) != NULL)
        hot->allocs++;
    return block;
}

/*
 * The current slab has blocks again, or is parked. What came back goes first: a block never used so
 * far is a page fault more and memory more.
 */
static bool refresh_current(struct slab_thr *thr, struct slab_hot *hot)
{
    if (hot->free == NULL)
        slab_collect(thr, hot);
    if (hot->free != NULL || (takes_fresh(hot) && hot->linked < hot->capacity))
        return true;
    return slab_link_more(thr, hot) || !slab_park_full(thr, hot);
}

/*
 * Huge pages, if they are wanted, where they will be used: for a heap of 64 MiB or more, and a
 * class whose slab before was used to at least three quarters.
 */
static unsigned half_for(const struct slab_thr *thr, const struct slab_hot *previous)
{
    if (thr->owned < HUGE_OWNED_MIN || !shale_atomic_load_relaxed(&slab_settings.huge_pages))
        return 0;
    return previous->capacity != 0 && previous->linked >= previous->capacity / 4 * 3 ? 1 : 0;
}

/* The next slab of the class, in the order of cost. */
static enum slab_step next_slab(struct slab_thr *thr, struct slab_cache *cache, unsigned class,
                                struct slab_hot **hot, struct slab_growth *grow)
{
    bool eternal = cache->epoch == 0; /* only its empty slabs are kept by threads */
    unsigned half = half_for(thr, *hot);
    *hot = slab_unpark(thr, cache, class);
    if (*hot == NULL && eternal)
        *hot = slab_take_empty(thr, class, false);
    if (*hot == NULL)
        *hot = slab_adopt(thr, cache, class);
    if (*hot == NULL && eternal)
        *hot = slab_take_empty(thr, class, true);
    return *hot != NULL ? SLAB_DONE : slab_take(thr, cache, class, half, hot, grow);
}

enum slab_step slab_ready(struct slab_thr *thr, struct slab_cache *cache, unsigned class,
                          struct slab_hot **hot, struct slab_growth *grow)
{
    *hot = cache->current[class];
    while (*hot == &slab_hot_empty || !refresh_current(thr, *hot)) {
        enum slab_step step = next_slab(thr, cache, class, hot, grow);
        if (step != SLAB_DONE)
            return step;
        slab_make_current(thr, *hot);
    }
    return SLAB_DONE;
}

static enum slab_step class_step(struct slab_thr *thr, struct slab_request *request,
                                 struct slab_growth *grow)
{
    struct slab_cache *cache = &thr->main;
    struct slab_hot *hot;
    enum slab_step step = SLAB_DONE;
    if (slab_has_messages(thr))
        slab_collect_messages(thr, SLAB_MESSAGES_AT_ONCE);
    if (request->epoch != 0)
        step = slab_cache_attach(thr, request->epoch, &cache, grow);
    do {
        if (step == SLAB_DONE)
            step = slab_ready(thr, cache, request->class, &hot, grow);
        if (step != SLAB_DONE)
            return step;
        request->large.block = cache->tagged ? slab_tag_pop(hot) : take_block(hot);
        /* NULL: the tags of all free blocks were used up, or others freed some just now. */
    } while (request->large.block == NULL);
    request->large.zero = hot->zero && slab_frees(hot) == 0;
    return SLAB_DONE;
}

bool slab_alloc_class(struct slab_thr *thr, struct slab_request *request)
{
    SLAB_COUNT(thr, slow_allocs, 1);
    return slab_run(thr, request, class_step);
}

static void *alloc_small(size_t size, uint32_t old, bool *zero)
{
    struct slab_request request = {.large.size = size};
    struct slab_thr *thr = slab_resume(old);
    *zero = true;
    if (thr == NULL)
        return map_directly(size, 0);
    request.class = slab_class_of(size);
    if (!slab_alloc_class(thr, &request))
        return map_directly(size, 0);
    *zero = request.large.zero;
    return request.large.block;
}

/*
 * Reports a block, as if it were dirty: memcheck sees what is zero only when it is written. It may
 * be the first block of all: the engine was not watched when it was asked for.
 */
static void *report(void *block, size_t size, bool silenced, bool *zero)
{
    if (SHALE_LIKELY(!slab_watched))
        return block;
    if (silenced)
        slab_watch_speak();
    *zero = false;
    return slab_watch_alloc(block, size, slab_usable_size(block));
}

void *slab_calloc_slow(size_t size, uint32_t old, bool *zero)
{
    bool silenced = slab_watched;
    slab_watch_silence();
    return report(alloc_small(size, old, zero), size, silenced, zero);
}

void *slab_malloc_slow(size_t size, uint32_t old)
{
    bool zero;
    return slab_calloc_slow(size, old, &zero);
}

/* ---- large blocks -----------------------------------------------------------------------------
 */

static void *alloc_large(struct slab_large large, bool *zero)
{
    struct slab_request request = {.epoch = large.epoch, .large = large};
    size_t size = large.size;
    size_t alignment = large.alignment;
    struct slab_thr *thr = slab_begin();
    bool mappable = large.epoch == 0; /* what is mapped directly belongs to no epoch */
    *zero = true;
    if (thr == NULL)
        return mappable ? map_directly(size, alignment) : no_memory();
    uint64_t limit = slab_range.size / 4;
    if (size > limit || alignment > limit) {
        slab_finish(thr);
        return mappable ? map_directly(size, alignment) : no_memory();
    }
    if (!slab_run(thr, &request, large_step))
        return mappable ? map_directly(size, alignment) : slab_refuse(&request);
    *zero = request.large.zero;
    return request.large.block;
}

void *slab_alloc_large(uint64_t epoch, size_t size, size_t alignment, bool *zero)
{
    bool silenced = slab_watched;
    slab_watch_silence();
    struct slab_large large = {.size = size, .alignment = alignment, .epoch = epoch};
    return report(alloc_large(large, zero), size, silenced, zero);
}

void *slab_alloc_growing(size_t size)
{
    bool silenced = slab_watched;
    bool zero;
    slab_watch_silence();
    struct slab_large large = {.size = size, .growing = true};
    return report(alloc_large(large, &zero), size, silenced, &zero);
}

/* As slab_malloc_fast; it has a class to find. */
void *slab_malloc_middle(size_t size)
{
    bool zero;
    if (size > SLAB_CLASS_MAX)
        return slab_alloc_large(0, size, 0, &zero);
    return slab_calloc_fast(size, &zero);
}

/* ---- free -------------------------------------------------------------------------------------
 */

void slab_free_own(struct slab_thr *thr, void *address, uint32_t unit)
{
    struct slab_hot *hot = slab_hot_at(unit);
    struct slab_block *block = address;
    slab_set_next(block, hot->free);
    hot->free = block;
    if (--hot->left == 0)
        slab_reclassify(thr, hot);
}

void slab_free_live(struct slab_thr *thr, void *address, uint32_t unit)
{
    if (slab_owner_of(unit) == thr->id)
        slab_free_own(thr, address, unit);
    else
        slab_free_remote(thr, address, unit);
}

/* One try to free a block of the range. */
static enum slab_step free_step(struct slab_thr *thr, void *block, size_t *bytes)
{
    uint32_t unit = slab_index_of(block);
    enum slab_unit_state state = slab_unit_state_of(unit);
    if (state == SLAB_UNIT_RUN || state == SLAB_UNIT_LARGE) {
        if (SLAB_SECURE && block != slab_unit_address(unit))
            slab_secure_report(SLAB_OFFENCE_INSIDE, block);
        return slab_large_free(thr, unit, bytes);
    }
    unit = slab_first_unit(unit);
    state = slab_unit_state_of(unit);
    if (state == SLAB_UNIT_REGION) {
        slab_region_free(thr, block, unit);
        return SLAB_DONE;
    }
    if (SLAB_SECURE && state == SLAB_UNIT_SLAB) {
        slab_secure_free(thr, block, unit);
        return SLAB_DONE;
    }
    if (state != SLAB_UNIT_SLAB || (slab_is_tagged(unit) && !slab_tag_clear(unit, block)))
        return SLAB_NO_MEMORY;
    slab_free_live(thr, block, unit);
    return SLAB_DONE;
}

/* A handler interrupted the allocator: no state of this thread, no lock that it may hold. */
static bool free_in_handler(void *block)
{
    uint32_t unit = slab_first_unit(slab_index_of(block));
    if (slab_unit_state_of(unit) != SLAB_UNIT_SLAB)
        return false;
    if (SLAB_SECURE)
        slab_secure_close(unit, block);
    else if (slab_is_tagged(unit) && !slab_tag_clear(unit, block))
        return false;
    slab_free_signal(block, unit);
    return true;
}

static void free_in_range(struct slab_thr *thr, void *block)
{
    size_t bytes = 0;
    enum slab_step step;
    int tries = 0;
    uint32_t owned = thr->owned;
    SLAB_COUNT(thr, slow_frees, 1);
    while ((step = free_step(thr, block, &bytes)) == SLAB_BUSY &&
           (thr->id != SLAB_LATE || ++tries < SLAB_LATE_TRIES)) {
        slab_leave(thr);
        slab_wait();
        slab_enter(thr);
    }
    if (step != SLAB_DONE)
        SLAB_COUNT(thr, misuse, 1);
    if (SLAB_SECURE && step == SLAB_NO_MEMORY)
        slab_secure_report(SLAB_OFFENCE_NOTHING, block);
    /* A slab that went back counts too: with fences every free comes here. */
    bool gave = thr->id != SLAB_LATE && (bytes != 0 || thr->owned != owned);
    slab_finish(thr);
    if (gave)
        slab_purge_after(thr, bytes);
}

static void free_block(void *block, uint32_t old)
{
    int saved_errno = errno;
    if (block != NULL && old != 0 && slab_self != &slab_thr_empty && slab_self != &slab_thr_gone &&
        slab_in_range(block) && free_in_handler(block))
        return; /* op stays 1: it is the interrupted operation's */
    struct slab_thr *thr = slab_resume(old);
    if (thr != NULL && block != NULL && slab_in_range(block)) {
        free_in_range(thr, block);
    } else {
        if (thr != NULL)
            slab_finish(thr);
        if (block != NULL && !slab_huge_free(block))
            slab_foreign_free(block);
    }
    errno = saved_errno;
}

void slab_free_slow(void *block, uint32_t old)
{
    if (SHALE_LIKELY(!slab_watched)) {
        free_block(block, old);
        return;
    }
    if (block != NULL && slab_owns(block))
        slab_watch_free(block);
    slab_watch_silence();
    free_block(block, old);
    slab_watch_speak();
}

void slab_free_triggered(struct slab_thr *thr, struct slab_hot *hot)
{
    SLAB_COUNT(thr, slow_frees, 1);
    slab_reclassify(thr, hot);
    slab_leave(thr);
    slab_purge_after(thr, 0);
}
