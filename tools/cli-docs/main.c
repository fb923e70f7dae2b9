/* SPDX-License-Identifier: MIT */
/*
 * Makes the manual pages, shell completions and the reference from the command tables.
 *
 *     cli-docs man FOLDER              shale.1 and one shale-NAME.1 for each command
 *     cli-docs bash|zsh|fish FILE      completion
 *     cli-docs markdown FILE           the reference
 *     cli-docs check                   complains about tables that are not complete
 *
 * Exit status: 0, or 1 with a message on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "docs.h"

const struct poptOption docs_help_option[] = {
    {.longName = "help", .shortName = 'h', .descrip = "Show this help"},
    {NULL},
};

enum docs_value docs_value_of(const struct poptOption *option)
{
    const char *word = option->argDescrip;
    if (!word)
        return DOCS_NOTHING;
    if (strcmp(word, "FILE") == 0)
        return DOCS_FILE;
    if (strcmp(word, "DIR") == 0 || strcmp(word, "FOLDER") == 0)
        return DOCS_FOLDER;
    bool allocator = strstr(word, "[@VERSION]") || strcmp(word, "ALLOCATOR") == 0;
    return allocator ? DOCS_ALLOCATOR : DOCS_ANYTHING;
}

bool docs_takes_program(const struct cmd_entry *entry)
{
    return strstr(entry->synopsis, "CMD") || strstr(entry->synopsis, "COMMAND");
}

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "cli-docs: cannot %s '%s': %s\n", what, path, strerror(errno));
    return 1;
}

static int finish(FILE *out, const char *path)
{
    bool bad = ferror(out);
    return fclose(out) != 0 || bad ? fail("write", path) : 0;
}

static int write_manual(const char *folder, const struct cmd_entry *entry)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/shale%s%s.1", folder, entry ? "-" : "",
             entry ? entry->name : "");
    FILE *out = fopen(path, "w");
    if (!out)
        return fail("open", path);
    if (entry)
        docs_print_manual(entry, out);
    else
        docs_print_main_manual(out);
    return finish(out, path);
}

static int write_manuals(const char *folder)
{
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return fail("make", folder);
    int failed = write_manual(folder, NULL);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry && !failed; entry++)
        failed = write_manual(folder, *entry);
    /* The build looks at the folder's time; writing files anew does not change it. */
    utimensat(AT_FDCWD, folder, NULL, 0);
    return failed;
}

static int write_with(void (*print)(FILE *out), const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return fail("open", path);
    print(out);
    return finish(out, path);
}

static int complain(const struct cmd_entry *entry, const char *what)
{
    fprintf(stderr, "cli-docs: command '%s': %s\n", entry->name, what);
    return 1;
}

static bool is_sentence_like(const char *text)
{
    return text && *text && text[strlen(text) - 1] != '.';
}

static int check_options(const struct cmd_entry *entry)
{
    int bad = 0;
    for (const struct poptOption *option = entry->options; option->longName || option->shortName;
         option++) {
        if (!option->longName)
            bad += complain(entry, "an option has no long name");
        if (!is_sentence_like(option->descrip))
            bad += complain(entry, "an option has no description, or one that ends with a period");
        bool takes_value = (option->argInfo & POPT_ARG_MASK) != POPT_ARG_NONE &&
                           (option->argInfo & POPT_ARG_MASK) != POPT_ARG_VAL;
        if (takes_value != (option->argDescrip != NULL))
            bad += complain(entry, "an option's value and the word for it do not go together");
    }
    return bad;
}

static int check_entry(const struct cmd_entry *entry)
{
    int bad = check_options(entry);
    if (!is_sentence_like(entry->summary))
        bad += complain(entry, "no summary, or one that ends with a period");
    if (!entry->synopsis || !entry->description || !*entry->description)
        bad += complain(entry, "no synopsis or description");
    if (!entry->statuses || !entry->statuses->meaning)
        bad += complain(entry, "no exit status is described");
    if (!entry->examples || !entry->examples->command)
        bad += complain(entry, "no example");
    for (const struct cmd_example *example = entry->examples; example && example->command;
         example++)
        if (strncmp(example->command, "shale ", 6) != 0 && !strstr(example->command, " shale "))
            bad += complain(entry, "an example does not run shale");
    return bad;
}

static int check(void)
{
    int bad = 0;
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        bad += check_entry(*entry);
    return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } kinds[] = {{"bash", docs_print_bash},
                 {"zsh", docs_print_zsh},
                 {"fish", docs_print_fish},
                 {"markdown", docs_print_markdown}};
    if (argc == 2 && strcmp(argv[1], "check") == 0)
        return check();
    if (argc == 3 && strcmp(argv[1], "man") == 0)
        return write_manuals(argv[2]);
    for (size_t i = 0; argc == 3 && i < SHALE_ARRAY_LENGTH(kinds); i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return write_with(kinds[i].print, argv[2]);
    fprintf(stderr, "Usage: cli-docs man FOLDER | bash|zsh|fish|markdown FILE | check\n");
    return 1;
}
