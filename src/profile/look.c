/* SPDX-License-Identifier: MIT */
/*
 * Looks at the clock, every so many operations of a thread: latencies, and the timeline.
 *
 * A thread that allocates rarely looks at every operation, so that the times of its blocks are not
 * those of a look long ago; latencies are taken no more often for that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "base/system.h"
#include "profile/heap.h"
#include "profile/recorder.h"

/* Counters of processors run at 1 to 5 GHz: all spans here are good to such a factor. */
enum {
    SLOW_TICKS = 30000,      /* an operation in 10 us or so: look at each */
    FIRST_MOMENT = 10000000, /* 3 to 10 ms between two moments, at first */
};

static uint32_t next_random(struct profile_local *local)
{
    local->random ^= local->random << 13;
    local->random ^= local->random >> 7;
    local->random ^= local->random << 17;
    return (uint32_t)(local->random >> 24);
}

/* Uneven, so that the rhythm of a program cannot hide one of its operations. */
static uint32_t next_period(struct profile_local *local, uint64_t elapsed)
{
    uint64_t every = profile_recorder.settings.latency_every;
    if (every == 1 || elapsed > (uint64_t)SLOW_TICKS * local->period)
        return 1;
    if (every == 0 || every > INT32_MAX / 2)
        every = PROFILE_DEFAULT_LATENCY_EVERY;
    return (uint32_t)(every / 2) + 1 + (uint32_t)(next_random(local) % every);
}

static void note_latency(struct profile_local *local, uint64_t ticks,
                         enum profile_operation operation)
{
    struct profile_file_thread *record = local->record;
    shale_histogram_record(operation == PROFILE_ALLOC ? &record->alloc_ticks : &record->free_ticks,
                           ticks);
}

void profile_look(struct profile_local *local, uint64_t start, enum profile_operation operation)
{
    uint64_t now = shale_clock_ticks();
    uint64_t every = profile_recorder.settings.latency_every;
    local->since_timed += local->period;
    if (every != 0 && local->since_timed >= every / 2 + (every == 1)) {
        local->since_timed = 0;
        note_latency(local, now - start, operation);
    }
    uint32_t period = next_period(local, now - local->now);
    local->period = period;
    local->countdown = (int32_t)period - 1;
    local->now = now;
    shale_atomic_store_relaxed(&local->record->last_ticks, now);
    if (SHALE_UNLIKELY(now >= shale_atomic_load_relaxed(&profile_recorder.next_moment)))
        profile_take_moment(local);
}

void profile_note_usable(struct profile_local *local, void *block, uint64_t size)
{
    if (profile_recorder.usable_size == NULL || block == NULL)
        return;
    size_t usable = profile_recorder.usable_size(block);
    if (usable < size)
        return;
    shale_atomic_add_single_writer(&local->record->requested_bytes, size);
    shale_atomic_add_single_writer(&local->record->usable_bytes, usable);
}

/* ---- the timeline -----------------------------------------------------------------------------
 */

static uint64_t read_rss(void)
{
    char text[128];
    uint64_t pages = 0;
    if (shale_system_read_file("/proc/self/statm", text, sizeof(text)) <= 0)
        return 0;
    const char *field = strchr(text, ' '); /* the second: resident */
    for (field = field != NULL ? field + 1 : ""; *field >= '0' && *field <= '9'; field++)
        pages = pages * 10 + (uint64_t)(*field - '0');
    return pages * shale_os_page_size();
}

static void add_thread(struct profile_file_moment *moment, const struct profile_file_thread *record,
                       int64_t *live)
{
    moment->allocations += shale_atomic_load_relaxed(&record->allocations);
    moment->allocated_bytes += shale_atomic_load_relaxed(&record->allocated_bytes);
    moment->frees += shale_atomic_load_relaxed(&record->frees);
    *live += shale_atomic_load_relaxed(&record->balance);
    for (unsigned i = 0; i < PROFILE_FILE_SIZES; i++) {
        uint64_t count = shale_atomic_load_relaxed(&record->sizes[i]);
        uint64_t low = shale_histogram_bucket_low(i);
        unsigned octave = low == 0 ? 0 : 63U - (unsigned)__builtin_clzll(low);
        moment->octaves[octave < PROFILE_FILE_OCTAVES ? octave : PROFILE_FILE_OCTAVES - 1] += count;
    }
}

static void fill_moment(struct profile_file_moment *moment)
{
    const struct profile_file_live *live = &profile_recorder.image.header->live;
    int64_t bytes = shale_atomic_load_relaxed(&live->live_bytes);
    memset(moment, 0, sizeof(*moment));
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&live->thread_count); i++) {
        uint64_t at = shale_atomic_load_relaxed(&live->thread_at[i]);
        add_thread(moment, profile_image_at(&profile_recorder.image, at), &bytes);
    }
    moment->live_bytes = bytes > 0 ? (uint64_t)bytes : 0;
    moment->rss_bytes = read_rss();
    moment->ticks = shale_clock_ticks();
    moment->ns = shale_clock_monotonic_ns();
}

/* When the timeline is full every second moment goes, and from then on half as many come. */
static uint32_t make_place(struct profile_file_moment *moments, uint32_t count)
{
    if (count < PROFILE_FILE_MOMENTS)
        return count;
    for (size_t i = 0; i < count / 2; i++)
        moments[i] = moments[i * 2];
    profile_recorder.moment_ticks *= 2;
    return count / 2;
}

static struct profile_file_moment *find_moments(struct profile_file_live *live)
{
    uint64_t at = shale_atomic_load_relaxed(&live->moments_at);
    if (at != 0)
        return profile_image_at(&profile_recorder.image, at);
    struct profile_file_moment *moments =
        profile_image_take(&profile_recorder.image, sizeof(*moments) * PROFILE_FILE_MOMENTS);
    if (moments != NULL)
        shale_atomic_store_relaxed(&live->moments_at,
                                   profile_image_offset(&profile_recorder.image, moments));
    return moments;
}

/* Looked at again only when much more is live than then: it costs more than a moment. */
static void look_at_heap(struct profile_file_live *live, uint64_t live_bytes)
{
    enum { STACKS = 64 };
    struct profile_stack_bounds stacks[STACKS];
    unsigned count = 0;
    uint64_t before = shale_atomic_load_relaxed(&live->heap_live_bytes);
    if (live_bytes < before + before / 4 + 1 || profile_recorder.mode == PROFILE_COUNTERS)
        return;
    shale_lock_acquire(&profile_recorder.lock);
    for (const struct profile_local *local = profile_recorder.locals;
         local != NULL && count < STACKS; local = local->next)
        stacks[count++] = local->bounds;
    shale_lock_release(&profile_recorder.lock);
    shale_atomic_store_relaxed(&live->heap_rss_bytes, profile_heap_resident(stacks, count));
    shale_atomic_store_relaxed(&live->heap_live_bytes, live_bytes);
}

static void add_moment(struct profile_file_live *live)
{
    struct profile_file_moment *moments = find_moments(live);
    if (moments == NULL)
        return;
    uint32_t count = make_place(moments, shale_atomic_load_relaxed(&live->moment_count));
    fill_moment(&moments[count]);
    shale_atomic_store_relaxed(&live->moment_count, count + 1);
    if (moments[count].rss_bytes > shale_atomic_load_relaxed(&live->peak_rss_bytes))
        shale_atomic_store_relaxed(&live->peak_rss_bytes, moments[count].rss_bytes);
    shale_atomic_store_relaxed(&live->ended_ticks, moments[count].ticks);
    shale_atomic_store_relaxed(&live->ended_ns, moments[count].ns);
    look_at_heap(live, moments[count].live_bytes);
    if (profile_recorder.moment_ticks == 0)
        profile_recorder.moment_ticks = FIRST_MOMENT;
    shale_atomic_store_relaxed(&profile_recorder.next_moment,
                               moments[count].ticks + profile_recorder.moment_ticks);
}

void profile_take_moment(struct profile_local *local)
{
    uint32_t expected = 0;
    (void)local;
    /* ORDER PREC3 acquire <- release in profile_take_moment() [look.c]. The moments before this
     * one are there. */
    if (!shale_atomic_cas_acquire(&profile_recorder.taking_moment, &expected, 1))
        return;
    add_moment(&profile_recorder.image.header->live);
    /* ORDER PREC3 release -> acquire in profile_take_moment() [look.c]. Publishes the moment to who
     * takes the next. Without it two could take one place. Test
     * recorder_stop_while_threads_run_seals. */
    shale_atomic_store_release(&profile_recorder.taking_moment, 0);
}
