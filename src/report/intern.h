/* SPDX-License-Identifier: MIT */
/*
 * Numbers for texts: the same text gets the same number, the first gets 0. Formats with a table of
 * names need it. Layer 4.
 */
#ifndef SHALE_REPORT_INTERN_H
#define SHALE_REPORT_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bump.h"

struct intern_entry {
    const char *text; /* NUL-terminated, the table's own; NULL: a free slot */
    uint32_t length;
    uint32_t hash;
    uint32_t number;
};

/* All zero is an empty table. Open addressing, at most half full. */
struct intern {
    struct intern_entry *slots;
    uint32_t *order; /* slot of each number */
    uint32_t slot_count;
    uint32_t count;
    struct shale_bump memory;
    bool failed; /* no memory: numbers are not to be used */
};

/* The number of that text, which may hold any bytes; 0 when there is no memory (see failed). */
uint32_t intern_add(struct intern *table, const char *text, size_t length);

/* The text of a number below count. */
const char *intern_text(const struct intern *table, uint32_t number);

void intern_free(struct intern *table);

#endif
