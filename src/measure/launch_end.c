/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a launched program and ending it with everything it started. Layer 4.
 *
 * What belongs to a contained launch, found in /proc: the program, whoever descends from it, and
 * those of our own children (orphans come to us, their subreaper) that are in its process group or
 * carry its mark in their environment, with all that descends from them. Only what descends from us
 * is ever killed, so a recycled process number can hit no stranger.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure/launch_internal.h"

/* What waitpid would give for exit(125): our own failure, as launch_failure_status has it. */
enum { LAUNCH_STATUS_LOST = 125 << 8 };

#define KILL_WAIT_NS INT64_C(2000000000)

bool launch_reap(struct launch_process *process, int *status)
{
    *status = 0;
    if (process->ended)
        return true;
    struct rusage usage;
    int change = 0;
    pid_t pid = wait4(process->pid, &change, __WALL | WNOHANG, &usage);
    if (pid < 0 && errno == ECHILD) {
        /* SIGCHLD is ignored, or someone else waited. Its status is lost, and that is no success.
         */
        process->ended = true;
        process->ended_ns = launch_now_ns();
        process->wait_status = LAUNCH_STATUS_LOST;
        return true;
    }
    if (pid != process->pid)
        return false;
    if (WIFSTOPPED(change) || WIFCONTINUED(change)) {
        *status = change;
        return false;
    }
    process->ended = true;
    process->ended_ns = launch_now_ns();
    process->wait_status = change;
    process->usage = usage;
    return true;
}

static bool wait_cancelled(const struct launch_process *process)
{
    return process->cancel && *process->cancel;
}

int launch_wait(struct launch_process *process, int timeout_ms)
{
    int64_t deadline_ns = launch_now_ns() + (int64_t)timeout_ms * 1000000;
    unsigned round = 0;
    int status;
    while (!launch_reap(process, &status)) {
        if (wait_cancelled(process))
            return SHALE_ECANCELED;
        int64_t left_ms = timeout_ms < 0 ? 1000 : (deadline_ns - launch_now_ns()) / 1000000;
        if (timeout_ms >= 0 && launch_now_ns() >= deadline_ns)
            return SHALE_ETIMEOUT;
        if (process->pidfd < 0) {
            launch_nap(&round);
            continue;
        }
        struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
        poll(&end, 1, left_ms < 1 ? 1 : (int)left_ms);
    }
    return 0;
}

struct process_entry {
    pid_t pid;
    pid_t parent;
    pid_t group;
    char state;
    bool member;
};

/* All processes at one moment. */
struct process_table {
    struct process_entry *entries;
    size_t count;
    size_t room;
};

static ssize_t read_proc(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t used = 0;
    ssize_t length;
    while (used < size - 1 && (length = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)length;
    close(fd);
    text[used] = '\0';
    return (ssize_t)used;
}

static bool read_entry(pid_t pid, struct process_entry *entry)
{
    char text[1024];
    if (read_proc(pid, "stat", text, sizeof text) <= 0)
        return false;
    const char *after_name = strrchr(text, ')');
    if (!after_name || strlen(after_name) < 4)
        return false;
    char *end;
    *entry = (struct process_entry){.pid = pid, .state = after_name[2]};
    entry->parent = (pid_t)strtol(after_name + 4, &end, 10);
    entry->group = (pid_t)strtol(end, NULL, 10);
    return true;
}

static void add_entry(struct process_table *table, const struct process_entry *entry)
{
    if (table->count == table->room) {
        size_t room = table->room ? table->room * 2 : 256;
        struct process_entry *larger = reallocarray(table->entries, room, sizeof *larger);
        if (!larger)
            return;
        table->entries = larger;
        table->room = room;
    }
    table->entries[table->count++] = *entry;
}

static void read_table(struct process_table *table)
{
    table->count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return;
    for (struct dirent *found; (found = readdir(proc));) {
        struct process_entry entry;
        long pid = strtol(found->d_name, NULL, 10);
        if (pid > 0 && read_entry((pid_t)pid, &entry))
            add_entry(table, &entry);
    }
    closedir(proc);
}

static bool carries_mark(pid_t pid, const char *mark)
{
    static char text[256 * 1024];
    char wanted[64];
    snprintf(wanted, sizeof wanted, "SHALE_LAUNCH=%s", mark);
    ssize_t length = read_proc(pid, "environ", text, sizeof text);
    for (const char *entry = text; length > 0 && entry < text + length; entry += strlen(entry) + 1)
        if (strcmp(entry, wanted) == 0)
            return true;
    return false;
}

static bool is_root_of(const struct launch_process *process, const struct process_entry *entry)
{
    if (entry->pid == process->pid)
        return !process->ended;
    return entry->parent == getpid() &&
           (entry->group == process->pid || carries_mark(entry->pid, process->mark));
}

static bool has_member(const struct process_table *table, pid_t pid)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].member && table->entries[i].pid == pid)
            return true;
    return false;
}

/* `before`: the last look. A dead member has lost its environment, and its parent maybe too. */
static void mark_members(const struct launch_process *process, const struct process_table *before,
                         struct process_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        table->entries[i].member =
            is_root_of(process, &table->entries[i]) || has_member(before, table->entries[i].pid);
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < table->count; i++) {
            struct process_entry *entry = &table->entries[i];
            if (entry->member || !has_member(table, entry->parent))
                continue;
            entry->member = true;
            grown = true;
        }
    }
}

/* Reaps dead members that are ours and sends `number` (0: none) to the living; how many live. */
static int signal_members(struct launch_process *process, const struct process_table *before,
                          struct process_table *table, int number)
{
    int living = 0;
    int status;
    read_table(table);
    mark_members(process, before, table);
    for (size_t i = 0; i < table->count; i++) {
        const struct process_entry *entry = &table->entries[i];
        if (!entry->member)
            continue;
        if (entry->state == 'Z' || entry->state == 'X') {
            if (entry->pid != process->pid && entry->parent == getpid())
                waitpid(entry->pid, NULL, __WALL | WNOHANG);
            continue;
        }
        living++;
        if (number)
            kill(entry->pid, number);
    }
    launch_reap(process, &status);
    return living;
}

/* SIGKILL from the deadline on; a process in uninterruptible sleep is not waited for long. */
static int end_members(struct launch_process *process, int64_t deadline_ns)
{
    struct process_table tables[2] = {{NULL}, {NULL}}; /* this look and the last, in turns */
    int64_t give_up_ns = launch_now_ns();
    int killed = 0;
    unsigned round = 0;
    give_up_ns = (deadline_ns > give_up_ns ? deadline_ns : give_up_ns) + KILL_WAIT_NS;
    for (unsigned i = 0; launch_now_ns() < give_up_ns; i++) {
        bool time_is_up = launch_now_ns() >= deadline_ns;
        int living =
            signal_members(process, &tables[(i + 1) % 2], &tables[i % 2], time_is_up ? SIGKILL : 0);
        if (living == 0)
            break;
        if (time_is_up && living > killed)
            killed = living;
        launch_nap(&round);
    }
    free(tables[0].entries);
    free(tables[1].entries);
    return killed;
}

static void ask_to_end(const struct launch_process *process)
{
    pid_t target = process->contained ? -process->pid : process->pid;
    if (process->ended && !process->contained)
        return;
    kill(target, SIGTERM);
    kill(target, SIGCONT); /* a stopped one could not follow */
}

int launch_end(struct launch_process *process, int grace_ms)
{
    int64_t deadline_ns = launch_now_ns() + (int64_t)grace_ms * 1000000;
    process->cancel = NULL; /* cancelling is what brought us here; the end itself is bounded */
    if (grace_ms > 0) {
        ask_to_end(process);
        launch_wait(process, grace_ms);
    }
    int killed = 0;
    if (process->contained) {
        killed = end_members(process, deadline_ns);
    } else if (launch_wait(process, 0) < 0) {
        kill(process->pid, SIGKILL);
        killed = 1;
    }
    launch_wait(process, 2000);
    return killed;
}
