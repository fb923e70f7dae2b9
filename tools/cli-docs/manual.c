/* SPDX-License-Identifier: MIT */
/* Manual pages in mdoc(7). */
#include <ctype.h>
#include <string.h>

#include "cli/text.h"
#include "docs.h"

/* The day of the last change of these texts; fixed, so that a build can be repeated to the bit. */
#define MANUAL_DATE "November 21, 2026"

enum { SOURCE_WIDTH = 78 };

static void print_word(FILE *out, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '\\')
            fputs("\\e", out);
        else if (word[i] == '-')
            fputs("\\-", out);
        else if (word[i] == '\'' || word[i] == '`' || word[i] == '^' || word[i] == '~')
            fprintf(out, "%s",
                    word[i] == '\''  ? "\\(aq"
                    : word[i] == '`' ? "\\(ga"
                    : word[i] == '^' ? "\\(ha"
                                     : "\\(ti");
        else
            fputc(word[i], out);
    }
}

static bool ends_sentence(const char *word, size_t length)
{
    return length > 1 && strchr(".?!", word[length - 1]) != NULL &&
           strncmp(word, "e.g.", length) != 0;
}

/* Words in lines of the source: a new one for each sentence, as mdoc wants it. */
static void print_text(FILE *out, const char *text, size_t length)
{
    size_t column = 0;
    for (const char *end = text + length; text < end;) {
        text += strspn(text, " \n");
        size_t word = strcspn(text, " \n");
        if (text >= end)
            break;
        if (column > 0 && column + 1 + word > SOURCE_WIDTH - 20) {
            fputc('\n', out);
            column = 0;
        }
        if (column == 0 && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        else if (column > 0)
            fputc(' ', out);
        print_word(out, text, word);
        column += 1 + word;
        if (ends_sentence(text, word)) {
            fputc('\n', out);
            column = 0;
        }
        text += word;
    }
    if (column > 0)
        fputc('\n', out);
}

static void print_line(FILE *out, const char *text)
{
    print_text(out, text, strlen(text));
}

/* A list is open while entries follow each other, a display while verbatim lines do. */
static void change_block(FILE *out, enum text_kind from, enum text_kind to)
{
    if (from == to)
        return;
    if (from == TEXT_ENTRY)
        fputs(".El\n", out);
    if (from == TEXT_VERBATIM)
        fputs(".Ed\n", out);
    if (to == TEXT_ENTRY)
        fputs(".Bl -tag -width Ds\n", out);
    if (to == TEXT_VERBATIM)
        fputs(".Bd -literal -offset indent\n", out);
}

static void print_block(FILE *out, const struct text_block *block)
{
    if (block->kind == TEXT_ENTRY) {
        fputs(".It ", out);
        print_word(out, block->term, block->term_length);
        fputc('\n', out);
    }
    if (block->kind == TEXT_VERBATIM) {
        print_word(out, block->text, block->length);
        fputc('\n', out);
    } else {
        print_text(out, block->text, block->length);
    }
}

static void print_blocks(FILE *out, const char *text, bool with_entries)
{
    struct text_block block;
    enum text_kind kind = TEXT_PARAGRAPH;
    bool first = true;
    while (text_next(&text, &block, with_entries)) {
        change_block(out, kind, block.kind);
        if (!first && block.kind == TEXT_PARAGRAPH)
            fputs(".Pp\n", out);
        kind = block.kind;
        first = false;
        print_block(out, &block);
    }
    change_block(out, kind, TEXT_PARAGRAPH);
}

static void print_head(FILE *out, const char *name, const char *summary)
{
    fprintf(out, ".\\\" SPDX-License-Identifier: MIT\n.Dd %s\n.Dt ", MANUAL_DATE);
    for (const char *letter = name; *letter; letter++)
        fputc(toupper((unsigned char)*letter), out);
    fprintf(out, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", name);
    print_word(out, summary, strlen(summary));
    fputc('\n', out);
}

static void print_option_item(FILE *out, const struct poptOption *option)
{
    const char *value = option->argDescrip;
    fputs(".It", out);
    if (option->shortName)
        fprintf(out, " Fl %c%s", option->shortName, option->longName ? " ," : "");
    if (option->longName)
        fprintf(out, " Fl \\-%s%s", option->longName, value ? " Ns = Ns" : "");
    if (value) {
        fputs(" Ar ", out);
        print_word(out, value, strlen(value));
    }
    fputc('\n', out);
    print_line(out, option->descrip);
}

static void print_options(FILE *out, const struct poptOption *options)
{
    fputs(".Sh OPTIONS\n.Bl -tag -width Ds\n", out);
    for (; options->longName || options->shortName; options++)
        print_option_item(out, options);
    print_option_item(out, docs_help_option);
    fputs(".El\n", out);
}

static void print_statuses(FILE *out, const struct cmd_status *statuses)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (; statuses->meaning; statuses++) {
        fprintf(out, ".It %d\n", statuses->code);
        print_line(out, statuses->meaning);
    }
    fputs(".El\n", out);
}

static void print_examples(FILE *out, const struct cmd_example *examples)
{
    fputs(".Sh EXAMPLES\n", out);
    for (bool first = true; examples->command; examples++, first = false) {
        if (!first)
            fputs(".Pp\n", out);
        print_line(out, examples->says);
        fputs(".Pp\n.Dl $ ", out);
        print_word(out, examples->command, strlen(examples->command));
        fputc('\n', out);
    }
}

static void print_upper(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(toupper((unsigned char)*text), out);
}

/* All other pages, in alphabetical order as mdoc wants it. */
static void print_see_also(FILE *out, const struct cmd_entry *self)
{
    const char *last = "";
    const char *separator = "";
    fputs(".Sh SEE ALSO\n", out);
    if (self) {
        fputs(".Xr shale 1", out);
        separator = " ,\n";
    }
    for (;;) {
        const char *next = NULL;
        for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
            if (*entry != self && strcmp((*entry)->name, last) > 0 &&
                (!next || strcmp((*entry)->name, next) < 0))
                next = (*entry)->name;
        if (!next)
            break;
        fprintf(out, "%s.Xr shale-%s 1", separator, next);
        separator = " ,\n";
        last = next;
    }
    fputc('\n', out);
}

void docs_print_manual(const struct cmd_entry *entry, FILE *out)
{
    char name[64];
    snprintf(name, sizeof name, "shale-%s", entry->name);
    print_head(out, name, entry->summary);
    fprintf(out, ".Sh SYNOPSIS\n.Nm shale %s\n", entry->name);
    print_line(out, entry->synopsis);
    fputs(".Sh DESCRIPTION\n", out);
    print_blocks(out, entry->description, false);
    print_options(out, entry->options);
    for (const struct cmd_section *section = entry->sections; section && section->title;
         section++) {
        fputs(".Sh ", out);
        print_upper(out, section->title);
        fputc('\n', out);
        print_blocks(out, section->text, true);
    }
    print_statuses(out, entry->statuses);
    print_examples(out, entry->examples);
    print_see_also(out, entry);
}

void docs_print_main_manual(FILE *out)
{
    print_head(out, "shale",
               "memory partitioned by time, and tools that prove what an allocator does");
    fputs(".Sh SYNOPSIS\n.Nm\n.Ar COMMAND\n[OPTION...] [ARGUMENT...]\n.Nm\n.Cm help\n"
          ".Op Ar COMMAND\n.Nm\n.Fl \\-version\n.Sh DESCRIPTION\n",
          out);
    print_line(out, "Each command has a manual page of its own, and 'shale help COMMAND' prints "
                    "the same in short.");
    fputs(".Sh COMMANDS\n.Bl -tag -width Ds\n", out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++) {
        fprintf(out, ".It Xr shale-%s 1\n", (*entry)->name);
        print_line(out, (*entry)->summary);
    }
    fputs(".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev SHALE_ALLOCATOR_PATH\n", out);
    print_line(out, "Folders, apart by colons, in which allocators are looked for first, with "
                    "their subfolders.");
    fputs(".It Ev SHALE_PEERS\n", out);
    print_line(out, "The folder in which './x peers' unpacks further allocators; without it "
                    "shale/peers in XDG_CACHE_HOME, or in .cache of the home folder.");
    fputs(".El\n.Sh EXIT STATUS\n", out);
    print_line(out, "Each command's page lists its own. In all of them 64 means wrong arguments, "
                    "69 that a tool or target is missing, 70 an error of shale itself and 74 "
                    "that the output could not be written.");
    print_see_also(out, NULL);
}
