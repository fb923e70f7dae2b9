/* SPDX-License-Identifier: MIT */
/*
 * The pool of segments. Layer 1.
 *
 * A bit per segment below `fresh` says that it is free; free segments are also on one of two lists
 * per half, dirty or clean, newest first. Runs are found in the bits, single segments on the lists.
 */
#include "slab/pool.h"

#include <shale/error.h>

#include "base/os.h"
#include "base/probe.h"
#include "slab/bias.h"
#include "slab/epoch.h"
#include "slab/move.h"
#include "slab/range.h"

enum {
    SEGMENTS_MAX = (int)(SLAB_RANGE_MAX >> SLAB_SEGMENT_SHIFT),
    BITS = 64,
};

struct list {
    uint32_t newest;
    uint32_t oldest;
};

static struct {
    struct shale_lock lock;
    struct list dirty[SLAB_HALVES];
    struct list clean[SLAB_HALVES];
} pool = {.lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_INTERNAL)};

struct slab_pool_tally slab_pool_tally;

void slab_pool_start(void)
{
    for (unsigned half = 0; half < SLAB_HALVES; half++)
        slab_pool_tally.fresh[half] = slab_range.first[half];
}

struct shale_lock *slab_pool_lock(void)
{
    return &pool.lock;
}

uint32_t slab_pool_fresh(unsigned half)
{
    return slab_pool_tally.fresh[half];
}

/* Not in `pool`, whose lock makes it initialized data: 64 KiB of zeros would come from the file. */
static uint64_t free_bits[SEGMENTS_MAX / BITS];

static bool is_free(uint32_t segment)
{
    return (free_bits[segment / BITS] >> (segment % BITS) & 1) != 0;
}

static struct list *list_of(const struct slab_seg *seg)
{
    return seg->clean == UINT32_MAX ? &pool.clean[seg->half] : &pool.dirty[seg->half];
}

static _Atomic uint32_t *count_of(const struct slab_seg *seg)
{
    return seg->clean == UINT32_MAX ? &slab_pool_tally.clean : &slab_pool_tally.dirty;
}

static void add_free(uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    struct list *list = list_of(seg);
    seg->state = SLAB_SEG_FREE;
    seg->used = 0;
    seg->listed = true;
    seg->prev = SLAB_NONE;
    seg->next = list->newest;
    if (list->newest != SLAB_NONE)
        slab_seg_at(list->newest)->prev = segment;
    else
        list->oldest = segment;
    list->newest = segment;
    free_bits[segment / BITS] |= 1ull << (segment % BITS);
    shale_atomic_add_single_writer(count_of(seg), 1);
}

static void remove_free(uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    struct list *list = list_of(seg);
    if (seg->prev != SLAB_NONE)
        slab_seg_at(seg->prev)->next = seg->next;
    else
        list->newest = seg->next;
    if (seg->next != SLAB_NONE)
        slab_seg_at(seg->next)->prev = seg->prev;
    else
        list->oldest = seg->prev;
    seg->next = seg->prev = SLAB_NONE;
    seg->listed = false;
    free_bits[segment / BITS] &= ~(1ull << (segment % BITS));
    shale_atomic_add_single_writer(count_of(seg), -1u);
}

/* A segment that was never used: all zero. */
static void make_fresh(uint32_t segment, unsigned half)
{
    struct slab_seg *seg = slab_seg_at(segment);
    seg->half = (uint8_t)half;
    seg->clean = UINT32_MAX;
}

static void count_used(enum slab_seg_state state, uint32_t count)
{
    shale_atomic_add_single_writer(&slab_pool_tally.used, count);
    if (state == SLAB_SEG_LARGE)
        shale_atomic_add_single_writer(&slab_pool_tally.large, count);
}

static void mark_taken(uint32_t segment, uint32_t count, enum slab_seg_state state)
{
    for (uint32_t i = 0; i < count; i++) {
        struct slab_seg *seg = slab_seg_at(segment + i);
        seg->state = (uint8_t)state;
        seg->used = 0;
        seg->next = seg->prev = SLAB_NONE;
    }
    count_used(state, count);
    shale_atomic_add_single_writer(&slab_pool_tally.taken, count);
}

/* The next index whose address is a multiple of `align` segments. */
static uint32_t align_index(uint32_t segment, uint32_t align)
{
    uint64_t base = (uint64_t)(uintptr_t)slab_range.base >> SLAB_SEGMENT_SHIFT;
    return (uint32_t)(SHALE_ALIGN_UP(base + segment, (uint64_t)align) - base);
}

/* First segment from `from` below `end` that is free (or not): `end` when there is none. */
static uint32_t next_bit(uint32_t from, uint32_t end, bool free)
{
    while (from < end) {
        uint64_t word = free_bits[from / BITS];
        word = (free ? word : ~word) >> (from % BITS);
        if (word != 0) {
            from += (uint32_t)__builtin_ctzll(word);
            return from < end ? from : end;
        }
        from = SHALE_ALIGN_DOWN(from + BITS, (uint32_t)BITS);
    }
    return end;
}

/* First fit among segments that were used before. */
static uint32_t find_run(unsigned half, uint32_t count, uint32_t align)
{
    uint32_t end = slab_pool_tally.fresh[half];
    uint32_t from = next_bit(slab_range.first[half], end, true);
    while (from < end) {
        uint32_t stop = next_bit(from, end, false);
        uint32_t start = align_index(from, align);
        if (start + count <= stop)
            return start;
        from = next_bit(stop, end, true);
    }
    return SLAB_NONE;
}

static enum slab_step take_single(unsigned half, uint32_t *segment)
{
    uint32_t found = pool.dirty[half].newest;
    if (found == SLAB_NONE)
        found = pool.clean[half].newest;
    if (found == SLAB_NONE)
        return SLAB_NO_MEMORY;
    remove_free(found);
    *segment = found;
    return SLAB_DONE;
}

/* Free segments just below `fresh` and then new ones. */
static enum slab_step take_fresh(unsigned half, uint32_t count, uint32_t align, uint32_t *segment,
                                 struct slab_growth *grow)
{
    uint32_t start = slab_pool_tally.fresh[half];
    while (start > slab_range.first[half] && is_free(start - 1) && count > 1)
        start--;
    start = align_index(start, align);
    if (start < slab_pool_tally.fresh[half] && start + count <= slab_pool_tally.fresh[half])
        start = align_index(slab_pool_tally.fresh[half], align);
    if (count > slab_range_end(half) || start > slab_range_end(half) - count)
        return SLAB_NO_MEMORY;
    /* ORDER RANGE1 acquire <- release in move_frontier() [range.c]. Below the frontier memory can
     * be touched. Test range_grow_many_threads_no_fault. */
    if (start + count > shale_atomic_load_acquire(&slab_range_frontier[half])) {
        *grow = (struct slab_growth){half, start + count};
        return SLAB_GROW;
    }
    for (uint32_t i = start; i < slab_pool_tally.fresh[half]; i++)
        remove_free(i);
    for (; slab_pool_tally.fresh[half] < start + count; slab_pool_tally.fresh[half]++) {
        make_fresh(slab_pool_tally.fresh[half], half);
        if (slab_pool_tally.fresh[half] < start)
            add_free(slab_pool_tally.fresh[half]);
    }
    *segment = start;
    return SLAB_DONE;
}

static enum slab_step take_in_half(unsigned half, uint32_t count, uint32_t align, uint32_t *segment,
                                   struct slab_growth *grow)
{
    if (count == 1 && align == 1) {
        if (take_single(half, segment) == SLAB_DONE)
            return SLAB_DONE;
        return take_fresh(half, count, align, segment, grow);
    }
    uint32_t found = find_run(half, count, align);
    if (found == SLAB_NONE)
        return take_fresh(half, count, align, segment, grow);
    for (uint32_t i = 0; i < count; i++)
        remove_free(found + i);
    *segment = found;
    return SLAB_DONE;
}

enum slab_step slab_pool_take(unsigned half, uint32_t count, uint32_t align,
                              enum slab_seg_state state, uint32_t *segment,
                              struct slab_growth *grow)
{
    if (!slab_internal_try(&pool.lock))
        return SLAB_BUSY;
    enum slab_step step = take_in_half(half, count, align, segment, grow);
    if (step == SLAB_NO_MEMORY)
        step = take_in_half(1 - half, count, align, segment, grow);
    if (step == SLAB_DONE)
        mark_taken(*segment, count, state);
    shale_lock_release(&pool.lock);
    if (step == SLAB_DONE)
        SHALE_PROBE2(slab_segment_take, *segment, count);
    return step;
}

int slab_pool_grow(const struct slab_growth *grow)
{
    int error = slab_range_grow(grow->half, grow->segment);
    return error == SHALE_EBUSY ? 0 : error; /* the next try is in the other half */
}

enum slab_step slab_pool_give(uint32_t segment, uint32_t count)
{
    if (!slab_internal_try(&pool.lock))
        return SLAB_BUSY;
    count_used((enum slab_seg_state)slab_seg_at(segment)->state, -count);
    for (uint32_t i = 0; i < count; i++)
        add_free(segment + i);
    shale_lock_release(&pool.lock);
    return SLAB_DONE;
}

static bool all_free(uint32_t segment, uint32_t count)
{
    unsigned half = segment >= slab_range.first[1] ? 1 : 0;
    return segment + count <= slab_pool_tally.fresh[half] &&
           next_bit(segment, segment + count, false) == segment + count;
}

/* The tail of the half may be extended into what was never used, up to the frontier. */
static bool extend_fresh(uint32_t segment, uint32_t count)
{
    unsigned half = segment >= slab_range.first[1] ? 1 : 0;
    struct slab_growth grow;
    uint32_t first = SLAB_NONE;
    uint32_t listed = slab_pool_tally.fresh[half] - segment;
    if (segment > slab_pool_tally.fresh[half] || listed >= count ||
        count > slab_range_end(half) - segment ||
        next_bit(segment, slab_pool_tally.fresh[half], false) != slab_pool_tally.fresh[half])
        return false;
    uint32_t more = count - listed;
    /* ORDER RANGE1 acquire <- release in move_frontier() [range.c]. As in take_fresh. */
    if (segment + count > shale_atomic_load_acquire(&slab_range_frontier[half]))
        return false;
    for (uint32_t i = 0; i < listed; i++)
        remove_free(segment + i);
    return take_fresh(half, more, 1, &first, &grow) == SLAB_DONE;
}

enum slab_step slab_pool_extend(uint32_t segment, uint32_t count, uint32_t more)
{
    uint32_t next = segment + count;
    unsigned half = segment >= slab_range.first[1] ? 1 : 0;
    enum slab_step step = SLAB_NO_MEMORY;
    if (next >= slab_range_end(half))
        return SLAB_NO_MEMORY;
    if (!slab_internal_try(&pool.lock))
        return SLAB_BUSY;
    if (more <= slab_range_end(half) - next && all_free(next, more)) {
        for (uint32_t i = 0; i < more; i++)
            remove_free(next + i);
        step = SLAB_DONE;
    } else if (extend_fresh(next, more)) {
        step = SLAB_DONE;
    }
    if (step == SLAB_DONE)
        mark_taken(next, more, SLAB_SEG_LARGE);
    shale_lock_release(&pool.lock);
    return step;
}

uint32_t slab_pool_dirty(void)
{
    return shale_atomic_load_relaxed(&slab_pool_tally.dirty);
}

uint32_t slab_pool_large(void)
{
    return shale_atomic_load_relaxed(&slab_pool_tally.large);
}

/* Takes the oldest dirty segment off its list. */
static enum slab_step take_dirty(uint32_t *segment)
{
    if (!slab_internal_try(&pool.lock))
        return SLAB_BUSY;
    enum slab_step step = SLAB_NO_MEMORY;
    for (unsigned half = 0; half < SLAB_HALVES && step != SLAB_DONE; half++) {
        uint32_t oldest = pool.dirty[half].oldest;
        if (oldest == SLAB_NONE)
            continue;
        remove_free(oldest);
        slab_seg_at(oldest)->state = SLAB_SEG_PURGING;
        *segment = oldest;
        step = SLAB_DONE;
    }
    shale_lock_release(&pool.lock);
    return step;
}

static enum slab_step put_back(uint32_t segment, bool purged)
{
    if (!slab_internal_try(&pool.lock))
        return SLAB_BUSY;
    if (purged) {
        slab_seg_at(segment)->clean = slab_seg_at(segment)->purged = UINT32_MAX;
        shale_atomic_add_single_writer(&slab_pool_tally.purged_bytes, SLAB_SEGMENT_SIZE);
        shale_atomic_add_single_writer(&slab_pool_tally.purges, 1);
    } else {
        shale_atomic_add_single_writer(&slab_pool_tally.purges_failed, 1);
    }
    add_free(segment);
    shale_lock_release(&pool.lock);
    return SLAB_DONE;
}

/* Runs a step of the pool inside this thread's op, waiting while the lock is taken. */
static enum slab_step take_dirty_patiently(struct slab_thr *thr, uint32_t *segment)
{
    enum slab_step step;
    while (slab_enter(thr), step = take_dirty(segment), slab_leave(thr), step == SLAB_BUSY)
        slab_wait();
    return step;
}

static void put_back_patiently(struct slab_thr *thr, uint32_t segment, bool purged)
{
    enum slab_step step;
    while (slab_enter(thr), step = put_back(segment, purged), slab_leave(thr), step == SLAB_BUSY)
        slab_wait();
}

uint64_t slab_pool_purge(struct slab_thr *thr, uint64_t max_bytes)
{
    uint64_t bytes = 0;
    uint32_t segment = SLAB_NONE;
    while (bytes < max_bytes && take_dirty_patiently(thr, &segment) == SLAB_DONE) {
        int error = slab_move_purge(segment);
        bool purged = error == 0;
        SHALE_PROBE2(slab_purge, segment, purged);
        if (error == SHALE_ENOMEM)
            break; /* perhaps a hole: it stays off the lists */
        put_back_patiently(thr, segment, purged);
        if (!purged)
            break; /* locked memory: the next one would fail as well */
        bytes += SLAB_SEGMENT_SIZE;
    }
    return bytes;
}

void slab_pool_forget(void)
{
    for (unsigned half = 0; half < SLAB_HALVES; half++)
        pool.dirty[half] = pool.clean[half] = (struct list){SLAB_NONE, SLAB_NONE};
    for (uint32_t i = 0; i < slab_range.segments / BITS + 1 && i < SEGMENTS_MAX / BITS; i++)
        free_bits[i] = 0;
    shale_atomic_store_relaxed(&slab_pool_tally.used, 0);
    shale_atomic_store_relaxed(&slab_pool_tally.large, 0);
    shale_atomic_store_relaxed(&slab_pool_tally.dirty, 0);
    shale_atomic_store_relaxed(&slab_pool_tally.clean, 0);
}

void slab_pool_remember_free(uint32_t segment)
{
    add_free(segment);
}

void slab_pool_remember_used(uint32_t count, enum slab_seg_state state)
{
    count_used(state, count);
}

static int validate_list(const struct list *list, unsigned half, bool clean, uint32_t *seen)
{
    uint32_t prev = SLAB_NONE;
    for (uint32_t s = list->newest; s != SLAB_NONE; prev = s, s = slab_seg_at(s)->next) {
        const struct slab_seg *seg = slab_seg_at(s);
        if (seg->state != SLAB_SEG_FREE || !seg->listed || !is_free(s))
            return 1;
        if (seg->prev != prev || seg->half != half || (seg->clean == UINT32_MAX) != clean)
            return 2;
        (*seen)++;
    }
    return list->oldest == prev ? 0 : 3;
}

int slab_pool_validate(void)
{
    uint32_t dirty = 0;
    uint32_t clean = 0;
    uint32_t bits = 0;
    int rule = 0;
    for (unsigned half = 0; half < SLAB_HALVES && rule == 0; half++) {
        rule = validate_list(&pool.dirty[half], half, false, &dirty);
        if (rule == 0)
            rule = validate_list(&pool.clean[half], half, true, &clean);
        for (uint32_t s = slab_range.first[half]; s < slab_pool_tally.fresh[half]; s++)
            bits += is_free(s);
    }
    if (rule == 0 && (dirty != slab_pool_tally.dirty || clean != slab_pool_tally.clean))
        rule = 4;
    return rule == 0 && bits != dirty + clean ? 5 : rule;
}
