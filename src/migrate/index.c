/* SPDX-License-Identifier: MIT */
/*
 * What the files define: functions with their bodies, macros, type names. Layer 1.
 *
 * Works on tokens, with all branches of conditionals present: at #else the depth of braces goes
 * back to what it was at #if, so that `#if A / if (x) { / #else / if (y) { / #endif` stays even.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/lex.h"
#include "migrate/world.h"

struct stream world_code(const struct world *world, uint32_t source)
{
    const struct source *of = world->sources.at[source];
    return (struct stream){of, source, of->code.at, (uint32_t)of->code.count, -1};
}

static int bracket_of(const struct token *token)
{
    if (token->kind != TOKEN_PUNCTUATION)
        return 0;
    switch (token->value) {
    case '(':
    case '[':
    case '{':
        return 1;
    case ')':
    case ']':
    case '}':
        return -1;
    default:
        return 0;
    }
}

uint32_t stream_partner(const struct stream *stream, uint32_t position)
{
    int step = bracket_of(stream_token(stream, position));
    int depth = 0;
    for (uint32_t i = position; i < stream->count; i += (uint32_t)step) {
        depth += bracket_of(stream_token(stream, i));
        if (depth == 0)
            return i;
        if (step < 0 && i == 0)
            break;
    }
    return NOTHING;
}

/* The depth of braces while walking through code, with conditionals. */
struct depth {
    const struct source *source;
    size_t next; /* directive */
    int depth;
    VECTOR(int) at_if;
};

static void depth_pass_directives(struct depth *depth, uint32_t token)
{
    for (; depth->next < depth->source->directives.count; depth->next++) {
        const struct directive *directive = &depth->source->directives.at[depth->next];
        if (directive->first > token)
            return;
        if (directive->kind == DIRECTIVE_IF)
            *vector_push(&depth->at_if) = depth->depth;
        else if (directive->kind == DIRECTIVE_ELSE && depth->at_if.count)
            depth->depth = depth->at_if.at[depth->at_if.count - 1];
        else if (directive->kind == DIRECTIVE_ENDIF && depth->at_if.count)
            depth->at_if.count--;
    }
}

/* The end of a function's name and parameters before a '{': what could be `)` or attributes. */
static uint32_t skip_attributes_back(const struct world *world, const struct stream *code,
                                     uint32_t position)
{
    for (;;) {
        if (position == NOTHING || position == 0)
            return NOTHING;
        if (stream_word(code, position) && stream_is(code, position - 1, ')')) {
            position--; /* int f(void) UNUSED { */
            continue;
        }
        if (!stream_is(code, position, ')'))
            return NOTHING;
        uint32_t open = stream_partner(code, position);
        if (open == NOTHING || open == 0)
            return NOTHING;
        bool attribute = stream_word_kind(world, code, open - 1) == WORD_ATTRIBUTE;
        if (!attribute &&
            !(open >= 2 && stream_word(code, open - 1) && stream_is(code, open - 2, ')')))
            return position;
        position = open >= 2 ? open - 2 : NOTHING;
    }
}

/* In `int f(a) char *a; {` the declarations behind the parameter list are skipped. */
static uint32_t skip_old_style_back(const struct stream *code, uint32_t position)
{
    for (uint32_t i = position; i != NOTHING && i > 0 && position - i < 300; i--) {
        if (stream_is(code, i, ')') && stream_word(code, i + 1))
            return i;
        if (bracket_of(stream_token(code, i)) && !stream_is(code, i, '[') &&
            !stream_is(code, i, ']'))
            break;
    }
    return NOTHING;
}

/* Position of the defined function's name when the '{' at `brace` begins its body. */
static uint32_t function_name_before(const struct world *world, const struct stream *code,
                                     uint32_t brace, uint32_t *open, uint32_t *close)
{
    if (brace < 3)
        return NOTHING;
    *close = stream_is(code, brace - 1, ';') ? skip_old_style_back(code, brace - 1)
                                             : skip_attributes_back(world, code, brace - 1);
    if (*close == NOTHING)
        return NOTHING;
    *open = stream_partner(code, *close);
    if (*open == NOTHING || *open == 0)
        return NOTHING;
    uint32_t name = *open - 1;
    if (stream_is(code, name, ')') && name >= 2 && stream_is(code, name - 2, '('))
        name--; /* int (f)(void) { */
    if (!stream_word(code, name) || stream_word_kind(world, code, name) != WORD_PLAIN)
        return NOTHING;
    return name;
}

static bool statement_has_static(const struct world *world, const struct stream *code,
                                 uint32_t start, uint32_t end)
{
    for (uint32_t i = start; i < end; i++)
        if (stream_word(code, i) &&
            strcmp(name_text(&world->names, stream_word(code, i)), "static") == 0)
            return true;
    return false;
}

static uint32_t count_parameters(const struct stream *code, uint32_t open, uint32_t close)
{
    if (close == open + 1)
        return 0;
    uint32_t count = 1;
    int depth = 0;
    for (uint32_t i = open + 1; i < close; i++) {
        depth += bracket_of(stream_token(code, i));
        count += depth == 0 && stream_is(code, i, ',');
    }
    return count;
}

/* A static function of a header is every including file's. */
static bool in_header(const struct world *world, uint32_t source)
{
    const char *path = world->sources.at[source]->path;
    size_t length = strlen(path);
    return length > 2 && strcmp(path + length - 2, ".h") == 0;
}

static void add_function(struct world *world, const struct stream *code, uint32_t start,
                         struct function function)
{
    function.name = stream_word(code, function.name_at);
    function.source = code->source_index;
    function.start = start;
    function.is_static = statement_has_static(world, code, start, function.name_at) &&
                         !in_header(world, code->source_index);
    function.parameters = count_parameters(code, function.open, function.close);
    while (world->function_of.count <= function.name)
        vector_push(&world->function_of);
    for (uint32_t number = world->function_of.at[function.name]; number && !function.is_static;
         number = world->next_same.at[number - 1]) {
        struct function *other = &world->functions.at[number - 1];
        if (other->is_static || other->source == function.source)
            continue;
        other->ambiguous = true;
        function.ambiguous = true;
        break; /* the others of that name are marked already */
    }
    *vector_push(&world->functions) = function;
    uint32_t index = (uint32_t)world->functions.count;
    *vector_push(&world->next_same) = world->function_of.at[function.name];
    world->function_of.at[function.name] = index;
}

static void note_typedef(struct world *world, const struct stream *code, uint32_t start,
                         uint32_t end)
{
    name_id name = 0;
    if (end > start && stream_word(code, end - 1)) {
        name = stream_word(code, end - 1);
    } else {
        for (uint32_t i = start; i + 3 < end && !name; i++)
            if (stream_is(code, i, '(') && stream_is(code, i + 1, '*') &&
                stream_is(code, i + 3, ')'))
                name = stream_word(code, i + 2);
    }
    while (world->is_type.count <= name)
        vector_push(&world->is_type);
    world->is_type.at[name] = name != 0;
}

static bool word_is(const struct world *world, const struct stream *code, uint32_t position,
                    const char *text)
{
    name_id name = stream_word(code, position);
    return name && strcmp(name_text(&world->names, name), text) == 0;
}

/* extern "C" { does not count as a level. */
static bool is_linkage_brace(const struct world *world, const struct stream *code,
                             uint32_t position)
{
    return position >= 2 && stream_token(code, position - 1)->kind == TOKEN_LITERAL &&
           word_is(world, code, position - 2, "extern");
}

static void index_functions(struct world *world, uint32_t source)
{
    struct stream code = world_code(world, source);
    struct depth depth = {.source = code.source};
    uint32_t start = 0; /* of the statement at file level */
    uint32_t open_function = NOTHING;
    for (uint32_t i = 0; i < code.count; i++) {
        depth_pass_directives(&depth, code.at[i]);
        if (stream_is(&code, i, '{') && !is_linkage_brace(world, &code, i)) {
            struct function function = {.body = i, .end = code.count};
            if (depth.depth == 0)
                function.name_at =
                    function_name_before(world, &code, i, &function.open, &function.close);
            if (depth.depth == 0 && function.name_at != NOTHING) {
                add_function(world, &code, start, function);
                open_function = (uint32_t)world->functions.count - 1;
            }
            depth.depth++;
        } else if (stream_is(&code, i, '}')) {
            depth.depth -= depth.depth > 0;
            if (depth.depth == 0 && open_function != NOTHING) {
                world->functions.at[open_function].end = i;
                open_function = NOTHING;
                start = i + 1;
            }
        } else if (depth.depth == 0 && stream_is(&code, i, '(') && stream_is(&code, i + 1, '*') &&
                   stream_word(&code, i + 2) && stream_is(&code, i + 3, ')')) {
            while (world->is_variable.count <= stream_word(&code, i + 2))
                vector_push(&world->is_variable);
            world->is_variable.at[stream_word(&code, i + 2)] = 1;
        } else if (depth.depth == 0 && stream_is(&code, i, ';')) {
            if (word_is(world, &code, start, "typedef"))
                note_typedef(world, &code, start, i);
            start = i + 1;
        }
    }
    vector_free(&depth.at_if);
}

static uint32_t macro_parameter(const struct macro *macro, name_id name)
{
    for (uint32_t i = 0; i < macro->parameters; i++)
        if (macro->parameter[i] == name)
            return i;
    return NOTHING;
}

static void read_macro_parameters(struct macro *macro, const struct stream *stream)
{
    uint32_t i = macro->body + 1;
    for (; i < stream->count && !stream_is(stream, i, ')'); i++)
        if (stream_word(stream, i) && macro->parameters < MACRO_PARAMETERS_MAX)
            macro->parameter[macro->parameters++] = stream_word(stream, i);
    macro->body = i + 1 < stream->count ? i + 1 : stream->count;
}

static void read_macro_uses(struct macro *macro, const struct stream *stream)
{
    for (uint32_t i = macro->body; i < stream->count; i++) {
        uint32_t parameter =
            stream_word(stream, i) ? macro_parameter(macro, stream_word(stream, i)) : NOTHING;
        if (parameter == NOTHING)
            continue;
        uint32_t paste = PUNCT2('#', '#');
        if (stream_is(stream, i - 1, '#') || stream_is(stream, i - 1, paste) ||
            stream_is(stream, i + 1, paste))
            macro->pasted |= 1U << parameter;
    }
}

static void add_macro(struct world *world, uint32_t source, uint32_t index)
{
    const struct source *of = world->sources.at[source];
    const struct directive *directive = &of->directives.at[index];
    if (directive->name == 0)
        return;
    struct macro macro = {.name = directive->name, .source = source, .directive = index};
    for (uint32_t i = directive->first; i < directive->end; i++)
        if (of->tokens.at[i].kind != TOKEN_COMMENT)
            *vector_push(&macro.tokens) = i;
    struct stream stream = {of, source, macro.tokens.at, (uint32_t)macro.tokens.count, (long)index};
    macro.body = 3; /* # define NAME */
    if (stream_is(&stream, 3, '(')) {
        const struct token *name = stream_token(&stream, 2);
        macro.function_like = stream_token(&stream, 3)->at == name->at + name->length;
    }
    if (macro.function_like)
        read_macro_parameters(&macro, &stream);
    read_macro_uses(&macro, &stream);
    *vector_push(&world->macros) = macro;
    uint32_t number = (uint32_t)world->macros.count;
    while (world->macro_of.count <= macro.name)
        vector_push(&world->macro_of);
    *vector_push(&world->next_macro) = world->macro_of.at[macro.name];
    world->macro_of.at[macro.name] = number;
}

void index_source(struct world *world, uint32_t source)
{
    const struct source *of = world->sources.at[source];
    for (uint32_t i = 0; i < of->directives.count; i++)
        if (of->directives.at[i].kind == DIRECTIVE_DEFINE)
            add_macro(world, source, i);
    index_functions(world, source);
}

struct function *index_function_at(const struct world *world, uint32_t source, uint32_t position)
{
    size_t low = 0;
    size_t high = world->functions.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct function *function = &world->functions.at[middle];
        if (function->source < source || (function->source == source && function->end < position))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == world->functions.count)
        return NULL;
    struct function *function = &world->functions.at[low];
    return function->source == source && function->name_at <= position ? function : NULL;
}

struct function *index_function(const struct world *world, uint32_t source, name_id name)
{
    struct function *found = NULL;
    uint32_t number = name < world->function_of.count ? world->function_of.at[name] : 0;
    for (; number; number = world->next_same.at[number - 1]) {
        struct function *function = &world->functions.at[number - 1];
        if (function->source == source)
            return function;
        if (!function->is_static)
            found = function;
    }
    return found;
}

struct macro *index_macro(const struct world *world, name_id name)
{
    uint32_t number = name < world->macro_of.count ? world->macro_of.at[name] : 0;
    return number ? &world->macros.at[number - 1] : NULL;
}

bool index_is_type(const struct world *world, name_id name)
{
    return name < world->is_type.count && world->is_type.at[name];
}

/* The condition that spans the whole file: #ifndef A_H, #define A_H ... #endif. */
static bool is_include_guard(const struct source *source)
{
    size_t last = source->directives.count;
    long depth = 0;
    for (size_t i = 0; i < last; i++) {
        enum directive_kind kind = source->directives.at[i].kind;
        depth += (kind == DIRECTIVE_IF) - (kind == DIRECTIVE_ENDIF);
        if (depth == 0 && i + 1 < last)
            return false;
    }
    return last > 1 && source->directives.at[0].kind == DIRECTIVE_IF &&
           source->directives.at[1].kind == DIRECTIVE_DEFINE;
}

bool index_is_conditional(const struct world *world, const struct function *function)
{
    const struct source *source = world->sources.at[function->source];
    uint32_t at = source->code.at[function->start];
    long depth = is_include_guard(source) ? -1 : 0;
    for (size_t i = 0; i < source->directives.count && source->directives.at[i].first < at; i++) {
        enum directive_kind kind = source->directives.at[i].kind;
        depth += (kind == DIRECTIVE_IF) - (kind == DIRECTIVE_ENDIF);
    }
    return depth > 0;
}
