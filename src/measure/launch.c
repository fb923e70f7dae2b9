/* SPDX-License-Identifier: MIT */
/* How a launch that failed, or a program that ended, is reported. Layer 4. */
#include "measure/launch.h"

#include <errno.h>
#include <sys/wait.h>

int launch_failure_status(const struct launch_failure *failure)
{
    switch (failure->stage) {
    case LAUNCH_STAGE_FIND:
    case LAUNCH_STAGE_EXEC:
        return failure->system_error == ENOENT ? 127 : 126;
    default:
        return 125;
    }
}

int launch_shell_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
