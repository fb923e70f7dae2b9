/* SPDX-License-Identifier: MIT */
/* The list of all commands, apart from main so that the generator of manuals links it. Layer 6. */
#include "cli/commands.h"

/* clang-format off */
const struct cmd_entry *const cmd_entries[] = {
    &cmd_run,
    &cmd_verify,
    &cmd_stats,
    &cmd_profile,
    &cmd_report,
    &cmd_compare,
    &cmd_bench,
#ifdef SHALE_HAS_GATE
    &cmd_gate,
    &cmd_tune,
    &cmd_history,
#endif
#ifdef SHALE_HAS_MIGRATE
    &cmd_migrate,
#endif
    &cmd_doctor,
    NULL,
};
/* clang-format on */
