/* SPDX-License-Identifier: MIT */
/* Judging the figures of an engine, this process's or another's. Layer 1. */
#ifndef SHALE_SLAB_DIAGNOSE_H
#define SHALE_SLAB_DIAGNOSE_H

#include <shale/diagnose.h>
#include <shale/stats.h>

#include "base/attributes.h"

/* What is judged. */
struct slab_symptoms {
    const struct shale_stats *stats;
    const struct shale_stats_epoch *epochs;
    size_t epoch_count;
    uint64_t epoch_age_ns; /* 0: a minute */
};

/* What comes of it. */
struct slab_findings {
    struct shale_finding *found; /* NULL: they are only counted */
    size_t room;
    size_t count; /* also of those that found no room */
};

void slab_diagnose(const struct slab_symptoms *symptoms, struct slab_findings *findings);

#endif
