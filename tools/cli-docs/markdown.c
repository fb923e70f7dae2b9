/* SPDX-License-Identifier: MIT */
/* The reference as one Markdown page. */
#include <string.h>

#include "cli/text.h"
#include "docs.h"

/* Words as they are; what would be markup in them is escaped. */
static void print_text(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr("*_<>|\\[]`", text[i]))
            fputc('\\', out);
        fputc(text[i] == '\n' ? ' ' : text[i], out);
    }
}

static void print_line(FILE *out, const char *text)
{
    print_text(out, text, strlen(text));
    fputc('\n', out);
}

static void print_blocks(FILE *out, const char *text, bool with_entries)
{
    struct text_block block;
    enum text_kind kind = TEXT_PARAGRAPH;
    while (text_next(&text, &block, with_entries)) {
        if (block.kind != kind || block.kind == TEXT_PARAGRAPH)
            fputc('\n', out);
        kind = block.kind;
        if (block.kind == TEXT_VERBATIM) {
            fprintf(out, "    %.*s", (int)block.length, block.text);
        } else {
            if (block.kind == TEXT_ENTRY)
                fprintf(out, "- **%.*s**: ", (int)block.term_length, block.term);
            print_text(out, block.text, block.length);
        }
        fputc('\n', out);
    }
}

static void print_options(FILE *out, const struct poptOption *option)
{
    char flag[96];
    for (; option->longName || option->shortName; option++) {
        cmd_option_flag(option, flag, sizeof flag);
        fprintf(out, "| `%s` | ", flag + strspn(flag, " "));
        print_text(out, option->descrip, strlen(option->descrip));
        fputs(" |\n", out);
    }
}

static void print_entry(FILE *out, const struct cmd_entry *entry)
{
    fprintf(out, "\n## shale %s\n\n%s\n\n```\nshale %s %s\n```\n", entry->name, entry->summary,
            entry->name, entry->synopsis);
    print_blocks(out, entry->description, false);
    fputs("\n### Options\n\n| option | what it does |\n|---|---|\n", out);
    print_options(out, entry->options);
    print_options(out, docs_help_option);
    for (const struct cmd_section *section = entry->sections; section && section->title;
         section++) {
        fprintf(out, "\n### %s\n", section->title);
        print_blocks(out, section->text, true);
    }
    fputs("\n### Exit status\n\n| status | meaning |\n|---|---|\n", out);
    for (const struct cmd_status *status = entry->statuses; status->meaning; status++) {
        fprintf(out, "| %d | ", status->code);
        print_text(out, status->meaning, strlen(status->meaning));
        fputs(" |\n", out);
    }
    fputs("\n### Examples\n", out);
    for (const struct cmd_example *example = entry->examples; example->command; example++) {
        fputc('\n', out);
        print_line(out, example->says);
        fprintf(out, "\n```sh\n%s\n```\n", example->command);
    }
}

void docs_print_markdown(FILE *out)
{
    fputs("# Command line reference\n\nMade from the tables that the program itself reads its "
          "options by.\n\n",
          out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++) {
        fprintf(out, "- [shale %s](#shale-%s): ", (*entry)->name, (*entry)->name);
        print_line(out, (*entry)->summary);
    }
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        print_entry(out, *entry);
}
