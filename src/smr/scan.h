/* SPDX-License-Identifier: MIT */
/* Which nodes in limbo no guard can see: the schemes' decisions. Layer 3. */
#ifndef SHALE_SMR_SCAN_H
#define SHALE_SMR_SCAN_H

#include "smr/slot.h"

/* Looks at all threads and marks what is ready in the slot's bags. */
void smr_collect(struct shale_smr_thread *slot);

/* The same when enough has been retired since the last time to be worth it. */
void smr_collect_if_due(struct shale_smr_thread *slot);

/* Makes every guard that was entered before visible here, and what was unlinked here visible to
 * every later one. */
void smr_fence_all(struct shale_smr *domain);

/* The first era a slot's guard may see into; SMR_OUTSIDE without a guard. */
uint64_t smr_lo(const struct shale_smr *domain, struct shale_smr_thread *slot);

/* Eras between now and the oldest open guard; 0 without one. */
uint64_t smr_oldest_lag(const struct shale_smr *domain);

/* Read phases that were in the way of the slot's nodes are over. */
void smr_note_neutralized(struct shale_smr_thread *slot, uint64_t count);

/* The two schemes; each returns whether it found something ready. */
SHALE_NODISCARD bool smr_ebr_collect(struct shale_smr_thread *slot);
SHALE_NODISCARD bool smr_ibr_collect(struct shale_smr_thread *slot);

#endif
