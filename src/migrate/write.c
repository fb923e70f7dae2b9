/* SPDX-License-Identifier: MIT */
/* Writing a plan, and taking a write back. Layer 1. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shale/error.h>

#include "migrate/journal.h"
#include "migrate/safefile.h"
#include "migrate/tree.h"

static int error_of_errno(int error)
{
    return error == EACCES || error == EPERM || error == EROFS ? SHALE_EPERM : SHALE_EIO;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return must_copy_bytes(path, slash && slash > path ? (size_t)(slash - path) : 1);
}

/* The file is still what was read, and may be replaced. */
static int check_file(const struct migrate_change *change, char **message)
{
    char *folder = folder_of(change->real);
    int denied = access(folder, W_OK | X_OK);
    free(folder);
    if (denied != 0 || (change->old_text && access(change->real, W_OK) != 0)) {
        *message = must_format("cannot write '%s': %s; nothing was changed", change->path,
                               strerror(errno));
        return error_of_errno(errno);
    }
    if (!change->old_text)
        return 0;
    size_t size = 0;
    char *now = safefile_read(change->real, &size);
    bool same = now && size == change->old_size && memcmp(now, change->old_text, size) == 0;
    free(now);
    if (same)
        return 0;
    *message = must_format("cannot write '%s': it changed since it was read; nothing was written, "
                           "try again",
                           change->path);
    return SHALE_EBUSY;
}

/* root can write to a file without any write permission: that is still a file to leave alone. */
static int check_mode(const struct migrate_change *change, char **message)
{
    if (!change->old_text || (change->mode & 0222U) != 0)
        return 0;
    *message = must_format("cannot write '%s': it is read-only; make it writable or leave it out "
                           "with --exclude; nothing was changed",
                           change->path);
    return SHALE_EPERM;
}

static int check_tree(const struct migrate_options *options, const struct migrate_plan *plan,
                      char **message)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        int error = check_mode(&plan->changes[i], message);
        if (error == 0)
            error = check_file(&plan->changes[i], message);
        if (error != 0)
            return error;
    }
    char *dirty = plan->in_git && !options->force ? tree_first_dirty(plan->root, plan) : NULL;
    if (!dirty)
        return 0;
    *message = must_format("'%s' has changes that are not committed; commit or stash them, or give "
                           "--force; nothing was changed",
                           dirty);
    free(dirty);
    return SHALE_EBUSY;
}

/* Earlier change that is the same file by another name, or -1. */
static long same_file(const struct migrate_plan *plan, size_t index)
{
    struct stat own;
    struct stat other;
    const struct migrate_change *change = &plan->changes[index];
    if (!change->old_text || lstat(change->real, &own) != 0 || own.st_nlink < 2)
        return -1;
    for (size_t i = 0; i < index; i++)
        if (plan->changes[i].old_text && lstat(plan->changes[i].real, &other) == 0 &&
            own.st_dev == other.st_dev && own.st_ino == other.st_ino)
            return (long)i;
    return -1;
}

static void fill_journal(struct journal *journal, const struct migrate_plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct migrate_change *change = &plan->changes[i];
        const struct journal_entry entry = {.path = change->path,
                                            .old_text = change->old_text,
                                            .old_size = change->old_size,
                                            .new_text = change->new_text,
                                            .new_size = change->new_size,
                                            .mode = change->mode,
                                            .had_old = change->old_text != NULL,
                                            .same_as = same_file(plan, i)};
        journal_add(journal, &entry);
    }
}

static int cannot_journal(const char *root, char **message)
{
    int why = errno;
    if (why == EWOULDBLOCK) {
        *message =
            must_format("another shale migrate works on '%s'; try again when it is done", root);
        return SHALE_EBUSY;
    }
    *message = must_format("cannot write the journal '%s/.shale-migrate': %s; nothing was changed",
                           root, strerror(why));
    return error_of_errno(why);
}

static int cannot_write(const struct journal_error *failed, int result, char **message)
{
    bool edited = failed->error == ESTALE;
    *message = must_format("cannot write '%s': %s; %s", failed->path,
                           edited ? "it changed since it was read" : strerror(failed->error),
                           result < 0 ? "not all could be put back: mend that and run "
                                        "'shale migrate --undo' on the same paths"
                           : edited   ? "all files are as they were, try again"
                                      : "all files are as they were");
    if (result < 0)
        return SHALE_EGONE;
    return edited ? SHALE_EBUSY : error_of_errno(failed->error);
}

int migrate_write(const struct migrate_options *options, const struct migrate_plan *plan,
                  char **message)
{
    if (plan->change_count == 0)
        return 0;
    int error = check_tree(options, plan, message);
    if (error != 0)
        return error;
    struct journal journal;
    struct journal_error failed = {0};
    if (journal_open(&journal, plan->root, true) != 0) {
        error = cannot_journal(plan->root, message);
        journal_close(&journal);
        return error;
    }
    fill_journal(&journal, plan);
    int result = journal_write(&journal, &failed);
    if (result != 0)
        error = cannot_write(&failed, result, message);
    journal_close(&journal);
    return error;
}

/* The nearest folder above with a journal: what was written there with more paths. NULL: none. */
static char *journal_above(const char *root)
{
    char *above = must_copy(root);
    for (char *slash; (slash = strrchr(above, '/')) && slash > above;) {
        *slash = '\0';
        char *folder = must_format("%s/.shale-migrate", above);
        bool there = access(folder, F_OK) == 0;
        free(folder);
        if (there)
            return above;
    }
    free(above);
    return NULL;
}

static char *nothing_to_undo(const char *root)
{
    char *above = journal_above(root);
    char *message =
        above ? must_format("there is nothing to undo in '%s', but in '%s'; give the paths that "
                            "--write had",
                            root, above)
              : must_format("there is nothing to undo in '%s'", root);
    free(above);
    return message;
}

static int take_back(struct journal *journal, bool force, char **message)
{
    struct journal_error failed = {0};
    if (journal_load_last(journal) != 0) {
        bool none = errno == ENOENT;
        *message =
            none ? nothing_to_undo(journal->root)
                 : must_format("cannot read the journal '%s': %s", journal->own, strerror(errno));
        return none ? SHALE_ENOENT : SHALE_EIO;
    }
    const struct journal_entry *edited = force ? NULL : journal_first_edited(journal);
    if (edited) {
        *message = must_format("'%s' was edited since it was written; --force overwrites it with "
                               "what it was before; nothing was changed",
                               edited->path);
        return SHALE_EBUSY;
    }
    if (journal_take_back(journal, force, &failed) == 0)
        return 0;
    *message = must_format("cannot restore '%s': %s; mend that and run --undo again", failed.path,
                           strerror(failed.error));
    return error_of_errno(failed.error);
}

int migrate_undo(const struct migrate_options *options, size_t *restored, char **message)
{
    char *root;
    bool in_git;
    int error = tree_root(options, &root, &in_git, message);
    if (error != 0)
        return error;
    struct journal journal;
    if (journal_open(&journal, root, false) != 0) {
        bool none = errno == ENOENT;
        error = none ? SHALE_ENOENT : cannot_journal(root, message);
        if (none)
            *message = nothing_to_undo(root);
    } else {
        error = take_back(&journal, options->force, message);
        if (error == 0)
            *restored = journal.entries.count;
    }
    journal_close(&journal);
    free(root);
    return error;
}

bool migrate_interrupted(const struct migrate_options *options)
{
    char *root;
    char *message = NULL;
    bool in_git;
    if (tree_root(options, &root, &in_git, &message) != 0) {
        free(message);
        return false;
    }
    bool interrupted = journal_is_interrupted(root);
    free(root);
    return interrupted;
}
