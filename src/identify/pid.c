/* SPDX-License-Identifier: MIT */
/*
 * Who serves malloc in another process. Layer 1.
 *
 * The process runs on: nothing stops it. So it may load libraries, execute another program or end
 * while it is read. Each is noticed: the dynamic linker says when its list is in motion, and what
 * identifies the program is read before and after.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identify/analyze.h"
#include "identify/elf_file.h"
#include "identify/identify.h"
#include "identify/procfs.h"
#include "identify/recognize.h"
#include "identify/untouched.h"

/* A program may execute others a few times in a row. */
enum { EXEC_ATTEMPTS = 5 };

static int explain_gone(pid_t pid, struct identify_report *report)
{
    identify_set(report, &report->reason, "process %ld ended while it was read", (long)pid);
    identify_set(report, &report->remedy,
                 "start it with 'shale verify -- COMMAND', which looks before it can end");
    return SHALE_EGONE;
}

static int explain_missing(pid_t pid, struct identify_report *report)
{
    identify_set(report, &report->reason, "there is no process %ld", (long)pid);
    return SHALE_ENOENT;
}

/* Why the memory of a process that is there may not be read, and what to do. */
static int explain_denied(pid_t pid, const struct identify_process *process,
                          struct identify_report *report)
{
    int scope = identify_ptrace_scope();
    if (process->uid != geteuid()) {
        identify_set(report, &report->reason,
                     "process %ld belongs to user %ld, and you are user %ld", (long)pid,
                     (long)process->uid, (long)geteuid());
        identify_set(report, &report->remedy,
                     "run it as that user or as root: sudo shale verify "
                     "%ld",
                     (long)pid);
    } else if (scope > 0) {
        identify_set(report, &report->reason,
                     "the kernel lets no process read the memory of process %ld "
                     "(kernel.yama.ptrace_scope is %d)",
                     (long)pid, scope);
        identify_set(report, &report->remedy,
                     "run 'sudo shale verify %ld', or start it with 'shale verify -- COMMAND'",
                     (long)pid);
    } else {
        identify_set(report, &report->reason,
                     "the kernel protects process %ld: it is setuid, has capabilities of its own "
                     "or asked not to be read",
                     (long)pid);
        if (geteuid() == 0)
            identify_set(report, &report->remedy,
                         "run it with every capability the process has (CAP_SYS_PTRACE is enough)");
        else
            identify_set(report, &report->remedy, "run it as root: sudo shale verify %ld",
                         (long)pid);
    }
    return SHALE_EPERM;
}

static int unknown(struct identify_report *report, const char *reason)
{
    report->verdict = SHALE_VERDICT_UNKNOWN;
    identify_set(report, &report->reason, "%s", reason);
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}

/* Adds what the executable's file tells to what its memory tells. */
static void add_symtab(struct identify_subject *subject, const struct identify_symtab *symtab)
{
    const struct identify_module *executable = &subject->modules->items[0];
    subject->embedded = symtab->allocator;
    subject->embedded_evidence = symtab->evidence;
    if (symtab->version_symbol)
        subject->version_symbol = executable->base + symtab->version_symbol;
    /* Stripped of its symbols, it still has its texts. */
    if (!symtab->present && !executable->defines[0])
        subject->embedded = identify_recognize_text(executable, &subject->embedded_evidence);
    subject->hidden_malloc = symtab->defines_malloc && !executable->defines[0];
}

static int analyze_static(struct identify_subject *subject, const struct identify_symtab *symtab,
                          const struct identify_options *options, struct identify_report *report)
{
    if (!subject->embedded)
        subject->embedded =
            identify_recognize_text(&subject->modules->items[0], &subject->embedded_evidence);
    int status =
        identify_analyze_static(subject, !symtab->present, symtab->defines_malloc, options, report);
    if (symtab->go_runtime)
        identify_add_layer(report, "Go heap: Go values live in the runtime's own heap (mmap)");
    return status;
}

static int analyze(const struct identify_memory *memory, const struct identify_process *process,
                   const struct identify_elf *file, const struct identify_options *options,
                   struct identify_report *report)
{
    struct identify_modules modules = {0};
    struct identify_symtab symtab = {0};
    int status = identify_modules_read(memory, process->phdr, process->phdr_count,
                                       process->executable, &modules);
    /* A static PIE looks dynamic in memory: it relocates itself. */
    bool is_static = status == SHALE_ENOTSUP || (file->elf && identify_elf_is_static(file));
    struct identify_subject subject = {.modules = &modules,
                                       .preload = process->preload,
                                       .system_preload = process->system_preload,
                                       .python_malloc = process->python_malloc};
    if (file->elf && !modules.by_linker)
        identify_elf_symtab(file, &symtab);
    if (modules.count > 0)
        add_symtab(&subject, &symtab);
    if (is_static)
        status = analyze_static(&subject, &symtab, options, report);
    else if (status == 0)
        status = identify_analyze(&subject, options, report);
    else if (status == SHALE_EBUSY)
        status = unknown(report, "its dynamic linker has not finished loading");
    else if (status == SHALE_EFORMAT || status == SHALE_EIO)
        status = unknown(report, "its list of loaded objects cannot be read");
    identify_modules_free(&modules);
    return status;
}

/* SHALE_EBUSY: what is mapped changed meanwhile; in the second try that makes no difference. */
static int look_once(pid_t pid, const struct identify_process *process, bool again,
                     const struct identify_options *options, struct identify_report *report)
{
    struct identify_untouched memory;
    struct identify_elf file;
    char path[64];
    int status = identify_untouched_open(pid, !again, &memory);
    if (status != 0)
        return status;
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
    if (identify_elf_open(path, &file) != 0)
        file = (struct identify_elf){.fd = -1};
    if (file.elf && !identify_elf_is_native(&file)) {
        char machine[64];
        identify_elf_describe(&file, machine, sizeof machine);
        identify_set(report, &report->reason,
                     "it is a %s program, and only programs of this machine can be read", machine);
        status = 0;
    } else {
        char build_id[96] = "";
        if (file.elf)
            identify_elf_build_id(&file, build_id, sizeof build_id);
        if (build_id[0])
            identify_set(report, &report->build_id, "%s", build_id);
        status = analyze(&memory.memory, process, &file, options, report);
    }
    if (status == 0 && identify_untouched_moved(&memory))
        status = SHALE_EBUSY;
    identify_elf_close(&file);
    identify_untouched_close(&memory);
    return status;
}

static void begin(pid_t pid, const struct identify_process *process, struct identify_report *report)
{
    identify_report_free(report);
    report->method = "process";
    report->pid = pid;
    identify_set(report, &report->target, "%s", process->command);
    identify_set(report, &report->executable, "%s", process->executable);
}

/* One look, judged against what the process is afterwards. SHALE_EBUSY: look again. */
static int look(pid_t pid, bool again, const struct identify_options *options,
                struct identify_report *report)
{
    struct identify_process before, after;
    int status = identify_process_read(pid, &before);
    if (status == SHALE_ENOENT)
        return explain_missing(pid, report);
    if (status != 0 && status != SHALE_EPERM)
        return status == SHALE_EGONE ? explain_gone(pid, report) : status;
    begin(pid, &before, report);
    if (before.zombie)
        status = SHALE_EGONE;
    else if (status == 0 && before.kernel_thread)
        status =
            unknown(report, "it is a kernel thread: it has no memory of its own and no malloc");
    else if (status == 0)
        status = look_once(pid, &before, again, options, report);
    bool ended = identify_process_read(pid, &after) == SHALE_ENOENT || after.zombie ||
                 after.start_time != before.start_time;
    bool changed = !ended && !identify_process_same(&before, &after);
    if (ended || status == SHALE_EGONE)
        status = explain_gone(pid, report);
    else if (status == SHALE_EPERM)
        status = explain_denied(pid, &before, report);
    else if (changed && status != SHALE_EINVAL)
        status = SHALE_EBUSY;
    identify_process_free(&before);
    identify_process_free(&after);
    return status;
}

int identify_pid(pid_t pid, const struct identify_options *options, struct identify_report *report)
{
    int status = SHALE_EBUSY;
    report->method = "process";
    report->pid = pid;
    for (int i = 0; i < EXEC_ATTEMPTS && status == SHALE_EBUSY; i++)
        status = look(pid, i > 0, options, report);
    if (status == SHALE_EBUSY)
        return unknown(report, "it executes one program after another too quickly to be read");
    return status;
}
