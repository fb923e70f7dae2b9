/* SPDX-License-Identifier: MIT */
/*
 * Holds a child at its program's entry point for the proof, or polls it where ptrace is denied.
 * Layer 4.
 *
 * The child is seized while it waits at its gate: PTRACE_SEIZE sends no signal and leaves job
 * control as it is. At the exec a breakpoint is written over the first instruction at AT_ENTRY;
 * ld.so jumps there when all libraries are ready. The bytes are put back before it goes on: what
 * stays is one private copy of that page.
 *
 *     waiting ──exec──> loading ──breakpoint──> proven ──> detached
 *                          ▲                       │ env, nice, ...: traced on to their exec
 *                          └───────────exec────────┘
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure/launch_internal.h"

enum { PROVE_TIMEOUT_MS = 10000 };

struct holder {
    const struct launch_spec *spec;
    const struct launch_child *child;
    struct launch_process *process;
    struct launch_failure *failure;
    int64_t deadline_ns;
    uintptr_t entry; /* 0: no breakpoint is set */
    long original;   /* the word at entry */
    bool following;  /* proven, on the way to the exec of the program behind env and the like */
};

#if defined(__x86_64__)
enum { BREAKPOINT_BYTES = 1, BREAKPOINT = 0xCC };
#define PC_FIELD rip
#define PC_AFTER 1 /* how far behind the breakpoint the program counter is when it stops */
#elif defined(__aarch64__)
enum { BREAKPOINT_BYTES = 4 };
#define BREAKPOINT 0xD4200000L
#define PC_FIELD   pc
#define PC_AFTER   0
#endif

#if defined(PC_FIELD)
/* The program counter of a stopped child, and a new one where `set`. */
static int program_counter(pid_t pid, uintptr_t *counter, bool set)
{
    struct user_regs_struct registers;
    struct iovec vector = {&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &vector) < 0 ||
        vector.iov_len != sizeof registers)
        return -1;
    if (!set) {
        *counter = (uintptr_t)registers.PC_FIELD;
        return 0;
    }
    registers.PC_FIELD = *counter;
    return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &vector) < 0 ? -1 : 0;
}

static bool at_breakpoint(pid_t pid, uintptr_t entry)
{
    uintptr_t counter;
    return entry && program_counter(pid, &counter, false) == 0 && counter == entry + PC_AFTER;
}

static long with_breakpoint(long word)
{
    unsigned long kept = ~0UL << (8 * BREAKPOINT_BYTES);
    return (long)(((unsigned long)word & kept) | (unsigned long)BREAKPOINT);
}
#else
static int program_counter(pid_t pid, uintptr_t *counter, bool set)
{
    return -1;
}

static bool at_breakpoint(pid_t pid, uintptr_t entry)
{
    return false;
}

static long with_breakpoint(long word)
{
    return word;
}
#endif

/* AT_ENTRY of a program of our own word size; 0 when it cannot be told. */
static uintptr_t entry_of(pid_t pid)
{
    char path[48];
    unsigned char ident[EI_NIDENT] = {0};
    Elf64_auxv_t values[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, ident, sizeof ident);
    if (fd >= 0)
        close(fd);
    if (length != (ssize_t)sizeof ident || ident[EI_CLASS] != ELFCLASS64)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? 0 : read(fd, values, sizeof values);
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < length / (ssize_t)sizeof *values; i++)
        if (values[i].a_type == AT_ENTRY)
            return (uintptr_t)values[i].a_un.a_val;
    return 0;
}

static int set_breakpoint(struct holder *holder)
{
    pid_t pid = holder->child->pid;
    uintptr_t unused;
    uintptr_t entry = entry_of(pid);
    if (!entry || program_counter(pid, &unused, false) < 0)
        return -1;
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, pid, (void *)entry, NULL);
    if (errno || ptrace(PTRACE_POKETEXT, pid, (void *)entry, (void *)with_breakpoint(word)) < 0)
        return -1;
    holder->entry = entry;
    holder->original = word;
    return 0;
}

static int clear_breakpoint(struct holder *holder)
{
    pid_t pid = holder->child->pid;
    uintptr_t entry = holder->entry;
    holder->entry = 0;
    if (ptrace(PTRACE_POKETEXT, pid, (void *)entry, (void *)holder->original) < 0)
        return -1;
    return program_counter(pid, &entry, true);
}

bool launch_execs_another(pid_t pid)
{
    static const char *const names[] = {"env",  "nice",   "nohup",   "setsid",  "stdbuf", "taskset",
                                        "chrt", "ionice", "numactl", "prlimit", "chroot"};
    char link[48];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    const char *base = strrchr(path, '/');
    for (size_t i = 0; base && i < SHALE_ARRAY_LENGTH(names); i++)
        if (strcmp(base + 1, names[i]) == 0)
            return true;
    return false;
}

static bool cancelled(const struct holder *holder)
{
    return holder->spec->cancel && *holder->spec->cancel;
}

static int refuse(struct holder *holder, int error)
{
    holder->failure->prove_error = error;
    return launch_fail(holder->failure, LAUNCH_STAGE_PROOF, error, "%s", shale_strerror(error));
}

/* It ended before its time: why, as far as the kernel tells. */
static int ended_early(struct holder *holder)
{
    int status = holder->process->wait_status;
    int result = launch_child_report(holder->child, false, holder->failure);
    if (result < 0)
        return result;
    holder->failure->wait_status = status;
    if (WIFSIGNALED(status))
        return launch_fail(holder->failure, LAUNCH_STAGE_LOAD, SHALE_EGONE,
                           "killed by signal %d (%s) before its allocator could be read",
                           WTERMSIG(status), strsignal(WTERMSIG(status)));
    return launch_fail(holder->failure, LAUNCH_STAGE_LOAD, SHALE_EGONE,
                       "it ended with status %d before its allocator could be read",
                       WEXITSTATUS(status));
}

/* Nothing changed since the last look: 0 to look again, or why not to. */
static int wait_more(struct holder *holder, unsigned *round)
{
    if (cancelled(holder))
        return launch_fail(holder->failure, LAUNCH_STAGE_CANCELLED, SHALE_ECANCELED, "%s",
                           shale_strerror(SHALE_ECANCELED));
    if (launch_now_ns() > holder->deadline_ns)
        return launch_fail(holder->failure, LAUNCH_STAGE_TIMEOUT, SHALE_ETIMEOUT,
                           "its allocator could not be read in time");
    launch_nap(round);
    return 0;
}

static int poll_proof(struct holder *holder)
{
    unsigned round = 0;
    for (;;) {
        int status;
        if (launch_reap(holder->process, &status))
            return ended_early(holder);
        int result = holder->spec->prove(holder->child->pid, false, holder->spec->context);
        if (result == 0) {
            holder->process->method = LAUNCH_POLLED;
            return 0;
        }
        if (result != SHALE_EBUSY && !launch_reap(holder->process, &status))
            return refuse(holder, result);
        result = wait_more(holder, &round);
        if (result < 0)
            return result;
    }
}

enum step { STEP_GO_ON, STEP_DONE, STEP_POLL, STEP_REFUSED };

/* Stopped at the breakpoint: the proof. */
static enum step at_entry(struct holder *holder, int *error)
{
    pid_t pid = holder->child->pid;
    *error = clear_breakpoint(holder) < 0 ? SHALE_EIO : 0;
    if (*error == 0)
        *error = holder->spec->prove(pid, true, holder->spec->context);
    if (*error < 0)
        return STEP_REFUSED;
    holder->process->method = LAUNCH_HELD;
    holder->following = launch_execs_another(pid);
    if (!holder->following)
        return STEP_DONE;
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    return STEP_GO_ON;
}

/* One stop of the traced child. */
static enum step handle_stop(struct holder *holder, int status, int *error)
{
    pid_t pid = holder->child->pid;
    int number = WSTOPSIG(status);
    int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) {
        holder->following = false;
        if (set_breakpoint(holder) < 0)
            return STEP_POLL;
        ptrace(PTRACE_CONT, pid, NULL, NULL);
    } else if (event == PTRACE_EVENT_STOP) {
        /* A group stop (job control) lasts until SIGCONT; PTRACE_INTERRUPT shows as SIGTRAP. */
        ptrace(number == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, pid, NULL, NULL);
    } else if (number == SIGTRAP && at_breakpoint(pid, holder->entry)) {
        return at_entry(holder, error);
    } else {
        ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)number);
    }
    return STEP_GO_ON;
}

/* Lets go of a child that runs: the tracer must see it stopped to detach. */
static void interrupt_and_detach(struct holder *holder)
{
    pid_t pid = holder->child->pid;
    int status;
    if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
        return;
    if (wait4(pid, &status, __WALL, &holder->process->usage) != pid)
        return;
    if (!WIFSTOPPED(status)) {
        holder->process->ended = true;
        holder->process->ended_ns = launch_now_ns();
        holder->process->wait_status = status;
        return;
    }
    bool is_signal = status >> 16 == 0;
    ptrace(PTRACE_DETACH, pid, NULL, (void *)(intptr_t)(is_signal ? WSTOPSIG(status) : 0));
}

/* Runs the traced child up to its proof. 0: proven and detached; SHALE_ENOTSUP: detached, poll. */
static int hold_proof(struct holder *holder)
{
    unsigned round = 0;
    for (;;) {
        int status;
        int error = 0;
        enum step step = STEP_GO_ON;
        if (launch_reap(holder->process, &status))
            return holder->following ? 0 : ended_early(holder);
        if (status)
            step = handle_stop(holder, status, &error);
        if (step == STEP_REFUSED)
            return refuse(holder, error);
        if (step == STEP_DONE || step == STEP_POLL) {
            holder->process->released_ns = launch_now_ns();
            ptrace(PTRACE_DETACH, holder->child->pid, NULL, NULL);
            return step == STEP_DONE ? 0 : SHALE_ENOTSUP;
        }
        if (status)
            continue;
        error = wait_more(holder, &round);
        if (error == SHALE_ETIMEOUT && holder->following) {
            interrupt_and_detach(holder);
            return 0;
        }
        if (error < 0)
            return error;
    }
}

int launch_prove(const struct launch_spec *spec, const struct launch_child *child,
                 struct launch_process *process, struct launch_failure *failure)
{
    int timeout_ms = spec->prove_timeout_ms > 0 ? spec->prove_timeout_ms : PROVE_TIMEOUT_MS;
    struct holder holder = {.spec = spec, .child = child, .process = process, .failure = failure};
    holder.deadline_ns = launch_now_ns() + (int64_t)timeout_ms * 1000000;
    process->released_ns = launch_now_ns();
    long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    bool traced = ptrace(PTRACE_SEIZE, child->pid, NULL, (void *)options) == 0;
    if (write(child->gate, "", 1) != 1)
        return launch_fail_start(failure, "reach the child");
    int result = traced ? hold_proof(&holder) : SHALE_ENOTSUP;
    if (result != SHALE_ENOTSUP)
        return result;
    result = launch_child_report(child, true, failure);
    return result < 0 ? result : poll_proof(&holder);
}
