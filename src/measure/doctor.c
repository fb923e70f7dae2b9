/* SPDX-License-Identifier: MIT */
/* The doctor's report, its trials, and whether programs can be preloaded and proven here. Layer 4.
 */
#define _GNU_SOURCE
#include "measure/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/membarrier.h"
#include "base/system.h"
#include "measure/doctor_internal.h"
#include "measure/finder.h"
#include "measure/prove.h"

static const char machine[] = "machine";

const char *doctor_state_name(enum doctor_state state)
{
    static const char *const names[] = {
        [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};
    return names[state];
}

size_t doctor_count(const struct doctor_report *report, enum doctor_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->checks[i].state == state;
    return count;
}

static struct doctor_check *next_check(struct doctor_report *report)
{
    SHALE_ASSERT(report->count < DOCTOR_CHECKS_MAX);
    return &report->checks[report->count++];
}

void doctor_ok(struct doctor_report *report, const char *subject, const char *name,
               const char *format, ...)
{
    va_list arguments;
    struct doctor_check *check = next_check(report);
    *check = (struct doctor_check){.name = name, .subject = subject, .state = DOCTOR_OK};
    va_start(arguments, format);
    vsnprintf(check->found, sizeof check->found, format, arguments);
    va_end(arguments);
}

void doctor_note(struct doctor_report *report, const char *subject, const char *name,
                 enum doctor_state state, const char *meaning, const char *advice,
                 const char *format, ...)
{
    va_list arguments;
    struct doctor_check *check = next_check(report);
    *check = (struct doctor_check){.name = name, .subject = subject, .state = state};
    snprintf(check->meaning, sizeof check->meaning, "%s", meaning);
    snprintf(check->advice, sizeof check->advice, "%s", advice);
    va_start(arguments, format);
    vsnprintf(check->found, sizeof check->found, format, arguments);
    va_end(arguments);
}

/* Starts a program that does nothing under the C library's allocator, and proves it. */
static void try_proof(struct doctor_trials *trials)
{
    static const char *const argv[] = {"/bin/sh", "-c", "sleep 0.05", NULL};
    static const char *const environment[] = {"LD_PRELOAD", NULL};
    const struct finder_allocator system = {.name = "system", .version = ""};
    struct prove_request request;
    struct launch_process process;
    struct launch_failure failure = {.stage = LAUNCH_STAGE_NONE};
    prove_init(&request, &system);
    const struct launch_spec spec = {.argv = argv,
                                     .environment = environment,
                                     .stdio = LAUNCH_STDIO_KEEP,
                                     .prove = prove_allocator,
                                     .context = &request};
    if (launch_start(&spec, &process, &failure) == 0) {
        trials->proof = process.method;
        launch_end(&process, 0);
        launch_close(&process);
    } else {
        trials->proof = LAUNCH_NOT_PROVEN;
        snprintf(trials->proof_reason, sizeof trials->proof_reason, "%.250s",
                 *request.reason ? request.reason : failure.text);
    }
    prove_free(&request);
}

void doctor_try(struct doctor_trials *trials)
{
    struct finder_list list;
    *trials = (struct doctor_trials){.environment = (const char *const *)environ};
    try_proof(trials);
    trials->membarrier = shale_membarrier_register() == 0;
    if (finder_scan(&list) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        bool found = list.items[i].source != FINDER_BUILT_IN;
        trials->allocators += found;
        trials->loadable += found && !list.items[i].reason;
    }
    finder_free(&list);
}

static void check_preload_file(struct doctor_report *report)
{
    char text[256];
    ssize_t length = shale_system_read_file("/etc/ld.so.preload", text, sizeof text);
    if (length <= 0 || !text[strspn(text, " \t\n")]) {
        doctor_ok(report, machine, "ld.so.preload", "no library is preloaded into all programs");
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    doctor_note(report, machine, "ld.so.preload", DOCTOR_WARN,
                "this library is in every program, also in the baseline of a comparison",
                "take it out of /etc/ld.so.preload while you compare",
                "/etc/ld.so.preload names %s", text);
}

/* The value of "NAME:\t" in /proc/self/status, read in that base; 0 when it is not there. */
static unsigned long long status_value(const char *name, int base)
{
    char text[4096];
    if (shale_system_read_file("/proc/self/status", text, sizeof text) <= 0)
        return 0;
    const char *line = strstr(text, name);
    return line ? strtoull(line + strlen(name), NULL, base) : 0;
}

/* What the trial gave comes first: the settings only explain it. */
static void check_proof(struct doctor_report *report, const struct doctor_trials *trials)
{
    if (trials->proof == LAUNCH_HELD)
        doctor_ok(report, machine, "proof", "a program was held at its start and proven");
    else if (trials->proof == LAUNCH_POLLED)
        doctor_note(report, machine, "proof", DOCTOR_WARN,
                    "programs are read while they run already; one that ends within a few "
                    "milliseconds cannot be proven",
                    "allow ptrace: in a container, --cap-add SYS_PTRACE or a seccomp profile with "
                    "ptrace",
                    "ptrace is denied, but a running program could be proven");
    else
        doctor_note(report, machine, "proof", DOCTOR_FAIL,
                    "run and compare cannot prove an allocator, and so do not start the program",
                    "allow ptrace (see the check ptrace), or use run --no-verify",
                    "a program that was started could not be proven: %s", trials->proof_reason);
}

static void check_ptrace(struct doctor_report *report)
{
    enum { CAPABILITY_SYS_PTRACE = 19 };
    char text[32];
    bool may_trace = status_value("\nCapEff:", 16) >> CAPABILITY_SYS_PTRACE & 1;
    bool filtered = status_value("\nSeccomp:", 10) == 2;
    int scope = 0;
    if (shale_system_read_file("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text) > 0)
        scope = (int)strtol(text, NULL, 10);
    if (scope == 3 || (scope == 2 && !may_trace))
        doctor_note(report, machine, "ptrace", DOCTOR_FAIL,
                    "no process may be read by this user, not even one that was started for it",
                    scope == 3 ? "only a restart with kernel.yama.ptrace_scope below 3 changes it"
                               : "run as root, or set kernel.yama.ptrace_scope to 1 with sysctl",
                    "kernel.yama.ptrace_scope is %d", scope);
    else if (scope == 1 && !may_trace)
        doctor_note(report, machine, "ptrace", DOCTOR_WARN,
                    "run, compare and verify -- CMD work; verify PID only for processes that "
                    "allow it",
                    "for verify PID run as root, or set kernel.yama.ptrace_scope to 0 with sysctl",
                    "kernel.yama.ptrace_scope is 1");
    else
        doctor_ok(report, machine, "ptrace", "kernel.yama.ptrace_scope is %d%s%s", scope,
                  may_trace ? ", and this user may trace any process" : "",
                  filtered ? "; a seccomp filter is active" : "");
}

static void check_perf(struct doctor_report *report)
{
    enum { CAPABILITY_SYS_ADMIN = 21, CAPABILITY_PERFMON = 38 };
    char text[32];
    unsigned long long capabilities = status_value("\nCapEff:", 16);
    bool privileged =
        (capabilities >> CAPABILITY_SYS_ADMIN & 1) || (capabilities >> CAPABILITY_PERFMON & 1);
    if (shale_system_read_file("/proc/sys/kernel/perf_event_paranoid", text, sizeof text) <= 0) {
        doctor_note(report, machine, "perf", DOCTOR_WARN,
                    "the kernel has no perf events; perf cannot show where time goes",
                    "use a kernel with CONFIG_PERF_EVENTS if you need perf",
                    "no kernel.perf_event_paranoid");
        return;
    }
    int paranoid = (int)strtol(text, NULL, 10);
    if (paranoid <= 2 || privileged)
        doctor_ok(report, machine, "perf", "kernel.perf_event_paranoid is %d%s", paranoid,
                  privileged ? ", and this user is exempt" : "");
    else
        doctor_note(report, machine, "perf", DOCTOR_WARN,
                    "perf cannot count or sample for this user",
                    "set kernel.perf_event_paranoid to 2 or less with sysctl, or run as root",
                    "kernel.perf_event_paranoid is %d", paranoid);
}

static void check_allocators(struct doctor_report *report, const struct doctor_trials *trials)
{
    size_t refused = trials->allocators - trials->loadable;
    if (trials->loadable == 0)
        doctor_note(report, machine, "allocators", DOCTOR_WARN,
                    "there is nothing to run or compare beside the C library's allocator",
                    "install some (Debian: libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4), or "
                    "name their folders in SHALE_ALLOCATOR_PATH",
                    "no allocator that can be loaded was found");
    else
        doctor_ok(report, machine, "allocators", "%zu can be loaded%s", trials->loadable,
                  refused ? "; 'shale run --list' says why others cannot" : "");
}

static void check_membarrier(struct doctor_report *report, const struct doctor_trials *trials)
{
    if (trials->membarrier)
        doctor_ok(report, machine, "membarrier", "the kernel fences threads on demand");
    else
        doctor_note(report, machine, "membarrier", DOCTOR_WARN,
                    "Shale's own engine uses full fences where it could do without",
                    "use Linux 4.14 or newer, and allow membarrier in the seccomp profile",
                    "membarrier(PRIVATE_EXPEDITED) is not available");
}

static void check_shell(struct doctor_report *report)
{
    if (access("/bin/sh", X_OK) == 0)
        doctor_ok(report, machine, "shell", "/bin/sh is there");
    else
        doctor_note(report, machine, "shell", DOCTOR_FAIL,
                    "load commands, and scripts that name no interpreter, need it",
                    "install a shell as /bin/sh", "/bin/sh is missing");
}

void doctor_check_machine(struct doctor_report *report, const struct doctor_trials *trials)
{
    check_allocators(report, trials);
    check_proof(report, trials);
    check_ptrace(report);
    check_preload_file(report);
    doctor_check_environment(report, trials->environment);
    check_shell(report);
    doctor_check_memory(report);
    doctor_check_limits(report);
    doctor_check_processors(report);
    check_perf(report);
    check_membarrier(report, trials);
}
