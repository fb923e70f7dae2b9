/* SPDX-License-Identifier: MIT */
/* Says why there is no judgement: see gate_failure.h. Layer 6. */
#include "cli/gate_failure.h"

#include <string.h>

int gate_failure_report(const struct cmd_entry *self, const struct gate_failure *failure, int error)
{
    cmd_error(self, "%s%s%s", failure->text, failure->remedy[0] ? "; try " : "", failure->remedy);
    if (failure->output[0])
        fprintf(stderr, "The end of its output:\n%s%s", failure->output,
                failure->output[strlen(failure->output) - 1] == '\n' ? "" : "\n");
    if (failure->missing_tool)
        return CMD_EXIT_UNAVAILABLE;
    return error == SHALE_ENOMEM || error == SHALE_EIO ? CMD_EXIT_INTERNAL : CMD_EXIT_DATA;
}
