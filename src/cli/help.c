/* SPDX-License-Identifier: MIT */
/* The help page of a command, and the overview of all. Layer 6. */
#include <ctype.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/text.h"

enum { FLAG_COLUMN = 26, STATUS_COLUMN = 6, SUMMARY_COLUMN = 13 };

void cmd_option_flag(const struct poptOption *option, char *text, size_t size)
{
    int used = 0;
    if (option->shortName)
        used = snprintf(text, size, "-%c%s", option->shortName, option->longName ? ", " : "");
    else
        used = snprintf(text, size, "    ");
    if (option->longName)
        used += snprintf(text + used, size - (size_t)used, "--%s", option->longName);
    if (option->argDescrip)
        snprintf(text + used, size - (size_t)used, "%s%s", option->longName ? "=" : " ",
                 option->argDescrip);
}

static void print_option(FILE *out, const struct poptOption *option)
{
    char flag[96];
    cmd_option_flag(option, flag, sizeof flag);
    size_t column = (size_t)fprintf(out, "  %s", flag);
    if (column + 2 > FLAG_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    text_fill(out, option->descrip, strlen(option->descrip), column, FLAG_COLUMN);
}

static void print_options(FILE *out, const struct poptOption *options)
{
    static const struct poptOption help = {
        .longName = "help", .shortName = 'h', .descrip = "Show this help"};
    fprintf(out, "\nOptions:\n");
    for (; options->longName || options->shortName; options++)
        print_option(out, options);
    print_option(out, &help);
}

static void print_statuses(FILE *out, const struct cmd_status *statuses)
{
    fprintf(out, "\nExit status:\n");
    for (; statuses->meaning; statuses++) {
        size_t column = (size_t)fprintf(out, "  %d", statuses->code);
        text_fill(out, statuses->meaning, strlen(statuses->meaning), column, STATUS_COLUMN);
    }
}

static void print_examples(FILE *out, const struct cmd_example *examples)
{
    if (!examples || !examples->command)
        return;
    fprintf(out, "\nExamples:\n");
    for (; examples->command; examples++) {
        fprintf(out, "  %s\n", examples->command);
        text_fill(out, examples->says, strlen(examples->says), 0, 6);
    }
}

/* Titles may be written in capitals, as manual pages show them. */
static void print_title(FILE *out, const char *title)
{
    bool capitals = true;
    for (const char *letter = title; *letter; letter++)
        capitals &= !islower((unsigned char)*letter);
    fputc('\n', out);
    for (const char *letter = title; *letter; letter++)
        fputc(capitals && letter > title ? tolower((unsigned char)*letter) : *letter, out);
    fputs(":\n", out);
}

void cmd_print_help(const struct cmd_entry *self, FILE *out)
{
    fprintf(out, "Usage: shale %s %s\n\n", self->name, self->synopsis);
    text_print(out, self->description, 0, false);
    print_options(out, self->options);
    for (const struct cmd_section *section = self->sections; section && section->title; section++) {
        print_title(out, section->title);
        text_print(out, section->text, 0, true);
    }
    print_statuses(out, self->statuses);
    print_examples(out, self->examples);
    fprintf(out, "\nThe manual page is shale-%s(1).\n", self->name);
}

void cmd_print_overview(FILE *out)
{
    fprintf(out, "Usage: shale COMMAND [OPTION...] [ARGUMENT...]\n\n"
                 "Memory partitioned by time, and the tools to prove what any allocator does to\n"
                 "your program.\n\nCommands:\n");
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++) {
        size_t column = (size_t)fprintf(out, "  %s", (*entry)->name);
        text_fill(out, (*entry)->summary, strlen((*entry)->summary), column, SUMMARY_COLUMN);
    }
    fprintf(out, "\n'shale help COMMAND' tells more; 'shale --version' prints the version.\n");
}
