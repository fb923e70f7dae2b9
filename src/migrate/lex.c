/* SPDX-License-Identifier: MIT */
/*
 * Tokens from libclang, without parsing. Layer 1.
 *
 * clang_tokenize() lexes the raw bytes of a file that its translation unit knows. So that building
 * the unit costs nothing and no input can upset a parser, the unit's main file is the text behind
 * an `#if 0`: skipped when parsed, lexed in full when asked for. (Text with an unbalanced #endif
 * does get parsed: slower, with the same tokens.)
 */
#include "migrate/lex.h"

#include <stdlib.h>
#include <string.h>

#include <clang-c/Index.h>

#include <shale/error.h>

#define SKIP_LINE "#if 0\n"
#define MAIN_FILE "shale-migrate.c"

enum { SKIP_LENGTH = sizeof SKIP_LINE - 1 };

static uint32_t offset_of(CXSourceLocation location)
{
    unsigned offset;
    clang_getFileLocation(location, NULL, NULL, NULL, &offset);
    return offset;
}

static enum token_kind kind_of(CXToken token)
{
    switch (clang_getTokenKind(token)) {
    case CXToken_Keyword:
    case CXToken_Identifier:
        return TOKEN_WORD;
    case CXToken_Literal:
        return TOKEN_LITERAL;
    case CXToken_Comment:
        return TOKEN_COMMENT;
    default:
        return TOKEN_PUNCTUATION;
    }
}

static void take_tokens(struct source *source, CXTranslationUnit unit, const CXToken *tokens,
                        unsigned count)
{
    vector_reserve(&source->tokens, count);
    for (unsigned i = 0; i < count; i++) {
        CXSourceRange range = clang_getTokenExtent(unit, tokens[i]);
        uint32_t from = offset_of(clang_getRangeStart(range));
        uint32_t to = offset_of(clang_getRangeEnd(range));
        if (from < SKIP_LENGTH || to <= from || to - SKIP_LENGTH > source->size)
            continue;
        struct token *token = vector_push(&source->tokens);
        token->at = from - SKIP_LENGTH;
        token->length = to - from;
        token->kind = (uint8_t)kind_of(tokens[i]);
    }
}

static void tokenize(struct source *source, CXTranslationUnit unit, size_t size)
{
    CXFile file = clang_getFile(unit, MAIN_FILE);
    CXToken *tokens = NULL;
    unsigned count = 0;
    clang_tokenize(unit,
                   clang_getRange(clang_getLocationForOffset(unit, file, SKIP_LENGTH),
                                  clang_getLocationForOffset(unit, file, (unsigned)size)),
                   &tokens, &count);
    take_tokens(source, unit, tokens, count);
    clang_disposeTokens(unit, tokens, count);
}

int lex_tokens(struct source *source, bool trigraphs)
{
    size_t size = SKIP_LENGTH + source->size;
    char *text = must_alloc(size + 1);
    memcpy(text, SKIP_LINE, SKIP_LENGTH);
    memcpy(text + SKIP_LENGTH, source->text, source->size);
    if (source->size >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0)
        memset(text + SKIP_LENGTH, ' ', 3); /* a byte order mark is none behind the added line */
    const char *const arguments[] = {"-xc", "-w", trigraphs ? "-std=c11" : "-std=gnu11"};
    struct CXUnsavedFile main_file = {MAIN_FILE, text, size};
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit unit = NULL;
    enum CXErrorCode failed = clang_parseTranslationUnit2(
        index, MAIN_FILE, arguments, 3, &main_file, 1,
        CXTranslationUnit_SingleFileParse | CXTranslationUnit_KeepGoing, &unit);
    if (failed == CXError_Success)
        tokenize(source, unit, size);
    clang_disposeTranslationUnit(unit);
    clang_disposeIndex(index);
    free(text);
    source->lexed = failed == CXError_Success;
    return source->lexed ? 0 : SHALE_EFORMAT;
}

/* Length of a backslash (or its trigraph) and a line end at `at`, or 0. */
static size_t continuation(const char *at, const char *end)
{
    size_t mark = at < end && *at == '\\' ? 1 : end - at >= 3 && memcmp(at, "?\?/", 3) == 0 ? 3 : 0;
    if (mark == 0)
        return 0;
    const char *next = at + mark;
    while (next < end && (*next == ' ' || *next == '\t'))
        next++;
    if (next < end && *next == '\r')
        next++;
    return next < end && *next == '\n' ? (size_t)(next + 1 - at) : 0;
}

/* Whether a logical line ends in text[from, to), which lies between two tokens. */
static bool line_ends_in(const char *text, uint32_t from, uint32_t to)
{
    for (const char *at = text + from, *end = text + to; at < end;) {
        size_t joined = continuation(at, end);
        if (joined == 0 && *at == '\n')
            return true;
        at += joined ? joined : 1;
    }
    return false;
}

/* The spelling without continuations, in a buffer of at least token->length bytes. */
static size_t clean_spelling(const struct source *source, const struct token *token, char *clean)
{
    size_t length = 0;
    const char *end = source->text + token->at + token->length;
    for (const char *at = source->text + token->at; at < end;) {
        size_t joined = continuation(at, end);
        if (joined == 0)
            clean[length++] = *at;
        at += joined ? joined : 1;
    }
    return length;
}

static name_id word_of(const struct source *source, const struct token *token, struct names *names)
{
    const char *text = source->text + token->at;
    if (!memchr(text, '\n', token->length))
        return names_add(names, text, token->length);
    char *clean = must_alloc(token->length);
    name_id name = names_add(names, clean, clean_spelling(source, token, clean));
    free(clean);
    return name;
}

static uint32_t punctuation_of(const struct source *source, const struct token *token)
{
    const unsigned char *text = (const unsigned char *)source->text + token->at;
    static const struct {
        const char digraph[5];
        uint32_t value;
    } digraphs[] = {{"<:", '['},   {":>", ']'},   {"<%", '{'},
                    {"%>", '}'},   {"%:", '#'},   {"%:%:", PUNCT2('#', '#')},
                    {"?\?=", '#'}, {"?\?(", '['}, {"?\?)", ']'},
                    {"?\?<", '{'}, {"?\?>", '}'}};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(digraphs); i++)
        if (strlen(digraphs[i].digraph) == token->length &&
            memcmp(digraphs[i].digraph, text, token->length) == 0)
            return digraphs[i].value;
    switch (token->length) {
    case 1:
        return text[0];
    case 2:
        return PUNCT2(text[0], text[1]);
    case 3:
        return PUNCT3(text[0], text[1], text[2]);
    default:
        return 0; /* an unfinished literal, or punctuation with a continuation inside */
    }
}

static void give_values(struct source *source, struct names *names)
{
    uint32_t end = 0;
    for (size_t i = 0; i < source->tokens.count; i++) {
        struct token *token = &source->tokens.at[i];
        token->first_in_line = i == 0 || line_ends_in(source->text, end, token->at);
        if (token->kind == TOKEN_WORD)
            token->value = word_of(source, token, names);
        else if (token->kind == TOKEN_PUNCTUATION)
            token->value = punctuation_of(source, token);
        end = token->at + token->length;
    }
}

static enum directive_kind directive_kind_of(const char *word)
{
    static const struct {
        const char *word;
        enum directive_kind kind;
    } kinds[] = {{"define", DIRECTIVE_DEFINE},   {"undef", DIRECTIVE_UNDEF},
                 {"if", DIRECTIVE_IF},           {"ifdef", DIRECTIVE_IF},
                 {"ifndef", DIRECTIVE_IF},       {"elif", DIRECTIVE_ELSE},
                 {"else", DIRECTIVE_ELSE},       {"endif", DIRECTIVE_ENDIF},
                 {"include", DIRECTIVE_INCLUDE}, {"include_next", DIRECTIVE_INCLUDE},
                 {"import", DIRECTIVE_INCLUDE},  {"pragma", DIRECTIVE_PRAGMA}};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(kinds); i++)
        if (strcmp(kinds[i].word, word) == 0)
            return kinds[i].kind;
    return DIRECTIVE_OTHER;
}

uint32_t lex_next(const struct source *source, uint32_t token, uint32_t end)
{
    while (token < end && source->tokens.at[token].kind == TOKEN_COMMENT)
        token++;
    return token < end ? token : end;
}

uint32_t lex_previous(const struct source *source, uint32_t token, uint32_t first)
{
    for (;;) {
        if (token == UINT32_MAX || token < first)
            return UINT32_MAX;
        if (source->tokens.at[token].kind != TOKEN_COMMENT)
            return token;
        token--;
    }
}

static void add_directive(struct source *source, const struct names *names, uint32_t first,
                          uint32_t end)
{
    struct directive *directive = vector_push(&source->directives);
    *directive = (struct directive){.kind = DIRECTIVE_OTHER, .first = first, .end = end};
    uint32_t word = lex_next(source, first + 1, end);
    if (word == end || source->tokens.at[word].kind != TOKEN_WORD)
        return;
    directive->word = source->tokens.at[word].value;
    directive->kind = directive_kind_of(name_text(names, directive->word));
    uint32_t name = lex_next(source, word + 1, end);
    if (name < end && source->tokens.at[name].kind == TOKEN_WORD &&
        (directive->kind == DIRECTIVE_DEFINE || directive->kind == DIRECTIVE_UNDEF))
        directive->name = source->tokens.at[name].value;
}

/* A comment that begins a line can stand before the '#': "first" means first but for comments. */
static bool begins_directive(const struct source *source, uint32_t index)
{
    if (!token_is(&source->tokens.at[index], '#'))
        return false;
    while (!source->tokens.at[index].first_in_line)
        if (source->tokens.at[--index].kind != TOKEN_COMMENT)
            return false;
    return true;
}

/* One pass instead of a look back from every place that asks: hostile input has many places. */
static void find_openers(struct source *source)
{
    VECTOR(uint32_t) open = {0};
    for (uint32_t i = 0; i < source->code.count; i++) {
        const struct token *token = &source->tokens.at[source->code.at[i]];
        *vector_push(&source->openers) = open.count ? open.at[open.count - 1] : UINT32_MAX;
        if (token_is(token, '(') || token_is(token, '[') || token_is(token, '{'))
            *vector_push(&open) = i;
        else if (token_is(token, ')') || token_is(token, ']') || token_is(token, '}'))
            open.count -= open.count > 0;
    }
    vector_free(&open);
}

void lex_structure(struct source *source, struct names *names)
{
    give_values(source, names);
    uint32_t count = (uint32_t)source->tokens.count;
    for (uint32_t i = 0; i < count;) {
        const struct token *token = &source->tokens.at[i];
        if (begins_directive(source, i)) {
            uint32_t end = i + 1;
            while (end < count && !source->tokens.at[end].first_in_line)
                end++;
            add_directive(source, names, i, end);
            i = end;
            continue;
        }
        if (token->kind != TOKEN_COMMENT)
            *vector_push(&source->code) = i;
        i++;
    }
    find_openers(source);
}

long lex_directive_of(const struct source *source, uint32_t token)
{
    size_t low = 0;
    size_t high = source->directives.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (source->directives.at[middle].end <= token)
            low = middle + 1;
        else
            high = middle;
    }
    return low < source->directives.count && source->directives.at[low].first <= token ? (long)low
                                                                                       : -1;
}
