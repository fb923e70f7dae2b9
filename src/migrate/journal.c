/* SPDX-License-Identifier: MIT */
/* The journal of a write. Layer 1. See journal.h for its files and states. */
#include "migrate/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/replace.h"
#include "migrate/safefile.h"

#define MANIFEST_HEAD "shale-migrate-journal 1"

enum { PATH_ROOM = 4096, LOCK_TRIES = 100 };

static void note_error(struct journal_error *error, const char *path)
{
    *error = (struct journal_error){path, errno};
}

/* ---- opening ---- */

static unsigned last_number(const char *folder)
{
    unsigned last = 0;
    DIR *names = opendir(folder);
    for (struct dirent *entry; names && (entry = readdir(names));) {
        char *end;
        unsigned long number = strtoul(entry->d_name, &end, 10);
        if (*end == '\0' && number > last && number < 1000000)
            last = (unsigned)number;
    }
    if (names)
        closedir(names);
    return last;
}

static void set_number(struct journal *journal, unsigned number)
{
    free(journal->own);
    free(journal->written);
    journal->own = must_format("%s/%04u", journal->folder, number);
    journal->written = must_format("%s/written", journal->own);
}

/*
 * The lock is a file that the last undo removes. One that went away between open() and flock()
 * keeps nobody out, so it is taken anew.
 */
static int take_lock(struct journal *journal, bool create)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    char ignore[PATH_ROOM];
    struct stat status;
    snprintf(ignore, sizeof ignore, "%s/.gitignore", journal->folder);
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (create && safefile_make_folder(journal->folder) != 0)
            return -1;
        if (lstat(journal->folder, &status) == 0 && !S_ISDIR(status.st_mode)) {
            errno = ENOTDIR; /* a link would lead the journal elsewhere */
            return -1;
        }
        journal->lock = open(ignore, flags, 0666);
        if (journal->lock < 0 && create && errno == ENOENT)
            continue;
        if (journal->lock < 0 || flock(journal->lock, LOCK_EX | LOCK_NB) != 0)
            return -1;
        if (fstat(journal->lock, &status) == 0 && status.st_nlink > 0)
            return 0;
        close(journal->lock);
        journal->lock = -1;
    }
    errno = create ? EWOULDBLOCK : ENOENT;
    return -1;
}

int journal_open(struct journal *journal, const char *root, bool create)
{
    *journal = (struct journal){
        .root = must_copy(root), .folder = must_format("%s/.shale-migrate", root), .lock = -1};
    journal->making = must_format("%s/making", journal->folder);
    journal->dropped = must_format("%s/dropped", journal->folder);
    set_number(journal, 0);
    if (take_lock(journal, create) != 0)
        return -1;
    if (!create)
        return 0;
    return write(journal->lock, "*\n", 2) == 2 ? safefile_sync_folder_of(journal->folder) : -1;
}

void journal_close(struct journal *journal)
{
    int why = errno;
    if (journal->lock >= 0)
        close(journal->lock);
    for (size_t i = 0; i < journal->entries.count; i++) {
        struct journal_entry *entry = &journal->entries.at[i];
        free(entry->path);
        free(entry->real);
        free(entry->temporary);
        free(entry->old_text);
        free(entry->new_text);
    }
    vector_free(&journal->entries);
    free(journal->root);
    free(journal->folder);
    free(journal->making);
    free(journal->dropped);
    free(journal->own);
    free(journal->written);
    errno = why;
}

/* Somebody writes or undoes at this moment. */
static bool is_locked(const char *folder)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/.gitignore", folder);
    int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool locked = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (lock >= 0)
        close(lock);
    return locked;
}

bool journal_is_interrupted(const char *root)
{
    char *folder = must_format("%s/.shale-migrate", root);
    unsigned last = last_number(folder);
    char *written = must_format("%s/%04u/written", folder, last);
    bool interrupted = last > 0 && access(written, F_OK) != 0 && !is_locked(folder);
    free(folder);
    free(written);
    return interrupted;
}

static char *copy_text(const char *text, size_t size)
{
    return text ? must_copy_bytes(text, size) : NULL;
}

void journal_add(struct journal *journal, const struct journal_entry *entry)
{
    struct journal_entry *own = vector_push(&journal->entries);
    *own = *entry;
    own->path = must_copy(entry->path);
    own->real = must_format("%s/%s", journal->root, entry->path);
    own->temporary = must_format("%s.shale-migrate-new", own->real);
    own->old_text = copy_text(entry->old_text, entry->old_size);
    own->new_text = copy_text(entry->new_text, entry->new_size);
}

/* ---- making a journal ---- */

static const char *file_in(char *path, const char *folder, const char *name, size_t number)
{
    snprintf(path, PATH_ROOM, "%s/%s%zu", folder, name, number);
    return path;
}

/* Removes a folder of ours with the files in it. */
static int remove_folder(const char *folder)
{
    char path[PATH_ROOM];
    DIR *names = opendir(folder);
    if (!names)
        return errno == ENOENT ? 0 : -1;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(names));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        result = safefile_remove(path);
    }
    closedir(names);
    return result == 0 ? safefile_remove_folder(folder) : -1;
}

static int write_manifest(const struct journal *journal)
{
    char path[PATH_ROOM];
    text_buffer text = {0};
    buffer_add(&text, MANIFEST_HEAD, sizeof MANIFEST_HEAD);
    for (size_t i = 0; i < journal->entries.count; i++) {
        const struct journal_entry *entry = &journal->entries.at[i];
        buffer_print(&text, "%o %d %ld %s", entry->mode, entry->had_old, entry->same_as,
                     entry->path);
        buffer_add(&text, "", 1);
    }
    snprintf(path, sizeof path, "%s/manifest", journal->making);
    int result = safefile_create(path, text.at, text.count, 0644);
    vector_free(&text);
    return result;
}

static int write_texts(const struct journal *journal, struct journal_error *error)
{
    char path[PATH_ROOM];
    for (size_t i = 0; i < journal->entries.count; i++) {
        const struct journal_entry *entry = &journal->entries.at[i];
        if ((entry->had_old && safefile_create(file_in(path, journal->making, "old-", i),
                                               entry->old_text, entry->old_size, 0600) != 0) ||
            safefile_create(file_in(path, journal->making, "new-", i), entry->new_text,
                            entry->new_size, 0600) != 0) {
            note_error(error, journal->folder);
            return -1;
        }
    }
    return 0;
}

static int make(struct journal *journal, struct journal_error *error)
{
    char path[PATH_ROOM];
    set_number(journal, last_number(journal->folder) + 1);
    note_error(error, journal->folder);
    if (remove_folder(journal->dropped) != 0 || remove_folder(journal->making) != 0 ||
        safefile_make_folder(journal->making) != 0 || write_texts(journal, error) != 0 ||
        write_manifest(journal) != 0 ||
        safefile_sync_folder_of(file_in(path, journal->making, "x", 0)) != 0 ||
        safefile_rename(journal->making, journal->own) != 0 ||
        safefile_sync_folder_of(journal->own) != 0) {
        note_error(error, journal->folder);
        return -1;
    }
    return 0;
}

/* ---- changing files ---- */

static int restore_all(const struct journal *journal, bool over_edits, struct journal_error *error)
{
    for (size_t i = 0; i < journal->entries.count; i++)
        if (replace_by_old(journal, &journal->entries.at[i], over_edits) != 0) {
            note_error(error, journal->entries.at[i].path);
            return -1;
        }
    return 0;
}

/* Without a journal in it the folder goes too. */
static int remove_unused(const struct journal *journal)
{
    char path[PATH_ROOM];
    if (last_number(journal->folder) > 0)
        return 0;
    snprintf(path, sizeof path, "%s/.gitignore", journal->folder);
    return safefile_remove(path) == 0 && remove_folder(journal->making) == 0
               ? safefile_remove_folder(journal->folder)
               : -1;
}

/* Removes the numbered journal; what is left of it by a crash is no journal any more. */
static int drop(const struct journal *journal)
{
    if (remove_folder(journal->dropped) != 0 ||
        safefile_rename(journal->own, journal->dropped) != 0 ||
        safefile_sync_folder_of(journal->own) != 0 || remove_folder(journal->dropped) != 0)
        return -1;
    return remove_unused(journal);
}

static int write_files(const struct journal *journal, struct journal_error *error)
{
    for (size_t i = 0; i < journal->entries.count; i++) {
        const struct journal_entry *entry = &journal->entries.at[i];
        if (replace_by_new(journal, entry) != 0) {
            note_error(error, entry->path);
            return -1;
        }
    }
    if (safefile_create(journal->written, "", 0, 0644) != 0 ||
        safefile_sync_folder_of(journal->written) != 0) {
        note_error(error, journal->folder);
        return -1;
    }
    return 0;
}

/* Ctrl-C and the like wait until the tree is whole again. */
static void hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGQUIT);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

static int make_and_write(struct journal *journal, struct journal_error *error)
{
    struct journal_error again;
    if (make(journal, error) != 0) {
        /* Not a file was touched. If the journal has its number already it goes the way of undo. */
        if (access(journal->own, F_OK) == 0)
            return restore_all(journal, false, &again) == 0 && drop(journal) == 0 ? 1 : -1;
        int ignored = remove_unused(journal);
        (void)ignored; /* what is left of it is thrown away by the next write */
        return 1;
    }
    if (write_files(journal, error) == 0)
        return 0;
    /* The marker may be there although syncing it failed. */
    return safefile_remove(journal->written) == 0 && restore_all(journal, false, &again) == 0 &&
                   drop(journal) == 0
               ? 1
               : -1;
}

int journal_write(struct journal *journal, struct journal_error *error)
{
    sigset_t before;
    hold_signals(&before);
    int result = make_and_write(journal, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* ---- taking back ---- */

/* A journal that came with the tree must not reach out of it, not through a linked folder either.
 */
static bool is_below(const char *root, const char *file)
{
    char top[PATH_MAX];
    char own[PATH_MAX];
    char *folder = must_copy_bytes(file, (size_t)(strrchr(file, '/') - file));
    size_t length = realpath(root, top) ? strlen(top) : 0;
    bool there = realpath(folder, own) != NULL;
    free(folder);
    if (!there || length == 0)
        return length > 0 && errno == ENOENT; /* no folder: nothing will be written */
    return strncmp(own, top, length) == 0 &&
           (own[length] == '/' || own[length] == '\0' || length == 1);
}

static int load_entry(struct journal *journal, const char *record, size_t number)
{
    unsigned mode;
    int had_old;
    long same_as;
    int used = 0;
    char path[PATH_ROOM];
    if (sscanf(record, "%o %d %ld %n", &mode, &had_old, &same_as, &used) != 3 || used == 0 ||
        same_as >= (long)number || record[used] == '/' || strstr(record + used, "../")) {
        errno = EINVAL;
        return -1;
    }
    struct journal_entry *entry = vector_push(&journal->entries);
    *entry = (struct journal_entry){.path = must_copy(record + used),
                                    .mode = mode & 07777U,
                                    .had_old = had_old != 0,
                                    .same_as = same_as};
    entry->real = must_format("%s/%s", journal->root, entry->path);
    entry->temporary = must_format("%s.shale-migrate-new", entry->real);
    if (!is_below(journal->root, entry->real)) {
        errno = EINVAL;
        return -1;
    }
    if (had_old)
        entry->old_text =
            safefile_read(file_in(path, journal->own, "old-", number), &entry->old_size);
    entry->new_text = safefile_read(file_in(path, journal->own, "new-", number), &entry->new_size);
    return entry->new_text && (entry->old_text || !had_old) ? 0 : -1;
}

int journal_load_last(struct journal *journal)
{
    char path[PATH_ROOM];
    unsigned last = last_number(journal->folder);
    if (last == 0) {
        errno = ENOENT;
        return -1;
    }
    set_number(journal, last);
    snprintf(path, sizeof path, "%s/manifest", journal->own);
    size_t size = 0;
    char *text = safefile_read(path, &size);
    int result = text && strcmp(text, MANIFEST_HEAD) == 0 ? 0 : -1;
    if (text && result != 0)
        errno = EINVAL;
    size_t number = 0;
    for (size_t at = sizeof MANIFEST_HEAD; result == 0 && at < size; at += strlen(text + at) + 1)
        result = load_entry(journal, text + at, number++);
    free(text);
    return result;
}

const struct journal_entry *journal_first_edited(const struct journal *journal)
{
    for (size_t i = 0; i < journal->entries.count; i++)
        if (replace_look(&journal->entries.at[i]) == REPLACE_EDITED)
            return &journal->entries.at[i];
    return NULL;
}

int journal_take_back(struct journal *journal, bool over_edits, struct journal_error *error)
{
    sigset_t before;
    hold_signals(&before);
    int result = -1;
    if (safefile_remove(journal->written) != 0 || safefile_sync_folder_of(journal->written) != 0)
        note_error(error, journal->folder);
    else
        result = restore_all(journal, over_edits, error);
    if (result == 0 && drop(journal) != 0) {
        note_error(error, journal->folder);
        result = -1;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}
