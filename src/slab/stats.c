/* SPDX-License-Identifier: MIT */
/* The survey of this process's own engine. Layer 1. */
#include "slab/stats.h"

#include <string.h>

#include "slab/late.h"
#include "slab/stop.h"
#include "slab/survey.h"

/*
 * Word by word, so that each is of one moment: what others write meanwhile. That is anything where
 * nobody is held outside; where everybody is, it is the words of the lock itself and counters of
 * waiting. The thread sanitizer is not asked.
 */
#if SHALE_THREAD_SANITIZER
__attribute__((no_sanitize("thread")))
#endif
static int
copy(const void *unused, uint64_t address, void *out, size_t size)
{
    const volatile uint64_t *words = (const volatile uint64_t *)(uintptr_t)address;  // NOLINT
    const volatile uint32_t *halves = (const volatile uint32_t *)(uintptr_t)address; // NOLINT
    (void)unused;
    if (size % sizeof(uint64_t) == 0 && address % sizeof(uint64_t) == 0)
        for (size_t i = 0; i < size / sizeof(uint64_t); i++)
            ((uint64_t *)out)[i] = words[i];
    else
        for (size_t i = 0; i < size / sizeof(uint32_t); i++)
            ((uint32_t *)out)[i] = halves[i];
    return 0;
}

struct taking {
    struct slab_stats *stats;
    struct slab_source source;
};

static int look(void *argument)
{
    struct taking *taking = argument;
    return slab_survey(&taking->source, taking->stats);
}

int slab_stats_take(struct slab_stats *stats, bool exact, const struct slab_source *to)
{
    struct taking taking = {.stats = stats};
    if (to != NULL)
        taking.source = *to;
    taking.source.map = &slab_map;
    taking.source.follow = exact;
    taking.source.read = copy;
    int error = exact ? slab_with_all_stopped(look, &taking) : look(&taking);
    stats->is_exact = exact;
    return error;
}

int slab_stats_exact(struct slab_stats *stats)
{
    return slab_stats_take(stats, true, NULL);
}

void slab_stats_approximate(struct slab_stats *stats)
{
    int ignored = slab_stats_take(stats, false, NULL); /* its own tables are never malformed */
    (void)ignored;
}

void slab_stats_sum(struct slab_sums *sums)
{
    uint32_t end = shale_atomic_load_relaxed(&slab_thr_end);
    memset(sums, 0, sizeof(*sums));
    for (uint32_t id = SLAB_LATE; id < end; id++) {
        const struct slab_counters *counters = &slab_thr_at(id)->counters;
#define SLAB_ADD(name) sums->name += shale_atomic_load_relaxed(&counters->name);
        SLAB_COUNTERS(SLAB_ADD)
#undef SLAB_ADD
    }
#define SLAB_ADD(name) sums->name = shale_atomic_load_relaxed(&slab_totals.name);
    SLAB_TOTALS(SLAB_ADD)
#undef SLAB_ADD
}
