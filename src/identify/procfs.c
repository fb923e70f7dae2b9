/* SPDX-License-Identifier: MIT */
/* Reading /proc/PID. Layer 1. */
#define _GNU_SOURCE
#include "identify/procfs.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4 << 20, AUXV_MAX = 128 };

static int error_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return SHALE_ENOENT;
    case ESRCH:
        return SHALE_EGONE;
    case EACCES:
    case EPERM:
        return SHALE_EPERM;
    default:
        return SHALE_EIO;
    }
}

char *identify_process_file(pid_t pid, const char *name, size_t *size, int *status)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    size_t used = 0, room = 0;
    *status = fd < 0 ? error_of_errno() : 0;
    while (*status == 0 && used < FILE_MAX) {
        if (used + 1 >= room) {
            room = room ? room * 2 : 4096;
            char *grown = realloc(text, room);
            *status = grown ? 0 : SHALE_ENOMEM;
            text = grown ? grown : text;
            continue;
        }
        ssize_t count = read(fd, text + used, room - used - 1);
        if (count < 0 && errno != EINTR)
            *status = error_of_errno();
        if (count == 0)
            break;
        used += count > 0 ? (size_t)count : 0;
    }
    if (fd >= 0)
        close(fd);
    if (*status != 0) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    return text;
}

/* "pid (comm) S ppid ...": comm may hold anything, so the last ')' ends it. Field 22 is the start
 * time, field 9 the flags, of which PF_KTHREAD marks a kernel thread. */
static int parse_stat(const char *text, struct identify_process *process)
{
    enum { KERNEL_THREAD = 0x00200000 };
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')');
    char state;
    unsigned flags;
    if (!open || !close || close < open)
        return SHALE_EFORMAT;
    snprintf(process->command, sizeof process->command, "%.*s", (int)(close - open - 1), open + 1);
    if (sscanf(close + 1,
               " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
               "%" SCNu64,
               &state, &flags, &process->start_time) != 3)
        return SHALE_EFORMAT;
    process->zombie = state == 'Z' || state == 'X';
    process->kernel_thread = (flags & KERNEL_THREAD) != 0;
    return 0;
}

static int read_public(pid_t pid, struct identify_process *process)
{
    int status;
    size_t size;
    char *text = identify_process_file(pid, "stat", &size, &status);
    if (!text)
        return status;
    status = parse_stat(text, process);
    free(text);
    text = status == 0 ? identify_process_file(pid, "status", &size, &status) : NULL;
    const char *line = text ? strstr(text, "\nUid:") : NULL;
    if (line)
        process->uid = (uid_t)strtoul(line + 5, NULL, 10);
    free(text);
    return status;
}

static int read_auxv(pid_t pid, struct identify_process *process)
{
    int status;
    size_t size;
    char *text = identify_process_file(pid, "auxv", &size, &status);
    if (!text)
        return status;
    for (size_t i = 0; i < AUXV_MAX && (i + 1) * sizeof(Elf64_auxv_t) <= size; i++) {
        Elf64_auxv_t entry;
        memcpy(&entry, text + i * sizeof entry, sizeof entry);
        if (entry.a_type == AT_PHDR)
            process->phdr = entry.a_un.a_val;
        else if (entry.a_type == AT_PHNUM)
            process->phdr_count = entry.a_un.a_val;
        else if (entry.a_type == AT_RANDOM)
            process->random = entry.a_un.a_val;
    }
    free(text);
    return 0;
}

static const char *find_variable(const struct identify_process *process, const char *name)
{
    size_t length = strlen(name);
    const char *end = process->environment + process->environment_size;
    for (const char *at = process->environment; at < end; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
    return NULL;
}

static int read_private(pid_t pid, struct identify_process *process)
{
    char path[64];
    int status = read_auxv(pid, process);
    if (status != 0)
        return status;
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
    ssize_t length = readlink(path, process->executable, sizeof process->executable - 1);
    process->executable[length > 0 ? length : 0] = '\0';
    process->environment =
        identify_process_file(pid, "environ", &process->environment_size, &status);
    if (process->environment) {
        process->preload = find_variable(process, "LD_PRELOAD");
        process->python_malloc = find_variable(process, "PYTHONMALLOC");
    }
    if (status != 0 && status != SHALE_ENOENT && status != SHALE_EIO)
        return status;
    size_t size;
    process->system_preload = identify_process_file(pid, "root/etc/ld.so.preload", &size, &status);
    return 0;
}

int identify_process_read(pid_t pid, struct identify_process *process)
{
    memset(process, 0, sizeof *process);
    int status = pid > 0 ? read_public(pid, process) : SHALE_ENOENT;
    if (status != 0 || process->zombie || process->kernel_thread)
        return status == SHALE_EGONE ? SHALE_ENOENT : status;
    return read_private(pid, process);
}

void identify_process_free(struct identify_process *process)
{
    free(process->environment);
    free(process->system_preload);
    process->environment = process->system_preload = NULL;
    process->preload = process->python_malloc = NULL;
}

bool identify_process_same(const struct identify_process *one, const struct identify_process *other)
{
    return one->start_time == other->start_time && one->phdr == other->phdr &&
           one->random == other->random && strcmp(one->executable, other->executable) == 0;
}

int identify_ptrace_scope(void)
{
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = 0;
    if (file && fscanf(file, "%d", &scope) != 1)
        scope = 0;
    if (file)
        fclose(file);
    return scope;
}
