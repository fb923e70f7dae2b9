/* SPDX-License-Identifier: MIT */
/*
 * The texts of the command tables: split into blocks, filled to the width of a terminal; and the
 * nearest known word to a mistyped one. Layer 6.
 *
 * Blocks: paragraphs are apart by an empty line; a line that begins with a blank is printed as it
 * is; in sections a line "TERM: text" begins an entry of a list.
 */
#ifndef SHALE_CLI_TEXT_H
#define SHALE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_WIDTH = 80 };

enum text_kind { TEXT_PARAGRAPH, TEXT_VERBATIM, TEXT_ENTRY };

struct text_block {
    enum text_kind kind;
    const char *text; /* with line ends inside paragraphs and entries */
    size_t length;
    const char *term; /* of an entry */
    size_t term_length;
    bool after_gap; /* an empty line came before it */
};

/*
 * Takes the next block off *cursor.
 *
 * @param with_entries  "TERM: text" lines are entries, not paragraphs.
 * @return false at the end of the text.
 */
bool text_next(const char **cursor, struct text_block *block, bool with_entries);

/*
 * Prints the words of text, filled to TEXT_WIDTH, and a line end.
 *
 * @param column  where the cursor is.
 * @param indent  where all further lines begin.
 */
void text_fill(FILE *out, const char *text, size_t length, size_t column, size_t indent);

/* Prints a whole text: its blocks, each line indented by `indent`. */
void text_print(FILE *out, const char *text, size_t indent, bool with_entries);

/*
 * The candidate nearest to a mistyped word.
 *
 * @param next     gives the candidates one by one, then NULL.
 * @return         a candidate at most two slips away (one in words under five letters), or NULL.
 */
const char *text_nearest(const char *word, const char *(*next)(void *context), void *context);

#endif
