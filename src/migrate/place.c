/* SPDX-License-Identifier: MIT */
/* The grammar of C around one word, as far as tokens tell it. Layer 1. */
#include "migrate/place.h"

#include <string.h>

enum { ARROW = PUNCT2('-', '>'), PASTE = PUNCT2('#', '#'), SCOPE = PUNCT2(':', ':') };

static const struct token *near(const struct place *place, int offset)
{
    return stream_token(place->stream, place->position + (uint32_t)offset);
}

static bool is(const struct place *place, int offset, uint32_t punctuation)
{
    return stream_is(place->stream, place->position + (uint32_t)offset, punctuation);
}

static const char *word(const struct place *place, int offset)
{
    name_id name = stream_word(place->stream, place->position + (uint32_t)offset);
    return name_text(&place->world->names, name);
}

static bool word_is(const struct place *place, int offset, const char *text)
{
    return strcmp(word(place, offset), text) == 0;
}

static enum word_kind kind(const struct place *place, int offset)
{
    return stream_word_kind(place->world, place->stream, place->position + (uint32_t)offset);
}

static bool is_any(const struct place *place, int offset, const char *characters)
{
    const struct token *token = near(place, offset);
    return token->kind == TOKEN_PUNCTUATION && token->value < 128 && token->value != 0 &&
           strchr(characters, (int)token->value);
}

uint32_t stream_opener(const struct stream *stream, uint32_t position)
{
    if (stream->directive < 0)
        return position < stream->source->openers.count ? stream->source->openers.at[position]
                                                        : NOTHING;
    int depth = 0;
    for (uint32_t i = position; i-- > 0;) {
        const struct token *token = stream_token(stream, i);
        if (token->kind != TOKEN_PUNCTUATION || token->value >= 128 || token->value == 0)
            continue;
        if (strchr(")]}", (int)token->value))
            depth++;
        else if (strchr("([{", (int)token->value) && depth-- == 0)
            return i;
    }
    return NOTHING;
}

/* Whether the word before some enclosing parenthesis is of that kind. */
static bool inside(const struct place *place, enum word_kind wanted)
{
    uint32_t at = stream_opener(place->stream, place->position);
    while (at != NOTHING && at > 0 && stream_is(place->stream, at, '(')) {
        if (stream_word_kind(place->world, place->stream, at - 1) == wanted)
            return true;
        at = stream_opener(place->stream, at);
    }
    return false;
}

static bool is_type_word(const struct place *place, int offset)
{
    name_id name = stream_word(place->stream, place->position + (uint32_t)offset);
    return name && (kind(place, offset) == WORD_TYPE || index_is_type(place->world, name));
}

static bool is_statement_edge(const struct place *place, int offset)
{
    return place->position < (uint32_t)-offset || is_any(place, offset, ";{}");
}

static bool in_parameter_list(const struct place *place)
{
    if (place->function)
        return place->position < place->function->body;
    return place->stream->directive < 0;
}

/* The word at that place, before stars, ends a type: `struct a *`, `a_t *const`, `unsigned`. */
static bool type_ends_at(const struct place *place, int offset, bool starred)
{
    if (is_type_word(place, offset))
        return true;
    if (kind(place, offset) != WORD_PLAIN || near(place, offset)->kind != TOKEN_WORD)
        return false;
    if (word_is(place, offset - 1, "struct") || word_is(place, offset - 1, "union") ||
        word_is(place, offset - 1, "enum") || is_type_word(place, offset - 1))
        return true;
    if (is_statement_edge(place, offset - 1))
        return true;
    return (is_any(place, offset - 1, "(,") && (!starred || in_parameter_list(place))) ||
           (is_any(place, offset - 1, ")") && !starred);
}

/* What stands before the word is a type, perhaps with stars. */
static bool follows_type(const struct place *place)
{
    int offset = -1;
    bool starred = false;
    while (place->position > (uint32_t)-offset &&
           (is(place, offset, '*') || word_is(place, offset, "const") ||
            word_is(place, offset, "restrict") || word_is(place, offset, "__restrict") ||
            word_is(place, offset, "volatile"))) {
        starred |= is(place, offset, '*');
        offset--;
    }
    if (offset < -1 && !starred)
        return true; /* const free */
    return type_ends_at(place, offset, starred);
}

/* `int a, free;`: an earlier declarator of the same statement has the type. */
static bool follows_declarator(const struct place *place)
{
    int before = is(place, -1, '*') ? -2 : -1;
    if (!is(place, before, ','))
        return false;
    int depth = 0;
    for (uint32_t i = place->position; i-- > 0;) {
        const struct token *token = stream_token(place->stream, i);
        if (token->kind != TOKEN_PUNCTUATION || token->value >= 128 || token->value == 0)
            continue;
        if (strchr(")]}", (int)token->value))
            depth++;
        else if (strchr("([{", (int)token->value) && depth-- == 0)
            return token->value == '{' && is_type_word(&(struct place){.world = place->world,
                                                                       .stream = place->stream,
                                                                       .position = i},
                                                       1);
        else if (token->value == ';' && depth == 0)
            return is_type_word(
                &(struct place){.world = place->world, .stream = place->stream, .position = i}, 1);
    }
    return false;
}

static bool in_record(const struct place *place)
{
    uint32_t brace = stream_opener(place->stream, place->position);
    if (brace != NOTHING && stream_is(place->stream, brace, '(') && is(place, -1, '*'))
        brace = stream_opener(place->stream, brace); /* void (*free)(void *); */
    if (brace == NOTHING || !stream_is(place->stream, brace, '{'))
        return false;
    struct place at = {.world = place->world, .stream = place->stream, .position = brace};
    for (int offset = -1; offset >= -2; offset--)
        if (word_is(&at, offset, "struct") || word_is(&at, offset, "union"))
            return true;
    return is(&at, -1, ')') && (word_is(&at, -5, "struct") || word_is(&at, -6, "struct"));
}

static bool in_enum(const struct place *place)
{
    uint32_t brace = stream_opener(place->stream, place->position);
    if (brace == NOTHING || !stream_is(place->stream, brace, '{'))
        return false;
    struct place at = {.world = place->world, .stream = place->stream, .position = brace};
    return word_is(&at, -1, "enum") || word_is(&at, -2, "enum");
}

/* void (*free)(void *) : the word before the parenthesis makes it no call. */
static bool is_pointer_declarator(const struct place *place)
{
    if (!is(place, -1, '*') || !is(place, 1, ')') || !is(place, 2, '('))
        return is(place, -1, '*') && is(place, -2, '(') && is(place, 1, '[');
    int offset = -2;
    while (is(place, offset, '*'))
        offset--;
    if (!is(place, offset, '('))
        return false;
    offset--;
    if (is(place, offset, '*'))
        return true;
    return near(place, offset)->kind == TOKEN_WORD && kind(place, offset) != WORD_STATEMENT;
}

/* Parentheses that list parameters and not arguments: empty, void, or types. */
static bool lists_types(const struct place *place)
{
    const struct stream *stream = place->stream;
    uint32_t open = place->position + (is(place, 1, '(') ? 1 : 2);
    if (stream_is(stream, open + 1, ')'))
        return true;
    struct place first = {.world = place->world, .stream = stream, .position = open};
    return is_type_word(&first, 1) ||
           (stream_word(stream, open + 1) && stream_word(stream, open + 2));
}

static enum migrate_rule rule_of_function_declarator(const struct place *place)
{
    const struct function *function = place->function;
    if (function && function->name_at == place->position)
        return MIGRATE_RULE_DEFINITION;
    bool in_body = function && place->position > function->body;
    if (place->stream->directive >= 0 || in_body)
        return follows_type(place) && lists_types(place) && !is(place, -1, ')')
                   ? MIGRATE_RULE_PROTOTYPE
                   : MIGRATE_RULE_COUNT;
    return stream_opener(place->stream, place->position) == NOTHING || follows_type(place)
               ? MIGRATE_RULE_PROTOTYPE
               : MIGRATE_RULE_COUNT;
}

static enum migrate_rule rule_of_declaration(const struct place *place)
{
    if (in_enum(place) && is_any(place, -1, "{,"))
        return MIGRATE_RULE_LOCAL;
    if (is_pointer_declarator(place))
        return in_record(place) ? MIGRATE_RULE_MEMBER : MIGRATE_RULE_DECLARATOR;
    if (is(place, 1, '(') || (is(place, -1, '(') && is(place, 1, ')') && is(place, 2, '(') &&
                              place->function && place->function->name_at == place->position))
        return rule_of_function_declarator(place);
    if (!is_any(place, 1, ";=,)[:"))
        return MIGRATE_RULE_COUNT;
    if (is(place, 1, ')') && is(place, -1, '*') && is(place, -2, ')'))
        return MIGRATE_RULE_COUNT;
    if (!follows_type(place) && !follows_declarator(place))
        return MIGRATE_RULE_COUNT;
    return in_record(place) ? MIGRATE_RULE_MEMBER : MIGRATE_RULE_LOCAL;
}

static enum migrate_rule rule_of_member(const struct place *place)
{
    if (is(place, -1, ARROW))
        return MIGRATE_RULE_MEMBER;
    if (!is(place, -1, '.'))
        return MIGRATE_RULE_COUNT;
    return is_any(place, -2, "{,") && is(place, 1, '=') ? MIGRATE_RULE_DESIGNATOR
                                                        : MIGRATE_RULE_MEMBER;
}

static bool is_label(const struct place *place)
{
    if (word_is(place, -1, "goto"))
        return true;
    return is(place, 1, ':') && (is_statement_edge(place, -1) || is(place, -1, ':')) &&
           place->function && !in_record(place);
}

static bool is_pasted(const struct place *place)
{
    if (place->stream->directive < 0) {
        uint32_t open = stream_opener(place->stream, place->position);
        if (open == NOTHING || open == 0 || !stream_is(place->stream, open, '('))
            return false;
        const struct macro *macro = index_macro(place->world, stream_word(place->stream, open - 1));
        if (!macro || !macro->function_like || !is_any(place, -1, "(,") || !is_any(place, 1, ",)"))
            return false;
        uint32_t parameter = 0;
        int depth = 0;
        for (uint32_t i = open + 1; i < place->position; i++) {
            depth += stream_is(place->stream, i, '(') - stream_is(place->stream, i, ')');
            parameter += depth == 0 && stream_is(place->stream, i, ',');
        }
        return parameter < MACRO_PARAMETERS_MAX && (macro->pasted & 1U << parameter);
    }
    return is(place, -1, PASTE) || is(place, 1, PASTE) ||
           (is(place, -1, '#') && place->position > 1);
}

enum migrate_rule place_rule(const struct place *place)
{
    if (is_pasted(place))
        return MIGRATE_RULE_PASTED;
    enum migrate_rule rule = rule_of_member(place);
    if (rule != MIGRATE_RULE_COUNT)
        return rule;
    if (is(place, -1, SCOPE))
        return MIGRATE_RULE_ATTRIBUTE;
    if (inside(place, WORD_ATTRIBUTE)) {
        bool bare =
            is_any(place, -1, "(,") && is_any(place, 1, "),") &&
            stream_is(place->stream, stream_opener(place->stream, place->position) - 1, '(');
        return bare ? MIGRATE_RULE_ATTRIBUTE_NAME : MIGRATE_RULE_ATTRIBUTE;
    }
    if (inside(place, WORD_ASM))
        return MIGRATE_RULE_ASM;
    if (word_is(place, -1, "struct") || word_is(place, -1, "union") || word_is(place, -1, "enum"))
        return MIGRATE_RULE_TAG;
    if (word_is(place, -1, "case"))
        return MIGRATE_RULE_LOCAL;
    if (is_label(place))
        return MIGRATE_RULE_LABEL;
    return rule_of_declaration(place);
}

bool place_is_wrapped_call(const struct place *place)
{
    if (!is(place, 1, ')') || !is(place, 2, '('))
        return false;
    int open = is_any(place, -1, "*&") ? -2 : -1;
    if (!is(place, open, '('))
        return false;
    return near(place, open - 1)->kind != TOKEN_WORD || kind(place, open - 1) == WORD_STATEMENT;
}

bool place_is_call(const struct place *place)
{
    return is(place, 1, '(') || place_is_wrapped_call(place);
}

bool place_is_plain_value(const struct place *place)
{
    static const uint32_t before[] = {'(',
                                      ',',
                                      '=',
                                      '&',
                                      '?',
                                      ':',
                                      '{',
                                      ')',
                                      ';',
                                      PUNCT2('=', '='),
                                      PUNCT2('!', '='),
                                      PUNCT2('&', '&'),
                                      PUNCT2('|', '|')};
    bool fits = word_is(place, -1, "return") || place->stream->directive >= 0;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(before); i++)
        fits |= is(place, -1, before[i]);
    static const uint32_t after[] = {')',
                                     ',',
                                     ';',
                                     '}',
                                     ':',
                                     '?',
                                     PUNCT2('=', '='),
                                     PUNCT2('!', '='),
                                     PUNCT2('&', '&'),
                                     PUNCT2('|', '|')};
    bool ends = place->position + 1 == place->stream->count;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(after); i++)
        ends |= is(place, 1, after[i]);
    return fits && ends;
}

bool place_in_initializer(const struct place *place)
{
    uint32_t open = stream_opener(place->stream, place->position);
    if (open == NOTHING || !stream_is(place->stream, open, '{') || open == 0)
        return false;
    struct place at = {.world = place->world, .stream = place->stream, .position = open};
    return is_any(&at, -1, "=,{])") && (!place->function || open != place->function->body);
}
