/* SPDX-License-Identifier: MIT */
/* The table of direct mappings: open addressing, doubled at 3/4, in memory of its own. Layer 1. */
#include "slab/huge.h"

#include <stdint.h>

#include "base/os.h"
#include "base/probe.h"
#include "slab/fork.h"
#include "slab/range.h"
#include "slab/thread.h"

struct entry {
    uintptr_t address; /* 0: never used; 1: was used */
    size_t size;
};

enum { FIRST_SLOTS = 256, REMOVED = 1 };

struct shale_lock slab_huge_lock = SHALE_LOCK_INIT(SHALE_RANK_SLAB_HUGE);
static struct entry *table;
static size_t slots;
static size_t taken; /* used and removed entries */

static size_t slot_of(uintptr_t address, size_t count)
{
    return (size_t)((address >> 12) * 0x9e3779b97f4a7c15ull >> 20) & (count - 1);
}

static struct entry *find(const void *block)
{
    uintptr_t address = (uintptr_t)block;
    if (slots == 0 || address <= REMOVED)
        return NULL;
    for (size_t i = slot_of(address, slots);; i = (i + 1) & (slots - 1)) {
        if (table[i].address == address)
            return &table[i];
        if (table[i].address == 0)
            return NULL;
    }
}

static void insert(struct entry *into, size_t count, struct entry entry)
{
    size_t i = slot_of(entry.address, count);
    while (into[i].address != 0)
        i = (i + 1) & (count - 1);
    into[i] = entry;
}

/* Twice the room, without the removed entries. */
static bool make_room(void)
{
    if (slots != 0 && taken + 1 < slots / 4 * 3)
        return true;
    size_t more = slots == 0 ? FIRST_SLOTS : slots * 2;
    void *memory;
    if (shale_os_map(more * sizeof(struct entry), 0, &memory) != 0)
        return false;
    taken = 0;
    for (size_t i = 0; i < slots; i++) {
        if (table[i].address > REMOVED) {
            insert(memory, more, table[i]);
            taken++;
        }
    }
    if (slots != 0)
        (void)shale_os_release(table, slots * sizeof(struct entry));
    table = memory;
    slots = more;
    return true;
}

static size_t round_to_pages(size_t size)
{
    size_t page = shale_os_page_size();
    return size > SIZE_MAX - page ? 0 : SHALE_ALIGN_UP(size + (size == 0), page);
}

/* Of the secure variant: a page behind the block, without access. 0: too large. */
static size_t with_guard(size_t size)
{
    size_t more = SLAB_SECURE ? shale_os_page_size() : 0;
    return size == 0 || size > SIZE_MAX - more ? 0 : size + more;
}

static void set_guard(char *block, size_t size)
{
    int ignored;
    if (SLAB_SECURE)
        ignored = shale_os_guard(block + size - shale_os_page_size(), shale_os_page_size());
    (void)ignored;
}

void *slab_huge_alloc(size_t size, size_t alignment)
{
    void *block = NULL;
    sigset_t saved;
    size = with_guard(round_to_pages(size));
    if (size == 0 || shale_os_map(size, alignment, &block) != 0)
        return NULL;
    set_guard(block, size);
    slab_os_lock(&slab_huge_lock, &saved);
    bool room = make_room();
    if (room) {
        insert(table, slots, (struct entry){(uintptr_t)block, size});
        taken++;
        SLAB_TOTAL(direct_bytes, size);
        SLAB_TOTAL(direct_allocs, 1);
        SHALE_PROBE2(slab_direct_map, block, size);
    }
    slab_os_unlock(&slab_huge_lock, &saved);
    if (!room) {
        (void)shale_os_release(block, size);
        block = NULL;
    }
    return block;
}

size_t slab_huge_size(const void *block)
{
    sigset_t saved;
    slab_os_lock(&slab_huge_lock, &saved);
    const struct entry *entry = find(block);
    size_t size = entry != NULL ? entry->size - with_guard(1) + 1 : 0;
    slab_os_unlock(&slab_huge_lock, &saved);
    return size;
}

bool slab_huge_free(void *block)
{
    sigset_t saved;
    size_t size = 0;
    slab_os_lock(&slab_huge_lock, &saved);
    struct entry *entry = find(block);
    if (entry != NULL) {
        size = entry->size;
        entry->address = REMOVED;
        SLAB_TOTAL(direct_bytes, -(uint64_t)size);
        SLAB_TOTAL(direct_frees, 1);
    }
    slab_os_unlock(&slab_huge_lock, &saved);
    if (size == 0)
        return false;
    (void)shale_os_release(block, size);
    return true;
}

void *slab_huge_resize(void *block, size_t size)
{
    sigset_t saved;
    void *moved = NULL;
    if (SLAB_SECURE)
        return NULL; /* the guard would have to move */
    size = round_to_pages(size);
    slab_os_lock(&slab_huge_lock, &saved);
    struct entry *entry = find(block);
    if (entry != NULL && size != 0 && make_room()) {
        entry = find(block);
        size_t old = entry->size;
        if (shale_os_remap(block, old, size, &moved) == 0) {
            entry->address = REMOVED;
            insert(table, slots, (struct entry){(uintptr_t)moved, size});
            taken++;
            SLAB_TOTAL(direct_bytes, (uint64_t)size - old);
        }
    }
    slab_os_unlock(&slab_huge_lock, &saved);
    return moved;
}

size_t slab_huge_total(void)
{
    return shale_atomic_load_relaxed(&slab_totals.direct_bytes);
}
