/* SPDX-License-Identifier: MIT */
/*
 * One file of a journal becomes its new or its old self. Layer 1.
 *
 * The text goes to FILE.shale-migrate-new, to the disk, and from there over the file by rename();
 * its folder is synced before the call returns. Whatever ends the process, FILE is old or new.
 */
#ifndef SHALE_MIGRATE_REPLACE_H
#define SHALE_MIGRATE_REPLACE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "migrate/journal.h"

/* A file that is not there is old when it was not there before. */
enum replace_found { REPLACE_OLD, REPLACE_NEW, REPLACE_EDITED };

enum replace_found replace_look(const struct journal_entry *entry);

/* 0 or -1 with errno; ESTALE: it is not the old file any more, and was left as it is. */
SHALE_NODISCARD int replace_by_new(const struct journal *journal,
                                   const struct journal_entry *entry);

/* 0 or -1 with errno. What is neither old nor new is replaced only `over_edits`. */
SHALE_NODISCARD int replace_by_old(const struct journal *journal, const struct journal_entry *entry,
                                   bool over_edits);

#endif
