/* SPDX-License-Identifier: MIT */
/*
 * Starts a program under an allocator, proves what it loaded before its main begins, and ends it
 * with all its children. Layer 4.
 *
 *     launch_start ──fork──> child: directory, stdio, signals, exec
 *          │ PTRACE_SEIZE before the exec, breakpoint at the program's entry point (AT_ENTRY)
 *          ▼
 *     held at the entry: ld.so has mapped, relocated and run the constructors of every library,
 *          │             no instruction of the program itself has run
 *          │ prove(pid, held = true, context): 0 lets it go, an error ends it
 *          ▼
 *     detached: from here on nobody traces it; launch_wait, launch_end
 *
 * Where ptrace is denied (seccomp, Yama 2 and 3) or the architecture has no breakpoint here, the
 * program runs at once and prove is called again and again with held = false until it says
 * something else than SHALE_EBUSY.
 *
 * Programs that only exec another one in their place (env, nice, nohup, ...; also behind `#!`) are
 * proven, followed to that exec, and the one they lead to is proven too.
 *
 * One caller's thread starts, waits for and ends a process: Linux ties the tracer, and the signal
 * a child gets when its parent dies, to the thread.
 */
#ifndef SHALE_MEASURE_LAUNCH_H
#define SHALE_MEASURE_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <shale/error.h>

#include "base/attributes.h"

/*
 * Looks at the process and judges it.
 *
 * @param held  true: it is stopped at its entry point, called once per program; false: it runs.
 * @return      0: proven, let it go; SHALE_EBUSY: nothing to be seen yet (only where it runs:
 *              called again until spec->prove_timeout_ms); another error: end it.
 */
typedef int (*launch_prove_fn)(pid_t pid, bool held, void *context);

struct launch_spec {
    const char *const *argv; /* the program (looked up in PATH) and its arguments, NULL ends */
    const char *preload;     /* library put in front of LD_PRELOAD; NULL: none */
    const char *const *environment; /* "K=V" sets, "K" removes; NULL ends; may be NULL */
    const char *directory;          /* to start in; NULL: ours */
    int stdio[3];                   /* what becomes 0, 1, 2; -1: ours. LAUNCH_STDIO_KEEP for all */
    /*
     * In a process group of its own, and nothing of it survives launch_end: this process becomes
     * the subreaper of its orphans, and SHALE_LAUNCH in its environment marks them.
     */
    bool contain;
    launch_prove_fn prove;                     /* NULL: not traced, not proven */
    void *context;                             /* of prove and started */
    int prove_timeout_ms;                      /* 0: 10 s */
    void (*started)(pid_t pid, void *context); /* called after the fork; may be NULL */
    const volatile sig_atomic_t *cancel;       /* non-zero ends every wait; may be NULL */
};

/* clang-format off */
#define LAUNCH_STDIO_KEEP {-1, -1, -1}
/* clang-format on */

enum launch_stage {
    LAUNCH_STAGE_NONE,
    LAUNCH_STAGE_START,     /* our own side: fork, pipes, memory */
    LAUNCH_STAGE_DIRECTORY, /* spec->directory */
    LAUNCH_STAGE_FIND,      /* no such program, or none that may be executed */
    LAUNCH_STAGE_EXEC,      /* the kernel refused to execute it */
    LAUNCH_STAGE_LOAD,      /* it ended before its allocator could be read */
    LAUNCH_STAGE_PROOF,     /* prove refused it; it was ended */
    LAUNCH_STAGE_TIMEOUT,   /* not proven within prove_timeout_ms; it was ended */
    LAUNCH_STAGE_CANCELLED, /* spec->cancel was set; it was ended */
};

struct launch_failure {
    enum launch_stage stage;
    int system_error; /* errno of START, DIRECTORY, FIND and EXEC */
    int wait_status;  /* of LOAD, as waitpid gives it */
    int prove_error;  /* what prove returned: PROOF */
    char text[256];   /* the reason in words, without a period */
};

enum launch_method {
    LAUNCH_NOT_PROVEN, /* no prove in the spec */
    LAUNCH_HELD,       /* proven at the entry point */
    LAUNCH_POLLED,     /* proven while it ran: ptrace is denied here */
};

struct launch_process {
    pid_t pid; /* also its process group where spec->contain */
    bool contained;
    enum launch_method method;
    int64_t released_ns; /* CLOCK_MONOTONIC when it began to run freely */
    bool ended;
    int64_t ended_ns;    /* CLOCK_MONOTONIC when its end was seen */
    int wait_status;     /* as waitpid gives it, once ended */
    struct rusage usage; /* of it and the children it waited for, once ended */
    int pidfd;           /* readable when it ended; -1 on kernels without */
    char mark[32];       /* value of SHALE_LAUNCH, "" when not contained */
    const volatile sig_atomic_t *cancel;
};

/*
 * Starts spec->argv and returns when it was let go (proven, or unproven without spec->prove).
 *
 * A program that could not be started, or was not proven, leaves no process behind.
 *
 * @param failure  says which step failed and why, in words; set on error only.
 * @return  0; SHALE_ENOENT or SHALE_EPERM: no such program, or it may not be executed;
 *          SHALE_EGONE: it ended before it could be proven; SHALE_ETIMEOUT; SHALE_ECANCELED;
 *          what prove returned; SHALE_EINVAL: a preload path with a colon or blank, which ld.so
 *          takes for two; SHALE_EIO, SHALE_ENOMEM: our own side.
 * Ownership: launch_close ends the use of *process.
 * Cost: about 1 ms more than fork and exec where it is proven.
 */
SHALE_NODISCARD int launch_start(const struct launch_spec *spec, struct launch_process *process,
                                 struct launch_failure *failure);

/*
 * Waits until the program itself has ended, for at most timeout_ms (-1: no limit, 0: just looks).
 *
 * @return  0: process->wait_status and usage are set; SHALE_ETIMEOUT; SHALE_ECANCELED.
 */
int launch_wait(struct launch_process *process, int timeout_ms);

/*
 * Ends it: SIGTERM to its group (to itself where it was not contained), up to grace_ms to follow,
 * then SIGKILL; where contained also to every child and orphan, whatever session it moved to.
 * Reaps what became ours. Harmless when it has ended.
 *
 * @return  the number of processes that had to be killed.
 */
int launch_end(struct launch_process *process, int grace_ms);

/* Frees what the handle holds; the program is left as it is. */
void launch_close(struct launch_process *process);

/* 125, 126 or 127: how env, timeout and `shale run` report this failure. */
int launch_failure_status(const struct launch_failure *failure);

/* The status a shell gives for this end: the exit status, or 128 + the signal. */
int launch_shell_status(int wait_status);

/* Does this process run a program that does nothing but execute another one in its place? */
bool launch_execs_another(pid_t pid);

/*
 * The file that executing `name` means: itself if it has a slash, else looked up in `search_path`
 * (NULL: PATH of this process).
 *
 * @param path  gets it, at most `size` bytes.
 * @return  0; SHALE_ENOENT; SHALE_EPERM: found, but not executable or a folder; errno says more.
 */
SHALE_NODISCARD int launch_resolve(const char *name, const char *search_path, char *path,
                                   size_t size);

#endif
