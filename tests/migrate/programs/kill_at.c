/* SPDX-License-Identifier: MIT */
/*
 * Preloaded: kills the process, as SIGKILL from outside would, before the KILL_AT-th call that
 * changes something below KILL_BELOW.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void count_call(const char *path)
{
    static int calls;
    const char *at = getenv("KILL_AT");
    const char *below = getenv("KILL_BELOW");
    if (at && below && strncmp(path, below, strlen(below)) == 0 && ++calls == atoi(at))
        raise(SIGKILL);
}

static void count_file(int file)
{
    char name[64];
    char path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    count_call(path);
}

static int open_counted(const char *name, const char *path, int flags, mode_t mode)
{
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    if (flags & O_CREAT)
        count_call(path);
    return next(path, flags, mode);
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                  \
        va_end(rest);                                                                              \
        return open_counted(#name, path, flags, mode);                                             \
    }
OPEN(open)
OPEN(open64)

#define BY_PATH(name, parameters, arguments, changed)                                              \
    int name parameters                                                                            \
    {                                                                                              \
        int(*next) parameters = (int(*) parameters)dlsym(RTLD_NEXT, #name);                        \
        count_call(changed);                                                                       \
        return next arguments;                                                                     \
    }
BY_PATH(rename, (const char *from, const char *to), (from, to), to)
BY_PATH(link, (const char *from, const char *to), (from, to), to)
BY_PATH(unlink, (const char *path), (path), path)
BY_PATH(mkdir, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(rmdir, (const char *path), (path), path)

#define BY_FILE(type, name, parameters, arguments)                                                 \
    type name parameters                                                                           \
    {                                                                                              \
        type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);                      \
        count_file(file);                                                                          \
        return next arguments;                                                                     \
    }
BY_FILE(ssize_t, write, (int file, const void *text, size_t size), (file, text, size))
BY_FILE(int, fsync, (int file), (file))
BY_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
