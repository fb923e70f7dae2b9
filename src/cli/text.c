/* SPDX-License-Identifier: MIT */
/* Filling texts and finding near words. Layer 6. */
#include "cli/text.h"

#include <string.h>

#include "base/attributes.h"

enum { TERM_MAX = 28, TERM_BLANKS_MAX = 2, WORD_MAX = 40 };

/* The length of "TERM" where the line begins with "TERM: "; else 0. */
static size_t term_length(const char *line, size_t length)
{
    size_t blanks = 0;
    for (size_t i = 0; i + 1 < length && i <= TERM_MAX; i++) {
        if (line[i] == ':' && line[i + 1] == ' ')
            return i;
        if (line[i] == '.' && line[i + 1] == ' ')
            return 0; /* a sentence ended */
        blanks += line[i] == ' ';
        if (blanks > TERM_BLANKS_MAX)
            return 0;
    }
    return 0;
}

static bool begins_block(const char *line, size_t length, bool with_entries)
{
    return length == 0 || *line == ' ' || (with_entries && term_length(line, length) > 0);
}

/* From the block's first line to the last that belongs to it. */
static size_t block_length(const char *text, bool with_entries)
{
    size_t used = strcspn(text, "\n");
    while (text[used] == '\n') {
        size_t next = strcspn(text + used + 1, "\n");
        if (begins_block(text + used + 1, next, with_entries))
            break;
        used += 1 + next;
    }
    return used;
}

bool text_next(const char **cursor, struct text_block *block, bool with_entries)
{
    const char *text = *cursor;
    size_t gap = strspn(text, "\n");
    text += gap;
    if (!*text)
        return false;
    size_t line = strcspn(text, "\n");
    *block = (struct text_block){.text = text, .length = line, .after_gap = gap > 1};
    if (*text == ' ') {
        block->kind = TEXT_VERBATIM;
        *cursor = text + line;
        return true;
    }
    block->length = block_length(text, with_entries);
    *cursor = text + block->length;
    size_t term = with_entries ? term_length(text, line) : 0;
    if (term) {
        block->kind = TEXT_ENTRY;
        block->term = text;
        block->term_length = term;
        block->text = text + term + 2;
        block->length -= term + 2;
    }
    return true;
}

void text_fill(FILE *out, const char *text, size_t length, size_t column, size_t indent)
{
    bool line_is_empty = true;
    if (column > indent) {
        fputc('\n', out);
        column = 0;
    }
    column += (size_t)fprintf(out, "%*s", (int)(indent - column), "");
    for (const char *end = text + length; text < end;) {
        text += strspn(text, " \n");
        size_t word = strcspn(text, " \n");
        if (text + word > end)
            word = text < end ? (size_t)(end - text) : 0;
        if (word == 0)
            break;
        if (!line_is_empty && column + 1 + word > TEXT_WIDTH) {
            column = (size_t)fprintf(out, "\n%*s", (int)indent, "") - 1;
            line_is_empty = true;
        }
        column += (size_t)fprintf(out, "%s%.*s", line_is_empty ? "" : " ", (int)word, text);
        line_is_empty = false;
        text += word;
    }
    fputc('\n', out);
}

static void print_entry(FILE *out, const struct text_block *block, size_t indent)
{
    enum { TEXT_COLUMN = 24 };
    size_t column = indent + 2 + block->term_length;
    fprintf(out, "%*s%.*s", (int)indent + 2, "", (int)block->term_length, block->term);
    if (column + 2 > TEXT_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    text_fill(out, block->text, block->length, column, TEXT_COLUMN);
}

void text_print(FILE *out, const char *text, size_t indent, bool with_entries)
{
    struct text_block block;
    bool first = true;
    while (text_next(&text, &block, with_entries)) {
        if (block.after_gap && !first)
            fputc('\n', out);
        first = false;
        if (block.kind == TEXT_VERBATIM)
            fprintf(out, "%*s%.*s\n", (int)indent, "", (int)block.length, block.text);
        else if (block.kind == TEXT_ENTRY)
            print_entry(out, &block, indent);
        else
            text_fill(out, block.text, block.length, 0, indent);
    }
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Insertions, deletions, replacements and swaps of neighbours from one word to the other. */
static size_t distance(const char *left, const char *right)
{
    size_t rows[3][WORD_MAX + 1];
    size_t left_length = strlen(left);
    size_t right_length = strlen(right);
    if (left_length > WORD_MAX || right_length > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= right_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            bool differ = left[i - 1] != right[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + differ);
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = least(row[j], second[j - 2] + 1, row[j]);
        }
    }
    return rows[left_length % 3][right_length];
}

const char *text_nearest(const char *word, const char *(*next)(void *context), void *context)
{
    const char *nearest = NULL;
    size_t best = strlen(word) < 5 ? 1 : 2;
    for (const char *candidate; (candidate = next(context));) {
        size_t slips = distance(word, candidate);
        if (slips > best || (nearest && slips == best))
            continue;
        best = slips;
        nearest = candidate;
    }
    return nearest;
}
