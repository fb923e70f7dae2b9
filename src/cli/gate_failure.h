/* SPDX-License-Identifier: MIT */
/* How `shale gate` and `shale tune` say that they could not judge at all. Layer 6. */
#ifndef SHALE_CLI_GATE_FAILURE_H
#define SHALE_CLI_GATE_FAILURE_H

#include "cli/cmd.h"
#include "gate/gate.h"

/* Prints what failed, what to try, and the end of the program's output; returns the status. */
int gate_failure_report(const struct cmd_entry *self, const struct gate_failure *failure,
                        int error);

#endif
