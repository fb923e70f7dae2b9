/* SPDX-License-Identifier: MIT */
/* Statements, declarations and functions as flows of pointers. Layer 1. */
#include <stdlib.h>
#include <string.h>

#include "migrate/cursor.h"

static bool word_is(const struct parser *parser, uint32_t position, const char *text)
{
    name_id name = word(parser, position);
    return name && strcmp(name_text(&parser->world->names, name), text) == 0;
}

static void declare(struct parser *parser, name_id name, struct value value)
{
    *vector_push(&parser->locals) =
        (struct local){.name = name, .value = value, .depth = parser->depth};
}

/* ---- declarations ---- */

/* A plain word that only a type can be, by what follows: `T x`, `T *x = `. */
static bool begins_with_unknown_type(const struct parser *parser)
{
    uint32_t i = parser->position;
    if (!word(parser, i) || kind(parser, i) != WORD_PLAIN)
        return false;
    uint32_t next = i + 1;
    while (next < parser->end &&
           (stream_is(&parser->stream, next, '*') || word_is(parser, next, "const")))
        next++;
    if (!word(parser, next) || kind(parser, next) != WORD_PLAIN)
        return false;
    return stream_is(&parser->stream, next + 1, '=') || stream_is(&parser->stream, next + 1, ';') ||
           stream_is(&parser->stream, next + 1, ',') || stream_is(&parser->stream, next + 1, '[');
}

static bool begins_declaration(const struct parser *parser)
{
    uint32_t i = parser->position;
    if (kind(parser, i) == WORD_TYPE)
        return true;
    if (word(parser, i) && index_is_type(parser->world, word(parser, i)) &&
        (word(parser, i + 1) || stream_is(&parser->stream, i + 1, '*') ||
         stream_is(&parser->stream, i + 1, '(')))
        return !stream_is(&parser->stream, i + 1, '(') || stream_is(&parser->stream, i + 2, '*');
    return begins_with_unknown_type(parser);
}

static bool has_static(const struct parser *parser, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (word_is(parser, i, "static"))
            return true;
    return false;
}

/* Parentheses behind a declared name: parameters, or a call behind a macro's word. */
static void parse_declared_parentheses(struct parser *parser, uint32_t name, struct type type)
{
    if (parser->declaring)
        types_set(&parser->world->results, stream_word(&parser->stream, name), type);
    uint32_t first = parser->position + 1;
    bool types = at(parser, '(') &&
                 (stream_is(&parser->stream, first, ')') || kind(parser, first) == WORD_TYPE ||
                  (word(parser, first) && index_is_type(parser->world, word(parser, first))) ||
                  (word(parser, first) && word(parser, first + 1)));
    if (types || parser->depth == 0) {
        skip_bracket(parser);
        return;
    }
    parser->position = name;
    parse_expression(parser);
}

static void declare_global(struct parser *parser, name_id name, struct type type)
{
    const char *path = parser->stream.source->path;
    size_t length = strlen(path);
    bool header = length > 2 && strcmp(path + length - 2, ".h") == 0;
    type.home = header ? 0 : parser->stream.source_index + 1;
    types_set(&parser->world->variables, name, type);
}

/* A variable's value; at file level without `static` it is one for all files. */
static struct value declare_variable(struct parser *parser, name_id name, struct type type,
                                     bool is_static)
{
    bool own = parser->depth > 0 || is_static;
    cell_id cell = own ? flow_new(parser->flow) : flow_keyed(parser->flow, CELL_GLOBAL, name, 0);
    if (is_static || !own)
        parser->flow->cells.at[cell].stored = true;
    struct value value = value_of(cell, type);
    if (own)
        declare(parser, name, value);
    else if (parser->declaring)
        declare_global(parser, name, type);
    return value;
}

static void parse_declared_rest(struct parser *parser, struct value value)
{
    while (accept(parser, '[')) {
        parse_expression(parser);
        accept(parser, ']');
    }
    if (kind(parser, parser->position) == WORD_ATTRIBUTE) {
        parser->position++;
        skip_bracket(parser);
    }
    if (accept(parser, '='))
        value_assign(parser, value.cell,
                     at(parser, '{') ? parse_initializer(parser, value.cell, value.record)
                                     : parse_assignment(parser));
}

/* One declarator with its initializer. */
static void parse_declarator(struct parser *parser, struct type base, bool is_static)
{
    uint32_t start = parser->position;
    while (at(parser, '*') || kind(parser, parser->position) == WORD_TYPE)
        parser->position++;
    uint32_t name = parser->position;
    if (at(parser, '(')) { /* (*name)(...), (*name[3])(...) */
        uint32_t inside = name + 1;
        while (stream_is(&parser->stream, inside, '*'))
            inside++;
        skip_bracket(parser);
        if (!word(parser, inside))
            return;
        name = inside;
        base.plain = false;
        if (at(parser, '('))
            skip_bracket(parser);
    } else if (word(parser, name)) {
        parser->position++;
        base = types_of_declarator(&parser->stream, base, start, name);
        if (at(parser, '(')) {
            parse_declared_parentheses(parser, name, base);
            return;
        }
    } else {
        return;
    }
    parse_declared_rest(
        parser, declare_variable(parser, stream_word(&parser->stream, name), base, is_static));
}

static void parse_declaration(struct parser *parser)
{
    if (word_is(parser, parser->position, "typedef")) {
        while (parser->position < parser->end && !at(parser, ';')) {
            if (at(parser, '{') || at(parser, '('))
                skip_bracket(parser);
            else
                parser->position++;
        }
        return;
    }
    uint32_t start = parser->position;
    struct type base =
        types_specifiers(parser->world, &parser->stream, start, parser->end, &parser->position);
    bool is_static = has_static(parser, start, parser->position);
    do {
        parse_declarator(parser, base, is_static);
    } while (accept(parser, ','));
}

/* ---- statements ---- */

static void leave_block(struct parser *parser)
{
    while (parser->locals.count &&
           parser->locals.at[parser->locals.count - 1].depth >= parser->depth)
        parser->locals.count--;
    parser->depth--;
}

static void parse_simple(struct parser *parser)
{
    if (begins_declaration(parser)) {
        parse_declaration(parser);
        return;
    }
    parser->last_expression = parse_expression(parser);
}

/* for (init; test; step): the parentheses of if, while and switch read the same way. */
static void parse_control(struct parser *parser)
{
    uint32_t close = stream_partner(&parser->stream, parser->position);
    uint32_t end = parser->end;
    if (close == NOTHING || close >= end) {
        parser->position++;
        return;
    }
    parser->position++;
    parser->end = close;
    while (parser->position < close) {
        uint32_t before = parser->position;
        parse_simple(parser);
        if (!accept(parser, ';') && parser->position == before)
            parser->position++;
    }
    parser->end = end;
    parser->position = close + 1;
}

static void parse_statement_word(struct parser *parser)
{
    uint32_t start = parser->position++;
    if (word_is(parser, start, "return")) {
        value_assign(parser, parser->result, parse_expression(parser));
    } else if (word_is(parser, start, "goto")) {
        parser->position += word(parser, parser->position) != 0;
    } else if (word_is(parser, start, "case")) {
        while (parser->position < parser->end && !at(parser, ':') && !at(parser, ';'))
            parser->position++;
        accept(parser, ':');
    } else if (word_is(parser, start, "default")) {
        accept(parser, ':');
    } else if (at(parser, '(') && !word_is(parser, start, "else") &&
               !word_is(parser, start, "do")) {
        parse_control(parser);
    }
}

static void parse_statement(struct parser *parser)
{
    uint32_t start = parser->position;
    switch (kind(parser, start)) {
    case WORD_STATEMENT:
        parse_statement_word(parser);
        return;
    case WORD_ASM:
    case WORD_ATTRIBUTE:
        while (parser->position < parser->end && !at(parser, '(') && !at(parser, ';'))
            parser->position++;
        if (at(parser, '('))
            skip_bracket(parser);
        return;
    default:
        break;
    }
    if (word(parser, start) && stream_is(&parser->stream, start + 1, ':') &&
        kind(parser, start) == WORD_PLAIN) {
        parser->position += 2; /* a label */
        return;
    }
    parse_simple(parser);
}

void parse_block(struct parser *parser)
{
    bool braced = at(parser, '{');
    uint32_t outer = parser->depth;
    parser->last_expression = (struct value){0};
    while (parser->position < parser->end) {
        uint32_t before = parser->position;
        if (accept(parser, '{')) {
            parser->depth++;
        } else if (accept(parser, '}')) {
            if (parser->depth > outer)
                leave_block(parser);
            if (braced && parser->depth == outer)
                return;
        } else if (!accept(parser, ';') && !accept(parser, ')')) {
            parse_statement(parser);
        }
        if (parser->position == before)
            parser->position++;
    }
    while (parser->depth > outer)
        leave_block(parser);
}

/* ---- functions and files ---- */

/* The name that a parameter in (open, close) declares. */
static name_id parameter_name(const struct parser *parser, uint32_t from, uint32_t to)
{
    name_id name = 0;
    for (uint32_t i = from; i < to; i++) {
        if (stream_is(&parser->stream, i, '(') && stream_is(&parser->stream, i + 1, '*'))
            return stream_word(&parser->stream, i + 2);
        if (stream_is(&parser->stream, i, '[') || stream_is(&parser->stream, i, '('))
            break;
        if (stream_word(&parser->stream, i) &&
            stream_word_kind(parser->world, &parser->stream, i) == WORD_PLAIN)
            name = stream_word(&parser->stream, i);
    }
    return name;
}

static void declare_parameters(struct parser *parser, struct function *function)
{
    uint32_t index = 0;
    uint32_t from = function->open + 1;
    int depth = 0;
    for (uint32_t i = from; i <= function->close; i++) {
        depth += stream_is(&parser->stream, i, '(') - stream_is(&parser->stream, i, ')');
        if (i < function->close && (depth != 0 || !stream_is(&parser->stream, i, ',')))
            continue;
        uint32_t next;
        name_id name = parameter_name(parser, from, i);
        struct type base = types_specifiers(parser->world, &parser->stream, from, i, &next);
        struct type type = types_of_declarator(&parser->stream, base, next, i);
        if (parser->declaring)
            *vector_push(&parser->world->parameters) = type;
        else if (name)
            declare(parser, name, value_of(parameter_cell(parser->flow, function, index), type));
        index++;
        from = i + 1;
    }
}

static void parse_function(struct parser *parser, struct function *function)
{
    size_t locals = parser->locals.count;
    uint32_t end = parser->end;
    parser->function = function;
    parser->result = result_cell(parser->flow, function);
    parser->depth = 1;
    declare_parameters(parser, function);
    parser->position = function->body + 1;
    parser->end = function->end < end ? function->end : end;
    parse_block(parser);
    parser->position = parser->end;
    parser->end = end;
    parser->depth = 0;
    parser->function = NULL;
    parser->locals.count = locals;
}

/* Declarations with initializers, between the functions. */
static void parse_file_level(struct parser *parser, uint32_t to)
{
    uint32_t end = parser->end;
    parser->end = to;
    while (parser->position < to) {
        uint32_t before = parser->position;
        if (at(parser, '{') || at(parser, '('))
            skip_bracket(parser);
        else if (begins_declaration(parser))
            parse_declaration(parser);
        if (parser->position == before)
            parser->position++;
    }
    parser->end = end;
}

/* The types of a function's result and parameters. */
static void declare_function(struct parser *parser, struct function *function)
{
    uint32_t next;
    struct type base =
        types_specifiers(parser->world, &parser->stream, function->start, function->name_at, &next);
    types_set(&parser->world->results, function->name,
              types_of_declarator(&parser->stream, base, next, function->name_at));
    function->first_parameter = (uint32_t)parser->world->parameters.count;
    declare_parameters(parser, function);
    function->declared = true;
}

/* *next is the first function not read yet; they are in the order of the files. */
static void parse_file(struct analysis *analysis, uint32_t source, bool declaring, size_t *next)
{
    struct world *world = analysis->world;
    struct parser parser = {.analysis = analysis,
                            .world = world,
                            .flow = &analysis->flow,
                            .home = source,
                            .unevaluated = declaring,
                            .declaring = declaring,
                            .stream = world_code(world, source)};
    parser.end = parser.stream.count;
    for (; *next < world->functions.count && world->functions.at[*next].source == source; ++*next) {
        struct function *function = &world->functions.at[*next];
        parse_file_level(&parser, function->start);
        if (declaring)
            declare_function(&parser, function);
        else
            parse_function(&parser, function);
        parser.position = function->end;
    }
    parse_file_level(&parser, parser.end);
    vector_free(&parser.locals);
}

static void parse_files(struct analysis *analysis, bool declaring)
{
    size_t next = 0;
    for (uint32_t i = 0; i < analysis->world->sources.count; i++)
        if (analysis->world->sources.at[i]->state == FILE_ANALYSED)
            parse_file(analysis, i, declaring, &next);
}

/* A member used somewhere without its record known can be a member of any record. */
static void join_fields(struct analysis *analysis)
{
    for (size_t i = 0; i < analysis->fields.count; i++) {
        name_id qualified = analysis->fields.at[i];
        const char *dot = strrchr(name_text(&analysis->world->names, qualified), '.');
        name_id plain = dot ? names_find(&analysis->world->names, dot + 1) : 0;
        if (plain && plain < analysis->plain_field.count && analysis->plain_field.at[plain])
            flow_unify(&analysis->flow, flow_keyed(&analysis->flow, CELL_FIELD, plain, 0),
                       flow_keyed(&analysis->flow, CELL_FIELD, qualified, 0));
    }
}

void parse_world(struct analysis *analysis, struct world *world)
{
    *analysis = (struct analysis){.world = world};
    flow_start(&analysis->flow);
    parse_files(analysis, true);
    parse_files(analysis, false);
    join_fields(analysis);
}

void analysis_finish(struct analysis *analysis)
{
    flow_finish(&analysis->flow);
    vector_free(&analysis->makers);
    vector_free(&analysis->holders);
    vector_free(&analysis->escapes);
    vector_free(&analysis->uses);
    vector_free(&analysis->pairs);
    vector_free(&analysis->plain_field);
    vector_free(&analysis->fields);
}
