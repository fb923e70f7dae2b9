/* SPDX-License-Identifier: MIT */
/*
 * Read and write phases: NEUTRALIZE. Layer 3.
 *
 * Nothing is ever freed because a signal was sent. The handler, in the thread that reads, ends the
 * guard's interval and jumps to the beginning of its phase; who reclaims then scans again and
 * believes the intervals, as ever. A signal that is not answered changes nothing.
 */
#ifndef SHALE_SMR_PHASE_H
#define SHALE_SMR_PHASE_H

#include "smr/slot.h"

/*
 * Puts the handler of NEUTRALIZE in place.
 *
 * @return 0; SHALE_ENOTSUP: not on this system or in this build; SHALE_EBUSY: the program has a
 *         handler for the signal; SHALE_EINVAL: no signal that can be handled.
 */
SHALE_NODISCARD int smr_phases_start(int signal);

/* Throws out what holds the slot's bags up. True when it is worth scanning again. */
SHALE_NODISCARD bool smr_neutralize(struct shale_smr_thread *slot);

/* True in a write phase: then only smr_has_reserved() counts. */
SHALE_NODISCARD bool smr_is_writing(struct shale_smr_thread *slot);
SHALE_NODISCARD bool smr_has_reserved(const struct shale_smr_thread *slot, const void *node);

#endif
