/* SPDX-License-Identifier: MIT */
/* What the rest of the engine, and the front door, need to know of domains. Layer 1. */
#ifndef SHALE_SLAB_DOMAIN_H
#define SHALE_SLAB_DOMAIN_H

#include "slab/epoch.h"
#include "slab/thread.h"

/* The epoch that plain allocations of this thread go to; 0: the eternal one. */
extern SHALE_THREAD_LOCAL uint64_t slab_domain_implicit;

/* A thread ends inside domains. op is 0. */
void slab_domain_leave_all(struct slab_thr *thr);

/* Tells whoever's quota refused a request. op is 0, no lock is held. */
void slab_domain_tell(struct slab_account *account, size_t size);

#endif
