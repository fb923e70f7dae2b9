/* SPDX-License-Identifier: MIT */
/* The doctor's checks of memory, limits, processors and environment. Layer 4. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/system.h"
#include "measure/doctor_internal.h"

static const char machine[] = "machine";

/* A variable that changes how an allocator works, or which one serves. */
static bool changes_allocators(const char *entry)
{
    static const char *const prefixes[] = {"MALLOC_",           "MIMALLOC_",   "TCMALLOC_",
                                           "JE_MALLOC_CONF=",   "LD_PRELOAD=", "LD_AUDIT=",
                                           "_RJEM_MALLOC_CONF="};
    if (strncmp(entry, "GLIBC_TUNABLES=", 15) == 0)
        return strstr(entry, "glibc.malloc") != NULL;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(prefixes); i++)
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

void doctor_check_environment(struct doctor_report *report, const char *const *environment)
{
    char names[256];
    size_t used = 0;
    for (; environment && *environment; environment++) {
        int length = (int)strcspn(*environment, "=");
        if (changes_allocators(*environment) && used + (size_t)length + 3 < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", used ? ", " : "",
                                     length, *environment);
    }
    if (used == 0)
        doctor_ok(report, machine, "environment", "no variable changes an allocator");
    else
        doctor_note(report, machine, "environment", DOCTOR_WARN,
                    "programs inherit it, also under the allocators you compare",
                    "unset it, or remove it with run --env NAME", "set: %s", names);
}

static void check_thp(struct doctor_report *report)
{
    enum shale_system_thp mode = shale_system_thp_mode();
    const char *name = shale_system_thp_name(mode);
    if (mode == SHALE_SYSTEM_THP_ALWAYS)
        doctor_note(report, machine, "thp", DOCTOR_WARN,
                    "the kernel backs large areas with 2 MB pages on its own: the resident size "
                    "differs between allocators by what they reserve, not by what they use",
                    "compare with the mode of the target machine; 'madvise' in "
                    "/sys/kernel/mm/transparent_hugepage/enabled leaves it to the allocator",
                    "transparent huge pages: %s", name);
    else
        doctor_ok(report, machine, "thp", "transparent huge pages: %s", name);
}

static void check_overcommit(struct doctor_report *report)
{
    enum shale_system_overcommit mode;
    if (shale_system_overcommit(&mode) < 0)
        return;
    if (mode == SHALE_SYSTEM_OVERCOMMIT_NEVER)
        doctor_note(report, machine, "overcommit", DOCTOR_WARN,
                    "address space counts as memory: allocators that reserve large areas ahead "
                    "fail, or end programs early",
                    "set vm.overcommit_memory to 0 with sysctl, or compare with this in mind",
                    "vm.overcommit_memory is 2");
    else
        doctor_ok(report, machine, "overcommit", "vm.overcommit_memory is %d", (int)mode);
}

static void check_map_count(struct doctor_report *report)
{
    enum { DEFAULT_MAPS = 65530 };
    char text[32];
    if (shale_system_read_file("/proc/sys/vm/max_map_count", text, sizeof text) <= 0)
        return;
    long maps = strtol(text, NULL, 10);
    if (maps < DEFAULT_MAPS)
        doctor_note(report, machine, "mappings", DOCTOR_WARN,
                    "allocators that give memory back in small pieces run out of mappings",
                    "set vm.max_map_count to 65530 or more with sysctl", "vm.max_map_count is %ld",
                    maps);
    else
        doctor_ok(report, machine, "mappings", "vm.max_map_count is %ld", maps);
}

static double mebibytes(uint64_t bytes)
{
    return (double)bytes / (1024.0 * 1024.0);
}

static void check_memory_limit(struct doctor_report *report)
{
    struct shale_system_memory memory;
    const uint64_t little = (uint64_t)1 << 30;
    if (shale_system_memory(&memory) < 0)
        return;
    bool limited = memory.limit_bytes < memory.total_bytes;
    const char *where = limited ? "the cgroup's limit" : "of the machine";
    if (memory.usable_available_bytes < little)
        doctor_note(report, machine, "memory", DOCTOR_WARN,
                    "a program that comes near the limit is slowed by reclaim or killed, and the "
                    "figures tell of that",
                    limited ? "raise the cgroup's memory limit, or use a smaller load"
                            : "end other programs, or use a smaller load",
                    "%.0f MiB are available of %.0f MiB (%s)",
                    mebibytes(memory.usable_available_bytes), mebibytes(memory.usable_total_bytes),
                    where);
    else
        doctor_ok(report, machine, "memory", "%.0f MiB are available of %.0f MiB (%s)",
                  mebibytes(memory.usable_available_bytes), mebibytes(memory.usable_total_bytes),
                  where);
}

void doctor_check_memory(struct doctor_report *report)
{
    check_memory_limit(report);
    check_thp(report);
    check_overcommit(report);
    check_map_count(report);
}

/* The soft limit in a line of /proc/self/limits; -1: unlimited or not there. */
static long long soft_limit(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    char *end;
    if (!line)
        return -1;
    long long limit = strtoll(line + strlen(name), &end, 10);
    return end == line + strlen(name) ? -1 : limit;
}

void doctor_check_limits(struct doctor_report *report)
{
    enum { FILES_MIN = 1024 };
    char text[4096];
    if (shale_system_read_file("/proc/self/limits", text, sizeof text) <= 0)
        return;
    long long space = soft_limit(text, "Max address space");
    long long data = soft_limit(text, "Max data size");
    long long files = soft_limit(text, "Max open files");
    if (space >= 0 || data >= 0)
        doctor_note(report, machine, "limits", DOCTOR_WARN,
                    "allocators that reserve large areas ahead fail under a limit of address space",
                    "start from a shell with 'ulimit -v unlimited -d unlimited'",
                    "the %s is limited to %lld bytes", space >= 0 ? "address space" : "data size",
                    space >= 0 ? space : data);
    else if (files >= 0 && files < FILES_MIN)
        doctor_note(report, machine, "limits", DOCTOR_WARN,
                    "servers under load need a descriptor for each connection",
                    "start from a shell with 'ulimit -n 4096'", "open files are limited to %lld",
                    files);
    else
        doctor_ok(report, machine, "limits",
                  "address space and data are unlimited, open files: %lld", files);
}

static void check_cpu_count(struct doctor_report *report)
{
    cpu_set_t set;
    unsigned usable = shale_system_cpu_count();
    unsigned allowed =
        sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : usable;
    if (usable < allowed)
        doctor_note(report, machine, "cpu", DOCTOR_WARN,
                    "the cgroup's quota stops all threads when it is used up, which shows as "
                    "latency of the allocator that runs at that moment",
                    "raise the quota (cpu.max), or pin to whole processors with taskset",
                    "a quota of %u of %u processors", usable, allowed);
    else if (usable == 1)
        doctor_note(report, machine, "cpu", DOCTOR_WARN,
                    "a server and its load generator take turns, and contention cannot be seen",
                    "compare on a machine with more processors", "one processor");
    else
        doctor_ok(report, machine, "cpu", "%u processors", usable);
}

static void check_governor(struct doctor_report *report)
{
    char text[64];
    ssize_t length = shale_system_read_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                                            text, sizeof text);
    if (length <= 0) {
        doctor_ok(report, machine, "governor", "no frequency scaling is visible");
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "performance") == 0)
        doctor_ok(report, machine, "governor", "performance");
    else
        doctor_note(report, machine, "governor", DOCTOR_WARN,
                    "the processor's speed follows the load, so short runs are slower and noisier",
                    "for the time of a comparison: cpupower frequency-set -g performance", "%s",
                    text);
}

/* The share of all processor time since the start that went to other guests of the host. */
static double steal_share(void)
{
    char text[512];
    double total = 0;
    double steal = 0;
    if (shale_system_read_file("/proc/stat", text, sizeof text) <= 0 ||
        strncmp(text, "cpu ", 4) != 0)
        return 0;
    char *field = text + 4;
    for (int i = 0; i < 8; i++) {
        char *end;
        double ticks = strtod(field, &end);
        if (end == field)
            break;
        total += ticks;
        if (i == 7)
            steal = ticks;
        field = end;
    }
    return total > 0 ? steal / total : 0;
}

static void check_noise(struct doctor_report *report)
{
    char text[64];
    double steal = steal_share();
    if (shale_system_read_file("/proc/loadavg", text, sizeof text) <= 0)
        return;
    double load = strtod(text, NULL);
    bool busy = load > 0.5 * shale_system_cpu_count();
    if (busy || steal > 0.02)
        doctor_note(report, machine, "noise", DOCTOR_WARN,
                    "figures spread more, so small differences stay unseen",
                    busy ? "end other work, or give compare more pairs"
                         : "use a machine of its own, or give compare more pairs",
                    "load %.2f, %.1f %% of the time went to other guests of the host", load,
                    100 * steal);
    else
        doctor_ok(report, machine, "noise", "load %.2f", load);
}

void doctor_check_processors(struct doctor_report *report)
{
    check_cpu_count(report);
    check_governor(report);
    check_noise(report);
}
