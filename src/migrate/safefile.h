/* SPDX-License-Identifier: MIT */
/*
 * File operations that reach the disk or do not happen. Layer 1.
 *
 * Every system call that changes something asks safefile_fault first, when a test has set it: it
 * can make the call fail, or end the process there as a power cut would.
 */
#ifndef SHALE_MIGRATE_SAFEFILE_H
#define SHALE_MIGRATE_SAFEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"

/*
 * For tests: 0 to go on, else the errno that the call fails with. `what` names the call, `path`
 * what it changes.
 */
extern int (*safefile_fault)(const char *what, const char *path);

/* Each returns 0 or -1 with errno set. */
SHALE_NODISCARD int safefile_create(const char *path, const char *text, size_t size, mode_t mode);
SHALE_NODISCARD int safefile_rename(const char *from, const char *to);
SHALE_NODISCARD int safefile_link(const char *from, const char *to);
SHALE_NODISCARD int safefile_remove(const char *path);
SHALE_NODISCARD int safefile_make_folder(const char *path); /* there already: fine */
SHALE_NODISCARD int safefile_remove_folder(const char *path);
/* Makes the names in the folder that holds `path` durable. */
SHALE_NODISCARD int safefile_sync_folder_of(const char *path);

/* The whole file, NUL-terminated, to be freed; NULL with errno set. Follows no symbolic link. */
char *safefile_read(const char *path, size_t *size);

#endif
