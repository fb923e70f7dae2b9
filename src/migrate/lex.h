/* SPDX-License-Identifier: MIT */
/* Source text to tokens, with libclang as the lexer. Layer 1. */
#ifndef SHALE_MIGRATE_LEX_H
#define SHALE_MIGRATE_LEX_H

#include "migrate/source.h"

/*
 * Fills source->tokens: all of them, those of inactive branches and macro bodies too.
 *
 * @param trigraphs  whether the file's language version has them (they can end comments' lines).
 * @return 0; SHALE_EFORMAT when libclang gives the file up.
 * Threads: any, for different sources. Cost: about 1 us a token.
 */
SHALE_NODISCARD int lex_tokens(struct source *source, bool trigraphs);

/*
 * Gives words their numbers and finds directives and code. Threads: one at a time, for the table.
 */
void lex_structure(struct source *source, struct names *names);

/* The index of the directive that holds that token, or -1. */
long lex_directive_of(const struct source *source, uint32_t token);

/* The index of the first comment-free token at or behind / before `token` in [first, end); `end`
 * (forward) or UINT32_MAX (backward) when there is none. */
uint32_t lex_next(const struct source *source, uint32_t token, uint32_t end);
uint32_t lex_previous(const struct source *source, uint32_t token, uint32_t first);

#endif
