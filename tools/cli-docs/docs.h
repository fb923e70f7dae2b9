/* SPDX-License-Identifier: MIT */
/* What the command tables become: manual pages, completion scripts, a reference. */
#ifndef SHALE_TOOLS_CLI_DOCS_H
#define SHALE_TOOLS_CLI_DOCS_H

#include <stdio.h>

#include "cli/cmd.h"

/* What an option takes, or a command as arguments: told from the word that help shows for it. */
enum docs_value { DOCS_NOTHING, DOCS_ANYTHING, DOCS_FILE, DOCS_FOLDER, DOCS_ALLOCATOR };

enum docs_value docs_value_of(const struct poptOption *option);

/* Does the command start a program of the user's? */
bool docs_takes_program(const struct cmd_entry *entry);

/* Ends with a NULL longName and no shortName: --help, which every command has. */
extern const struct poptOption docs_help_option[];

void docs_print_manual(const struct cmd_entry *entry, FILE *out);
void docs_print_main_manual(FILE *out);
void docs_print_markdown(FILE *out);
void docs_print_bash(FILE *out);
void docs_print_zsh(FILE *out);
void docs_print_fish(FILE *out);

#endif
