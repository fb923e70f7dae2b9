/* SPDX-License-Identifier: MIT */
/*
 * A walk over an engine's metadata that adds up what is in it: this process's or another's, through
 * a function that copies bytes. Layer 1.
 *
 * It touches nothing of this process's engine, and trusts nothing that it reads: every loop is
 * bounded and every index is checked.
 */
#ifndef SHALE_SLAB_SURVEY_H
#define SHALE_SLAB_SURVEY_H

#include <shale/stats.h>

#include "slab/epoch.h"
#include "slab/map.h"
#include "slab/stats.h"

struct slab_source {
    /* Copies bytes from an address of the engine's process; 0 or a SHALE_E* code. */
    int (*read)(const void *context, uint64_t address, void *out, size_t size);
    const void *context;
    const struct slab_map *map; /* a copy, checked */
    /* Links between messages may be followed: nobody changes them now, or a read of anything that
     * they turned into cannot hurt. */
    bool follow;
    /* Gets each live thread; may be NULL. */
    void (*thread)(void *context, const struct slab_thr *copy);
    void *thread_context;
    /* Room to add up in by slot, all zero; NULL: epochs are not told apart. */
    struct slab_epoch_stats *slots;
    uint32_t slot_count; /* those above are left out */
    /* Gets the eternal epoch, without a head, and each that somebody has; may be NULL. */
    void (*epoch)(void *context, const struct slab_epoch_head *head,
                  const struct slab_epoch_stats *stats);
    void *epoch_context;
};

/*
 * @param stats  gets everything but is_exact; all zero for an engine that has not started.
 * @return       0; SHALE_EFORMAT: what was read cannot be an engine's; or what read returned.
 * Cost: about 170 bytes copied for each unit in use. 12 KiB of stack.
 */
SHALE_NODISCARD int slab_survey(const struct slab_source *source, struct slab_stats *stats);

/* The public forms. */
void slab_publish(const struct slab_stats *stats, struct shale_stats *out);
void slab_publish_class(const struct slab_class_stats *class, struct shale_stats_class *out);
void slab_publish_epoch(const struct slab_epoch_head *head, const struct slab_epoch_stats *stats,
                        struct shale_stats_epoch *out);
void slab_publish_thread(const struct slab_thr *thr, struct shale_stats_thread *out);

#endif
