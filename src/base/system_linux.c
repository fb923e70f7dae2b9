/* SPDX-License-Identifier: MIT */
/*
 * Facts about the machine and this process's limits, from /proc, /sys and cgroups. Layer 0.
 *
 * cgroups are looked for where systemd, Docker and Kubernetes mount them: version 2 at
 * /sys/fs/cgroup, or at /sys/fs/cgroup/unified beside version 1, whose controllers are at
 * /sys/fs/cgroup/NAME. A container often sees the outer path in /proc/self/cgroup but only its own
 * part of the tree: directories that do not exist are skipped on the way up to the mount.
 */
#define _GNU_SOURCE
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shale/error.h>

#include "base/os.h"

enum {
    PATH_SIZE = 1024,
    TEXT_SIZE = 8192,
    CPUS_MAX = 8192,
};

/* A cgroup directory: mount, and path inside it, which is cut on the way up. */
struct group {
    const char *mount;
    char path[PATH_SIZE];
};

static const char *test_root;

void shale_system_set_root(const char *root)
{
    test_root = root;
}

/* ---- reading files ---- */

static int code_of_open_error(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return SHALE_ENOENT;
    case EACCES:
    case EPERM:
        return SHALE_EPERM;
    case ESRCH:
        return SHALE_EGONE;
    default:
        return SHALE_EIO;
    }
}

static ssize_t read_whole(int file, char *text, size_t size)
{
    size_t used = 0;
    while (used < size - 1) {
        ssize_t got = read(file, text + used, size - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return code_of_open_error(errno);
        if (got == 0)
            break;
        used += (size_t)got;
    }
    text[used] = '\0';
    return (ssize_t)used;
}

ssize_t shale_system_read_file(const char *path, char *text, size_t size)
{
    char below_root[PATH_SIZE];
    if (size == 0)
        return SHALE_EINVAL;
    if (test_root) {
        snprintf(below_root, sizeof below_root, "%s%s", test_root, path);
        path = below_root;
    }
    int saved = errno;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t result = file < 0 ? code_of_open_error(errno) : read_whole(file, text, size);
    if (file >= 0)
        close(file);
    errno = saved;
    return result;
}

/* A decimal number at text, UINT64_MAX for "max" and for what is written when there is no limit. */
static uint64_t parse_limit(const char *text)
{
    if (*text < '0' || *text > '9')
        return UINT64_MAX;
    uint64_t value = strtoull(text, NULL, 10);
    return value >= (1ULL << 62) ? UINT64_MAX : value;
}

/* The number behind the line's name, such as "MemTotal:", at the start of a line. */
static bool find_number(const char *text, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && (line[length] == ' ' || line[length] == '\t')) {
            *value = strtoull(line + length, NULL, 10);
            return true;
        }
    }
    return false;
}

/* ---- cgroups ---- */

static bool has_word(const char *list, size_t length, const char *word)
{
    size_t word_length = strlen(word);
    for (const char *end = list + length; list < end; list++) {
        size_t part = strcspn(list, ",:");
        if (part == word_length && strncmp(list, word, part) == 0)
            return true;
        list += part;
    }
    return false;
}

/* This process's path in the hierarchy of a controller; "" is version 2's. */
static bool own_path(const char *controller, char path[PATH_SIZE])
{
    char text[TEXT_SIZE];
    if (shale_system_read_file("/proc/self/cgroup", text, sizeof text) < 0)
        return false;
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        char *list = strchr(line, ':');
        char *start = list ? strchr(list + 1, ':') : NULL;
        if (!start)
            return false;
        size_t length = (size_t)(start - list - 1);
        bool wanted = *controller ? has_word(list + 1, length, controller) : length == 0;
        if (!wanted)
            continue;
        size_t path_length = strcspn(start + 1, "\n");
        if (path_length >= PATH_SIZE)
            return false;
        memcpy(path, start + 1, path_length);
        path[path_length] = '\0';
        return true;
    }
    return false;
}

static bool read_group_file(const struct group *group, const char *name, char *text, size_t size)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s%s/%s", group->mount, group->path, name);
    return shale_system_read_file(path, text, size) > 0;
}

/* The directory above, false at the mount. */
static bool go_up(struct group *group)
{
    char *slash = strrchr(group->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static void drop_trailing_slash(struct group *group)
{
    if (strcmp(group->path, "/") == 0)
        group->path[0] = '\0';
}

/*
 * Calls visit for each of this process's groups of a controller, from its own to the root, in
 * whichever hierarchies exist.
 */
static void visit_groups(const char *controller, void (*visit)(const struct group *, void *),
                         void *result)
{
    char mount1[64];
    snprintf(mount1, sizeof mount1, "/sys/fs/cgroup/%s", controller);
    const struct {
        const char *controller;
        const char *mount;
    } hierarchies[] = {
        {controller, mount1},
        {"", "/sys/fs/cgroup"},
        {"", "/sys/fs/cgroup/unified"},
    };
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(hierarchies); i++) {
        struct group group = {.mount = hierarchies[i].mount};
        if (!own_path(hierarchies[i].controller, group.path))
            continue;
        drop_trailing_slash(&group);
        do
            visit(&group, result);
        while (go_up(&group));
    }
}

/* ---- processors ---- */

static void note_quota(uint64_t quota, uint64_t period, unsigned *cpus)
{
    if (quota == UINT64_MAX || period == 0 || period == UINT64_MAX)
        return;
    uint64_t whole = (quota + period - 1) / period;
    if (whole >= 1 && whole < *cpus)
        *cpus = (unsigned)whole;
}

static void visit_cpu_group(const struct group *group, void *cpus)
{
    char quota[64] = "";
    char period[64] = "";
    if (read_group_file(group, "cpu.max", quota, sizeof quota)) {
        const char *space = strchr(quota, ' ');
        if (space)
            note_quota(parse_limit(quota), parse_limit(space + 1), cpus);
    } else if (read_group_file(group, "cpu.cfs_quota_us", quota, sizeof quota) &&
               read_group_file(group, "cpu.cfs_period_us", period, sizeof period)) {
        note_quota(parse_limit(quota), parse_limit(period), cpus);
    }
}

static unsigned affinity_count(void)
{
    unsigned long mask[CPUS_MAX / (8 * sizeof(unsigned long))];
    unsigned count = 0;
    int saved = errno;
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    errno = saved;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++)
        count += (unsigned)__builtin_popcountl(mask[i]);
    return count ? count : 1;
}

unsigned shale_system_cpu_count(void)
{
    unsigned cpus = affinity_count();
    visit_groups("cpu", visit_cpu_group, &cpus);
    return cpus;
}

/* ---- memory ---- */

/* What a group uses and cannot give back at once: page cache that is not in use does not count. */
static uint64_t group_used(const struct group *group, const char *usage_file, const char *cache)
{
    char text[TEXT_SIZE] = "";
    uint64_t inactive = 0;
    if (!read_group_file(group, usage_file, text, sizeof text))
        return 0;
    uint64_t used = parse_limit(text);
    if (read_group_file(group, "memory.stat", text, sizeof text))
        find_number(text, cache, &inactive);
    return used > inactive ? used - inactive : 0;
}

static void note_limit(struct shale_system_memory *memory, uint64_t limit, uint64_t used)
{
    if (limit == UINT64_MAX)
        return;
    uint64_t left = limit > used ? limit - used : 0;
    if (left < memory->usable_available_bytes)
        memory->usable_available_bytes = left;
    if (limit >= memory->limit_bytes)
        return;
    memory->limit_bytes = limit;
    memory->limit_used_bytes = used;
}

static void visit_memory_group(const struct group *group, void *memory)
{
    char text[64] = "";
    if (read_group_file(group, "memory.max", text, sizeof text))
        note_limit(memory, parse_limit(text), group_used(group, "memory.current", "inactive_file"));
    else if (read_group_file(group, "memory.limit_in_bytes", text, sizeof text))
        note_limit(memory, parse_limit(text),
                   group_used(group, "memory.usage_in_bytes", "total_inactive_file"));
}

static bool read_meminfo(struct shale_system_memory *memory)
{
    char text[TEXT_SIZE];
    uint64_t total;
    uint64_t available;
    uint64_t swap = 0;
    if (shale_system_read_file("/proc/meminfo", text, sizeof text) < 0 ||
        !find_number(text, "MemTotal:", &total) || !find_number(text, "MemAvailable:", &available))
        return false;
    find_number(text, "SwapFree:", &swap);
    *memory = (struct shale_system_memory){
        .total_bytes = total << 10,
        .available_bytes = available << 10,
        .swap_free_bytes = swap << 10,
        .limit_bytes = UINT64_MAX,
        .usable_total_bytes = total << 10,
        .usable_available_bytes = available << 10,
    };
    return true;
}

int shale_system_memory(struct shale_system_memory *memory)
{
    struct shale_system_memory found;
    if (!read_meminfo(&found))
        return SHALE_EIO;
    visit_groups("memory", visit_memory_group, &found);
    if (found.limit_bytes < found.usable_total_bytes)
        found.usable_total_bytes = found.limit_bytes;
    *memory = found;
    return SHALE_OK;
}

size_t shale_system_address_space_left(void)
{
    struct rlimit limit;
    char text[128];
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    if (shale_system_read_file("/proc/self/statm", text, sizeof text) < 0)
        return limit.rlim_cur;
    uint64_t used = strtoull(text, NULL, 10) * shale_os_page_size();
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

/* ---- pages and lines ---- */

enum shale_system_thp shale_system_thp_mode(void)
{
    char text[128];
    if (shale_system_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) <
        0)
        return SHALE_SYSTEM_THP_MISSING;
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0)
        return SHALE_SYSTEM_THP_DISABLED;
    if (strstr(text, "[always]"))
        return SHALE_SYSTEM_THP_ALWAYS;
    if (strstr(text, "[madvise]"))
        return SHALE_SYSTEM_THP_MADVISE;
    return SHALE_SYSTEM_THP_NEVER;
}

const char *shale_system_thp_name(enum shale_system_thp mode)
{
    static const char *const names[] = {
        [SHALE_SYSTEM_THP_MISSING] = "missing",
        [SHALE_SYSTEM_THP_NEVER] = "never",
        [SHALE_SYSTEM_THP_MADVISE] = "madvise",
        [SHALE_SYSTEM_THP_ALWAYS] = "always",
        [SHALE_SYSTEM_THP_DISABLED] = "disabled for this process",
    };
    return (unsigned)mode < SHALE_ARRAY_LENGTH(names) ? names[mode] : "unknown";
}

size_t shale_system_huge_page_size(void)
{
    char text[64];
    const char *path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
    if (shale_system_read_file(path, text, sizeof text) < 0)
        return 0;
    return strtoull(text, NULL, 10);
}

size_t shale_system_cache_line_size(void)
{
    int saved = errno;
    long size = sysconf(_SC_LEVEL1_DCACHE_LINESIZE);
    errno = saved;
    return size >= 16 && SHALE_IS_POWER_OF_TWO(size) ? (size_t)size : SHALE_CACHE_LINE;
}

int shale_system_overcommit(enum shale_system_overcommit *overcommit)
{
    char text[32];
    if (shale_system_read_file("/proc/sys/vm/overcommit_memory", text, sizeof text) <= 0 ||
        *text < '0' || *text > '2')
        return SHALE_EIO;
    *overcommit = (enum shale_system_overcommit)(*text - '0');
    return SHALE_OK;
}
