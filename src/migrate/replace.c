/* SPDX-License-Identifier: MIT */
/* One file of a journal becomes its new or its old self by rename(). Layer 1. */
#include "migrate/replace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/safefile.h"

/* A superuser's rewrite leaves the file its owner's; for others it is theirs anyway. */
static void keep_owner(const struct journal_entry *entry)
{
    struct stat status;
    if (geteuid() != 0 || lstat(entry->real, &status) != 0)
        return;
    if (lchown(entry->temporary, status.st_uid, status.st_gid) == 0)
        (void)chmod(entry->temporary, entry->mode); /* chown clears special bits */
}

static bool same(const char *text, size_t size, const char *other, size_t other_size)
{
    return size == other_size && memcmp(text, other, size) == 0;
}

enum replace_found replace_look(const struct journal_entry *entry)
{
    size_t size = 0;
    char *now = safefile_read(entry->real, &size);
    enum replace_found found = REPLACE_EDITED;
    if (!now)
        return errno == ENOENT && !entry->had_old ? REPLACE_OLD : REPLACE_EDITED;
    if (entry->had_old && same(now, size, entry->old_text, entry->old_size))
        found = REPLACE_OLD;
    else if (same(now, size, entry->new_text, entry->new_size))
        found = REPLACE_NEW;
    free(now);
    return found;
}

/*
 * Makes what will be renamed over the file: a text, or another name of the file that it is a hard
 * link of.
 */
static int make_temporary(const struct journal *journal, const struct journal_entry *entry,
                          const char *text, size_t size)
{
    if (safefile_remove(entry->temporary) != 0)
        return -1;
    if (entry->same_as >= 0)
        return safefile_link(journal->entries.at[entry->same_as].real, entry->temporary);
    if (safefile_create(entry->temporary, text, size, entry->mode) != 0)
        return -1;
    keep_owner(entry);
    return 0;
}

static int put_in_place(const struct journal_entry *entry)
{
    if (safefile_rename(entry->temporary, entry->real) != 0)
        return -1;
    /* Renaming a file over itself leaves both names. */
    if (entry->same_as >= 0 && safefile_remove(entry->temporary) != 0)
        return -1;
    return safefile_sync_folder_of(entry->real);
}

/* The last look at the file comes just before it is replaced: an editor may have saved meanwhile.
 */
int replace_by_new(const struct journal *journal, const struct journal_entry *entry)
{
    if (make_temporary(journal, entry, entry->new_text, entry->new_size) != 0)
        return -1;
    if (replace_look(entry) != REPLACE_OLD) {
        errno = ESTALE;
        return -1;
    }
    return put_in_place(entry);
}

int replace_by_old(const struct journal *journal, const struct journal_entry *entry,
                   bool over_edits)
{
    if (safefile_remove(entry->temporary) != 0)
        return -1;
    enum replace_found found = replace_look(entry);
    if (found == REPLACE_EDITED && !over_edits)
        return 0;
    if (!entry->had_old && safefile_remove(entry->real) != 0)
        return -1;
    /* Old already, but perhaps by a rename that is not on the disk yet. */
    if (!entry->had_old || (found == REPLACE_OLD && entry->same_as < 0))
        return safefile_sync_folder_of(entry->real);
    return make_temporary(journal, entry, entry->old_text, entry->old_size) == 0
               ? put_in_place(entry)
               : -1;
}
