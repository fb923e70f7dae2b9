/* SPDX-License-Identifier: MIT */
/*
 * Who serves malloc in the calling process. Layer 1; part of the self-check: needs nothing but the
 * C library (dlsym, dladdr), so that a library can carry it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "identify/analyze.h"
#include "identify/functions.h"
#include "identify/probe.h"
#include "identify/report.h"

enum { PRELOAD_FILE_MAX = 4096 };

static bool read_preload_file(char *text, size_t size)
{
    int fd = open("/etc/ld.so.preload", O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[count > 0 ? count : 0] = '\0';
    return count > 0;
}

/* What a call from here reaches, by the dynamic linker's own word; a second opinion on malloc. */
static void note_resolution(struct identify_report *report)
{
    for (int i = 0; i < IDENTIFY_FUNCTION_COUNT; i++) {
        Dl_info info;
        void *address = dlsym(RTLD_DEFAULT, identify_functions[i].symbol);
        if (address && dladdr(address, &info) && info.dli_fname)
            identify_add_evidence(report, "resolution", identify_functions[i].label,
                                  "dlsym finds it in %s", info.dli_fname);
    }
}

static int analyze(struct identify_modules *modules, const struct identify_options *options,
                   struct identify_report *report)
{
    char system_preload[PRELOAD_FILE_MAX];
    bool preload_file = read_preload_file(system_preload, sizeof system_preload);
    struct identify_subject subject = {.modules = modules,
                                       .preload = getenv("LD_PRELOAD"),
                                       .system_preload = preload_file ? system_preload : NULL,
                                       .python_malloc = getenv("PYTHONMALLOC")};
    int status = identify_analyze(&subject, options, report);
    if (status != 0)
        return status;
    note_resolution(report);
    size_t before = report->deviation_count;
    identify_probe(report);
    if (report->deviation_count > before && report->verdict == SHALE_VERDICT_ACTIVE) {
        const struct identify_deviation *found = &report->deviations[before];
        report->verdict = SHALE_VERDICT_PARTIAL;
        identify_set(report, &report->reason,
                     "malloc resolves to %s, but a pointer from %s belongs to %s",
                     report->allocator, found->function, found->allocator);
    }
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}

/* No dynamic linker in this process, or no way to read the own memory. */
static int report_unreadable(int status, struct identify_report *report)
{
    if (status == SHALE_ENOMEM)
        return status;
    report->verdict = SHALE_VERDICT_UNKNOWN;
    identify_set(report, &report->reason, "%s",
                 status == SHALE_ENOTSUP
                     ? "this program is linked statically: there is nothing to resolve"
                     : "the list of loaded objects cannot be read");
    identify_probe(report);
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}

int identify_self(const struct identify_options *options, struct identify_report *report)
{
    struct identify_memory memory;
    struct identify_modules modules = {0};
    report->method = "self";
    report->pid = getpid();
    identify_set(report, &report->target, "%s", program_invocation_short_name);
    identify_set(report, &report->executable, "%s", program_invocation_name);
    int status = identify_memory_open(getpid(), &memory);
    if (status != 0)
        return report_unreadable(status, report);
    status = identify_modules_read(&memory, getauxval(AT_PHDR), getauxval(AT_PHNUM),
                                   program_invocation_name, &modules);
    status = status == 0 ? analyze(&modules, options, report) : report_unreadable(status, report);
    identify_modules_free(&modules);
    identify_memory_close(&memory);
    return status;
}
