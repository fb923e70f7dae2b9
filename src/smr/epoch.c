/* SPDX-License-Identifier: MIT */
/* Retiring a whole epoch of the slab engine: one record stands for all of its nodes. Layer 3. */
#include <shale/epoch.h>
#include <shale/error.h>

#include "smr/guard.h"

_Static_assert(sizeof(void *) >= sizeof(shale_epoch), "a record's pointer holds an epoch's id");

/* What is in the way of the discard, if anything, is an operation that ends soon: the engine's next
 * calls go on with it. */
static void discard(void *pointer, void *argument)
{
    (void)argument;
    (void)shale_epoch_close((shale_epoch)(uintptr_t)pointer, SHALE_EPOCH_DISCARD, 0);
}

int shale_smr_retire_epoch(struct shale_smr_thread *thread, shale_epoch epoch, size_t size,
                           uint64_t birth)
{
    struct smr_record record = {
        .pointer = (void *)(uintptr_t)epoch, .function = discard, .size = size, .birth = birth};
    return epoch == SHALE_EPOCH_ETERNAL ? SHALE_EINVAL : smr_retire(thread, &record);
}
