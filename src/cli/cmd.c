/* SPDX-License-Identifier: MIT */
/* What every command shares: option parsing, help, error messages. Layer 6. */
#include "cli/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

const struct cmd_entry *cmd_find(const char *name)
{
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        if (strcmp((*entry)->name, name) == 0)
            return *entry;
    return NULL;
}

static void print_message(const struct cmd_entry *self, const char *format, va_list arguments)
{
    fprintf(stderr, "shale %s: ", self->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void cmd_error(const struct cmd_entry *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(self, format, arguments);
    va_end(arguments);
}

int cmd_usage_error(const struct cmd_entry *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(self, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'shale help %s'.\n", self->name);
    return CMD_EXIT_USAGE;
}

int cmd_finish_output(const struct cmd_entry *self)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CMD_EXIT_OK;
    cmd_error(self, "cannot write the output: %s", strerror(errno));
    return CMD_EXIT_IO;
}

/* Option values that `--help` takes inside popt; no command's table uses a number this large. */
enum { OPTION_HELP = 1 << 20 };

int cmd_parse(const struct cmd_entry *self, int argc, const char **argv, poptContext *context,
              const char ***rest)
{
    static const char *nothing[] = {NULL};
    const struct poptOption table[] = {
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)self->options, 0, NULL, NULL},
        {"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "Show this help", NULL},
        POPT_TABLEEND,
    };
    *context = poptGetContext(NULL, argc, argv, table, POPT_CONTEXT_POSIXMEHARDER);
    int option;
    while ((option = poptGetNextOpt(*context)) > 0) {
        if (option != OPTION_HELP)
            continue;
        cmd_print_help(self, stdout);
        *context = poptFreeContext(*context);
        return cmd_finish_output(self);
    }
    if (option < -1) {
        int status = cmd_usage_error(
            self, "%s: %s", poptBadOption(*context, POPT_BADOPTION_NOALIAS), poptStrerror(option));
        *context = poptFreeContext(*context);
        return status;
    }
    *rest = poptGetArgs(*context);
    if (!*rest)
        *rest = nothing;
    return -1;
}

static void print_option(FILE *out, const struct poptOption *option)
{
    char flag[80];
    int used = 0;
    if (option->shortName)
        used =
            snprintf(flag, sizeof flag, "-%c%s", option->shortName, option->longName ? ", " : "");
    else
        used = snprintf(flag, sizeof flag, "    ");
    if (option->longName)
        used += snprintf(flag + used, sizeof flag - (size_t)used, "--%s", option->longName);
    if (option->argDescrip)
        snprintf(flag + used, sizeof flag - (size_t)used, "=%s", option->argDescrip);
    fprintf(out, "  %-32s%s%s\n", flag,
            strlen(flag) >= 32 ? "\n                                  " : "", option->descrip);
}

void cmd_print_help(const struct cmd_entry *self, FILE *out)
{
    fprintf(out, "Usage: shale %s %s\n\n%s\n", self->name, self->synopsis, self->description);
    fprintf(out, "\nOptions:\n");
    for (const struct poptOption *option = self->options; option->longName || option->shortName;
         option++)
        print_option(out, option);
    fprintf(out, "  %-32s%s\n", "-h, --help", "Show this help");
    for (const struct cmd_section *section = self->sections; section && section->title; section++)
        fprintf(out, "\n%s:\n%s\n", section->title, section->text);
    fprintf(out, "\nExit status:\n");
    for (const struct cmd_status *status = self->statuses; status->meaning; status++)
        fprintf(out, "  %-4d%s\n", status->code, status->meaning);
    if (self->examples->command)
        fprintf(out, "\nExamples:\n");
    for (const struct cmd_example *example = self->examples; example->command; example++)
        fprintf(out, "  %s\n      %s\n", example->command, example->says);
}
