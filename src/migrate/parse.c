/* SPDX-License-Identifier: MIT */
/*
 * Expressions as flows of pointers. Layer 1.
 *
 * Precedence does not matter beyond assignment, conditional, unary and postfix: of the binary
 * operators only sums and masks can yield a pointer, and then of either side.
 */
#include "migrate/cursor.h"

#include <string.h>

enum { ARROW = PUNCT2('-', '>'), INCREMENT = PUNCT2('+', '+'), DECREMENT = PUNCT2('-', '-') };

void value_assign(struct parser *parser, cell_id target, struct value value)
{
    if (!target || !value.cell || parser->unevaluated)
        return;
    if (value.address) {
        flow_unify(parser->flow, flow_pointee(parser->flow, target), value.cell);
    } else {
        flow_edge(parser->flow, value.cell, target);
    }
}

struct value value_join(struct parser *parser, struct value left, struct value right)
{
    name_id record = left.record ? left.record : right.record;
    if (!left.cell || (left.cell == right.cell && left.address == right.address)) {
        right.record = record;
        return right;
    }
    if (!right.cell) {
        left.record = record;
        return left;
    }
    cell_id both = flow_new(parser->flow);
    value_assign(parser, both, left);
    value_assign(parser, both, right);
    return (struct value){.cell = both, .record = record};
}

static struct value dereference(struct parser *parser, struct value value)
{
    if (!value.cell || value.function)
        return value;
    if (value.address) {
        value.address = false;
        return value;
    }
    if (value.levels == 2) /* what it points to is a number or a record */
        return (struct value){.record = value.record, .levels = 1};
    value.cell = flow_pointee(parser->flow, value.cell);
    value.levels -= value.levels > 2;
    return value;
}

/* The member's name where the compiler told its record; 0: it did not. */
static name_id name_by_compiler(struct parser *parser, uint32_t position)
{
    const struct token *token = stream_token(&parser->stream, position);
    const struct meaning *meaning = source_meaning(parser->stream.source, token->at);
    return meaning && meaning->kind == MEANING_FIELD
               ? names_add(&parser->world->names, meaning->text, strlen(meaning->text))
               : 0;
}

static struct value field_of_any(struct parser *parser, name_id name)
{
    struct analysis *analysis = parser->analysis;
    while (analysis->plain_field.count <= name)
        vector_push(&analysis->plain_field);
    analysis->plain_field.at[name] = 1;
    return (struct value){.cell = flow_keyed(parser->flow, CELL_FIELD, name, 0)};
}

/* A member: by record and name where they are known, else one cell for all of that name. */
static struct value named_field(struct parser *parser, name_id record, name_id name,
                                name_id compilers)
{
    struct type type = {0};
    name_id declared = types_field(parser->world, record, name, &type);
    name_id full = parser->world->has_database ? compilers : declared;
    if (!full) {
        struct value any = field_of_any(parser, name);
        return value_of(any.cell, type);
    }
    *vector_push(&parser->analysis->fields) = full;
    return value_of(flow_keyed(parser->flow, CELL_FIELD, full, 0), type);
}

struct value field_value(struct parser *parser, name_id record, uint32_t position)
{
    name_id name = stream_word(&parser->stream, position);
    const struct local *local = parser->expansions ? parse_lookup(parser, name) : NULL;
    if (local && local->word)
        name = local->word; /* a macro's parameter that names a member */
    return named_field(parser, record, name, name_by_compiler(parser, position));
}

const struct local *parse_lookup(const struct parser *parser, name_id name)
{
    for (size_t i = parser->locals.count; i-- > 0;)
        if (parser->locals.at[i].name == name)
            return &parser->locals.at[i];
    return NULL;
}

/* ---- what looks like a type ---- */

static bool is_type_name(const struct parser *parser, uint32_t position);

bool begins_type(const struct parser *parser, uint32_t position)
{
    return is_type_name(parser, position) ||
           (word(parser, position) && stream_is(&parser->stream, position + 1, '*') &&
            (stream_is(&parser->stream, position + 2, ',') ||
             stream_is(&parser->stream, position + 2, ')')));
}

static bool is_type_name(const struct parser *parser, uint32_t position)
{
    name_id name = word(parser, position);
    if (!name)
        return false;
    if (kind(parser, position) == WORD_TYPE || index_is_type(parser->world, name))
        return true;
    const struct local *local = parser->expansions ? parse_lookup(parser, name) : NULL;
    if (local)
        return local->type;
    const char *text = name_text(&parser->world->names, name);
    size_t length = strlen(text);
    return length > 2 && strcmp(text + length - 2, "_t") == 0;
}

/* `(` ... `)` at the position is a cast, a compound literal's type or a sizeof's type. */
static bool is_cast(const struct parser *parser)
{
    uint32_t i = parser->position + 1;
    if (!word(parser, i))
        return false;
    uint32_t close = stream_partner(&parser->stream, parser->position);
    if (close == NOTHING || close >= parser->end)
        return false;
    if (is_type_name(parser, i))
        return true;
    uint32_t star = i + 1;
    while (star < close && stream_is(&parser->stream, star, '*'))
        star++;
    if (star != close || kind(parser, i) != WORD_PLAIN)
        return false;
    const struct token *next = stream_token(&parser->stream, close + 1);
    bool operand = close + 1 < parser->end &&
                   (next->kind == TOKEN_WORD || next->kind == TOKEN_LITERAL || next->value == '{');
    return star > i + 1 || operand;
}

/* ---- primary, postfix, unary ---- */

static struct value parse_unary(struct parser *parser);

static struct value parse_parenthesis(struct parser *parser)
{
    if (stream_is(&parser->stream, parser->position + 1, '{')) { /* ({ ... }) */
        parser->position++;
        parse_block(parser);
        accept(parser, ')');
        return parser->last_expression;
    }
    parser->position++;
    struct value value = parse_expression(parser);
    while (parser->position < parser->end && !at(parser, ')') && !at(parser, ';') &&
           !at(parser, '}'))
        parser->position++;
    accept(parser, ')');
    return value;
}

static uint32_t parse_arguments(struct parser *parser, struct value *arguments, uint32_t *starts)
{
    uint32_t count = 0;
    parser->position++; /* ( */
    while (parser->position < parser->end && !at(parser, ')')) {
        uint32_t start = parser->position;
        struct value value = parse_assignment(parser);
        if (count < CALL_ARGUMENTS_MAX) {
            starts[count] = start;
            arguments[count++] = value;
        }
        while (parser->position < parser->end && !at(parser, ',') && !at(parser, ')')) {
            if (at(parser, ';') || at(parser, '{'))
                parse_expression(parser); /* statements as a macro's argument */
            if (at(parser, '(') || at(parser, '[') || at(parser, '{'))
                skip_bracket(parser);
            else if (!at(parser, ',') && !at(parser, ')'))
                parser->position++;
        }
        accept(parser, ',');
    }
    accept(parser, ')');
    return count;
}

static struct value parse_call(struct parser *parser, struct value callee, uint32_t name)
{
    struct value arguments[CALL_ARGUMENTS_MAX];
    uint32_t starts[CALL_ARGUMENTS_MAX];
    uint32_t count = parse_arguments(parser, arguments, starts);
    if (name != NOTHING)
        return call_by_name(parser, name, arguments, starts, count);
    return call_by_value(parser, callee, arguments, count);
}

/* (f)(...) and (*f)(...): the name's position, or NOTHING. */
static uint32_t wrapped_name(const struct parser *parser)
{
    uint32_t i = parser->position + 1;
    i += stream_is(&parser->stream, i, '*') || stream_is(&parser->stream, i, '&');
    if (!word(parser, i) || kind(parser, i) != WORD_PLAIN || is_type_name(parser, i))
        return NOTHING;
    return stream_is(&parser->stream, i + 1, ')') && stream_is(&parser->stream, i + 2, '(')
               ? i
               : NOTHING;
}

static struct value parse_primary(struct parser *parser)
{
    const struct token *token = stream_token(&parser->stream, parser->position);
    if (parser->position >= parser->end)
        return (struct value){0};
    if (token->kind == TOKEN_LITERAL) {
        parser->position++;
        return (struct value){0};
    }
    if (token->kind == TOKEN_WORD) {
        uint32_t name = parser->position++;
        if (kind(parser, name) == WORD_TYPE) /* a type as an argument */
            return (struct value){0};
        if (at(parser, '('))
            return parse_call(parser, (struct value){0}, name);
        return name_value(parser, name);
    }
    if (token_is(token, '(')) {
        uint32_t name = wrapped_name(parser);
        if (name == NOTHING)
            return parse_parenthesis(parser);
        parser->position = stream_partner(&parser->stream, parser->position) + 1;
        return parse_call(parser, (struct value){0}, name);
    }
    if (token_is(token, '{'))
        return parse_initializer(parser, 0, 0);
    return (struct value){0};
}

static struct value parse_postfix(struct parser *parser)
{
    struct value value = parse_primary(parser);
    for (;;) {
        if (at(parser, '(')) {
            value = parse_call(parser, value, NOTHING);
        } else if (accept(parser, '[')) {
            parse_expression(parser);
            accept(parser, ']');
            value = dereference(parser, value);
        } else if ((at(parser, '.') || at(parser, ARROW)) && word(parser, parser->position + 1)) {
            value = field_value(parser, value.record, parser->position + 1);
            parser->position += 2;
        } else if (!accept(parser, INCREMENT) && !accept(parser, DECREMENT)) {
            return value;
        }
    }
}

static struct value parse_operator_word(struct parser *parser)
{
    bool before = parser->unevaluated;
    parser->unevaluated = true;
    parser->position++;
    if (at(parser, '(') && is_cast(parser))
        skip_bracket(parser);
    else
        parse_unary(parser);
    parser->unevaluated = before;
    return (struct value){0};
}

static struct value parse_cast(struct parser *parser)
{
    uint32_t open = parser->position;
    uint32_t next;
    skip_bracket(parser);
    uint32_t close = parser->position - 1;
    struct type base = types_specifiers(parser->world, &parser->stream, open + 1, close, &next);
    struct type type = types_of_declarator(&parser->stream, base, next, close);
    if (at(parser, '{'))
        return parse_initializer(parser, 0, type.record);
    struct value value = parse_unary(parser);
    if (type.record)
        value.record = type.record;
    value.levels = type.plain && !value.address ? (uint8_t)(type.stars + 1) : 0;
    return value;
}

static struct value parse_unary_inner(struct parser *parser)
{
    if (accept(parser, '*'))
        return dereference(parser, parse_unary(parser));
    if (accept(parser, '&')) {
        struct value value = parse_unary(parser);
        value.address = value.cell != 0 && !value.address && !value.function;
        return value;
    }
    if (accept(parser, INCREMENT) || accept(parser, DECREMENT) || accept(parser, '+'))
        return parse_unary(parser);
    if (accept(parser, '!') || accept(parser, '~') || accept(parser, '-') ||
        accept(parser, PUNCT2('&', '&'))) {
        parse_unary(parser);
        return (struct value){0};
    }
    if (kind(parser, parser->position) == WORD_OPERATOR)
        return parse_operator_word(parser);
    if (at(parser, '(') && is_cast(parser) && wrapped_name(parser) == NOTHING)
        return parse_cast(parser);
    return parse_postfix(parser);
}

static struct value parse_unary(struct parser *parser)
{
    if (parser->nesting >= NESTING_MAX) { /* hostile or generated: step over it */
        if (at(parser, '(') || at(parser, '[') || at(parser, '{'))
            skip_bracket(parser);
        else if (parser->position < parser->end)
            parser->position++;
        return (struct value){0};
    }
    parser->nesting++;
    struct value value = parse_unary_inner(parser);
    parser->nesting--;
    return value;
}

/* ---- binary, conditional, assignment, comma ---- */

static bool keeps_pointers(uint32_t operator)
{
    return operator== '+' || operator== '-' || operator== '|' || operator== '&' || operator== '^';
}

static bool is_binary(uint32_t operator)
{
    static const uint32_t operators[] = {'+',
                                         '-',
                                         '*',
                                         '/',
                                         '%',
                                         '&',
                                         '|',
                                         '^',
                                         '<',
                                         '>',
                                         PUNCT2('<', '<'),
                                         PUNCT2('>', '>'),
                                         PUNCT2('<', '='),
                                         PUNCT2('>', '='),
                                         PUNCT2('=', '='),
                                         PUNCT2('!', '='),
                                         PUNCT2('&', '&'),
                                         PUNCT2('|', '|')};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(operators); i++)
        if (operators[i] == operator)
            return true;
    return false;
}

static bool is_compound_assignment(uint32_t operator)
{
    uint32_t last = operator& 0xff;
    uint32_t first = operator>> 8;
    return last == '=' && ((first && first < 128 && strchr("+-*/%&|^", (int)first)) ||
                           first == PUNCT2('<', '<') || first == PUNCT2('>', '>'));
}

static uint32_t operator_at(const struct parser *parser)
{
    const struct token *token = stream_token(&parser->stream, parser->position);
    return parser->position < parser->end && token->kind == TOKEN_PUNCTUATION ? token->value : 0;
}

static struct value parse_binary(struct parser *parser)
{
    struct value value = parse_unary(parser);
    for (uint32_t operator; is_binary(operator= operator_at(parser));) {
        parser->position++;
        struct value right = parse_unary(parser);
        value = keeps_pointers(operator) ? value_join(parser, value, right) : (struct value){0};
    }
    return value;
}

static struct value parse_conditional(struct parser *parser)
{
    struct value value = parse_binary(parser);
    if (!accept(parser, '?'))
        return value;
    struct value left = value; /* a ?: b */
    if (!at(parser, ':'))
        left = parse_expression(parser);
    if (!accept(parser, ':'))
        return left;
    return value_join(parser, left, parse_assignment(parser));
}

struct value parse_assignment(struct parser *parser)
{
    if (parser->nesting >= NESTING_MAX)
        return parse_unary(parser);
    parser->nesting++;
    struct value left = parse_conditional(parser);
    if (accept(parser, '=')) {
        struct value right = at(parser, '{') ? parse_initializer(parser, left.cell, left.record)
                                             : parse_assignment(parser);
        if (!left.address)
            value_assign(parser, left.cell, right);
    } else if (is_compound_assignment(operator_at(parser))) {
        parser->position++;
        parse_assignment(parser);
    }
    parser->nesting--;
    return left;
}

struct value parse_expression(struct parser *parser)
{
    struct value value = parse_assignment(parser);
    while (accept(parser, ','))
        value = parse_assignment(parser);
    return value;
}

/* ---- initializers ---- */

/* What the entry of that position sets: a member of a known record, else an element. */
static struct value positional(struct parser *parser, cell_id target, name_id record,
                               uint32_t position, bool array)
{
    name_id field = array ? 0 : types_field_at(parser->world, record, position);
    if (field)
        return named_field(parser, record, field, 0);
    return (struct value){.cell = target ? flow_pointee(parser->flow, target) : 0,
                          .record = record};
}

/* An entry that is a list itself is an element of an array of records, or a record inside one. */
static void parse_initializer_entry(struct parser *parser, cell_id target, name_id record,
                                    uint32_t position)
{
    struct value into = positional(parser, target, record, position, at(parser, '{'));
    bool designated = false;
    while (at(parser, '[') || (at(parser, '.') && word(parser, parser->position + 1))) {
        if (accept(parser, '[')) {
            parse_expression(parser);
            accept(parser, ']');
        } else {
            into = field_value(parser, designated ? into.record : record, parser->position + 1);
            parser->position += 2;
        }
        designated = true;
    }
    if (designated)
        accept(parser, '=');
    struct value value = at(parser, '{') ? parse_initializer(parser, into.cell, into.record)
                                         : parse_assignment(parser);
    value_assign(parser, into.cell, value);
}

/* A function of the world as an entry: it and the one before belong together. */
static void note_table_entry(struct parser *parser, const struct function **last)
{
    uint32_t i = parser->position;
    if (stream_is(&parser->stream, i, '.') && stream_is(&parser->stream, i + 2, '='))
        i += 3;
    const struct world *world = parser->world;
    const struct function *function = word(parser, i) && (stream_is(&parser->stream, i + 1, ',') ||
                                                          stream_is(&parser->stream, i + 1, '}'))
                                          ? index_function(world, parser->home, word(parser, i))
                                          : NULL;
    if (!function)
        return;
    if (*last)
        *vector_push(&parser->analysis->pairs) = (struct table_pair){
            (uint32_t)(*last - world->functions.at), (uint32_t)(function - world->functions.at)};
    *last = function;
}

struct value parse_initializer(struct parser *parser, cell_id target, name_id record)
{
    uint32_t close = stream_partner(&parser->stream, parser->position);
    if (close == NOTHING || close > parser->end || parser->nesting >= NESTING_MAX) {
        skip_bracket(parser);
        return (struct value){0};
    }
    parser->nesting++;
    parser->position++;
    const struct function *last = NULL;
    for (uint32_t entry = 0; parser->position < close; entry++) {
        uint32_t before = parser->position;
        note_table_entry(parser, &last);
        parse_initializer_entry(parser, target, record, entry);
        if (!accept(parser, ',') && parser->position == before)
            parser->position++;
    }
    parser->position = close + 1;
    parser->nesting--;
    return (struct value){0};
}
