/* SPDX-License-Identifier: MIT */
/* What a compiler knows about words, from a compile database. Layer 1. */
#ifndef SHALE_MIGRATE_MEANING_H
#define SHALE_MIGRATE_MEANING_H

#include <pthread.h>

#include "migrate/source.h"

struct meanings {
    void *database; /* CXCompilationDatabase, or NULL */
    struct source **sources;
    size_t count;
    pthread_mutex_t lock; /* of headers' meanings, which several files share */
};

/*
 * Opens a compile database: compile_commands.json itself or the folder it is in.
 *
 * @return 0; SHALE_ENOENT: not there; SHALE_EFORMAT: not readable as one.
 */
SHALE_NODISCARD int meanings_open(struct meanings *meanings, const char *path);
void meanings_close(struct meanings *meanings);

/*
 * Compiles a file as the database says and notes, for it and the world's headers, which member of
 * which record and which function words mean, and which branches are inactive. Nothing happens
 * for a file that the database does not have. Threads: any, for different files.
 */
void meanings_find(struct meanings *meanings, struct source *source);

#endif
