/* SPDX-License-Identifier: MIT */
/* Bits of 32 units, and lists of segments by what their bits allow. Layer 1. */
#include "slab/unit.h"

#include <string.h>

#include "slab/keep.h"
#include "slab/thread.h"

enum {
    DIRTY_STEPS_MAX = 256, /* segments looked at for a dirty unit in one hold of the lock */
    ROOM_UNITS = 24,       /* free ones in a row that are worth being called room */
};

struct slab_epoch slab_epoch_eternal = {.lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_INTERNAL)};
struct slab_epoch slab_epoch_nursery = {.lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_INTERNAL),
                                        .id = SLAB_NURSERY_ID};

static uint32_t run_mask(uint32_t first, uint32_t count)
{
    uint32_t ones = count == SLAB_SEGMENT_UNITS ? UINT32_MAX : (1u << count) - 1;
    return ones << first;
}

/* Bit i of the result: units i to i + count - 1 are free. Doubles what is known in each step. */
static uint32_t run_starts(uint32_t used, uint32_t count)
{
    uint32_t starts = ~used;
    for (uint32_t known = 1; known < count && starts != 0;) {
        uint32_t more = count - known < known ? count - known : known;
        starts &= starts >> more;
        known += more;
    }
    return starts;
}

static uint32_t longest_run(uint32_t used)
{
    uint32_t length = 0;
    uint32_t starts = ~used;
    if (used == 0)
        return SLAB_SEGMENT_UNITS;
    /* starts: where runs of length + 1 begin. Longer by halves of what is left to find. */
    for (uint32_t step = SLAB_SEGMENT_UNITS / 2; step != 0 && starts != 0; step /= 2) {
        uint32_t longer = starts & run_starts(used, length + step);
        if (longer != 0) {
            length += step;
            starts = longer;
        }
    }
    return length;
}

/* Bits at multiples of align. */
static uint32_t aligned_starts(uint32_t align)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < SLAB_SEGMENT_UNITS; i += align)
        bits |= 1u << i;
    return bits;
}

static void list_segment(struct slab_epoch *epoch, uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    seg->longest = (uint8_t)longest_run(seg->used);
    uint32_t *first = &epoch->runs[seg->half][seg->longest];
    seg->prev = SLAB_NONE;
    seg->next = *first;
    if (*first != SLAB_NONE)
        slab_seg_at(*first)->prev = segment;
    *first = segment;
    epoch->listed[seg->half] |= 1ull << seg->longest;
}

static void unlist_segment(struct slab_epoch *epoch, uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    uint32_t *first = &epoch->runs[seg->half][seg->longest];
    if (seg->prev != SLAB_NONE)
        slab_seg_at(seg->prev)->next = seg->next;
    else
        *first = seg->next;
    if (seg->next != SLAB_NONE)
        slab_seg_at(seg->next)->prev = seg->prev;
    if (*first == SLAB_NONE)
        epoch->listed[seg->half] &= ~(1ull << seg->longest);
    seg->next = seg->prev = SLAB_NONE;
}

static void add_dirty(struct slab_epoch *epoch, uint32_t mask)
{
    shale_atomic_add_single_writer(&epoch->dirty_units, (uint32_t)__builtin_popcount(mask));
}

static void remove_dirty(struct slab_epoch *epoch, uint32_t mask)
{
    shale_atomic_add_single_writer(&epoch->dirty_units, -(uint32_t)__builtin_popcount(mask));
}

void slab_seg_soil(struct slab_seg *seg, uint32_t mask)
{
    uint32_t again = seg->purged & mask;
    if (again != 0)
        slab_keep_regret((uint32_t)__builtin_popcount(again));
    seg->purged &= ~mask;
    seg->clean &= ~mask;
}

static void use_units(struct slab_epoch *epoch, uint32_t segment, uint32_t mask, bool *zero)
{
    struct slab_seg *seg = slab_seg_at(segment);
    *zero = (seg->clean & mask) == mask;
    remove_dirty(epoch, mask & ~seg->clean);
    seg->used |= mask;
    slab_seg_soil(seg, mask);
    shale_atomic_add_single_writer(&epoch->used_units, (uint32_t)__builtin_popcount(mask));
    if (longest_run(seg->used) != seg->longest) {
        unlist_segment(epoch, segment);
        list_segment(epoch, segment);
    }
}

/* The first segment of the shortest sufficient runs that has one at the alignment. */
static uint32_t find_segment(const struct slab_epoch *epoch, unsigned half, uint32_t count,
                             uint32_t align, uint32_t *first)
{
    uint32_t wanted = aligned_starts(align);
    for (uint64_t lists = epoch->listed[half] >> count << count; lists != 0; lists &= lists - 1) {
        uint32_t segment = epoch->runs[half][__builtin_ctzll(lists)];
        uint32_t starts = run_starts(slab_seg_at(segment)->used, count) & wanted;
        if (starts != 0) {
            *first = (uint32_t)__builtin_ctz(starts);
            return segment;
        }
    }
    return SLAB_NONE;
}

static enum slab_step add_segment(struct slab_epoch *epoch, unsigned half, uint32_t *segment,
                                  struct slab_growth *grow)
{
    enum slab_step step = slab_pool_take(half, 1, 1, SLAB_SEG_UNITS, segment, grow);
    if (step != SLAB_DONE)
        return step;
    slab_seg_at(*segment)->epoch = epoch->id;
    epoch->segments++;
    add_dirty(epoch, ~slab_seg_at(*segment)->clean);
    list_segment(epoch, *segment);
    return SLAB_DONE;
}

enum slab_step slab_units_take_locked(struct slab_epoch *epoch, unsigned half, uint32_t count,
                                      uint32_t align, struct slab_run *run,
                                      struct slab_growth *grow)
{
    enum slab_step step = SLAB_DONE;
    uint32_t first = 0;
    uint32_t segment = find_segment(epoch, half, count, align, &first);
    if (segment == SLAB_NONE)
        segment = find_segment(epoch, 1 - half, count, align, &first);
    if (segment == SLAB_NONE)
        step = add_segment(epoch, half, &segment, grow);
    if (step == SLAB_DONE) {
        use_units(epoch, segment, run_mask(first, count), &run->zero);
        run->unit = segment * SLAB_SEGMENT_UNITS + first;
    }
    return step;
}

enum slab_step slab_units_take(struct slab_epoch *epoch, unsigned half, uint32_t count,
                               uint32_t align, struct slab_run *run, struct slab_growth *grow)
{
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    enum slab_step step = slab_units_take_locked(epoch, half, count, align, run, grow);
    shale_lock_release(&epoch->lock);
    return step;
}

/*
 * The longest free run of all; the middle of it where a used unit is before it, whose block may be
 * growing too.
 */
static uint32_t find_room(const struct slab_epoch *epoch, uint32_t count, uint32_t *first)
{
    uint64_t lists = epoch->listed[0] >> ROOM_UNITS << ROOM_UNITS >> count << count;
    if (lists == 0)
        return SLAB_NONE;
    uint32_t length = 63 - (uint32_t)__builtin_clzll(lists);
    uint32_t segment = epoch->runs[0][length];
    uint32_t start = (uint32_t)__builtin_ctz(run_starts(slab_seg_at(segment)->used, length));
    *first = start == 0 ? 0 : start + (length - count) / 2;
    return segment;
}

enum slab_step slab_units_take_roomy(struct slab_epoch *epoch, uint32_t count, struct slab_run *run,
                                     struct slab_growth *grow)
{
    enum slab_step step = SLAB_DONE;
    uint32_t first = 0;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    uint32_t segment = find_room(epoch, count, &first);
    if (segment == SLAB_NONE)
        step = add_segment(epoch, 0, &segment, grow);
    if (step == SLAB_DONE) {
        use_units(epoch, segment, run_mask(first, count), &run->zero);
        run->unit = segment * SLAB_SEGMENT_UNITS + first;
    }
    shale_lock_release(&epoch->lock);
    return step;
}

/* False: the pool is busy; the segment stays, and serves the next run. */
static bool return_segment(struct slab_epoch *epoch, uint32_t segment)
{
    uint32_t dirty = ~slab_seg_at(segment)->clean;
    unlist_segment(epoch, segment);
    if (slab_pool_give(segment, 1) != SLAB_DONE) {
        list_segment(epoch, segment);
        return false;
    }
    epoch->segments--;
    remove_dirty(epoch, dirty);
    return true;
}

static void give(struct slab_epoch *epoch, uint32_t unit, uint32_t count, bool zero)
{
    uint32_t segment = unit / SLAB_SEGMENT_UNITS;
    struct slab_seg *seg = slab_seg_at(segment);
    uint32_t mask = run_mask(unit % SLAB_SEGMENT_UNITS, count);
    SHALE_ASSERT((seg->used & mask) == mask);
    seg->used &= ~mask;
    shale_atomic_add_single_writer(&epoch->used_units, -count);
    if (zero)
        seg->clean |= mask;
    else
        add_dirty(epoch, mask);
    if (seg->used == 0) {
        (void)return_segment(epoch, segment);
    } else if (longest_run(seg->used) != seg->longest) {
        unlist_segment(epoch, segment);
        list_segment(epoch, segment);
    }
}

void slab_units_give(struct slab_epoch *epoch, uint32_t unit, uint32_t count)
{
    give(epoch, unit, count, false);
}

/* The first segment with a dirty unit, those with the longest free runs first. */
static uint32_t find_dirty(const struct slab_epoch *epoch)
{
    int steps = 0;
    for (uint32_t length = SLAB_SEGMENT_UNITS; length > 0; length--) {
        for (uint32_t s = epoch->runs[0][length]; s != SLAB_NONE; s = slab_seg_at(s)->next) {
            const struct slab_seg *seg = slab_seg_at(s);
            if ((~seg->used & ~seg->clean) != 0)
                return s;
            if (++steps == DIRTY_STEPS_MAX)
                return SLAB_NONE;
        }
    }
    return SLAB_NONE;
}

enum slab_step slab_units_take_dirty(struct slab_epoch *epoch, uint32_t *unit, uint32_t *count)
{
    bool ignored;
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    uint32_t segment = find_dirty(epoch);
    if (segment != SLAB_NONE) {
        uint32_t dirty = ~slab_seg_at(segment)->used & ~slab_seg_at(segment)->clean;
        uint32_t first = (uint32_t)__builtin_ctz(dirty);
        uint32_t rest = ~(dirty >> first);
        *count = rest == 0 ? SLAB_SEGMENT_UNITS : (uint32_t)__builtin_ctz(rest);
        *unit = segment * SLAB_SEGMENT_UNITS + first;
        use_units(epoch, segment, run_mask(first, *count), &ignored);
        epoch->purging_units += *count;
    }
    shale_lock_release(&epoch->lock);
    return segment != SLAB_NONE ? SLAB_DONE : SLAB_NO_MEMORY;
}

enum slab_step slab_units_give_purged(struct slab_epoch *epoch, uint32_t unit, uint32_t count,
                                      bool purged)
{
    if (!slab_internal_try(&epoch->lock))
        return SLAB_BUSY;
    if (purged) {
        SLAB_TOTAL(unit_purged_bytes, (uint64_t)count << SLAB_UNIT_SHIFT);
        slab_seg_at(unit / SLAB_SEGMENT_UNITS)->purged |=
            run_mask(unit % SLAB_SEGMENT_UNITS, count);
    }
    epoch->purging_units -= count;
    give(epoch, unit, count, purged);
    shale_lock_release(&epoch->lock);
    return SLAB_DONE;
}

bool slab_units_extend(struct slab_epoch *epoch, uint32_t unit, uint32_t count, uint32_t more)
{
    uint32_t first = unit % SLAB_SEGMENT_UNITS + count;
    uint32_t segment = unit / SLAB_SEGMENT_UNITS;
    bool zero;
    if (first + more > SLAB_SEGMENT_UNITS)
        return false;
    uint32_t mask = run_mask(first, more);
    if ((slab_seg_at(segment)->used & mask) != 0)
        return false;
    use_units(epoch, segment, mask, &zero);
    return true;
}

void slab_units_trim(struct slab_epoch *epoch)
{
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        uint32_t next;
        for (uint32_t s = epoch->runs[half][SLAB_SEGMENT_UNITS]; s != SLAB_NONE; s = next) {
            next = slab_seg_at(s)->next;
            (void)return_segment(epoch, s);
        }
    }
}

bool slab_units_empty(struct slab_epoch *epoch, uint32_t segment)
{
    struct slab_seg *seg = slab_seg_at(segment);
    shale_atomic_add_single_writer(&epoch->used_units, -(uint32_t)__builtin_popcount(seg->used));
    add_dirty(epoch, seg->used);
    unlist_segment(epoch, segment);
    seg->used = 0;
    list_segment(epoch, segment);
    return return_segment(epoch, segment);
}

void slab_units_forget(struct slab_epoch *epoch)
{
    memset(epoch->runs, 0, sizeof(epoch->runs));
    memset(epoch->listed, 0, sizeof(epoch->listed));
    epoch->segments = epoch->purging_units = 0;
    shale_atomic_store_relaxed(&epoch->used_units, 0);
    shale_atomic_store_relaxed(&epoch->dirty_units, 0);
}

void slab_units_remember(struct slab_epoch *epoch, uint32_t segment, uint32_t used)
{
    struct slab_seg *seg = slab_seg_at(segment);
    seg->used = used;
    seg->state = SLAB_SEG_UNITS;
    seg->epoch = epoch->id;
    epoch->segments++;
    shale_atomic_add_single_writer(&epoch->used_units, (uint32_t)__builtin_popcount(used));
    add_dirty(epoch, ~used & ~seg->clean);
    list_segment(epoch, segment);
}

static int validate_list(const struct slab_epoch *epoch, unsigned half, uint32_t length,
                         uint32_t *segments, uint32_t *units, uint32_t *dirty)
{
    uint32_t prev = SLAB_NONE;
    for (uint32_t s = epoch->runs[half][length]; s != SLAB_NONE;
         prev = s, s = slab_seg_at(s)->next) {
        const struct slab_seg *seg = slab_seg_at(s);
        if (seg->state != SLAB_SEG_UNITS || seg->epoch != epoch->id || seg->half != half)
            return 11;
        if (seg->longest != length || longest_run(seg->used) != length || seg->prev != prev)
            return 12;
        if ((seg->used & seg->clean) != 0)
            return 13;
        *segments += 1;
        *units += (uint32_t)__builtin_popcount(seg->used);
        *dirty += (uint32_t)__builtin_popcount(~seg->used & ~seg->clean);
    }
    return 0;
}

int slab_units_validate(const struct slab_epoch *epoch)
{
    uint32_t segments = 0;
    uint32_t units = 0;
    uint32_t dirty = 0;
    for (unsigned half = 0; half < SLAB_HALVES; half++) {
        for (uint32_t length = 0; length < SLAB_RUN_LISTS; length++) {
            int rule = validate_list(epoch, half, length, &segments, &units, &dirty);
            if (rule != 0)
                return rule;
            bool listed = (epoch->listed[half] >> length & 1) != 0;
            if (listed != (epoch->runs[half][length] != SLAB_NONE))
                return 14;
        }
    }
    if (dirty != shale_atomic_load_relaxed(&epoch->dirty_units))
        return 16;
    uint32_t used = shale_atomic_load_relaxed(&epoch->used_units);
    return segments == epoch->segments && units == used ? 0 : 15;
}
