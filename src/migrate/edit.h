/* SPDX-License-Identifier: MIT */
/* The edits that convert sites: ranges of bytes and what replaces them. Layer 1. */
#ifndef SHALE_MIGRATE_EDIT_H
#define SHALE_MIGRATE_EDIT_H

#include "migrate/world.h"

typedef VECTOR(struct migrate_line_edit) edit_list;

/* Headers that a rewritten call needs beside the layer's own. */
struct edit_needs {
    bool errno_h;
    bool unistd_h;
};

/* Whether a call has the form that its rewriting needs; judged before anything is decided. */
bool edit_is_possible(const struct world *world, const struct site *site);

/* Adds the edits of one converted site. */
void edit_site(const struct world *world, const struct site *site, edit_list *edits,
               struct edit_needs *needs);

/* include.c: adds the #include, unless the file has it. `header` is with its quotes or brackets. */
void edit_include(const struct world *world, uint32_t source, const char *header,
                  const struct edit_needs *needs, edit_list *edits);

/* Sorts the edits and applies them: the new text, NUL-terminated and owned by the caller. */
char *edit_apply(const struct source *source, edit_list *edits, size_t *size);

/* header.c: the text of PREFIX_alloc.h, to be freed. */
char *header_text(const char *prefix);

#endif
