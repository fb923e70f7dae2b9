/* SPDX-License-Identifier: MIT */
/*
 * The recorder: what happens around every malloc and free of a profiled program. Layer 3.
 *
 *     struct profile_local *local = profile_enter();      NULL: not recording, or inside already
 *     uint64_t start = profile_clock_start(local);        0: this operation is not timed
 *     block = the real malloc(size);
 *     profile_clock_stop(local, start, PROFILE_ALLOC);
 *     profile_record_alloc(local, block, size, frame);    after malloc, before anyone knows of it
 *     profile_leave(local);
 *
 * profile_record_free comes before the real free: later the address may be another thread's.
 *
 * Each thread counts in a record of its own in the file (file.h) and takes no lock, calls no malloc
 * and makes no system call but for a stack it does not know, a moment of the timeline, or when the
 * file grows. What runs inside (`inside`) is not recorded: neither what the recorder does itself
 * nor a signal handler that comes in between.
 *
 * States: off (generation 0) and on. A thread joins when it comes with another generation than the
 * recorder's. Stopping sets the generation to 0 and waits until no thread is inside.
 * Fork: the child has a recorder of its own and a new file, or none. Blocks that it inherits are
 * foreign to it.
 */
#ifndef SHALE_PROFILE_RECORDER_H
#define SHALE_PROFILE_RECORDER_H

#include "base/clock.h"
#include "base/membarrier.h"
#include "profile/blocks.h"
#include "profile/model.h"
#include "profile/modules.h"
#include "profile/sites.h"
#include "profile/stack.h"

struct profile_settings {
    enum profile_mode mode;
    uint64_t sample_bytes;         /* mean bytes between two samples; PROFILE_SAMPLE only */
    uint64_t sample_count;         /* mean allocations between two samples by count */
    uint64_t latency_every;        /* one operation of so many is timed; 0: none */
    bool follow_forks;             /* children are recorded, into files of their own */
    bool quiet;                    /* says nothing on stderr, whatever happens */
    char path[PROFILE_IMAGE_PATH]; /* of the file; %p is the process id */
};

/* What the profile of a program is by default. */
#define PROFILE_DEFAULT_SAMPLE_BYTES  (UINT64_C(512) << 10)
#define PROFILE_DEFAULT_SAMPLE_COUNT  UINT64_C(1024)
#define PROFILE_DEFAULT_LATENCY_EVERY UINT64_C(64)

enum profile_operation { PROFILE_ALLOC, PROFILE_FREE };

/* A thread's own, beside its record in the file. */
struct profile_local {
    _Atomic uint32_t inside; /* 1: between enter and leave */
    uint32_t generation;     /* of the recorder, when this thread joined */
    int32_t countdown;       /* operations until the clock is looked at */
    uint32_t period;         /* that the countdown began with */
    uint32_t since_timed;    /* operations since one was timed for the histogram */
    uint32_t index;          /* of the record */
    struct profile_file_thread *record;
    const void *last_block;                /* the last allocation, while nothing came after it */
    struct profile_file_cached *last_site; /* its stack; NULL not known */
    int64_t until_bytes;                   /* to the next sample */
    int64_t until_count;
    uint64_t now; /* ticks at the last look */
    uint64_t random;
    struct profile_stack_bounds bounds;
    struct profile_local *next; /* in the recorder's list */
};

enum { PROFILE_FILTER_SIZE = 1 << 16 };

struct profile_recorder {
    _Atomic uint32_t generation; /* 0: off */
    enum profile_mode mode;
    uint32_t last_generation;
    struct profile_settings settings;
    struct profile_image image;
    struct profile_blocks blocks;
    struct profile_sites sites;
    struct profile_modules modules;
    struct shale_lock lock; /* the list and the records: SHALE_RANK_PROFILE_THREADS */
    struct profile_local *locals;
    uint64_t last_thread;
    _Atomic uint32_t taking_moment;
    _Atomic uint64_t next_moment;       /* ticks */
    uint64_t moment_ticks;              /* between two moments */
    size_t (*usable_size)(void *block); /* the allocator's; NULL unknown */
    /* How many sampled blocks there may be of each hash: 255 is stuck. */
    _Atomic uint8_t filter[PROFILE_FILTER_SIZE];
};

extern struct profile_recorder profile_recorder;
extern SHALE_THREAD_LOCAL struct profile_local profile_own;

/*
 * Starts recording into a new file. Not from inside a recorded function.
 *
 * @return 0; SHALE_EBUSY: it is on already; else the file could not be made: an errno, negated and
 *         less than all SHALE_E* codes by PROFILE_ERRNO.
 */
enum { PROFILE_ERRNO = 1000 };
SHALE_NODISCARD int profile_recorder_start(const struct profile_settings *settings);

/* Stops, and seals the file when no thread is inside any more. SHALE_EINVAL: it was not on. */
int profile_recorder_stop(void);

/* Empties nothing and stops nothing: brings times and the timeline of the file up to date. */
void profile_recorder_touch(void);

/* Fills with the settings that the environment asks for (SHALE_PROFILE_*); false: it asks not. */
bool profile_settings_read(char *const *environment, struct profile_settings *settings);

/* ---- not to be called directly ---- */

struct profile_local *profile_join(struct profile_local *local);
void profile_look(struct profile_local *local, uint64_t start, enum profile_operation operation);
void profile_full_alloc(struct profile_local *local, uint64_t address, uint64_t size,
                        const void *frame);
void profile_full_free(struct profile_local *local, uint64_t address);
void profile_sample_alloc(struct profile_local *local, uint64_t address, uint64_t size,
                          const void *frame);
void profile_sample_free(struct profile_local *local, uint64_t address);

/* A block that a realloc is about to take, until it is known whether it did. */
struct profile_taken {
    struct profile_block_entry entry;
    bool found;
};

/* Takes the block out of the table, and counts nothing yet. */
void profile_take_back(struct profile_local *local, const void *block, struct profile_taken *taken);
/* It was not freed after all. */
void profile_put_back(struct profile_local *local, const void *block,
                      const struct profile_taken *taken);
/* It was: counts that. */
void profile_record_taken(struct profile_local *local, const void *block,
                          const struct profile_taken *taken);

void profile_take_moment(struct profile_local *local);
void profile_settle(struct profile_local *local);
void profile_give_up(void);
void profile_draw_bytes(struct profile_local *local);
void profile_draw_count(struct profile_local *local);

/* ---- the paths around an operation ---- */

static SHALE_ALWAYS_INLINE void profile_leave(struct profile_local *local)
{
    /* ORDER PREC1 release -> acquire in all_outside() [recorder.c]. What was recorded is whole for
     * who stops the recorder. Without it a file could be sealed before its last words. Test
     * recorder_stop_while_threads_run_seals. */
    shale_atomic_store_release(&local->inside, 0);
}

/* The thread's own, entered, or NULL when nothing is to be recorded. */
static SHALE_ALWAYS_INLINE struct profile_local *profile_enter(void)
{
    struct profile_local *local = &profile_own;
    if (SHALE_UNLIKELY(shale_atomic_load_relaxed(&local->inside) != 0))
        return NULL;
    shale_atomic_store_relaxed(&local->inside, 1);
    /* ORDER PREC2 seq_cst <-> seq_cst in profile_recorder_stop() [recorder.c]. It is seen inside,
     * or it sees that the recorder is off. Test recorder_stop_while_threads_run_seals. */
    shale_light_fence();
    uint32_t generation = shale_atomic_load_relaxed(&profile_recorder.generation);
    if (SHALE_LIKELY(generation == local->generation && generation != 0))
        return local;
    return profile_join(local);
}

/* Ticks when this operation's turn to be timed has come, else 0. */
static SHALE_ALWAYS_INLINE uint64_t profile_clock_start(struct profile_local *local)
{
    if (SHALE_LIKELY(--local->countdown >= 0))
        return 0;
    return shale_clock_ticks();
}

static SHALE_ALWAYS_INLINE void profile_clock_stop(struct profile_local *local, uint64_t start,
                                                   enum profile_operation operation)
{
    if (SHALE_UNLIKELY(start != 0))
        profile_look(local, start, operation);
}

/* Of a timed allocation: how much larger is the block than was asked for? */
void profile_note_usable(struct profile_local *local, void *block, uint64_t size);

/* A block was allocated, or not: NULL. frame: as profile_stack_walk wants it. */
static SHALE_ALWAYS_INLINE void profile_record_alloc(struct profile_local *local, const void *block,
                                                     uint64_t size, const void *frame)
{
    struct profile_file_thread *record = local->record;
    if (SHALE_UNLIKELY(block == NULL)) {
        shale_atomic_add_single_writer(&record->failed, 1);
        return;
    }
    unsigned bucket = shale_histogram_bucket(size);
    if (SHALE_UNLIKELY(bucket >= PROFILE_FILE_SIZES))
        bucket = PROFILE_FILE_SIZES - 1;
    shale_atomic_add_single_writer(&record->allocations, 1);
    shale_atomic_add_single_writer(&record->allocated_bytes, size);
    shale_atomic_add_single_writer(&record->sizes[bucket], 1);
    local->last_block = block;
    if (profile_recorder.mode == PROFILE_FULL) {
        profile_full_alloc(local, (uintptr_t)block, size, frame);
        return;
    }
    local->until_bytes -= (int64_t)size;
    local->until_count--;
    if (SHALE_UNLIKELY((local->until_bytes | local->until_count) < 0))
        profile_sample_alloc(local, (uintptr_t)block, size, frame);
}

static SHALE_ALWAYS_INLINE _Atomic uint8_t *profile_filter_of(uint64_t address)
{
    uint64_t hash = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48;
    return &profile_recorder.filter[hash % PROFILE_FILTER_SIZE];
}

/* A free, whatever is known of the block: not NULL. */
static SHALE_ALWAYS_INLINE void profile_count_free(struct profile_local *local, const void *block)
{
    struct profile_file_thread *record = local->record;
    shale_atomic_add_single_writer(&record->frees, 1);
    if (local->last_block == block) {
        shale_atomic_add_single_writer(&record->temporary, 1);
        if (local->last_site != NULL)
            shale_atomic_add_single_writer(&local->last_site->temporary, 1);
    }
    local->last_block = NULL;
}

/* A block is about to be freed; not NULL. */
static SHALE_ALWAYS_INLINE void profile_record_free(struct profile_local *local, const void *block)
{
    bool full = profile_recorder.mode == PROFILE_FULL;
    if (full) {
        /* Both misses at once: the table's, and the allocator's on what it keeps by the block. */
        profile_blocks_prefetch(&profile_recorder.blocks, (uintptr_t)block);
        __builtin_prefetch((const char *)block - 16, 1);
    }
    profile_count_free(local, block);
    if (full)
        profile_full_free(local, (uintptr_t)block);
    else if (SHALE_UNLIKELY(shale_atomic_load_relaxed(profile_filter_of((uintptr_t)block)) != 0))
        profile_sample_free(local, (uintptr_t)block);
}

#endif
