/* SPDX-License-Identifier: MIT */
/* Reads /proc/PID of a process tree: see procfs.h. Layer 4. */
#include "measure/procfs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/system.h"

/* A tree deeper than this is walked no further: a cycle cannot exist, a fork bomb can. */
enum { DEPTH_MAX = 64 };

/* Reads a small file of /proc/PID whole; the length read, or -1 when the process has ended. */
static ssize_t read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    ssize_t length = shale_system_read_file(path, text, size);
    return length > 0 ? length : -1;
}

/* The number after "\nNAME:"; 0 when the file has no such line. */
static uint64_t field(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

static bool add_rss(pid_t pid, struct procfs_figures *sum)
{
    char text[256];
    unsigned long long pages;
    if (read_file(pid, "statm", text, sizeof text) < 0 || sscanf(text, "%*u %llu", &pages) != 1)
        return false;
    sum->rss_bytes += pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

/* Calls visit for every number among the names in /proc/PID/task. */
static void for_each_thread(pid_t pid, void (*visit)(pid_t pid, pid_t thread, void *context),
                            void *context)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        long thread = strtol(entry->d_name, NULL, 10);
        if (thread > 0)
            visit(pid, (pid_t)thread, context);
    }
    closedir(folder);
}

static void add_rollup(pid_t pid, struct procfs_figures *sum)
{
    char text[4096];
    if (read_file(pid, "status", text, sizeof text) > 0)
        sum->peak_bytes += field(text, "VmHWM") * 1024;
    if (read_file(pid, "smaps_rollup", text, sizeof text) < 0) {
        sum->has_rollup = false;
        return;
    }
    sum->pss_bytes += field(text, "Pss") * 1024;
    sum->anon_huge_bytes += field(text, "AnonHugePages") * 1024;
}

/* ------------------------------------------------------------------------------ the tree */

struct walk {
    void (*visit)(pid_t pid, void *context);
    void *context;
    unsigned depth;
};

static void walk_process(pid_t pid, struct walk *walk);

/* The children that one thread forked, as its "children" file lists them. */
static void walk_children(pid_t pid, pid_t thread, void *context)
{
    char name[64];
    char text[8192];
    snprintf(name, sizeof name, "task/%d/children", (int)thread);
    if (read_file(pid, name, text, sizeof text) < 0)
        return;
    for (char *rest = text;;) {
        long child = strtol(rest, &rest, 10);
        if (child <= 0)
            return;
        walk_process((pid_t)child, context);
    }
}

static void walk_process(pid_t pid, struct walk *walk)
{
    walk->visit(pid, walk->context);
    if (walk->depth >= DEPTH_MAX)
        return;
    walk->depth++;
    for_each_thread(pid, walk_children, walk);
    walk->depth--;
}

void procfs_for_each(pid_t root, void (*visit)(pid_t pid, void *context), void *context)
{
    struct walk walk = {visit, context, 0};
    walk_process(root, &walk);
}

struct tree_sum {
    enum procfs_detail detail;
    struct procfs_figures figures;
};

static void add_process(pid_t pid, void *context)
{
    struct tree_sum *sum = context;
    if (!add_rss(pid, &sum->figures))
        return;
    sum->figures.processes++;
    if (sum->detail >= PROCFS_ROLLUP)
        add_rollup(pid, &sum->figures);
}

int procfs_read_tree(pid_t root, enum procfs_detail detail, struct procfs_figures *out)
{
    struct tree_sum sum = {.detail = detail, .figures.has_rollup = detail == PROCFS_ROLLUP};
    procfs_for_each(root, add_process, &sum);
    if (sum.figures.rss_bytes == 0)
        return SHALE_EGONE; /* nothing is left, or only zombies, which hold no memory */
    *out = sum.figures;
    return SHALE_OK;
}

uint64_t procfs_own_rss(void)
{
    struct procfs_figures own = {0};
    add_rss(getpid(), &own);
    return own.rss_bytes;
}
