/* SPDX-License-Identifier: MIT */
/* The commands of `shale`, each in its own cmd_<name>.c; commands.c lists them. Layer 6. */
#ifndef SHALE_CLI_COMMANDS_H
#define SHALE_CLI_COMMANDS_H

#include "cli/cmd.h"

extern const struct cmd_entry cmd_doctor;
extern const struct cmd_entry cmd_profile;
extern const struct cmd_entry cmd_report;
extern const struct cmd_entry cmd_run;
extern const struct cmd_entry cmd_stats;
extern const struct cmd_entry cmd_verify;
extern const struct cmd_entry cmd_compare;
extern const struct cmd_entry cmd_bench;
extern const struct cmd_entry cmd_gate;    /* where SHALE_HAS_GATE */
extern const struct cmd_entry cmd_tune;    /* likewise */
extern const struct cmd_entry cmd_history; /* likewise */
/* Where SHALE_HAS_MIGRATE: `shale` has migrate_program.c's, `shale-migrate` cmd_migrate.c's. */
extern const struct cmd_entry cmd_migrate;
#define CMD_MIGRATE_SUMMARY "rewrite C sources from malloc to an allocator layer"

#endif
