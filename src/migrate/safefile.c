/* SPDX-License-Identifier: MIT */
/* File operations with durability and fault injection. Layer 1. */
#include "migrate/safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int (*safefile_fault)(const char *what, const char *path);

static bool fails(const char *what, const char *path)
{
    int error = safefile_fault ? safefile_fault(what, path) : 0;
    if (error != 0)
        errno = error;
    return error != 0;
}

static int write_all(int file, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, text, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        text += put;
        size -= (size_t)put;
    }
    return 0;
}

/* In two parts, so that a test can stop between them. */
static int fill(int file, const char *path, const char *text, size_t size, mode_t mode)
{
    size_t half = size / 2;
    if (fails("write", path) || write_all(file, text, half) != 0)
        return -1;
    if (fails("write the rest", path) || write_all(file, text + half, size - half) != 0)
        return -1;
    if (fails("fchmod", path) || fchmod(file, mode) != 0)
        return -1;
    return fails("fsync", path) ? -1 : fsync(file);
}

int safefile_create(const char *path, const char *text, size_t size, mode_t mode)
{
    if (fails("create", path))
        return -1;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return -1;
    int result = fill(file, path, text, size, mode);
    int why = errno;
    if (close(file) != 0 && result == 0)
        return -1;
    errno = why;
    return result;
}

int safefile_rename(const char *from, const char *to)
{
    return fails("rename", to) ? -1 : rename(from, to);
}

int safefile_link(const char *from, const char *to)
{
    return fails("link", to) ? -1 : link(from, to);
}

int safefile_remove(const char *path)
{
    if (fails("unlink", path))
        return -1;
    return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

int safefile_make_folder(const char *path)
{
    if (fails("mkdir", path))
        return -1;
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

int safefile_remove_folder(const char *path)
{
    if (fails("rmdir", path))
        return -1;
    return rmdir(path) == 0 || errno == ENOENT ? 0 : -1;
}

int safefile_sync_folder_of(const char *path)
{
    if (fails("fsync folder", path))
        return -1;
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash && slash > path ? (size_t)(slash - path) : 1);
    if (!folder)
        return -1;
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (file < 0)
        return -1;
    int result = fsync(file);
    int why = errno;
    close(file);
    errno = why;
    return result == 0 || why == EINVAL ? 0 : -1; /* some file systems cannot sync folders */
}

static char *read_open(int file, size_t *size)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return NULL;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return NULL;
    }
    *size = (size_t)status.st_size;
    char *text = malloc(*size + 1);
    for (size_t done = 0; text && done < *size;) {
        ssize_t got = read(file, text + done, *size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO;
            free(text);
            return NULL;
        }
        done += (size_t)got;
    }
    if (text)
        text[*size] = '\0';
    return text;
}

char *safefile_read(const char *path, size_t *size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return NULL;
    char *text = read_open(file, size);
    int why = errno;
    close(file);
    errno = why;
    return text;
}
