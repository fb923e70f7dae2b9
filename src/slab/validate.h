/* SPDX-License-Identifier: MIT */
/* Whole-structure validators, for tests: slow, everybody stands still. Layer 1. */
#ifndef SHALE_SLAB_VALIDATE_H
#define SHALE_SLAB_VALIDATE_H

#include "base/attributes.h"

/*
 * Checks every list, counter and free list of the engine.
 *
 * @return 0; the number of the rule that does not hold (validate.c, unit.c, pool.c say which); or
 *         SHALE_EBUSY when a thread did not stop.
 */
SHALE_NODISCARD int slab_validate(void);

#endif
