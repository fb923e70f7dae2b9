/* SPDX-License-Identifier: MIT */
/*
 * The counters behind shale_alloc_stats_*(). Layer 2.
 *
 * A thread counts in a record of its own: one writer, any readers, all accesses relaxed, so a count
 * costs two plain stores. Records live for ever in a list; one whose thread ended keeps its sums
 * and goes to the next new thread:
 *
 *     new -> owned -> (thread ends, or is lost in a fork) -> free -> owned -> ...
 *
 * `records_lock` (rank ALLOC_STATS) guards the list, the ownership and the zero point; passing a
 * record through it is also what orders its old owner's last count before the new owner's first.
 * What a thread frees after its exit hook ran (destructors of others) is counted in `late`, which
 * all threads share and add to atomically; so is everything when there is no memory for a record.
 */
#include <stdbool.h>

#include <shale/alloc.h>
#include <shale/error.h>

#include "alloc/stats.h"
#include "base/atomic.h"
#include "base/bump.h"
#include "base/lock.h"
#include "base/thread.h"

struct record {
    _Atomic uint64_t alloc_count;
    _Atomic uint64_t free_count;
    _Atomic uint64_t alloc_bytes;
    _Atomic uint64_t free_bytes;
    struct record *next;
    bool owned;
};

static _Atomic bool counting;
static SHALE_THREAD_LOCAL struct record *mine;
static struct record late;

static struct shale_lock records_lock = SHALE_LOCK_INIT(SHALE_RANK_ALLOC_STATS);
static struct record *records;
static struct shale_bump records_memory;
static struct shale_alloc_stats zero_point;
static struct shale_thread_key exit_key;
static bool exit_key_made;

static void give_record_back(void *record)
{
    mine = &late;
    shale_lock_acquire(&records_lock);
    ((struct record *)record)->owned = false;
    shale_lock_release(&records_lock);
}

static void lock_records(void)
{
    shale_lock_acquire(&records_lock);
}

static void unlock_records(void)
{
    shale_lock_release(&records_lock);
}

/* The other threads are gone; what they counted stays, as their blocks do. */
static void free_records_of_lost_threads(void)
{
    for (struct record *record = records; record; record = record->next)
        record->owned = record == mine;
    shale_lock_release(&records_lock);
}

static const struct shale_fork_hooks fork_hooks = {
    .prepare = lock_records,
    .parent = unlock_records,
    .child = free_records_of_lost_threads,
    .rank = SHALE_RANK_ALLOC_STATS,
};

/* Called with the lock held. NULL without memory. */
static struct record *take_record(void)
{
    struct record *record = records;
    while (record && record->owned)
        record = record->next;
    if (!record) {
        record = shale_bump_alloc(&records_memory, sizeof *record, SHALE_FALSE_SHARING);
        if (!record)
            return NULL;
        record->next = records;
        records = record;
    }
    record->owned = true;
    return record;
}

/* Gives the calling thread a record, or the shared one where there is no memory for it. */
static SHALE_COLD struct record *enter_thread(void)
{
    mine = &late; /* what the calls below allocate is counted there */
    shale_lock_acquire(&records_lock);
    if (!exit_key_made)
        exit_key_made = shale_thread_key_create(&exit_key, give_record_back) == 0;
    struct record *record = exit_key_made ? take_record() : NULL;
    shale_lock_release(&records_lock);
    if (!record)
        return &late;
    if (shale_thread_key_set(&exit_key, record) != 0) {
        give_record_back(record);
        return &late;
    }
    mine = record;
    return record;
}

static void add(_Atomic uint64_t *counter, uint64_t amount, bool shared)
{
    if (shared)
        shale_atomic_fetch_add_relaxed(counter, amount);
    else
        shale_atomic_add_single_writer(counter, amount);
}

void stats_count_alloc(size_t usable_bytes)
{
    if (!shale_atomic_load_relaxed(&counting))
        return;
    struct record *record = mine ? mine : enter_thread();
    add(&record->alloc_count, 1, record == &late);
    add(&record->alloc_bytes, usable_bytes, record == &late);
}

void stats_count_free(size_t usable_bytes)
{
    if (!shale_atomic_load_relaxed(&counting))
        return;
    struct record *record = mine ? mine : enter_thread();
    add(&record->free_count, 1, record == &late);
    add(&record->free_bytes, usable_bytes, record == &late);
}

static void add_record(struct shale_alloc_stats *sum, struct record *record)
{
    sum->alloc_count += shale_atomic_load_relaxed(&record->alloc_count);
    sum->free_count += shale_atomic_load_relaxed(&record->free_count);
    sum->alloc_bytes += shale_atomic_load_relaxed(&record->alloc_bytes);
    sum->free_bytes += shale_atomic_load_relaxed(&record->free_bytes);
}

/* Everything counted since the process began. Called with the lock held. */
static struct shale_alloc_stats sum_records(void)
{
    struct shale_alloc_stats sum = {0};
    add_record(&sum, &late);
    for (struct record *record = records; record; record = record->next)
        add_record(&sum, record);
    return sum;
}

int shale_alloc_stats_enable(int on)
{
    int error = on ? shale_fork_hooks_register(&fork_hooks) : SHALE_OK;
    if (error)
        return error;
    shale_atomic_store_relaxed(&counting, on != 0);
    return SHALE_OK;
}

int shale_alloc_stats_snapshot(struct shale_alloc_stats *stats)
{
    if (!stats)
        return SHALE_EINVAL;
    shale_lock_acquire(&records_lock);
    struct shale_alloc_stats sum = sum_records();
    sum.alloc_count -= zero_point.alloc_count;
    sum.free_count -= zero_point.free_count;
    sum.alloc_bytes -= zero_point.alloc_bytes;
    sum.free_bytes -= zero_point.free_bytes;
    shale_lock_release(&records_lock);
    sum.current_allocated = (int64_t)(sum.alloc_bytes - sum.free_bytes);
    *stats = sum;
    return SHALE_OK;
}

int shale_alloc_stats_reset(void)
{
    shale_lock_acquire(&records_lock);
    zero_point = sum_records();
    shale_lock_release(&records_lock);
    return SHALE_OK;
}
