/* SPDX-License-Identifier: MIT */
/* SHALE_SMR_CHECK_RETIRES: the set of all nodes in a domain's limbo. Layer 3. */
#ifndef SHALE_SMR_CHECK_H
#define SHALE_SMR_CHECK_H

#include "smr/slot.h"

struct smr_check;

/* NULL without memory. */
struct smr_check *smr_check_new(void);
void smr_check_delete(struct smr_check *check);

/* SHALE_EINVAL: the node is in limbo already; SHALE_ENOMEM. */
SHALE_NODISCARD int smr_check_add(struct shale_smr_thread *slot, const void *node);
void smr_check_remove(struct shale_smr_thread *slot, const void *node);

#endif
