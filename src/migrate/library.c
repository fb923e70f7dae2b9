/* SPDX-License-Identifier: MIT */
/* What a call of the C library does with pointers, by the table in family.c. Layer 1. */
#include <string.h>

#include "migrate/parse.h"

cell_id maker_cell(struct parser *parser, enum maker_kind kind, uint32_t position)
{
    cell_id cell = flow_new(parser->flow);
    *vector_push(&parser->analysis->makers) =
        (struct maker){kind, cell, stream_word(&parser->stream, position),
                       parser->stream.source_index, parser->stream.at[position]};
    return cell;
}

static bool is_null_argument(const struct parser *parser, uint32_t start)
{
    const struct token *token = stream_token(&parser->stream, start);
    const char *text = parser->stream.source->text + token->at;
    bool null = (token->length == 1 && text[0] == '0') ||
                (token->length == 4 && memcmp(text, "NULL", 4) == 0);
    return null && (stream_is(&parser->stream, start + 1, ',') ||
                    stream_is(&parser->stream, start + 1, ')'));
}

static bool allocates_in_scan(const struct parser *parser, const uint32_t *starts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct token *token = stream_token(&parser->stream, starts[i]);
        const char *text = parser->stream.source->text + token->at;
        if (token->kind != TOKEN_LITERAL || text[0] != '"')
            continue;
        for (uint32_t k = 0; k + 1 < token->length; k++)
            if (text[k] == '%' &&
                (text[k + 1] == 'm' || (text[k + 1] == 'a' && text[k + 2] == '[')))
                return true;
    }
    return false;
}

static void library_fills(struct parser *parser, uint32_t position, struct value argument,
                          bool array)
{
    cell_id target = target_of(parser, argument);
    cell_id maker = maker_cell(parser, MAKER_LIBC, position);
    flow_edge(parser->flow, maker, target);
    if (array && target)
        flow_edge(parser->flow, maker, flow_pointee(parser->flow, target));
}

static void library_holds(struct parser *parser, uint32_t position, struct value argument)
{
    cell_id cell = flow_new(parser->flow);
    value_assign(parser, cell, argument);
    *vector_push(&parser->analysis->holders) =
        (struct holder){cell, stream_word(&parser->stream, position), parser->stream.source_index,
                        parser->stream.at[position]};
}

struct value library_call(struct parser *parser, uint32_t position, const struct value *arguments,
                          const uint32_t *starts, uint32_t count)
{
    static const struct value none = {0};
    struct libc_function library =
        family_library(&parser->world->families, stream_word(&parser->stream, position));
    struct value argument = library.argument < count ? arguments[library.argument] : none;
    struct value specific = {.cell = flow_keyed(parser->flow, CELL_SPECIFIC, 0, 0)};
    switch (library.role) {
    case LIBC_OWNED:
        return (struct value){.cell = maker_cell(parser, MAKER_LIBC, position)};
    case LIBC_OWNED_IF_NULL:
        if (library.argument < count && is_null_argument(parser, starts[library.argument]))
            return (struct value){.cell = maker_cell(parser, MAKER_LIBC, position)};
        return argument;
    case LIBC_ALIAS:
        return argument;
    case LIBC_FILLS:
    case LIBC_RESIZES:
    case LIBC_FILLS_ARRAY:
        library_fills(parser, position, argument, library.role == LIBC_FILLS_ARRAY);
        return none;
    case LIBC_SCANS:
        for (uint32_t i = 1; i < count && allocates_in_scan(parser, starts, count); i++)
            library_fills(parser, position, arguments[i], false);
        return none;
    case LIBC_HOLDS:
        library_holds(parser, position, argument);
        return none;
    case LIBC_STARTS_THREAD:
        if (library.argument + 1 < count)
            call_by_value(parser, argument, &arguments[library.argument + 1], 1);
        return none;
    case LIBC_SETS_DESTRUCTOR:
        if (count > 1)
            call_by_value(parser, arguments[1], &specific, 1);
        return none;
    case LIBC_SETS_SPECIFIC:
        if (count > 1)
            value_assign(parser, specific.cell, arguments[1]);
        return none;
    case LIBC_GETS_SPECIFIC:
        return specific;
    default:
        return none;
    }
}

static bool gives_blocks(struct libc_function library)
{
    switch (library.role) {
    case LIBC_OWNED:
    case LIBC_OWNED_IF_NULL:
    case LIBC_FILLS:
    case LIBC_FILLS_ARRAY:
    case LIBC_RESIZES:
    case LIBC_SCANS:
        return true;
    default:
        return false;
    }
}

struct value library_join(struct parser *parser, uint32_t position, const struct function *function,
                          const struct value *arguments, const uint32_t *starts, uint32_t count,
                          struct value value)
{
    name_id name = stream_word(&parser->stream, position);
    bool sure = function && function->is_static && !index_is_conditional(parser->world, function);
    if (sure || !gives_blocks(family_library(&parser->world->families, name)))
        return value;
    return value_join(parser, value, library_call(parser, position, arguments, starts, count));
}
