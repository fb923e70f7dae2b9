/* SPDX-License-Identifier: MIT */
/* Records, their fields and typedefs, from tokens. Layer 1. */
#include "migrate/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_NESTING_MAX = 32 };

static bool word_is(const struct world *world, const struct stream *stream, uint32_t position,
                    const char *text)
{
    name_id name = stream_word(stream, position);
    return name && strcmp(name_text(&world->names, name), text) == 0;
}

static bool begins_record(const struct world *world, const struct stream *stream, uint32_t position)
{
    return word_is(world, stream, position, "struct") || word_is(world, stream, position, "union");
}

/* Words of the language that can make up a number's type. */
static bool is_scalar_word(const char *text)
{
    static const char *const words[] = {
        "char",    "double",  "float",   "int",     "long",     "short",    "signed",   "unsigned",
        "_Bool",   "bool",    "size_t",  "ssize_t", "uint8_t",  "uint16_t", "uint32_t", "uint64_t",
        "int8_t",  "int16_t", "int32_t", "int64_t", "off_t",    "time_t",   "pid_t",    "mode_t",
        "wchar_t", "u_char",  "u_int",   "enum",    "ptrdiff_t"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(words); i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return false;
}

static struct type typedef_type(const struct world *world, name_id name)
{
    return name < world->typedefs.count ? world->typedefs.at[name] : (struct type){0};
}

/* #define U32_TYPE unsigned int */
static bool is_number_macro(const struct world *world, name_id name)
{
    const struct macro *macro = index_macro(world, name);
    if (!macro || macro->function_like || macro->body >= macro->tokens.count)
        return false;
    const struct source *source = world->sources.at[macro->source];
    for (size_t i = macro->body; i < macro->tokens.count; i++) {
        const struct token *token = &source->tokens.at[macro->tokens.at[i]];
        if (token->kind != TOKEN_WORD || !is_scalar_word(name_text(&world->names, token->value)))
            return false;
    }
    return true;
}

/* The record that a '{' opens or a tag names, when `struct` stands at the position. */
static name_id record_at(const struct world *world, const struct stream *stream, uint32_t position)
{
    uint32_t next = position + 1;
    if (stream_word_kind(world, stream, next) == WORD_ATTRIBUTE && stream_is(stream, next + 1, '('))
        next = stream_partner(stream, next + 1) + 1;
    if (stream_word(stream, next))
        return stream_word(stream, next);
    char text[48];
    int length = snprintf(text, sizeof text, "@%u@%u", stream->source_index, position);
    return names_add((struct names *)&world->names, text, (size_t)length);
}

static uint32_t behind_record(const struct world *world, const struct stream *stream,
                              uint32_t position)
{
    uint32_t next = position + 1;
    if (stream_word_kind(world, stream, next) == WORD_ATTRIBUTE && stream_is(stream, next + 1, '('))
        next = stream_partner(stream, next + 1) + 1;
    next += stream_word(stream, next) != 0;
    if (!stream_is(stream, next, '{'))
        return next;
    uint32_t close = stream_partner(stream, next);
    return close == NOTHING ? stream->count : close + 1;
}

struct type types_specifiers(const struct world *world, const struct stream *stream, uint32_t from,
                             uint32_t to, uint32_t *next)
{
    struct type type = {0};
    bool named = false;
    uint32_t i = from;
    while (i < to) {
        name_id name = stream_word(stream, i);
        enum word_kind kind = stream_word_kind(world, stream, i);
        if (begins_record(world, stream, i)) {
            type.record = record_at(world, stream, i);
            type.plain = true;
            i = behind_record(world, stream, i);
            named = true;
        } else if (kind == WORD_TYPE) {
            bool scalar = is_scalar_word(name_text(&world->names, name));
            type.plain |= scalar || word_is(world, stream, i, "void");
            named |= scalar || word_is(world, stream, i, "void") ||
                     word_is(world, stream, i, "FILE") || word_is(world, stream, i, "va_list") ||
                     word_is(world, stream, i, "uintptr_t") ||
                     word_is(world, stream, i, "intptr_t") || word_is(world, stream, i, "DIR");
            i = word_is(world, stream, i, "enum") ? behind_record(world, stream, i) : i + 1;
        } else if (kind == WORD_ATTRIBUTE && stream_is(stream, i + 1, '(')) {
            i = stream_partner(stream, i + 1) + 1;
        } else if (name && kind == WORD_PLAIN && !named &&
                   (stream_word(stream, i + 1) || stream_is(stream, i + 1, '*') ||
                    stream_is(stream, i + 1, '(') || index_is_type(world, name))) {
            /* SQLITE_API int f(): a word that is no type, before one that is. */
            bool macro = !index_is_type(world, name) && stream_word(stream, i + 1) &&
                         (stream_word_kind(world, stream, i + 1) == WORD_TYPE ||
                          index_is_type(world, stream_word(stream, i + 1)));
            if (!macro) {
                type = typedef_type(world, name);
                type.plain |= is_number_macro(world, name);
                named = true;
            }
            i++;
        } else {
            break;
        }
    }
    *next = i < to ? i : to;
    return type;
}

struct type types_of_declarator(const struct stream *stream, struct type base, uint32_t from,
                                uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        base.stars += stream_is(stream, i, '*') || stream_is(stream, i, '[');
        base.plain &= !stream_is(stream, i, '('); /* pointers to functions are left unknown */
    }
    return base;
}

/* ---- records ---- */

void types_set(struct type_list *list, name_id name, struct type type)
{
    while (list->count <= name)
        vector_push(list);
    struct type *known = &list->at[name];
    if (known->known) { /* two of one name: what both say */
        known->plain &= type.plain && known->stars == type.stars;
        known->record = known->record == type.record ? type.record : 0;
        known->home = known->home == type.home ? type.home : 0;
        return;
    }
    *known = type;
    known->known = true;
}

static name_id field_name(const struct world *world, name_id record, name_id field, bool add)
{
    char *text =
        must_format("%s.%s", name_text(&world->names, record), name_text(&world->names, field));
    name_id name = add ? names_add((struct names *)&world->names, text, strlen(text))
                       : names_find(&world->names, text);
    free(text);
    return name;
}

static name_id position_name(const struct world *world, name_id record, uint32_t position, bool add)
{
    char *text = must_format("%s.#%u", name_text(&world->names, record), position);
    name_id name = add ? names_add((struct names *)&world->names, text, strlen(text))
                       : names_find(&world->names, text);
    free(text);
    return name;
}

static void add_field(struct world *world, name_id record, name_id field, struct type type)
{
    name_id name = field_name(world, record, field, true);
    bool first = name >= world->fields.count || !world->fields.at[name].known;
    types_set(&world->fields, name, type);
    for (uint32_t i = 0; first; i++) {
        name_id position = position_name(world, record, i, true);
        while (world->field_at.count <= position)
            *vector_push(&world->field_at) = 0;
        if (world->field_at.at[position] == 0) {
            world->field_at.at[position] = field;
            break;
        }
    }
}

name_id types_field_at(const struct world *world, name_id record, uint32_t position)
{
    name_id name = record ? position_name(world, record, position, false) : 0;
    return name && name < world->field_at.count ? world->field_at.at[name] : 0;
}

name_id types_field(const struct world *world, name_id record, name_id field, struct type *type)
{
    name_id name = record ? field_name(world, record, field, false) : 0;
    if (!name || name >= world->fields.count || !world->fields.at[name].known)
        return 0;
    *type = world->fields.at[name];
    return name;
}

/* The name that a declarator in [from, to) gives: the last word before brackets, or in (*name). */
static name_id declared_name(const struct world *world, const struct stream *stream, uint32_t from,
                             uint32_t to)
{
    name_id name = 0;
    for (uint32_t i = from; i < to; i++) {
        if (stream_is(stream, i, '(')) {
            while (stream_is(stream, i + 1, '*'))
                i++;
            return stream_word(stream, i + 1) ? stream_word(stream, i + 1) : name;
        }
        if (stream_is(stream, i, '[') || stream_is(stream, i, ':'))
            break;
        if (stream_word(stream, i) && stream_word_kind(world, stream, i) == WORD_PLAIN)
            name = stream_word(stream, i);
    }
    return name;
}

static void read_record(struct world *world, const struct stream *stream, name_id record,
                        uint32_t open, uint32_t close, unsigned nesting);

static uint32_t end_of_member(const struct stream *stream, uint32_t from, uint32_t close,
                              uint32_t punctuation)
{
    int depth = 0;
    for (uint32_t i = from; i < close; i++) {
        const struct token *token = stream_token(stream, i);
        if (token->kind != TOKEN_PUNCTUATION)
            continue;
        depth += token->value == '(' || token->value == '[' || token->value == '{';
        depth -= token->value == ')' || token->value == ']' || token->value == '}';
        if (depth == 0 && (token->value == ';' || token->value == punctuation))
            return i;
    }
    return close;
}

/* One member declaration [from, to). */
static void read_member(struct world *world, const struct stream *stream, name_id record,
                        uint32_t from, uint32_t to, unsigned nesting)
{
    uint32_t next;
    struct type base = types_specifiers(world, stream, from, to, &next);
    if (next >= to && begins_record(world, stream, from)) { /* members of the outer record too */
        uint32_t brace = from + 1;
        while (brace < to && !stream_is(stream, brace, '{'))
            brace++;
        if (brace < to)
            read_record(world, stream, record, brace, stream_partner(stream, brace), nesting + 1);
        return;
    }
    while (next < to) {
        uint32_t end = end_of_member(stream, next, to, ',');
        name_id field = declared_name(world, stream, next, end);
        if (field)
            add_field(world, record, field, types_of_declarator(stream, base, next, end));
        next = end + 1;
    }
}

static void read_record(struct world *world, const struct stream *stream, name_id record,
                        uint32_t open, uint32_t close, unsigned nesting)
{
    if (close == NOTHING || nesting > RECORD_NESTING_MAX)
        return;
    for (uint32_t from = open + 1; from < close;) {
        uint32_t end = end_of_member(stream, from, close, ';');
        if (end > from)
            read_member(world, stream, record, from, end, nesting);
        from = end + 1;
    }
}

static void read_typedef(struct world *world, const struct stream *stream, uint32_t from)
{
    uint32_t end = end_of_member(stream, from, stream->count, ';');
    uint32_t next;
    if (end - from > 20000)
        return;
    struct type base = types_specifiers(world, stream, from + 1, end, &next);
    if (next >= end && end > from && stream_word(stream, end - 1))
        next = end - 1; /* `typedef T` read the name as a part of the type */
    while (next < end) {
        uint32_t stop = end_of_member(stream, next, end, ',');
        name_id name = declared_name(world, stream, next, stop);
        if (name)
            types_set(&world->typedefs, name, types_of_declarator(stream, base, next, stop));
        next = stop + 1;
    }
}

void types_index(struct world *world, uint32_t source)
{
    struct stream code = world_code(world, source);
    for (uint32_t i = 0; i < code.count; i++) {
        if (stream_token(&code, i)->kind != TOKEN_WORD)
            continue;
        if (word_is(world, &code, i, "typedef")) {
            read_typedef(world, &code, i);
        } else if (begins_record(world, &code, i)) {
            uint32_t behind = behind_record(world, &code, i);
            if (behind > i + 1 && stream_is(&code, behind - 1, '}'))
                read_record(world, &code, record_at(world, &code, i),
                            stream_partner(&code, behind - 1), behind - 1, 0);
        }
    }
}
