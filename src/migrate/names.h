/* SPDX-License-Identifier: MIT */
/*
 * Every identifier of the source tree as a number. Layer 1.
 *
 * Number 0 is no name. Names live as long as the table. Threads: one at a time.
 */
#ifndef SHALE_MIGRATE_NAMES_H
#define SHALE_MIGRATE_NAMES_H

#include <stdint.h>

#include "migrate/vector.h"

typedef uint32_t name_id;

struct name {
    char *text;
    uint32_t length;
    uint32_t hash;
};

struct names {
    VECTOR(struct name) list; /* [0] is the empty name */
    uint32_t *slots;          /* open addressing, a power of two */
    uint32_t slot_count;
};

void names_start(struct names *names);
void names_finish(struct names *names);

/* The number of that text, a new one when it was not seen yet. */
name_id names_add(struct names *names, const char *text, size_t length);

/* The number of that text, or 0. */
name_id names_find(const struct names *names, const char *text);

static inline const char *name_text(const struct names *names, name_id name)
{
    return names->list.at[name].text;
}

#endif
