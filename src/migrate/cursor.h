/* SPDX-License-Identifier: MIT */
/* Looking at the token a parser stands at, and stepping over it. For the parser's own files.
 * Layer 1. */
#ifndef SHALE_MIGRATE_CURSOR_H
#define SHALE_MIGRATE_CURSOR_H

#include "migrate/parse.h"

static inline bool at(const struct parser *parser, uint32_t punctuation)
{
    return parser->position < parser->end &&
           stream_is(&parser->stream, parser->position, punctuation);
}

static inline bool accept(struct parser *parser, uint32_t punctuation)
{
    bool is = at(parser, punctuation);
    parser->position += is;
    return is;
}

static inline name_id word(const struct parser *parser, uint32_t position)
{
    return position < parser->end ? stream_word(&parser->stream, position) : 0;
}

static inline enum word_kind kind(const struct parser *parser, uint32_t position)
{
    return position < parser->end ? stream_word_kind(parser->world, &parser->stream, position)
                                  : WORD_PLAIN;
}

static inline void skip_bracket(struct parser *parser)
{
    uint32_t partner = stream_partner(&parser->stream, parser->position);
    parser->position = partner == NOTHING || partner >= parser->end ? parser->end : partner + 1;
}

#endif
