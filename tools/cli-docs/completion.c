/* SPDX-License-Identifier: MIT */
/* Completion for bash, zsh and fish. */
#include <string.h>

#include "docs.h"

/* Names and versions that can be loaded, from the columns NAME VERSION FROM LOADS of the list. */
#define LIST_ALLOCATORS                                                                            \
    "shale run --list 2>/dev/null | "                                                              \
    "awk 'NR > 1 && $4 == \"yes\" { print $1; if ($2 != \"-\") print $1 \"@\" $2 }'"

/* Text inside single quotes of a shell; in zsh's specifications brackets and colons too. */
static void print_quoted(FILE *out, const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr(escaped, *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_names(FILE *out)
{
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        fprintf(out, "%s ", (*entry)->name);
    fputs("help", out);
}

/* The options of one kind as words in a shell's list, such as " --allocator -o". */
static void print_options_of(FILE *out, const struct cmd_entry *entry, enum docs_value kind)
{
    for (const struct poptOption *option = entry->options; option->longName || option->shortName;
         option++) {
        if (docs_value_of(option) != kind)
            continue;
        if (option->longName)
            fprintf(out, " --%s", option->longName);
        if (option->shortName)
            fprintf(out, " -%c", option->shortName);
    }
}

static void print_bash_case(FILE *out, const struct cmd_entry *entry)
{
    static const struct {
        const char *variable;
        enum docs_value kind;
    } lists[] = {{"plain", DOCS_NOTHING},
                 {"valued", DOCS_ANYTHING},
                 {"files", DOCS_FILE},
                 {"folders", DOCS_FOLDER},
                 {"allocators", DOCS_ALLOCATOR}};
    fprintf(out, "    %s)\n", entry->name);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(lists); i++) {
        fprintf(out, "        %s='", lists[i].variable);
        print_options_of(out, entry, lists[i].kind);
        fprintf(out, "%s '\n", lists[i].kind == DOCS_NOTHING ? " --help -h" : "");
    }
    fprintf(out, "        program=%s\n        ;;\n", docs_takes_program(entry) ? "yes" : "no");
}

static const char bash_head[] =
    "# SPDX-License-Identifier: MIT\n"
    "# bash completion for shale, made from its command tables\n"
    "_shale_allocators() {\n"
    "    " LIST_ALLOCATORS "\n"
    "}\n\n"
    "# The index of the user's own program in the line, or of the word being typed.\n"
    "_shale_program() {\n"
    "    local i\n"
    "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --) i=$((i + 1)); break ;;\n"
    "        =) i=$((i + 1)) ;;\n"
    "        -*)\n"
    "            if [[ $1 == *\" ${COMP_WORDS[i]} \"* && ${COMP_WORDS[i + 1]} != = ]]; then\n"
    "                i=$((i + 1))\n"
    "            fi\n"
    "            ;;\n"
    "        *) break ;;\n"
    "        esac\n"
    "    done\n"
    "    echo \"$i\"\n"
    "}\n\n"
    "_shale_values() {\n"
    "    case $1 in\n"
    "    files) compgen -f -- \"$2\" ;;\n"
    "    folders) compgen -d -- \"$2\" ;;\n"
    "    allocators) compgen -W \"$(_shale_allocators)\" -- \"$2\" ;;\n"
    "    esac\n"
    "}\n\n"
    "_shale() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local plain valued files folders allocators program start kind\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W '";

static const char bash_tail[] =
    "' -- \"$word\")\n"
    "        return\n"
    "        ;;\n"
    "    *) return ;;\n"
    "    esac\n"
    "    start=$(_shale_program \"$valued$files$folders$allocators\")\n"
    "    if ((start < COMP_CWORD)); then\n"
    "        if [[ $program == yes ]] && declare -F _command_offset >/dev/null; then\n"
    "            _command_offset \"$start\"\n"
    "        else\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "        fi\n"
    "        return\n"
    "    fi\n"
    "    # bash takes --option=value for three words\n"
    "    if [[ $word == = ]]; then\n"
    "        word=\n"
    "    elif [[ $option == = ]]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for kind in files folders allocators; do\n"
    "        if [[ ${!kind} == *\" $option \"* ]]; then\n"
    "            mapfile -t COMPREPLY < <(_shale_values \"$kind\" \"$word\")\n"
    "            return\n"
    "        fi\n"
    "    done\n"
    "    [[ $valued == *\" $option \"* ]] && return\n"
    "    if [[ $word == -* && ${COMP_WORDS[COMP_CWORD - 1]} != -- ]]; then\n"
    "        mapfile -t COMPREPLY < <(\n"
    "            compgen -W \"$plain$valued$files$folders$allocators\" -- \"$word\")\n"
    "    elif [[ $program == yes ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -c -- \"$word\"; compgen -f -- \"$word\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -o bashdefault -F _shale shale\n";

void docs_print_bash(FILE *out)
{
    fputs(bash_head, out);
    print_names(out);
    fputs(" --help --version' -- \"$word\")\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        print_bash_case(out, *entry);
    fputs("    help)\n        mapfile -t COMPREPLY < <(compgen -W '", out);
    print_names(out);
    fputs(bash_tail, out);
}

static const char *zsh_action(enum docs_value kind)
{
    switch (kind) {
    case DOCS_FILE:
        return "_files";
    case DOCS_FOLDER:
        return "_files -/";
    case DOCS_ALLOCATOR:
        return "_shale_allocators";
    default:
        return " ";
    }
}

static void print_zsh_option(FILE *out, const struct poptOption *option)
{
    enum docs_value kind = docs_value_of(option);
    fprintf(out, "            '--%s%s[", option->longName, kind == DOCS_NOTHING ? "" : "=");
    print_quoted(out, option->descrip, "[]:\\");
    fputc(']', out);
    if (kind != DOCS_NOTHING) {
        fputc(':', out);
        print_quoted(out, option->argDescrip, "[]:\\");
        fprintf(out, ":%s", zsh_action(kind));
    }
    fputs("' \\\n", out);
}

static void print_zsh_case(FILE *out, const struct cmd_entry *entry)
{
    fprintf(out, "    %s)\n        _arguments -S \\\n", entry->name);
    for (const struct poptOption *option = entry->options; option->longName; option++)
        print_zsh_option(out, option);
    print_zsh_option(out, docs_help_option);
    fprintf(out, "            '%s'\n        ;;\n",
            docs_takes_program(entry) ? "*:::program:_normal" : "*:file:_files");
}

void docs_print_zsh(FILE *out)
{
    fputs("#compdef shale\n"
          "# SPDX-License-Identifier: MIT\n"
          "# zsh completion for shale, made from its command tables\n"
          "_shale_allocators() {\n"
          "    local -a found\n"
          "    found=(${(f)\"$(" LIST_ALLOCATORS ")\"})\n"
          "    compadd -a found\n"
          "}\n\n"
          "_shale() {\n"
          "    local curcontext=$curcontext state line\n"
          "    local -a commands\n"
          "    commands=(\n",
          out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++) {
        fprintf(out, "        '%s:", (*entry)->name);
        print_quoted(out, (*entry)->summary, ":\\");
        fputs("'\n", out);
    }
    fputs("        'help:tell about a command'\n"
          "    )\n"
          "    _arguments -C '1:command:->command' '*::argument:->argument'\n"
          "    case $state in\n"
          "    command) _describe command commands; return ;;\n"
          "    esac\n"
          "    case $line[1] in\n",
          out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++)
        print_zsh_case(out, *entry);
    fputs("    help) _describe command commands ;;\n"
          "    esac\n"
          "}\n\n"
          "_shale \"$@\"\n",
          out);
}

static void print_fish_option(FILE *out, const struct cmd_entry *entry,
                              const struct poptOption *option)
{
    static const char *const actions[] = {[DOCS_NOTHING] = "",
                                          [DOCS_ANYTHING] = " -x",
                                          [DOCS_FILE] = " -r -F",
                                          [DOCS_FOLDER] = " -x -a '(__fish_complete_directories)'",
                                          [DOCS_ALLOCATOR] = " -x -a '(__shale_allocators)'"};
    fprintf(out, "complete -c shale -n '__fish_seen_subcommand_from %s'", entry->name);
    if (option->shortName)
        fprintf(out, " -s %c", option->shortName);
    fprintf(out, " -l %s%s -d '", option->longName, actions[docs_value_of(option)]);
    for (const char *letter = option->descrip; *letter; letter++)
        fprintf(out, "%s%c", strchr("'\\", *letter) ? "\\" : "", *letter);
    fputs("'\n", out);
}

void docs_print_fish(FILE *out)
{
    fputs("# SPDX-License-Identifier: MIT\n"
          "# fish completion for shale, made from its command tables\n"
          "function __shale_allocators\n"
          "    " LIST_ALLOCATORS "\n"
          "end\n"
          "complete -c shale -n __fish_use_subcommand -f -a help -d 'tell about a command'\n",
          out);
    for (const struct cmd_entry *const *entry = cmd_entries; *entry; entry++) {
        fprintf(out, "complete -c shale -n __fish_use_subcommand -f -a %s -d '", (*entry)->name);
        for (const char *letter = (*entry)->summary; *letter; letter++)
            fprintf(out, "%s%c", strchr("'\\", *letter) ? "\\" : "", *letter);
        fputs("'\n", out);
        for (const struct poptOption *option = (*entry)->options; option->longName; option++)
            print_fish_option(out, *entry, option);
        print_fish_option(out, *entry, docs_help_option);
        if (docs_takes_program(*entry))
            fprintf(out,
                    "complete -c shale -n '__fish_seen_subcommand_from %s' -a "
                    "'(__fish_complete_subcommand)'\n",
                    (*entry)->name);
    }
}
