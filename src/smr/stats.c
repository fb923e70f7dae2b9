/* SPDX-License-Identifier: MIT */
/* The counters of a domain. Layer 3. */
#include <string.h>

#include <shale/error.h>

#include "smr/scan.h"
#include "smr/slot.h"

/* What release 0.1.0 knew: no caller can have less. */
enum {
    FIRST_SIZE = offsetof(struct shale_smr_stats, refused_retires_count) +
                 sizeof(((struct shale_smr_stats *)NULL)->refused_retires_count)
};

struct sums {
    uint64_t reclaimed_bytes;
    uint64_t retired_bytes;
};

/* What was reclaimed is read before what was retired, of all threads: a node is retired first. */
static void add_reclaimed(struct shale_smr_stats *sum, struct sums *bytes,
                          const struct shale_smr_thread *slot)
{
    sum->reclaimed_count += shale_atomic_load_relaxed(&slot->reclaimed_count);
    bytes->reclaimed_bytes += shale_atomic_load_relaxed(&slot->reclaimed_bytes);
}

static void add_slot(struct shale_smr_stats *sum, struct sums *bytes,
                     const struct shale_smr_thread *slot)
{
    sum->retired_count += shale_atomic_load_relaxed(&slot->retired_count);
    bytes->retired_bytes += shale_atomic_load_relaxed(&slot->retired_bytes);
    sum->scan_count += shale_atomic_load_relaxed(&slot->scan_count);
    sum->stall_count += shale_atomic_load_relaxed(&slot->stall_count);
    sum->over_cap_count += shale_atomic_load_relaxed(&slot->over_cap_count);
    sum->neutralized_count += shale_atomic_load_relaxed(&slot->neutralized_count);
    sum->unacknowledged_count += shale_atomic_load_relaxed(&slot->unacknowledged_count);
}

/* Counters of other threads may still arrive in another order. */
static uint64_t difference(uint64_t more, uint64_t less)
{
    return more > less ? more - less : 0;
}

static void read_domain(const struct shale_smr *domain, struct shale_smr_stats *sum)
{
    uint32_t end = smr_slots_end(domain);
    struct sums bytes = {0, 0};
    sum->scheme = domain->scheme;
    sum->asymmetric = shale_atomic_load_relaxed(&domain->light);
    sum->thread_count = shale_atomic_load_relaxed(&domain->used);
    sum->era = shale_atomic_load_relaxed(&domain->era);
    sum->oldest_lag = smr_oldest_lag(domain);
    sum->orphaned_count = shale_atomic_load_relaxed(&domain->orphaned_count);
    sum->lost_count = shale_atomic_load_relaxed(&domain->lost_count);
    sum->refused_retires_count = shale_atomic_load_relaxed(&domain->refused_retires_count);
    for (uint32_t i = 0; i < end; i++)
        add_reclaimed(sum, &bytes, smr_slot_at(domain, i));
    for (uint32_t i = 0; i < end; i++)
        add_slot(sum, &bytes, smr_slot_at(domain, i));
    sum->limbo_count = difference(sum->retired_count, sum->reclaimed_count);
    sum->limbo_bytes = difference(bytes.retired_bytes, bytes.reclaimed_bytes);
}

int shale_smr_stats_snapshot(struct shale_smr *domain, struct shale_smr_stats *stats)
{
    if (!domain || !stats || stats->struct_size < FIRST_SIZE)
        return SHALE_EINVAL;
    struct shale_smr_stats found = {.struct_size = sizeof found};
    read_domain(domain, &found);
    if (stats->struct_size < found.struct_size)
        found.struct_size = stats->struct_size;
    memcpy(stats, &found, found.struct_size);
    return SHALE_OK;
}
