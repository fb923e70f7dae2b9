/* SPDX-License-Identifier: MIT */
/* What every command shares: option parsing, help, error messages. Layer 6. */
#include "cli/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli/text.h"

const struct cmd_entry *cmd_find(const char *name)
{
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        if (strcmp((*entry)->name, name) == 0)
            return *entry;
    return NULL;
}

SHALE_PRINTF(2, 0)
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

static const char *next_command(void *context)
{
    const struct cmd_entry *const **entry = context;
    return **entry ? (*(*entry)++)->name : NULL;
}

int cmd_unknown(const char *name)
{
    const struct cmd_entry *const *entries = cmd_entries;
    const char *nearest = text_nearest(name, next_command, &entries);
    fprintf(stderr, "shale: there is no command '%s'", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?\n", nearest);
    else
        fprintf(stderr, "; 'shale help' lists them\n");
    return CMD_EXIT_USAGE;
}

/* Option values that `--help` takes inside popt; no command's table uses a number this large. */
enum { OPTION_HELP = 1 << 20 };

static const char *next_option(void *context)
{
    const struct poptOption **option = context;
    while ((*option)->shortName && !(*option)->longName)
        (*option)++;
    return (*option)->longName ? (*option)++->longName : NULL;
}

/* An option that popt refused: says why, and which one may have been meant. */
static int bad_option(const struct cmd_entry *self, const char *given, int error)
{
    char name[64];
    const struct poptOption *options = self->options;
    if (error != POPT_ERROR_BADOPT || strncmp(given, "--", 2) != 0)
        return cmd_usage_error(self, "%s: %s", given, poptStrerror(error));
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    const char *nearest = text_nearest(name, next_option, &options);
    if (!nearest)
        return cmd_usage_error(self, "there is no option '--%s'", name);
    return cmd_usage_error(self, "there is no option '--%s'; did you mean '--%s'?", name, nearest);
}

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
        int status = bad_option(self, poptBadOption(*context, POPT_BADOPTION_NOALIAS), option);
        *context = poptFreeContext(*context);
        return status;
    }
    *rest = poptGetArgs(*context);
    if (!*rest)
        *rest = nothing;
    return -1;
}
