/* SPDX-License-Identifier: MIT */
/*
 * The slots of epochs: opening, names, references, enumeration. Layer 1.
 *
 * Locks: one internal lock for the list of free slots and the sequence of ids.
 */
#ifndef SHALE_SLAB_REGISTRY_H
#define SHALE_SLAB_REGISTRY_H

#include <shale/epoch.h>

#include "slab/epoch.h"
#include "slab/pool.h"

/* As shale_epoch_open; `account` may be NULL. op is 0. */
SHALE_NODISCARD int slab_epoch_open(const struct shale_epoch_options *options,
                                    struct slab_account *account, uint64_t *id);

/* Slots that are not free. */
uint32_t slab_registry_open(void);

/* True while blocks can be allocated from the epoch. Any value may be asked about. */
bool slab_registry_is_active(uint64_t id);

/* The slot of a head. */
uint32_t slab_registry_slot(const struct slab_epoch_head *head);

/* One thread at a time works on closing an epoch; the others find it taken. */
SHALE_NODISCARD bool slab_registry_hold(struct slab_epoch_head *head);
void slab_registry_let_go(struct slab_epoch_head *head);

/* Makes the lists of an epoch that has nothing any more as they were before it. Locks: its own. */
void slab_registry_forget(struct slab_epoch *epoch);

/* Ends an epoch: its slot is free. Who holds the head lets it go with this. op is 0. */
void slab_registry_recycle(uint32_t slot);

/* The lock, for fork. Tests: the next id's sequence number. */
struct shale_lock *slab_registry_lock(void);
void slab_registry_set_sequence(uint64_t sequence);

#endif
