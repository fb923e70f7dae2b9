/* SPDX-License-Identifier: MIT */
/*
 * What a thread has retired: bags from filling to reclaiming (smr/slot.h draws them). Layer 3.
 * All of it is called by the slot's owner, or where the owner is gone.
 */
#ifndef SHALE_SMR_LIMBO_H
#define SHALE_SMR_LIMBO_H

#include "smr/slot.h"

/* Gives the slot its first bag. SHALE_ENOMEM. */
SHALE_NODISCARD int smr_open_first(struct shale_smr_thread *slot);

/* Closes the open bag if it holds anything: its era is read and it joins the limbo. */
void smr_close(struct shale_smr_thread *slot);

/* Takes over the bags of threads that ended. */
void smr_adopt(struct shale_smr_thread *slot);

/* Leaves all bags, the open one too, to whoever adopts them. */
void smr_abandon(struct shale_smr_thread *slot);

/* Puts bags at the end of the slot's limbo. */
void smr_append(struct shale_smr_thread *slot, struct smr_bag *head);

/* Reclaims up to max ready nodes; 0 in a reclaim function. Cost: theirs. */
size_t smr_drain(struct shale_smr_thread *slot, size_t max);

/* Frees the empty bags of a slot that is not used any more. */
void smr_free_spares(struct shale_smr_thread *slot);

/* Brackets a change of the lists: in between, the child of a fork would find them torn. */
void smr_busy(struct shale_smr_thread *slot);
void smr_idle(struct shale_smr_thread *slot);

/* True when the lists were whole at the moment of the fork. */
bool smr_was_idle(struct shale_smr_thread *slot);

/* An empty bag goes back to the spare ones, or is freed. */
void smr_put_bag(struct shale_smr_thread *slot, struct smr_bag *bag);

#endif
