/* SPDX-License-Identifier: MIT */
/*
 * What a call does with pointers: the malloc family, functions and macros of the world, the C
 * library, code outside. Layer 1.
 *
 * Macros are expanded where they are used, with the arguments' values in place of the parameters:
 * a cast or accessor macro that everybody uses does not tie all its users together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/parse.h"

enum {
    EXPANSIONS_MAX = 12,
    DEFINITIONS_MAX = 4,           /* of one macro, under different conditions */
    EXPANDED_TOKENS_MAX = 30000000 /* of all: bounds what nested macros can cost */
};

uint32_t function_scope(const struct function *function)
{
    return function->is_static || function->ambiguous ? function->source + 1 : 0;
}

cell_id parameter_cell(struct flow *flow, const struct function *function, uint32_t index)
{
    if (index > 62)
        index = 62;
    return flow_keyed(flow, CELL_PARAMETER, function->name, function_scope(function) * 64 + index);
}

cell_id result_cell(struct flow *flow, const struct function *function)
{
    return flow_keyed(flow, CELL_RESULT, function->name, function_scope(function));
}

static struct type result_type(const struct parser *parser, name_id name)
{
    const struct type_list *results = &parser->world->results;
    return name < results->count ? results->at[name] : (struct type){0};
}

/* ---- the malloc family ---- */

/* The site of a token when it stands for the function, not for something else of that name. */
static struct site *function_site(const struct parser *parser, uint32_t position)
{
    const struct world *world = parser->world;
    name_id name = stream_word(&parser->stream, position);
    if (family_of(&world->families, &world->names, name) == FAMILY_NONE)
        return NULL;
    struct site *site = sites_at(world, parser->stream.source_index, parser->stream.at[position]);
    if (!site)
        return NULL;
    switch (site->rule) {
    case MIGRATE_RULE_CALL:
    case MIGRATE_RULE_MACRO:
    case MIGRATE_RULE_TABLE:
    case MIGRATE_RULE_POINTER:
    case MIGRATE_RULE_NO_COUNTERPART:
    case MIGRATE_RULE_OWN_ALLOCATOR:
    case MIGRATE_RULE_LIBC_ITSELF:
    case MIGRATE_RULE_PASTED:
        return site;
    default:
        return NULL;
    }
}

static void site_cells(struct parser *parser, struct site *site)
{
    if (!site->cell)
        site->cell = flow_new(parser->flow);
    if (!site->taker)
        site->taker = flow_new(parser->flow);
}

cell_id target_of(struct parser *parser, struct value pointer)
{
    if (!pointer.cell)
        return 0;
    return pointer.address ? pointer.cell : flow_pointee(parser->flow, pointer.cell);
}

/* __libc_free and its kind are told apart by the end of their names. */
static bool site_takes(const struct world *world, const struct site *site)
{
    if (site->family != FAMILY_LIBC_ITSELF)
        return family_takes(site->family);
    const struct token *token = &world->sources.at[site->source]->tokens.at[site->token];
    const char *text = name_text(&world->names, token->value);
    return strstr(text, "free") || strstr(text, "realloc");
}

static struct value call_site(struct parser *parser, struct site *site,
                              const struct value *arguments, uint32_t count)
{
    site_cells(parser, site);
    parser->analysis->sites_met++;
    if (parser->function)
        *vector_push(&parser->analysis->uses) =
            (struct site_use){(uint32_t)(parser->function - parser->world->functions.at),
                              (uint32_t)(site - parser->world->sites.at)};
    if (site_takes(parser->world, site) && count > 0)
        value_assign(parser, site->taker, arguments[0]);
    if (site->family == FAMILY_POSIX_MEMALIGN) {
        if (count > 0)
            flow_edge(parser->flow, site->cell, target_of(parser, arguments[0]));
        return (struct value){0};
    }
    if (site->family == FAMILY_FREE || site->family == FAMILY_USABLE_SIZE ||
        site->family == FAMILY_CFREE || site->family == FAMILY_ALLOCA)
        return (struct value){0};
    return (struct value){.cell = site->cell};
}

/* ---- code outside ---- */

/* The library that a function belongs to, as its name tells: png_ of png_create_read_struct. */
static name_id library_of(struct parser *parser, name_id name)
{
    const char *text = name_text(&parser->world->names, name);
    size_t start = strspn(text, "_");
    size_t length = start + strcspn(text + start, "_");
    if (text[length] == '\0')
        for (length = start + 1; text[length]; length++)
            if (text[length] >= 'A' && text[length] <= 'Z' && text[length - 1] >= 'a')
                break;
    return names_add(&parser->world->names, text, length);
}

/* Macros of headers that are not in the world mostly step through structures: list_entry(). */
static bool passes_through(const struct parser *parser, uint32_t position)
{
    const struct source *source = parser->stream.source;
    const struct token *token = stream_token(&parser->stream, position);
    const struct meaning *meaning = source_meaning(source, token->at);
    if (meaning &&
        (meaning->kind == MEANING_LIBRARY_FUNCTION || meaning->kind == MEANING_OWN_FUNCTION))
        return false;
    const char *text = name_text(&parser->world->names, token->value);
    bool lower = false;
    for (const char *byte = text; *byte; byte++)
        lower |= *byte >= 'a' && *byte <= 'z';
    if (!lower || strncmp(text, "__builtin_", 10) == 0)
        return true;
    return strstr(text, "_entry") || strstr(text, "container_of") || strstr(text, "_for_each") ||
           strstr(text, "_foreach");
}

static struct value call_outside(struct parser *parser, uint32_t position,
                                 const struct value *arguments, uint32_t count)
{
    if (passes_through(parser, position)) {
        struct value all = {0};
        for (uint32_t i = 0; i < count; i++)
            all = value_join(parser, all, arguments[i]);
        return all;
    }
    name_id name = stream_word(&parser->stream, position);
    cell_id outside = flow_keyed(parser->flow, CELL_OUTSIDE, library_of(parser, name), 0);
    cell_id maker = maker_cell(parser, MAKER_OUTSIDE, position);
    cell_id result = flow_new(parser->flow);
    flow_edge(parser->flow, maker, result);
    flow_edge(parser->flow, outside, result);
    for (uint32_t i = 0; i < count; i++) {
        if (!arguments[i].cell)
            continue;
        if (arguments[i].address) {
            flow_edge(parser->flow, result, arguments[i].cell);
            continue;
        }
        flow_edge(parser->flow, arguments[i].cell, outside);
        *vector_push(&parser->analysis->escapes) = (struct escape){
            arguments[i].cell, name, parser->stream.source_index, parser->stream.at[position]};
    }
    return value_of(result, result_type(parser, name));
}

/* ---- the layer itself ---- */

/* PREFIX_alloc and so on: makes a block of the layer; PREFIX_free needs nothing. */
static bool is_front_door(const struct parser *parser, name_id name, bool *makes)
{
    const char *prefix = parser->world->options->prefix;
    const char *text = name_text(&parser->world->names, name);
    size_t length = strlen(prefix);
    if (strncmp(text, prefix, length) != 0 || text[length] != '_')
        return false;
    for (enum family family = FAMILY_MALLOC; family <= FAMILY_USABLE_SIZE; family++) {
        const char *suffix = family_suffix(family);
        if (!suffix || strcmp(text + length + 1, suffix) != 0)
            continue;
        *makes = family_makes(family);
        return true;
    }
    return false;
}

/* ---- functions and macros of the world ---- */

/* A number takes no pointer, and `int *` no address of one. */
static bool takes_pointer(const struct parser *parser, const struct function *function,
                          uint32_t index, struct value argument)
{
    if (!function->declared || index >= function->parameters)
        return true;
    const struct type *type = &parser->world->parameters.at[function->first_parameter + index];
    return !type->plain || type->stars > (argument.address ? 1 : 0);
}

static struct value call_function(struct parser *parser, struct function *function,
                                  const struct value *arguments, uint32_t count)
{
    function->called = true;
    for (uint32_t i = 0; i < count; i++)
        if (takes_pointer(parser, function, i, arguments[i]))
            value_assign(parser, parameter_cell(parser->flow, function, i), arguments[i]);
    return value_of(result_cell(parser->flow, function), result_type(parser, function->name));
}

/* Every definition that the name can mean from here: one, or those of several programs. */
static struct value call_functions(struct parser *parser, struct function *function,
                                   const struct value *arguments, uint32_t count)
{
    struct world *world = parser->world;
    if (!function->ambiguous || function->source == parser->home)
        return call_function(parser, function, arguments, count);
    struct value value = {0};
    for (uint32_t number = world->function_of.at[function->name]; number;
         number = world->next_same.at[number - 1])
        if (!world->functions.at[number - 1].is_static)
            value = value_join(
                parser, value,
                call_function(parser, &world->functions.at[number - 1], arguments, count));
    return value;
}

static name_id single_word(const struct parser *parser, uint32_t start)
{
    return stream_is(&parser->stream, start + 1, ',') || stream_is(&parser->stream, start + 1, ')')
               ? stream_word(&parser->stream, start)
               : 0;
}

static struct value expand(struct parser *parser, const struct macro *macro,
                           const struct value *arguments, const uint32_t *starts, uint32_t count)
{
    if (parser->expansions >= EXPANSIONS_MAX || parser->analysis->expanded > EXPANDED_TOKENS_MAX)
        return (struct value){0};
    size_t locals = parser->locals.count;
    for (uint32_t i = 0; i < macro->parameters && i < count; i++)
        *vector_push(&parser->locals) = (struct local){.name = macro->parameter[i],
                                                       .value = arguments[i],
                                                       .type = begins_type(parser, starts[i]),
                                                       .word = single_word(parser, starts[i]),
                                                       .depth = parser->depth};
    struct stream stream = parser->stream;
    uint32_t position = parser->position;
    uint32_t end = parser->end;
    parser->stream =
        (struct stream){parser->world->sources.at[macro->source], macro->source, macro->tokens.at,
                        (uint32_t)macro->tokens.count, (long)macro->directive};
    parser->position = macro->body;
    parser->end = parser->stream.count;
    parser->expansions++;
    parser->analysis->expanded += parser->end;
    parse_block(parser);
    parser->expansions--;
    parser->stream = stream;
    parser->position = position;
    parser->end = end;
    parser->locals.count = locals;
    return parser->last_expression;
}

struct alternative {
    size_t first_maker;
    size_t end_maker;
    size_t first_edge;
    size_t end_edge;
    bool meets_site;
};

/*
 * Where one definition of a macro calls malloc and another some allocator outside (of another
 * system, mostly), they exclude each other: the outside one is no owner of the same blocks.
 */
static void drop_alternatives(struct parser *parser, const struct alternative *alternatives,
                              unsigned count)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++)
        any |= alternatives[i].meets_site;
    for (unsigned i = 0; any && i < count; i++) {
        if (alternatives[i].meets_site)
            continue;
        for (size_t k = alternatives[i].first_maker; k < alternatives[i].end_maker; k++)
            if (parser->analysis->makers.at[k].kind == MAKER_OUTSIDE)
                parser->analysis->makers.at[k].kind = MAKER_NONE;
        for (size_t k = alternatives[i].first_edge; k < alternatives[i].end_edge; k++)
            parser->flow->edges.at[k] = (struct flow_edge){0};
    }
}

/* All definitions of that macro, under whatever conditions. */
static bool expand_all(struct parser *parser, name_id name, bool function_like,
                       const struct value *arguments, const uint32_t *starts, uint32_t count,
                       struct value *value)
{
    const struct world *world = parser->world;
    struct analysis *analysis = parser->analysis;
    uint32_t number = name < world->macro_of.count ? world->macro_of.at[name] : 0;
    struct alternative alternatives[DEFINITIONS_MAX];
    unsigned definitions = 0;
    for (; number && definitions < DEFINITIONS_MAX; number = world->next_macro.at[number - 1]) {
        const struct macro *macro = &world->macros.at[number - 1];
        if (macro->function_like != function_like || macro->body >= macro->tokens.count)
            continue;
        struct alternative *alternative = &alternatives[definitions++];
        size_t met = analysis->sites_met;
        alternative->first_maker = analysis->makers.count;
        alternative->first_edge = parser->flow->edges.count;
        *value = value_join(parser, *value, expand(parser, macro, arguments, starts, count));
        alternative->end_maker = analysis->makers.count;
        alternative->end_edge = parser->flow->edges.count;
        alternative->meets_site = analysis->sites_met > met;
    }
    drop_alternatives(parser, alternatives, definitions);
    return definitions > 0;
}

/* #define xfree free: the macro of one word that stands for another name, or NULL. */
static const struct macro *alias_of(const struct parser *parser, name_id name)
{
    const struct macro *macro = index_macro(parser->world, name);
    if (!macro || macro->function_like || macro->tokens.count != macro->body + 1 ||
        parser->expansions >= EXPANSIONS_MAX)
        return NULL;
    const struct token *token =
        &parser->world->sources.at[macro->source]->tokens.at[macro->tokens.at[macro->body]];
    return token->kind == TOKEN_WORD && token->value != name ? macro : NULL;
}

/*
 * #define deflate z_deflate, where deflate() is defined here and z_deflate() is not: the definition
 * is renamed with its calls, which so mean what is written.
 */
static bool renames_definition(const struct parser *parser, const struct macro *alias)
{
    const struct world *world = parser->world;
    const struct token *token =
        &world->sources.at[alias->source]->tokens.at[alias->tokens.at[alias->body]];
    return index_function(world, parser->home, alias->name) &&
           !index_function(world, parser->home, token->value) &&
           family_of(&world->families, &world->names, token->value) == FAMILY_NONE;
}

static struct value call_alias(struct parser *parser, const struct macro *macro,
                               const struct value *arguments, const uint32_t *starts,
                               uint32_t count)
{
    struct stream stream = parser->stream;
    parser->stream =
        (struct stream){parser->world->sources.at[macro->source], macro->source, macro->tokens.at,
                        (uint32_t)macro->tokens.count, (long)macro->directive};
    parser->expansions++;
    static const uint32_t no_starts[CALL_ARGUMENTS_MAX];
    (void)starts;
    struct value value = call_by_name(parser, macro->body, arguments, no_starts, count);
    parser->expansions--;
    parser->stream = stream;
    return value;
}

struct value call_by_value(struct parser *parser, struct value callee,
                           const struct value *arguments, uint32_t count)
{
    if (!callee.cell || parser->unevaluated)
        return (struct value){0};
    struct flow_call call = {.callee = callee.cell, .result = flow_new(parser->flow)};
    for (uint32_t i = 0; i < count && i < SHALE_ARRAY_LENGTH(call.arguments); i++) {
        call.arguments[i] = flow_new(parser->flow);
        value_assign(parser, call.arguments[i], arguments[i]);
        call.count = i + 1;
    }
    *vector_push(&parser->flow->calls) = call;
    return (struct value){.cell = call.result};
}

struct value call_by_name(struct parser *parser, uint32_t position, const struct value *arguments,
                          const uint32_t *starts, uint32_t count)
{
    static const struct value none = {0};
    struct world *world = parser->world;
    name_id name = stream_word(&parser->stream, position);
    enum word_kind kind = family_word(&world->families, name);
    if (parser->unevaluated || kind != WORD_PLAIN)
        return none;
    struct site *site = function_site(parser, position);
    if (site)
        return call_site(parser, site, arguments, count);
    const struct local *local = parse_lookup(parser, name);
    if (local)
        return call_by_value(parser, local->value, arguments, count);
    const struct macro *alias = alias_of(parser, name);
    if (alias && !renames_definition(parser, alias))
        return library_join(parser, position, NULL, arguments, starts, count,
                            call_alias(parser, alias, arguments, starts, count));
    struct value value = none;
    bool is_macro = expand_all(parser, name, true, arguments, starts, count, &value);
    if (!is_macro && !alias && expand_all(parser, name, false, NULL, NULL, 0, &value))
        return call_by_value(parser, value, arguments, count); /* #define osOpen (table[0].f) */
    struct function *function = index_function(world, parser->home, name);
    if (function)
        value = value_join(parser, value, call_functions(parser, function, arguments, count));
    if (function || is_macro)
        return library_join(parser, position, function, arguments, starts, count, value);
    bool makes = false;
    if (is_front_door(parser, name, &makes))
        return makes ? (struct value){.cell = maker_cell(parser, MAKER_FRONT, position)} : none;
    if (family_library(&world->families, name).role != LIBC_UNKNOWN)
        return library_call(parser, position, arguments, starts, count);
    if (name < world->is_variable.count && world->is_variable.at[name])
        return call_by_value(parser,
                             (struct value){.cell = flow_keyed(parser->flow, CELL_GLOBAL, name, 0)},
                             arguments, count);
    return call_outside(parser, position, arguments, count);
}

/* A name whose declaration was not understood, or is in a header of others: this function's own. */
static struct value unknown_variable(struct parser *parser, name_id name)
{
    struct value value = {.cell = flow_new(parser->flow)};
    if (parser->expansions == 0)
        *vector_push(&parser->locals) =
            (struct local){.name = name, .value = value, .depth = parser->depth ? 1 : 0};
    return value;
}

struct value name_value(struct parser *parser, uint32_t position)
{
    struct world *world = parser->world;
    name_id name = stream_word(&parser->stream, position);
    if (family_word(&world->families, name) != WORD_PLAIN)
        return (struct value){0};
    struct site *site = function_site(parser, position);
    if (site) {
        site_cells(parser, site);
        cell_id pointer = flow_new(parser->flow);
        flow_edge(
            parser->flow,
            flow_keyed(parser->flow, CELL_FUNCTION, (uint32_t)(site - world->sites.at), UINT32_MAX),
            pointer);
        return (struct value){.cell = pointer, .function = true};
    }
    const struct local *local = parse_lookup(parser, name);
    if (local)
        return local->value;
    struct value value = {0};
    if (expand_all(parser, name, false, NULL, NULL, 0, &value))
        return value;
    struct function *function = index_function(world, parser->home, name);
    if (function)
        return (struct value){.cell = flow_keyed(parser->flow, CELL_FUNCTION, function->name,
                                                 function_scope(function)),
                              .function = true};
    const struct type *global = name < world->variables.count ? &world->variables.at[name] : NULL;
    if (global && global->known && (global->home == 0 || global->home == parser->home + 1))
        return value_of(flow_keyed(parser->flow, CELL_GLOBAL, name, 0), *global);
    return unknown_variable(parser, name);
}
