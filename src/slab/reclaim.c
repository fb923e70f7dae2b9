/* SPDX-License-Identifier: MIT */
/* Tidying heaps, and purging what they gave back. Layer 1. */
#include "slab/reclaim.h"

#include "base/clock.h"
#include "base/os.h"
#include "base/probe.h"
#include "slab/bias.h"
#include "slab/close.h"
#include "slab/fork.h"
#include "slab/keep.h"
#include "slab/orphan.h"
#include "slab/pages.h"
#include "slab/purger.h"
#include "slab/range.h"
#include "slab/secure.h"
#include "slab/unit.h"

enum {
    VISIT_PATIENCE_NS = 1000000,
    CLOSE_BUDGET_NS = 10000000, /* for each epoch whose close was left unfinished */
    PURGE_PERIOD_NS = 10000000, /* for a segment */
    PURGE_SAVED_MAX = 512,      /* periods: 1 GiB at once after five seconds of nothing */
    UNIT_PRICE = 2,             /* free units one by one: 290 us for a segment's worth, not 176 */
};

static uint32_t dirty_units(void)
{
    return shale_atomic_load_relaxed(&slab_epoch_eternal.dirty_units);
}

/*
 * A slab may move to another list, or away, when it is looked at: its successor is read first. One
 * that cannot be released now goes to the end of its list, behind the last that is looked at: who
 * has the lock may need this processor.
 */
static void collect_list(struct slab_thr *thr, uint32_t unit, uint32_t last)
{
    for (uint32_t before = SLAB_NONE; unit != SLAB_NONE && before != last;) {
        struct slab_hot *hot = slab_hot_at(unit);
        before = unit;
        unit = hot->next;
        slab_collect(thr, hot);
        slab_arm(thr, hot);
        slab_reclassify(thr, hot);
    }
}

/* A current slab without live blocks is of no use to a thread that is asked to be tidy. */
static void retire_current(struct slab_thr *thr, struct slab_cache *cache, unsigned class)
{
    struct slab_hot *hot = cache->current[class];
    if (hot == &slab_hot_empty)
        return;
    slab_collect(thr, hot);
    if (slab_frees(hot) < hot->allocs)
        return;
    slab_park(thr, hot);
}

/* Not those of an epoch whose lock is taken: they wait for the next time. */
static void give_spares(struct slab_cache *cache)
{
    struct slab_epoch *epoch = slab_epoch_of(cache->slot);
    if (cache->spares == 0 || !slab_internal_try(&epoch->lock))
        return;
    slab_give_spares(cache);
    shale_lock_release(&epoch->lock);
}

static void tidy_cache(struct slab_thr *thr, struct slab_cache *cache)
{
    if (cache->region)
        return;
    give_spares(cache);
    collect_list(thr, cache->full, UINT32_MAX);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        retire_current(thr, cache, class);
        collect_list(thr, cache->partial[class], cache->partial_last[class]);
    }
}

void slab_tidy(struct slab_thr *thr)
{
    thr->tidy_again = false;
    if (SLAB_SECURE)
        slab_secure_flush(thr);
    slab_flush_batches(thr);
    slab_collect_messages(thr, UINT32_MAX);
    for (struct slab_cache *cache = thr->caches; cache != NULL; cache = cache->next)
        tidy_cache(thr, cache);
    tidy_cache(thr, &thr->main);
    if (!slab_release_empties(thr, 0))
        thr->tidy_again = true;
}

static void tidy_other(struct slab_thr *target, void *unused)
{
    (void)unused;
    slab_tidy(target);
}

unsigned slab_visit_all(struct slab_thr *self, uint32_t request,
                        void (*work)(struct slab_thr *target, void *argument), void *argument)
{
    unsigned deferred = 0;
    sigset_t saved;
    if (slab_fork_is_mine())
        return 0; /* everyone is held already, by this thread, for another purpose */
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = 1; id < end; id++) {
        struct slab_thr *target = slab_thr_at(id);
        if (target == self)
            continue;
        slab_os_lock(&slab_visit_lock, &saved);
        if (slab_visit(self, target, request, work, argument, VISIT_PATIENCE_NS) == SLAB_DEFERRED)
            deferred++;
        slab_os_unlock(&slab_visit_lock, &saved);
    }
    return deferred;
}

/* Empty segments that the pool had no time for, and dead slabs. */
static void trim_epoch(struct slab_epoch *epoch)
{
    if (!slab_internal_try(&epoch->lock))
        return;
    slab_bury_left(epoch);
    slab_units_trim(epoch);
    shale_lock_release(&epoch->lock);
}

static enum slab_step take_dirty_patiently(struct slab_thr *self, struct slab_epoch *epoch,
                                           uint32_t *unit, uint32_t *count)
{
    enum slab_step step;
    while (slab_enter(self), step = slab_units_take_dirty(epoch, unit, count), slab_leave(self),
           step == SLAB_BUSY)
        slab_wait();
    return step;
}

static void give_purged_patiently(struct slab_thr *self, struct slab_epoch *epoch, uint32_t unit,
                                  uint32_t count, bool purged)
{
    enum slab_step step;
    while (slab_enter(self), step = slab_units_give_purged(epoch, unit, count, purged),
           slab_leave(self), step == SLAB_BUSY)
        slab_wait();
}

/*
 * Free units of segments that are in use otherwise. 64 KiB of small pages cost 9 us to give back,
 * twice as much per byte as a whole segment, and a slab of each class can pin a segment for ever.
 */
static uint64_t purge_units(struct slab_thr *self, struct slab_epoch *epoch, uint64_t max_bytes)
{
    uint64_t bytes = 0;
    uint32_t unit = SLAB_NONE;
    uint32_t count = 0;
    while (bytes < max_bytes && shale_atomic_load_relaxed(&epoch->dirty_units) != 0 &&
           take_dirty_patiently(self, epoch, &unit, &count) == SLAB_DONE) {
        size_t size = (size_t)count << SLAB_UNIT_SHIFT;
        bool purged = shale_os_purge(slab_unit_address(unit), size) == 0;
        give_purged_patiently(self, epoch, unit, count, purged);
        SLAB_TOTAL(unit_purges, 1);
        SHALE_PROBE3(slab_purge_units, unit, count, purged);
        if (!purged) {
            SLAB_TOTAL(unit_purges_failed, 1);
            break; /* locked memory: the next one would fail as well */
        }
        bytes += size;
    }
    return bytes;
}

/* Free units of epochs that are open. One that ends meanwhile has none, or its slot's next has. */
static uint64_t purge_epochs(struct slab_thr *self, uint64_t max_bytes)
{
    uint64_t bytes = 0;
    /* ORDER RANGE2 acquire <- release in slab_range_grow_slots() [range.c]. The tables below. */
    uint32_t slots = shale_atomic_load_acquire(&slab_range_slots);
    for (uint32_t slot = 1; slot < slots && bytes < max_bytes; slot++)
        if (slab_state_of(slab_head_at(slot)) != SLAB_EPOCH_FREE)
            bytes += purge_units(self, slab_epoch_at(slot), max_bytes - bytes);
    return bytes;
}

static void tidy_everyone(struct slab_thr *self)
{
    SLAB_TOTAL(reclaims, 1);
    /* Twice: the first round sends batches, the second takes what they brought. */
    for (int round = 0; round < 2; round++) {
        slab_enter(self);
        slab_tidy(self);
        slab_leave(self);
        (void)slab_visit_all(self, SLAB_ATTN_TIDY, tidy_other, NULL);
    }
    slab_close_pending(CLOSE_BUDGET_NS);
    slab_enter(self);
    slab_tidy(self);
    trim_epoch(&slab_epoch_eternal);
    trim_epoch(&slab_epoch_nursery);
    slab_leave(self);
}

static uint64_t purge_any(struct slab_thr *self, uint64_t max_bytes)
{
    uint64_t bytes = slab_pool_purge(self, max_bytes);
    if (bytes < max_bytes)
        bytes += purge_units(self, &slab_epoch_eternal, max_bytes - bytes);
    if (bytes < max_bytes)
        bytes += purge_units(self, &slab_epoch_nursery, max_bytes - bytes);
    return bytes < max_bytes ? bytes + purge_epochs(self, max_bytes - bytes) : bytes;
}

uint64_t slab_reclaim(struct slab_thr *self, uint64_t max_bytes)
{
    SHALE_PROBE1(slab_reclaim, max_bytes);
    tidy_everyone(self);
    uint64_t bytes = purge_any(self, max_bytes);
    if (bytes < max_bytes)
        bytes += slab_pages_purge(self, max_bytes - bytes, UINT64_MAX);
    SHALE_PROBE1(slab_reclaim_end, bytes);
    return bytes;
}

uint64_t slab_reclaim_within(struct slab_thr *self, uint64_t max_bytes, uint64_t max_ns)
{
    if (max_ns == 0)
        return slab_reclaim(self, max_bytes);
    uint64_t end = shale_clock_monotonic_ns() + max_ns;
    uint64_t bytes = 0;
    tidy_everyone(self);
    while (bytes < max_bytes && shale_clock_monotonic_ns() < end) {
        uint64_t left = max_bytes - bytes;
        uint64_t some = purge_any(self, left < SLAB_SEGMENT_SIZE ? left : SLAB_SEGMENT_SIZE);
        bytes += some;
        if (some == 0)
            return bytes + slab_pages_purge(self, max_bytes - bytes, end);
    }
    return bytes;
}

/* ---- plain malloc ----------------------------------------------------------------------------
 */

static uint32_t free_units(void)
{
    return slab_pool_dirty() * SLAB_SEGMENT_UNITS + dirty_units();
}

/* Bytes this thread may give back: a segment per period, saved up to a limit. */
static uint64_t purge_credit(struct slab_thr *self, uint64_t now)
{
    if (now - self->purge_tick_ns > PURGE_SAVED_MAX * (uint64_t)PURGE_PERIOD_NS)
        self->purge_tick_ns = now - PURGE_SAVED_MAX * (uint64_t)PURGE_PERIOD_NS;
    return (now - self->purge_tick_ns) / PURGE_PERIOD_NS << SLAB_SEGMENT_SHIFT;
}

/* Current slabs without a live block pin their segments. */
static void retire_all_current(struct slab_thr *self)
{
    slab_enter(self);
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        retire_current(self, &self->main, class);
    slab_leave(self);
}

/* A refusal (locked memory) takes all of the credit: the next try would fail as well. */
static void purge(struct slab_thr *self, uint64_t wanted, uint64_t now)
{
    uint64_t credit = purge_credit(self, now);
    uint64_t bytes;
    if (wanted > credit)
        wanted = credit;
    if (wanted == 0)
        return;
    if (slab_pool_dirty() != 0) {
        bytes = slab_pool_purge(self, wanted);
    } else {
        retire_all_current(self);
        bytes = UNIT_PRICE * purge_units(self, &slab_epoch_eternal, wanted);
    }
    uint64_t units = (bytes == 0 ? credit : bytes) >> SLAB_UNIT_SHIFT;
    self->purge_tick_ns += units * (PURGE_PERIOD_NS / SLAB_SEGMENT_UNITS);
}

static uint32_t used_units(void)
{
    return shale_atomic_load_relaxed(&slab_epoch_eternal.used_units) +
           slab_pool_large() * SLAB_SEGMENT_UNITS;
}

/* Free bytes beyond `keep` units, if they are worth a purge. */
static uint64_t beyond(uint32_t keep)
{
    uint32_t free = free_units();
    return free < keep + SLAB_SEGMENT_UNITS ? 0 : (uint64_t)(free - keep) << SLAB_UNIT_SHIFT;
}

void slab_purge_after(struct slab_thr *self, size_t bytes)
{
    uint32_t least = slab_keep_least(used_units());
    if (SHALE_LIKELY(beyond(least) == 0) || slab_purger_wake())
        return;
    uint64_t now = shale_clock_monotonic_ns();
    uint64_t excess = beyond(least + slab_keep_regretted(now));
    uint64_t wanted = bytes <= SLAB_SEGMENT_SIZE ? SLAB_SEGMENT_SIZE : bytes;
    if (excess != 0)
        purge(self, wanted < excess ? wanted : excess, now);
}

uint64_t slab_purge_to_keep(struct slab_thr *self)
{
    uint32_t regretted = slab_keep_regretted(shale_clock_monotonic_ns());
    return purge_any(self, beyond(slab_keep_least(used_units()) + regretted));
}

uint64_t slab_purge_to_regret(struct slab_thr *self)
{
    tidy_everyone(self);
    return purge_any(self, beyond(slab_keep_regretted(shale_clock_monotonic_ns())));
}
