/* SPDX-License-Identifier: MIT */
/*
 * Settings of allocators that trade memory, time and threads against each other. Layer 5.
 *
 * A candidate that fails is tried again with each of its settings; `shale tune` searches the same
 * table for the best.
 */
#ifndef SHALE_GATE_REMEDY_H
#define SHALE_GATE_REMEDY_H

#include <stddef.h>

enum { REMEDY_SETTINGS_MAX = 3 };

struct remedy {
    const char *allocator; /* the name that is proven: "mimalloc" */
    const char *name;
    const char *settings[REMEDY_SETTINGS_MAX + 1]; /* "K=V"; NULL ends */
};

/* Those of that allocator, in the order to try them; returns how many. */
size_t remedies_of(const char *allocator, const struct remedy **remedies, size_t max);

/* "A=1 B=2" */
void remedy_text(const struct remedy *remedy, char *text, size_t size);

#endif
