/* SPDX-License-Identifier: MIT */
/* The parts of a launch: image (what to execute), child (fork to exec), hold (proof). Layer 4. */
#ifndef SHALE_MEASURE_LAUNCH_INTERNAL_H
#define SHALE_MEASURE_LAUNCH_INTERNAL_H

#include <limits.h>

#include "measure/launch.h"

/* Everything the child needs, made before the fork: nothing allocates between fork and exec. */
struct launch_image {
    char path[PATH_MAX]; /* what is executed */
    char **environment;
    char **shell_argv; /* for a text file without `#!`: "/bin/sh", path, arguments */
};

/* A child on its way to its program. */
struct launch_child {
    pid_t pid;
    int gate;   /* one byte written here lets it go on to exec */
    int waits;  /* the gate's other end: open here too, a child that died brings us no SIGPIPE */
    int report; /* end of file: it has executed its program; else a struct launch_report */
};

/* What a child says when it could not execute its program. */
struct launch_report {
    enum launch_stage stage;
    int system_error;
};

/* Sets failure and returns `error`. */
int launch_fail(struct launch_failure *failure, enum launch_stage stage, int error,
                const char *format, ...) SHALE_PRINTF(4, 5);

/* launch_fail of our own side, for errno. */
int launch_fail_start(struct launch_failure *failure, const char *what);

int launch_image_make(const struct launch_spec *spec, const char *mark, struct launch_image *image,
                      struct launch_failure *failure);
void launch_image_free(struct launch_image *image);

/* Forks; the child waits at its gate. */
int launch_child_fork(const struct launch_spec *spec, const struct launch_image *image,
                      struct launch_child *child, struct launch_failure *failure);

/* Reads the child's report: 0 when it has executed its program (or, with `wait` false, may still
   do so), else the error that belongs to the failure. */
int launch_child_report(const struct launch_child *child, bool wait,
                        struct launch_failure *failure);

/* Opens the gate and proves: held at the entry point where ptrace allows it, else while it runs. */
int launch_prove(const struct launch_spec *spec, const struct launch_child *child,
                 struct launch_process *process, struct launch_failure *failure);

/* wait4 with WNOHANG that keeps the end in *process: true when it has ended. Other changes of
   state are left in *status (0: none). */
bool launch_reap(struct launch_process *process, int *status);

int64_t launch_now_ns(void);

/* Sleeps 50 us the first time, doubling up to 1 ms: short for what takes a fork, light for more. */
void launch_nap(unsigned *round);

#endif
