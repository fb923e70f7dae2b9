/* SPDX-License-Identifier: MIT */
/* The machine note. Layer 4. */
#include "measure/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "base/system.h"

/* The first line of the file, "" when it cannot be read. */
static void read_line(const char *path, char *text, size_t size)
{
    if (shale_system_read_file(path, text, size) < 0)
        text[0] = 0;
    text[strcspn(text, "\n")] = 0;
}

static void read_processor(struct machine_note *note)
{
    char text[8192];
    snprintf(note->cpu, sizeof note->cpu, "unknown");
    if (shale_system_read_file("/proc/cpuinfo", text, sizeof text) < 0)
        return;
    const char *name = strstr(text, "model name");
    const char *value = name ? strchr(name, ':') : NULL;
    if (value)
        snprintf(note->cpu, sizeof note->cpu, "%.*s", (int)strcspn(value + 1, "\n"), value + 1);
    memmove(note->cpu, note->cpu + strspn(note->cpu, " "),
            strlen(note->cpu + strspn(note->cpu, " ")) + 1);
    note->virtual_machine = strstr(text, " hypervisor") != NULL;
}

static void read_libc(struct machine_note *note)
{
#ifdef __GLIBC__
    snprintf(note->libc, sizeof note->libc, "glibc %s", gnu_get_libc_version());
#else
    snprintf(note->libc, sizeof note->libc, "unknown libc");
#endif
}

void machine_read(struct machine_note *note)
{
    struct utsname system;
    struct shale_system_memory memory;
    *note = (struct machine_note){.cpus = shale_system_cpu_count(),
                                  .thp = shale_system_thp_name(shale_system_thp_mode())};
    read_processor(note);
    read_libc(note);
    if (uname(&system) == 0)
        snprintf(note->kernel, sizeof note->kernel, "%.40s %.50s", system.sysname, system.release);
    if (shale_system_memory(&memory) == 0)
        note->memory_bytes = memory.usable_total_bytes;
    read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", note->governor,
              sizeof note->governor);
    if (!note->governor[0])
        snprintf(note->governor, sizeof note->governor, "none");
}

void machine_text(const struct machine_note *note, char *text, size_t size)
{
    snprintf(text, size, "%s, %u CPU%s%s, %.1f GiB, %s, %s, THP %s, governor %s", note->cpu,
             note->cpus, note->cpus == 1 ? "" : "s", note->virtual_machine ? ", virtual" : "",
             (double)note->memory_bytes / (1024.0 * 1024 * 1024), note->kernel, note->libc,
             note->thp, note->governor);
}

json_t *machine_json(const struct machine_note *note)
{
    return json_pack("{s:s, s:I, s:b, s:I, s:s, s:s, s:s, s:s}", "cpu", note->cpu, "cpus",
                     (json_int_t)note->cpus, "virtual_machine", note->virtual_machine,
                     "memory_bytes", (json_int_t)note->memory_bytes, "kernel", note->kernel, "libc",
                     note->libc, "thp", note->thp, "governor", note->governor);
}
