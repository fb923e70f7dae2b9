/* SPDX-License-Identifier: MIT */
/*
 * The backend "mock": every block is known by address, so that every wrong free is told. Layer 2.
 *
 * A hash table (open addressing, linear probing, backward-shift deletion) maps an address to its
 * entry. A freed block stays in the table as FREED and in the quarantine, a ring in the order of
 * freeing; it goes back to the C library when it is the oldest of a full ring. One lock for all;
 * it is not a ranked one, because it is held across calls into the C library.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <shale/alloc.h>
#include <shale/backend/mock.h>
#include <shale/version.h>

#include "alloc/backend.h"

enum state { EMPTY, LIVE, FREED };

struct entry {
    void *block;
    size_t size;      /* asked for */
    size_t alignment; /* asked for, 0 for none */
    uint64_t call;    /* the number of the allocating call; 0 before the last reset */
    enum state state;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *table; /* capacity entries, at most half of them used */
static size_t capacity;     /* a power of two, or 0 */
static size_t used;
static void *quarantine[SHALE_MOCK_QUARANTINE];
static size_t quarantine_first; /* index of the oldest */
static size_t quarantine_count;
static uint64_t fail_first; /* numbers of calls: [fail_first, fail_end) fail */
static uint64_t fail_end;
static struct shale_mock_report counts;

const enum backend_proof backend_proof = BACKEND_PROOF_BLOCK;

static size_t home_of(const void *block)
{
    uint64_t mixed = (uint64_t)(uintptr_t)block * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 32) & (capacity - 1);
}

/* The entry of that block, or the empty one where it belongs. The table is never full. */
static struct entry *slot_of(const void *block)
{
    size_t index = home_of(block);
    while (table[index].state != EMPTY && table[index].block != block)
        index = (index + 1) & (capacity - 1);
    return &table[index];
}

static struct entry *find(const void *block)
{
    if (capacity == 0)
        return NULL;
    struct entry *entry = slot_of(block);
    return entry->state == EMPTY ? NULL : entry;
}

/* Makes room for one more entry. */
static bool grow(void)
{
    if ((used + 1) * 2 <= capacity)
        return true;
    size_t old_capacity = capacity;
    struct entry *old = table;
    size_t new_capacity = old_capacity ? old_capacity * 2 : 1024;
    struct entry *bigger = calloc(new_capacity, sizeof *bigger);
    if (!bigger)
        return false;
    table = bigger;
    capacity = new_capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].state != EMPTY)
            *slot_of(old[i].block) = old[i];
    free(old);
    return true;
}

/* Takes an entry out; those behind it that it displaced move up. */
static void erase(struct entry *entry)
{
    size_t hole = (size_t)(entry - table);
    for (size_t next = (hole + 1) & (capacity - 1); table[next].state != EMPTY;
         next = (next + 1) & (capacity - 1)) {
        size_t distance = (next - home_of(table[next].block)) & (capacity - 1);
        if (distance < ((next - hole) & (capacity - 1)))
            continue;
        table[hole] = table[next];
        hole = next;
    }
    table[hole].state = EMPTY;
    used--;
}

/* Counts a freed block that no longer holds the pattern, once. */
static void check_untouched(struct entry *entry)
{
    const unsigned char *bytes = entry->block;
    for (size_t i = 0; i < entry->size; i++) {
        if (bytes[i] == SHALE_FILL_FREED)
            continue;
        counts.written_count++;
        memset(entry->block, SHALE_FILL_FREED, entry->size);
        return;
    }
}

static void evict_oldest(void)
{
    void *block = quarantine[quarantine_first];
    quarantine_first = (quarantine_first + 1) % SHALE_MOCK_QUARANTINE;
    quarantine_count--;
    struct entry *entry = find(block);
    check_untouched(entry);
    erase(entry);
    free(block);
}

/* Counts an allocating call; true when it is to fail. */
static bool call_fails(void)
{
    counts.call_count++;
    if (counts.call_count < fail_first || counts.call_count >= fail_end)
        return false;
    counts.failed_count++;
    return true;
}

static void *allocate(size_t alignment, size_t size, bool zero)
{
    if (call_fails() || !grow())
        return shale_alloc_failed(ENOMEM);
    void *block = alignment ? memalign(alignment, size + !size) : malloc(size + !size);
    if (!block)
        return NULL;
    memset(block, zero ? 0 : SHALE_FILL_FRESH, size);
    struct entry *entry = slot_of(block);
    *entry = (struct entry){block, size, alignment, counts.call_count, LIVE};
    used++;
    counts.alloc_count++;
    counts.live_count++;
    counts.live_bytes += size;
    return block;
}

/* The live entry of a block that is to be freed or resized; NULL after counting what is wrong. */
static struct entry *find_live(const void *block)
{
    struct entry *entry = find(block);
    if (entry && entry->state == LIVE)
        return entry;
    if (entry)
        counts.double_free_count++;
    else
        counts.foreign_count++;
    return NULL;
}

static void release(struct entry *entry)
{
    counts.free_count++;
    if (entry->call != 0) {
        counts.live_count--;
        counts.live_bytes -= entry->size;
    }
    memset(entry->block, SHALE_FILL_FREED, entry->size);
    entry->state = FREED;
    void *block = entry->block;
    if (quarantine_count == SHALE_MOCK_QUARANTINE)
        evict_oldest();
    quarantine[(quarantine_first + quarantine_count++) % SHALE_MOCK_QUARANTINE] = block;
}

void *shale_mock_alloc(size_t alignment, size_t size, int zero)
{
    pthread_mutex_lock(&lock);
    void *block = allocate(alignment, size, zero != 0);
    pthread_mutex_unlock(&lock);
    return block;
}

void *shale_mock_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    return shale_mock_alloc(0, bytes, 1);
}

/* Always moves, so that a pointer kept from before is found. */
static void *resize(void *old, size_t size)
{
    struct entry *entry = find_live(old);
    if (!entry)
        return shale_alloc_failed(ENOMEM);
    size_t kept = entry->size < size ? entry->size : size;
    void *block = allocate(0, size, false);
    if (!block)
        return NULL;
    memcpy(block, old, kept);
    release(find(old));
    return block;
}

void *shale_mock_realloc(void *block, size_t size)
{
    if (!block)
        return shale_mock_alloc(0, size, 0);
    pthread_mutex_lock(&lock);
    void *resized = resize(block, size);
    pthread_mutex_unlock(&lock);
    return resized;
}

static void free_block(void *block, const size_t *alignment, const size_t *size)
{
    if (!block)
        return;
    int saved = errno;
    pthread_mutex_lock(&lock);
    struct entry *entry = find_live(block);
    if (entry && size && (entry->size != *size || entry->alignment != *alignment))
        counts.wrong_size_count++;
    if (entry)
        release(entry);
    pthread_mutex_unlock(&lock);
    errno = saved;
}

void shale_mock_free(void *block)
{
    free_block(block, NULL, NULL);
}

void shale_mock_free_sized(void *block, size_t alignment, size_t size)
{
    free_block(block, &alignment, &size);
}

size_t shale_mock_usable_size(const void *block)
{
    if (!block)
        return 0;
    pthread_mutex_lock(&lock);
    const struct entry *entry = find(block);
    bool live = entry && entry->state == LIVE;
    size_t size = live ? entry->size : 0;
    pthread_mutex_unlock(&lock);
    return size;
}

void shale_mock_fail(uint64_t first, uint64_t count)
{
    pthread_mutex_lock(&lock);
    fail_first = first == 0 ? 0 : counts.call_count + first;
    fail_end = first == 0 ? 0 : fail_first + count;
    if (fail_end < fail_first)
        fail_end = UINT64_MAX;
    pthread_mutex_unlock(&lock);
}

void shale_mock_report(struct shale_mock_report *report)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < quarantine_count; i++)
        check_untouched(find(quarantine[(quarantine_first + i) % SHALE_MOCK_QUARANTINE]));
    *report = counts;
    pthread_mutex_unlock(&lock);
}

static int by_call(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    return (a->call > b->call) - (a->call < b->call);
}

/* A copy of the live entries, oldest first; NULL when there are none or no memory for it. */
static struct entry *copy_live(size_t *count)
{
    struct entry *live = used ? calloc(used, sizeof *live) : NULL;
    *count = 0;
    for (size_t i = 0; live && i < capacity; i++)
        if (table[i].state == LIVE && table[i].call != 0)
            live[(*count)++] = table[i];
    if (live)
        qsort(live, *count, sizeof *live, by_call);
    return live;
}

void shale_mock_each_live(void (*visit)(const void *block, size_t size, uint64_t call,
                                        void *context),
                          void *context)
{
    pthread_mutex_lock(&lock);
    size_t count = 0;
    struct entry *live = copy_live(&count);
    for (size_t i = 0; i < count; i++)
        visit(live[i].block, live[i].size, live[i].call, context);
    free(live);
    pthread_mutex_unlock(&lock);
}

void shale_mock_reset(void)
{
    pthread_mutex_lock(&lock);
    while (quarantine_count > 0)
        evict_oldest();
    for (size_t i = 0; i < capacity; i++)
        table[i].call = 0;
    counts = (struct shale_mock_report){0};
    fail_first = 0;
    fail_end = 0;
    pthread_mutex_unlock(&lock);
}

const char *backend_version(void)
{
    return SHALE_VERSION_STRING;
}

bool backend_owns(const void *block)
{
    pthread_mutex_lock(&lock);
    const struct entry *entry = find(block);
    bool live = entry && entry->state == LIVE;
    pthread_mutex_unlock(&lock);
    return live;
}

static void lock_for_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void unlock_after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void hold_lock_over_fork(void)
{
    (void)pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}
