/* SPDX-License-Identifier: MIT */
/*
 * A write of many files that happens as a whole, and can be taken back. Layer 1.
 *
 *     ROOT/.shale-migrate/
 *         .gitignore          keeps git away from it; also the lock
 *         making/             a journal being written: the tree is untouched, it is thrown away
 *         0001/ 0002/ ...     one write each, the last is what undo takes back
 *             manifest        mode, kind and path of each file
 *             old-N new-N     its bytes before and after
 *             written         there once all files are new
 *         dropped/            an old journal being removed
 *
 * A numbered journal without `written` is a write (or an undo) that was interrupted: each file is
 * then its old or its new self, never a mixture, since it changes by rename() alone; undo makes
 * all of them old. Files that were edited meanwhile are neither, and stop it before the first
 * change. Beside a file may then lie FILE.shale-migrate-new, perhaps cut short, which undo removes.
 */
#ifndef SHALE_MIGRATE_JOURNAL_H
#define SHALE_MIGRATE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "migrate/vector.h"

struct journal_entry {
    char *path; /* relative to the root */
    char *real;
    char *temporary; /* beside it: what is renamed over it */
    char *old_text;
    size_t old_size;
    char *new_text;
    size_t new_size;
    unsigned mode;
    bool had_old; /* else the file is new */
    long same_as; /* entry of which it is a hard link, or -1 */
};

struct journal {
    char *root;
    char *folder; /* ROOT/.shale-migrate */
    char *making;
    char *dropped;
    char *own;     /* the numbered folder */
    char *written; /* its marker */
    int lock;
    VECTOR(struct journal_entry) entries;
};

/* A failure: which file, and errno. */
struct journal_error {
    const char *path; /* within the journal */
    int error;
};

/* Takes the lock; `create` makes the folder. 0, or -1 with errno (ENOENT: no journal there). */
SHALE_NODISCARD int journal_open(struct journal *journal, const char *root, bool create);
void journal_close(struct journal *journal);

/* Whether the last write of that root was interrupted, and nobody is at it now. Keeps no lock. */
bool journal_is_interrupted(const char *root);

/* Adds a file to a journal to be written; the texts stay the caller's. */
void journal_add(struct journal *journal, const struct journal_entry *entry);

/*
 * Writes all files: 0; 1: failed and put back; -1: failed and could not be put back. The error is
 * ESTALE for a file that is not the old one any more; it is left as it is.
 */
SHALE_NODISCARD int journal_write(struct journal *journal, struct journal_error *error);

/*
 * Reads the last numbered journal into entries (texts are then the journal's).
 * 0; -1 with errno: ENOENT: none.
 */
SHALE_NODISCARD int journal_load_last(struct journal *journal);

/* The first entry that is neither old nor new now, or NULL. */
const struct journal_entry *journal_first_edited(const struct journal *journal);

/* Makes all files old, edited ones only if told to, and drops the journal. 0 or -1. */
SHALE_NODISCARD int journal_take_back(struct journal *journal, bool over_edits,
                                      struct journal_error *error);

#endif
