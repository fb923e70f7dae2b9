/* SPDX-License-Identifier: MIT */
/*
 * Attaching and detaching: slots, the threads' tables, thread exit, fork. Layer 3.
 *
 * A thread's table leads from a domain's index to the thread's slot; the owner reads it without a
 * lock, and shale_smr_destroy() clears entries in it when nobody uses the domain any more. A slot
 * whose thread ended is used again by the next one, its counters going on.
 */
#include <string.h>

#include <shale/alloc.h>
#include <shale/error.h>

#include "base/os.h"
#include "base/thread.h"
#include "smr/domain.h"
#include "smr/guard.h"
#include "smr/limbo.h"

static struct smr_table no_table;

SHALE_THREAD_LOCAL struct smr_table *smr_mine = &no_table;

struct shale_lock smr_lock = SHALE_LOCK_INIT(SHALE_RANK_SMR);
struct shale_smr *smr_domains[SHALE_SMR_DOMAINS_MAX];

uint32_t smr_domains_end;

static struct smr_table *tables;
static struct shale_thread_key exit_key;

static size_t table_bytes(void)
{
    return SHALE_ALIGN_UP(sizeof(struct smr_table), shale_os_page_size());
}

/* ---- slots ---- */

static struct shale_smr_thread *take_old_slot(struct shale_smr *domain)
{
    uint32_t end = shale_atomic_load_relaxed(&domain->end);
    for (uint32_t i = 0; i < end; i++)
        if (!smr_slot_at(domain, i)->used)
            return smr_slot_at(domain, i);
    return NULL;
}

static int add_segment(struct shale_smr *domain, uint32_t segment)
{
    size_t bytes = ((size_t)SMR_FIRST_SEGMENT << segment) * sizeof(struct shale_smr_thread);
    void *memory = shale_alloc_aligned(SHALE_FALSE_SHARING, bytes);
    if (!memory)
        return SHALE_ENOMEM;
    memset(memory, 0, bytes);
    domain->segments[segment] = memory;
    return SHALE_OK;
}

static int take_new_slot(struct shale_smr *domain, struct shale_smr_thread **slot)
{
    uint32_t number = shale_atomic_load_relaxed(&domain->end);
    uint32_t segment = 28u - (uint32_t)__builtin_clz(number + SMR_FIRST_SEGMENT);
    if (number == SHALE_SMR_THREADS_MAX)
        return SHALE_EBUSY;
    if (!domain->segments[segment] && add_segment(domain, segment) != 0)
        return SHALE_ENOMEM;
    struct shale_smr_thread *taken = smr_slot_at(domain, number);
    taken->domain = domain;
    shale_atomic_store_relaxed(&taken->lo, SMR_OUTSIDE);
    shale_atomic_store_relaxed(&taken->fenced, true);
    /* ORDER SMR1 release -> acquire in smr_slots_end() [slot.h]. The slot is initialised. Without
     * it a scan could follow a pointer that is not there yet. Test
     * stress_threads_come_and_go_nothing_broken. */
    shale_atomic_store_release(&domain->end, number + 1);
    *slot = taken;
    return SHALE_OK;
}

/* Locks: smr_lock. */
static int take_slot(struct shale_smr *domain, struct shale_smr_thread **slot)
{
    struct shale_smr_thread *taken = take_old_slot(domain);
    int code = taken ? SHALE_OK : take_new_slot(domain, &taken);
    if (!code)
        code = smr_open_first(taken);
    if (code)
        return code;
    bool light = shale_atomic_load_relaxed(&domain->light);
    taken->interval = domain->scheme != SHALE_SMR_EBR;
    taken->phases = domain->scheme == SHALE_SMR_NEUTRALIZE;
    taken->used = true;
    taken->draining = domain->destroying; /* attached by a reclaim function */
    shale_atomic_store_relaxed(&taken->light, light);
    shale_atomic_store_relaxed(&taken->fenced, !light);
    shale_atomic_store_relaxed(&taken->os_id, (uint32_t)shale_thread_os_id());
    shale_atomic_store_relaxed(&domain->used, shale_atomic_load_relaxed(&domain->used) + 1);
    *slot = taken;
    return SHALE_OK;
}

void smr_release_slot(struct shale_smr_thread *slot)
{
    struct shale_smr *domain = slot->domain;
    smr_abandon(slot);
    slot->nested = 0;
    slot->births = 0;
    slot->draining = slot->over_cap = false;
    shale_atomic_store_relaxed(&slot->phase, SMR_PLAIN);
    /* ORDER SMR4 release -> acquire in smr_lo() [scan.c]. As smr_exit(). Test
     * stress_threads_come_and_go_nothing_broken. */
    shale_atomic_store_release(&slot->lo, SMR_OUTSIDE);
    /* ORDER SMR11 release -> acquire in smr_lo() [scan.c]. Nothing is behind a compiler barrier any
     * more. Test guard_membarrier_refused_later_nothing_freed_early. */
    shale_atomic_store_release(&slot->fenced, true);
    slot->used = false;
    shale_atomic_store_relaxed(&domain->used, shale_atomic_load_relaxed(&domain->used) - 1);
}

void smr_give_up_membarrier(struct shale_smr *domain)
{
    shale_lock_acquire(&smr_lock);
    shale_atomic_store_relaxed(&domain->light, false);
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&domain->end); i++)
        shale_atomic_store_relaxed(&smr_slot_at(domain, i)->light, false);
    shale_lock_release(&smr_lock);
}

/* ---- tables ---- */

/* Locks: smr_lock. */
static int make_table(void)
{
    void *memory;
    if (shale_os_map(table_bytes(), 0, &memory) != 0)
        return SHALE_ENOMEM;
    if (shale_thread_key_set(&exit_key, memory) != 0) {
        shale_os_release(memory, table_bytes());
        return SHALE_ENOMEM;
    }
    struct smr_table *table = memory;
    table->next = tables;
    table->link = &tables;
    if (tables)
        tables->link = &table->next;
    tables = table;
    smr_mine = table;
    return SHALE_OK;
}

static void delete_table(struct smr_table *table)
{
    *table->link = table->next;
    if (table->next)
        table->next->link = table->link;
    shale_os_release(table, table_bytes());
}

static int attach_locked(struct shale_smr *domain, struct shale_smr_thread **slot)
{
    if (smr_mine == &no_table && make_table() != 0)
        return SHALE_ENOMEM;
    int code = take_slot(domain, slot);
    if (!code)
        shale_atomic_store_relaxed(&smr_mine->slots[domain->index], *slot);
    return code;
}

int smr_attach(struct shale_smr *domain, struct shale_smr_thread **slot)
{
    shale_lock_acquire(&smr_lock);
    int code = attach_locked(domain, slot);
    shale_lock_release(&smr_lock);
    return code;
}

struct shale_smr_thread *smr_attach_self(struct shale_smr *domain)
{
    struct shale_smr_thread *slot = NULL;
    return smr_attach(domain, &slot) == 0 ? slot : NULL;
}

/* An entry that is empty is not written: its page may not be in memory. */
void smr_forget_domain(uint32_t index)
{
    for (struct smr_table *table = tables; table; table = table->next)
        if (shale_atomic_load_relaxed(&table->slots[index]))
            shale_atomic_store_relaxed(&table->slots[index], NULL);
}

int shale_smr_attach(struct shale_smr *domain, struct shale_smr_thread **thread)
{
    struct shale_smr_thread *slot = smr_find(domain);
    int code = slot ? SHALE_OK : smr_attach(domain, &slot);
    if (!code && thread)
        *thread = slot;
    return code;
}

int shale_smr_detach(struct shale_smr *domain)
{
    struct shale_smr_thread *slot = smr_find(domain);
    if (!slot)
        return SHALE_OK;
    if (smr_is_inside(slot) || slot->draining)
        return SHALE_EBUSY;
    shale_lock_acquire(&smr_lock);
    smr_release_slot(slot);
    smr_free_spares(slot);
    shale_atomic_store_relaxed(&smr_mine->slots[domain->index], NULL);
    shale_lock_release(&smr_lock);
    return SHALE_OK;
}

/* ---- thread exit ---- */

static void leave_all(void *value)
{
    struct smr_table *table = value;
    shale_lock_acquire(&smr_lock);
    for (uint32_t i = 0; i < smr_domains_end; i++) {
        struct shale_smr_thread *slot = shale_atomic_load_relaxed(&table->slots[i]);
        if (!slot)
            continue;
        smr_release_slot(slot);
        smr_free_spares(slot);
    }
    smr_mine = &no_table; /* a later destructor may attach again, and this runs again */
    delete_table(table);
    shale_lock_release(&smr_lock);
}

/* ---- fork ---- */

static void prepare(void)
{
    shale_lock_acquire(&smr_lock);
}

static void parent(void)
{
    shale_lock_release(&smr_lock);
}

/* A thread that is not in the child: its guard is over. ORDER SMR9 acquire <- release in
 * smr_retire() [limbo.c]. The fork reads the count and the records below it. Test
 * fork_while_others_retire_child_reclaims. */
static void bury(struct shale_smr_thread *slot)
{
    struct shale_smr *domain = slot->domain;
    if (!smr_was_idle(slot)) {
        uint64_t retired = shale_atomic_load_relaxed(&slot->retired_count);
        uint64_t reclaimed = shale_atomic_load_relaxed(&slot->reclaimed_count);
        if (retired > reclaimed) /* what it had adopted is not counted */
            shale_atomic_fetch_add_relaxed(&domain->lost_count, retired - reclaimed);
        slot->open = slot->spare = slot->cursor = NULL;
        slot->limbo = (struct smr_bags){NULL, NULL};
        slot->spares = 0;
    }
    smr_release_slot(slot);
}

static void bury_others(struct shale_smr *domain)
{
    struct shale_smr_thread *mine = smr_find(domain);
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&domain->end); i++) {
        struct shale_smr_thread *slot = smr_slot_at(domain, i);
        if (slot->used && slot != mine)
            bury(slot);
    }
    if (mine)
        shale_atomic_store_relaxed(&mine->os_id, (uint32_t)shale_thread_os_id());
}

static void child(void)
{
    for (uint32_t i = 0; i < smr_domains_end; i++)
        if (smr_domains[i])
            bury_others(smr_domains[i]);
    shale_lock_release(&smr_lock);
}

int smr_threads_start(void)
{
    static const struct shale_fork_hooks hooks = {prepare, parent, child};
    static bool key_made;
    shale_lock_acquire(&smr_lock);
    int code = key_made ? SHALE_OK : shale_thread_key_create(&exit_key, leave_all);
    key_made = code == SHALE_OK;
    shale_lock_release(&smr_lock);
    return code ? code : shale_fork_hooks_register(&hooks);
}
