/* SPDX-License-Identifier: MIT */
/* The program `shale-migrate`, which `shale migrate` becomes. Layer 6. */
#include "cli/commands.h"

int main(int argc, const char **argv)
{
    return cmd_migrate.run(&cmd_migrate, argc, argv);
}
