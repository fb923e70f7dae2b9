/* SPDX-License-Identifier: MIT */
/* Making and ending domains. Layer 3. */
#include "smr/domain.h"

#include <signal.h>
#include <string.h>

#include <shale/alloc.h>
#include <shale/error.h>

#include "base/membarrier.h"
#include "smr/check.h"
#include "smr/guard.h"
#include "smr/limbo.h"
#include "smr/phase.h"

enum { ERA_FREQUENCY = 128, BAG_SIZE = 128, BAG_SIZE_MAX = 65536, LIMBO_CAP = 8 << 20 };
enum { FLAGS = SHALE_SMR_PLAIN_FENCES | SHALE_SMR_RECLAIM_IN_POLL | SHALE_SMR_CHECK_RETIRES };

/* ---- options ---- */

static bool are_valid(const struct shale_smr_options *options)
{
    return options->struct_size >= sizeof *options && options->scheme <= SHALE_SMR_NEUTRALIZE &&
           !(options->flags & ~(uint32_t)FLAGS) && options->bag_size <= BAG_SIZE_MAX &&
           options->signal >= 0 && options->signal <= SIGRTMAX;
}

static void fill_in(struct shale_smr_options *options)
{
    if (!options->era_frequency)
        options->era_frequency = ERA_FREQUENCY;
    if (!options->bag_size)
        options->bag_size = BAG_SIZE;
    if (!options->limbo_cap_bytes)
        options->limbo_cap_bytes = LIMBO_CAP;
    if (!options->signal)
        options->signal = SIGURG;
}

/* The scheme that this process can have. SHALE_EINVAL for a signal that cannot be handled. */
static int choose_scheme(const struct shale_smr_options *options, enum shale_smr_scheme *scheme)
{
    *scheme = (enum shale_smr_scheme)options->scheme;
    if (*scheme != SHALE_SMR_NEUTRALIZE)
        return SHALE_OK;
    int code = smr_phases_start(options->signal);
    if (code == SHALE_ENOTSUP || code == SHALE_EBUSY)
        *scheme = SHALE_SMR_IBR;
    return code == SHALE_EINVAL ? SHALE_EINVAL : SHALE_OK;
}

/* ---- create ---- */

static struct shale_smr *new_domain(const struct shale_smr_options *options)
{
    struct shale_smr *domain = shale_alloc_aligned(SHALE_FALSE_SHARING, sizeof *domain);
    if (!domain)
        return NULL;
    memset(domain, 0, sizeof *domain);
    domain->options = *options;
    domain->bag_size = options->bag_size;
    shale_atomic_store_relaxed(&domain->era, 1);
    if (options->flags & SHALE_SMR_CHECK_RETIRES) {
        domain->check = smr_check_new();
        if (!domain->check) {
            shale_free(domain);
            return NULL;
        }
    }
    return domain;
}

static int enter_domain(struct shale_smr *domain)
{
    uint32_t index = 0;
    shale_lock_acquire(&smr_lock);
    while (index < SHALE_SMR_DOMAINS_MAX && smr_domains[index])
        index++;
    if (index < SHALE_SMR_DOMAINS_MAX) {
        domain->index = index;
        smr_domains[index] = domain;
        if (smr_domains_end <= index)
            smr_domains_end = index + 1;
    }
    shale_lock_release(&smr_lock);
    return index < SHALE_SMR_DOMAINS_MAX ? SHALE_OK : SHALE_ENOMEM;
}

static void delete_domain(struct shale_smr *domain)
{
    for (unsigned i = 0; i < SMR_SEGMENTS; i++)
        shale_free(domain->segments[i]);
    smr_check_delete(domain->check);
    shale_free(domain);
}

int shale_smr_create(const struct shale_smr_options *options, struct shale_smr **domain)
{
    struct shale_smr_options chosen = SHALE_SMR_OPTIONS_INIT;
    enum shale_smr_scheme scheme;
    if (!domain || (options && !are_valid(options)))
        return SHALE_EINVAL;
    if (options)
        chosen = *options;
    fill_in(&chosen);
    int code = smr_threads_start();
    if (!code)
        code = choose_scheme(&chosen, &scheme);
    if (code)
        return code;
    struct shale_smr *made = new_domain(&chosen);
    if (!made)
        return SHALE_ENOMEM;
    made->scheme = scheme;
    bool light = !(chosen.flags & SHALE_SMR_PLAIN_FENCES) && shale_membarrier_register() == 0;
    shale_atomic_store_relaxed(&made->light, light);
    code = enter_domain(made);
    if (code)
        delete_domain(made);
    else
        *domain = made;
    return code;
}

/* ---- destroy ---- */

/* Locks: smr_lock. */
static bool has_guard(const struct shale_smr *domain)
{
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&domain->end); i++) {
        struct shale_smr_thread *slot = smr_slot_at(domain, i);
        if (slot->used && (smr_is_inside(slot) || slot->draining))
            return true;
    }
    return false;
}

/* Every slot's bags become orphans; nobody uses the domain, so nothing holds them up. What reclaim
 * functions retire through the slots is only kept there. Locks: smr_lock. */
static void abandon_all(struct shale_smr *domain)
{
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&domain->end); i++) {
        smr_slot_at(domain, i)->draining = true;
        smr_abandon(smr_slot_at(domain, i));
    }
}

static void mark_all_ready(struct shale_smr_thread *slot)
{
    slot->ready = 0;
    for (struct smr_bag *bag = slot->limbo.head; bag; bag = bag->next) {
        bag->ready = shale_atomic_load_relaxed(&bag->count);
        slot->ready += bag->ready - bag->first;
    }
    slot->cursor = slot->limbo.head;
}

/* Reclaims all, and what the reclaim functions retire meanwhile, by this thread or through its
 * slot. */
static void reclaim_all(struct shale_smr *domain, struct shale_smr_thread *slot)
{
    do {
        shale_lock_acquire(&smr_lock);
        abandon_all(domain);
        shale_lock_release(&smr_lock);
        smr_adopt(slot);
        mark_all_ready(slot);
    } while (smr_drain(slot, SIZE_MAX) > 0);
}

/* Bags that were emptied while others came before them stay in the list. */
static void free_bags(struct smr_bag *bag)
{
    while (bag) {
        struct smr_bag *next = bag->next;
        shale_free(bag);
        bag = next;
    }
}

static void end_slots(struct shale_smr *domain)
{
    for (uint32_t i = 0; i < shale_atomic_load_relaxed(&domain->end); i++) {
        struct shale_smr_thread *slot = smr_slot_at(domain, i);
        smr_free_spares(slot);
        shale_free(slot->open);
    }
}

int shale_smr_destroy(struct shale_smr *domain)
{
    struct shale_smr_thread last = {.domain = NULL};
    if (!domain)
        return SHALE_OK;
    shale_lock_acquire(&smr_lock);
    bool busy = has_guard(domain) || domain->destroying;
    domain->destroying = !busy || domain->destroying;
    shale_lock_release(&smr_lock);
    if (busy)
        return SHALE_EBUSY;
    /* A slot of its own: reclaiming must not need memory, and has to find the caller's slot free
     * for the functions that use it. */
    last.domain = domain;
    last.interval = domain->scheme != SHALE_SMR_EBR;
    reclaim_all(domain, &last);
    shale_lock_acquire(&smr_lock);
    smr_forget_domain(domain->index);
    smr_domains[domain->index] = NULL;
    end_slots(domain);
    shale_lock_release(&smr_lock);
    free_bags(last.limbo.head);
    smr_free_spares(&last);
    delete_domain(domain);
    return SHALE_OK;
}
