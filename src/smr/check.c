/* SPDX-License-Identifier: MIT */
/*
 * The set of nodes in limbo: open addressing, linear probing, backward-shift deletion. Layer 3.
 * One lock for all of a domain: this is for finding bugs.
 */
#include "smr/check.h"

#include <shale/alloc.h>
#include <shale/error.h>

#include "base/lock.h"

enum { FIRST_CAPACITY = 1024 };

struct smr_check {
    struct shale_lock lock;
    const void **table; /* capacity entries, at most half of them used */
    size_t capacity;    /* a power of two */
    size_t used;
};

struct smr_check *smr_check_new(void)
{
    struct smr_check *check = shale_calloc(1, sizeof *check);
    if (!check)
        return NULL;
    check->lock = (struct shale_lock)SHALE_LOCK_INIT(SHALE_RANK_SMR_CHECK);
    check->capacity = FIRST_CAPACITY;
    check->table = shale_calloc(check->capacity, sizeof *check->table);
    if (!check->table) {
        shale_free(check);
        return NULL;
    }
    return check;
}

void smr_check_delete(struct smr_check *check)
{
    if (!check)
        return;
    shale_free(check->table);
    shale_free(check);
}

static size_t home_of(const struct smr_check *check, const void *node)
{
    uint64_t mixed = (uint64_t)(uintptr_t)node * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 32) & (check->capacity - 1);
}

/* Where the node is, or the empty place where it belongs. */
static size_t place_of(const struct smr_check *check, const void *node)
{
    size_t place = home_of(check, node);
    while (check->table[place] && check->table[place] != node)
        place = (place + 1) & (check->capacity - 1);
    return place;
}

static int grow(struct smr_check *check)
{
    struct smr_check bigger = *check;
    if ((check->used + 1) * 2 <= check->capacity)
        return SHALE_OK;
    bigger.capacity = check->capacity * 2;
    bigger.table = shale_calloc(bigger.capacity, sizeof *bigger.table);
    if (!bigger.table)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < check->capacity; i++)
        if (check->table[i])
            bigger.table[place_of(&bigger, check->table[i])] = check->table[i];
    shale_free(check->table);
    check->table = bigger.table;
    check->capacity = bigger.capacity;
    return SHALE_OK;
}

/* Those behind the hole that it displaced move up. */
static void erase(struct smr_check *check, size_t hole)
{
    size_t mask = check->capacity - 1;
    for (size_t i = (hole + 1) & mask; check->table[i]; i = (i + 1) & mask) {
        size_t home = home_of(check, check->table[i]);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        check->table[hole] = check->table[i];
        hole = i;
    }
    check->table[hole] = NULL;
}

static int add(struct smr_check *check, const void *node)
{
    if (grow(check) != 0)
        return SHALE_ENOMEM;
    size_t place = place_of(check, node);
    if (check->table[place])
        return SHALE_EINVAL;
    check->table[place] = node;
    check->used++;
    return SHALE_OK;
}

int smr_check_add(struct shale_smr_thread *slot, const void *node)
{
    struct smr_check *check = slot->domain->check;
    shale_lock_acquire(&check->lock);
    int code = add(check, node);
    shale_lock_release(&check->lock);
    if (code == SHALE_EINVAL)
        shale_atomic_fetch_add_relaxed(&slot->domain->refused_retires_count, 1);
    return code;
}

void smr_check_remove(struct shale_smr_thread *slot, const void *node)
{
    struct smr_check *check = slot->domain->check;
    shale_lock_acquire(&check->lock);
    size_t place = place_of(check, node);
    if (check->table[place]) {
        erase(check, place);
        check->used--;
    }
    shale_lock_release(&check->lock);
}
