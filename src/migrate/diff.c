/* SPDX-License-Identifier: MIT */
/*
 * The plan as a unified diff. Layer 1.
 *
 * The edits are known, so no comparison of texts is needed: the lines that an edit touches are
 * printed as removed and, with the edits applied, as added.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/migrate.h"
#include "migrate/vector.h"

enum { CONTEXT_LINES = 3 };

struct lines {
    const char *text;
    size_t size;
    VECTOR(size_t) starts;
};

struct hunk {
    size_t first_edit;
    size_t end_edit;
    size_t from; /* lines of the old text, 0-based, [from, to) */
    size_t to;
};

static void index_lines(struct lines *lines, const char *text, size_t size)
{
    *lines = (struct lines){.text = text, .size = size};
    for (size_t at = 0; at < size;) {
        *vector_push(&lines->starts) = at;
        const char *end = memchr(text + at, '\n', size - at);
        at = end ? (size_t)(end + 1 - text) : size;
    }
}

static size_t line_of(const struct lines *lines, size_t offset)
{
    size_t low = 0;
    size_t high = lines->starts.count;
    while (high - low > 1 && high > 0) {
        size_t middle = low + (high - low) / 2;
        if (lines->starts.at[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t start_of(const struct lines *lines, size_t line)
{
    return line < lines->starts.count ? lines->starts.at[line] : lines->size;
}

/* Lines that an edit touches: none for an insertion of whole lines between two lines. */
static void touched(const struct lines *lines, const struct migrate_line_edit *edit, size_t *from,
                    size_t *to)
{
    *from = line_of(lines, edit->from);
    size_t length = strlen(edit->text);
    bool between = edit->from == edit->to && length && edit->text[length - 1] == '\n' &&
                   (edit->from == start_of(lines, *from) || edit->from == lines->size);
    if (between && edit->from == lines->size &&
        (lines->size == 0 || lines->text[lines->size - 1] == '\n'))
        *from = lines->starts.count;
    *to = between && edit->from == start_of(lines, *from)
              ? *from
              : line_of(lines, edit->to > edit->from ? edit->to - 1 : edit->to) + 1;
}

static void print_lines(FILE *out, char mark, const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end + 1 - text) : size;
        fputc(mark, out);
        fwrite(text, 1, length, out);
        if (!end)
            fputs("\n\\ No newline at end of file\n", out);
        text += length;
        size -= length;
    }
}

static size_t count_lines(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size; count++) {
        const char *end = memchr(text + at, '\n', size - at);
        at = end ? (size_t)(end + 1 - text) : size;
    }
    return count;
}

/* The old bytes [from, to) with the edits of [first, end) applied. */
static void edited(text_buffer *text, const struct lines *lines,
                   const struct migrate_change *change, size_t first, size_t end, size_t from,
                   size_t to)
{
    text->count = 0;
    for (size_t i = first; i < end; i++) {
        buffer_add(text, lines->text + from, change->edits[i].from - from);
        buffer_add(text, change->edits[i].text, strlen(change->edits[i].text));
        from = change->edits[i].to;
    }
    buffer_add(text, lines->text + from, to - from);
}

/* Runs of edits on neighbouring lines: fn(..., first edit, end edit, from line, to line). */
static size_t run_of_edits(const struct lines *lines, const struct migrate_change *change,
                           size_t first, size_t *from, size_t *to)
{
    touched(lines, &change->edits[first], from, to);
    size_t end = first + 1;
    for (; end < change->edit_count; end++) {
        size_t next_from;
        size_t next_to;
        touched(lines, &change->edits[end], &next_from, &next_to);
        if (next_from > *to || (next_from == *to && next_to == next_from))
            break;
        if (next_to > *to)
            *to = next_to;
    }
    return end;
}

static void print_hunk(const struct lines *lines, const struct migrate_change *change,
                       const struct hunk *hunk, long *shift, FILE *out)
{
    text_buffer body = {0};
    char *memory = NULL;
    size_t memory_size = 0;
    FILE *text = open_memstream(&memory, &memory_size);
    if (!text)
        return;
    size_t line = hunk->from;
    size_t added = 0;
    size_t removed = 0;
    for (size_t edit = hunk->first_edit; edit < hunk->end_edit;) {
        size_t from;
        size_t to;
        size_t end = run_of_edits(lines, change, edit, &from, &to);
        size_t a = start_of(lines, from);
        size_t b = start_of(lines, to);
        print_lines(text, ' ', lines->text + start_of(lines, line), a - start_of(lines, line));
        print_lines(text, '-', lines->text + a, b - a);
        edited(&body, lines, change, edit, end, a, b);
        print_lines(text, '+', body.at, body.count);
        added += count_lines(body.at, body.count);
        removed += to - from;
        line = to;
        edit = end;
    }
    print_lines(text, ' ', lines->text + start_of(lines, line),
                start_of(lines, hunk->to) - start_of(lines, line));
    fclose(text);
    size_t old_count = hunk->to - hunk->from;
    size_t new_count = old_count - removed + added;
    fprintf(out, "@@ -%zu,%zu +%ld,%zu @@\n", hunk->from + (old_count > 0), old_count,
            (long)(hunk->from + (new_count > 0)) + *shift, new_count);
    fwrite(memory, 1, memory_size, out);
    *shift += (long)added - (long)removed;
    free(memory);
    vector_free(&body);
}

static void print_hunks(const struct lines *lines, const struct migrate_change *change, FILE *out)
{
    long shift = 0;
    for (size_t edit = 0; edit < change->edit_count;) {
        struct hunk hunk = {.first_edit = edit};
        size_t from;
        size_t to;
        size_t end = run_of_edits(lines, change, edit, &from, &to);
        hunk.from = from > CONTEXT_LINES ? from - CONTEXT_LINES : 0;
        while (end < change->edit_count) {
            size_t next_from;
            size_t next_to;
            size_t next = run_of_edits(lines, change, end, &next_from, &next_to);
            if (next_from > to + (size_t)(2 * CONTEXT_LINES))
                break;
            to = next_to;
            end = next;
        }
        hunk.to =
            to + CONTEXT_LINES < lines->starts.count ? to + CONTEXT_LINES : lines->starts.count;
        hunk.end_edit = end;
        print_hunk(lines, change, &hunk, &shift, out);
        edit = end;
    }
}

void migrate_print_diff(const struct migrate_plan *plan, FILE *out)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct migrate_change *change = &plan->changes[i];
        fprintf(out, "--- %s%s\n+++ b/%s\n", change->old_text ? "a/" : "/dev/null",
                change->old_text ? change->path : "", change->path);
        if (!change->old_text) {
            fprintf(out, "@@ -0,0 +1,%zu @@\n", count_lines(change->new_text, change->new_size));
            print_lines(out, '+', change->new_text, change->new_size);
            continue;
        }
        struct lines lines;
        index_lines(&lines, change->old_text, change->old_size);
        print_hunks(&lines, change, out);
        vector_free(&lines.starts);
    }
}
