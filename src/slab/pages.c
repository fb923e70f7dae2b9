/* SPDX-License-Identifier: MIT */
/* Finding, purging and taking back free pages of slabs. Layer 1. */
#include "slab/pages.h"

#include "base/clock.h"
#include "base/os.h"
#include "slab/bias.h"
#include "slab/fork.h"
#include "slab/range.h"
#include "slab/slab.h"

enum {
    BITS = 64,
    BLOCKS_MAX = SLAB_UNIT_SIZE / 16,
    PAGES_MAX = 128, /* of the smallest size there is, in a wide slab */
    PATIENCE_NS = 1000000,
};

_Static_assert(SLAB_WIDE_UNITS *SLAB_UNIT_SIZE / 4096 <= PAGES_MAX, "a bit for each page");

static bool has(const uint64_t *bits, uint32_t index)
{
    return (bits[index / BITS] >> (index % BITS) & 1) != 0;
}

static void set(uint64_t *bits, uint32_t index)
{
    bits[index / BITS] |= 1ull << (index % BITS);
}

static uint32_t first_page(const struct slab_hot *hot, uint32_t block)
{
    return (uint32_t)((uint64_t)block * hot->size / shale_os_page_size());
}

static uint32_t last_page(const struct slab_hot *hot, uint32_t block)
{
    return (uint32_t)((((uint64_t)block + 1) * hot->size - 1) / shale_os_page_size());
}

static bool is_out(const struct slab_hot *hot, const uint64_t *purged, uint32_t block)
{
    for (uint32_t page = first_page(hot, block); page <= last_page(hot, block); page++)
        if (has(purged, page))
            return true;
    return false;
}

static uint32_t index_of(const struct slab_hot *hot, const struct slab_block *block)
{
    return (uint32_t)((uint64_t)((const char *)block - slab_unit_address(hot->unit)) / hot->size);
}

/* ---- purging one slab --------------------------------------------------------------------------
 */

/*
 * Pages that no live block lies in, of those that were ever linked. False: the free list is a
 * circle, because a block was freed twice.
 */
static bool find_free(const struct slab_hot *hot, const uint64_t *purged, uint64_t *pages)
{
    uint64_t free[BLOCKS_MAX / BITS] = {0};
    for (const struct slab_block *b = hot->free; b != NULL; b = b->next) {
        if (has(free, index_of(hot, b)))
            return false;
        set(free, index_of(hot, b));
    }
    for (uint32_t page = 0; page <= last_page(hot, hot->linked - 1); page++)
        set(pages, page);
    for (uint32_t block = 0; block < hot->linked; block++) {
        if (has(free, block) || is_out(hot, purged, block))
            continue;
        for (uint32_t page = first_page(hot, block); page <= last_page(hot, block); page++)
            pages[page / BITS] &= ~(1ull << (page % BITS));
    }
    return true;
}

/* The free list keeps the others, in their order. Before the pages go: the links are in them. */
static void take_out(struct slab_hot *hot, const uint64_t *purged)
{
    struct slab_block **link = &hot->free;
    for (struct slab_block *b = hot->free; b != NULL; b = b->next) {
        if (is_out(hot, purged, index_of(hot, b)))
            continue;
        *link = b;
        link = &b->next;
    }
    *link = NULL;
}

/* Neighbouring pages go in one call. */
static uint64_t give_pages(const struct slab_hot *hot, const uint64_t *pages)
{
    size_t size = shale_os_page_size();
    uint64_t bytes = 0;
    for (uint32_t page = 0; page < PAGES_MAX; page++) {
        uint32_t first = page;
        while (page < PAGES_MAX && has(pages, page))
            page++;
        if (page > first &&
            shale_os_purge(slab_unit_address(hot->unit) + first * size, (page - first) * size) == 0)
            bytes += (page - first) * size;
    }
    return bytes;
}

static bool has_small_pages(const struct slab_hot *hot)
{
    return slab_seg_at(hot->unit / SLAB_SEGMENT_UNITS)->half == 0 &&
           shale_os_page_size() < SLAB_UNIT_SIZE;
}

static uint64_t purge_slab(struct slab_hot *hot)
{
    struct slab_rem *rem = slab_rem_at(hot->unit);
    uint64_t pages[PAGES_MAX / BITS] = {0};
    if (!has_small_pages(hot) || hot->tagged || hot->linked == 0 ||
        !find_free(hot, rem->purged, pages))
        return 0;
    for (int i = 0; i < PAGES_MAX / BITS; i++) {
        pages[i] &= ~rem->purged[i];
        rem->purged[i] |= pages[i];
    }
    if ((pages[0] | pages[1]) == 0)
        return 0;
    take_out(hot, rem->purged);
    return give_pages(hot, pages);
}

/* ---- all slabs ---------------------------------------------------------------------------------
 */

struct walk {
    uint32_t round;
    unsigned class;
    uint64_t bytes;
};

static _Atomic uint32_t rounds;

/* The next slab of the thread that this round has not seen; it goes behind the others. */
static void step(struct slab_thr *thr, void *argument)
{
    struct walk *walk = argument;
    for (; walk->class < SLAB_CLASSES; walk->class ++) {
        uint32_t unit = thr->main.partial[walk->class];
        if (unit == SLAB_NONE || slab_rem_at(unit)->purge_round == walk->round)
            continue;
        slab_rem_at(unit)->purge_round = walk->round;
        walk->bytes += purge_slab(slab_hot_at(unit));
        slab_park(thr, slab_hot_at(unit));
        return;
    }
}

static bool goes_on(const struct walk *walk, uint64_t max_bytes, uint64_t end_ns)
{
    return walk->class < SLAB_CLASSES && walk->bytes < max_bytes &&
           (end_ns == UINT64_MAX || shale_clock_monotonic_ns() < end_ns);
}

static bool step_other(struct slab_thr *self, struct slab_thr *target, struct walk *walk)
{
    sigset_t saved;
    slab_os_lock(&slab_visit_lock, &saved);
    enum slab_visit visit = slab_visit(self, target, 0, step, walk, PATIENCE_NS);
    slab_os_unlock(&slab_visit_lock, &saved);
    return visit == SLAB_VISITED;
}

uint64_t slab_pages_purge(struct slab_thr *self, uint64_t max_bytes, uint64_t end_ns)
{
    struct walk walk = {.round = shale_atomic_fetch_add_relaxed(&rounds, 1) + 1};
    if (SLAB_SECURE)
        return 0; /* its lists are in no order, and in the key's hand */
    while (goes_on(&walk, max_bytes, end_ns)) {
        slab_enter(self);
        step(self, &walk);
        slab_leave(self);
    }
    uint32_t end = slab_fork_is_mine() ? 0 : shale_atomic_load_relaxed(&slab_thr_end);
    for (uint32_t id = 1; id < end; id++) {
        struct slab_thr *target = slab_thr_at(id);
        walk.class = 0;
        while (target != self && goes_on(&walk, max_bytes, end_ns) &&
               step_other(self, target, &walk))
            ;
    }
    return walk.bytes;
}

/* ---- taking back -------------------------------------------------------------------------------
 */

static bool return_page(struct slab_hot *hot, uint64_t *purged, uint32_t page)
{
    size_t size = shale_os_page_size();
    uint32_t block = (uint32_t)(page * size / hot->size);
    bool any = false;
    purged[page / BITS] &= ~(1ull << (page % BITS));
    for (; block < hot->linked && first_page(hot, block) <= page; block++) {
        struct slab_block *b = (struct slab_block *)(void *)(slab_unit_address(hot->unit) +
                                                             (uint64_t)block * hot->size);
        if (is_out(hot, purged, block))
            continue; /* in part still; it comes with the other page */
        b->next = hot->free;
        hot->free = b;
        any = true;
    }
    return any;
}

bool slab_pages_return(struct slab_hot *hot)
{
    uint64_t *purged = slab_rem_at(hot->unit)->purged;
    for (uint32_t i = 0; i < PAGES_MAX / BITS; i++)
        while (purged[i] != 0)
            if (return_page(hot, purged, i * BITS + (uint32_t)__builtin_ctzll(purged[i])))
                return true;
    return false;
}

uint32_t slab_pages_out(const struct slab_hot *hot)
{
    const uint64_t *purged = slab_rem_at(hot->unit)->purged;
    uint32_t out = 0;
    if ((purged[0] | purged[1]) != 0)
        for (uint32_t block = 0; block < hot->linked; block++)
            out += is_out(hot, purged, block);
    return out;
}
