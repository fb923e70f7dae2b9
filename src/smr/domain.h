/* SPDX-License-Identifier: MIT */
/* All domains of the process, and what changes under their lock. Layer 3. */
#ifndef SHALE_SMR_DOMAIN_H
#define SHALE_SMR_DOMAIN_H

#include "base/lock.h"
#include "smr/slot.h"

/* Rank SMR. Guards the table of domains, the threads' tables, and who uses which slot. */
extern struct shale_lock smr_lock;

extern struct shale_smr *smr_domains[SHALE_SMR_DOMAINS_MAX];
extern uint32_t smr_domains_end; /* indices ever used */

/* Thread-exit and fork hooks, once. SHALE_ENOMEM. */
SHALE_NODISCARD int smr_threads_start(void);

/* Takes slot `index` out of every thread's table. Locks: smr_lock. */
void smr_forget_domain(uint32_t index);

/* Detaches a slot: what it retired is left to the others. Locks: smr_lock. */
void smr_release_slot(struct shale_smr_thread *slot);

/* membarrier is refused: guards of the domain are fenced from now on. Takes smr_lock. */
SHALE_COLD void smr_give_up_membarrier(struct shale_smr *domain);

#endif
