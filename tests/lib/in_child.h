/* SPDX-License-Identifier: MIT */
/* Cases that each need a process of their own: a fresh engine, limits that cannot be lifted. */
#ifndef SHALE_TESTS_IN_CHILD_H
#define SHALE_TESTS_IN_CHILD_H

#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* Fails the case in the child with the line as status. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline void in_child(void (*body)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(30);
        body();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        fail_msg("child: status 0x%x", (unsigned)status);
}

#endif
