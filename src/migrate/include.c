/* SPDX-License-Identifier: MIT */
/*
 * Where the #include goes. Layer 1.
 *
 * Behind the first comment, the include guard and whatever decides what system headers declare:
 * feature-test macros, and headers that define them (config.h). Right before the first #include
 * when nothing but space lies between, so that it joins the block.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/edit.h"
#include "migrate/lex.h"

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

static bool is_feature_macro(const char *name)
{
    static const char *const names[] = {
        "_FILE_OFFSET_BITS",      "_REENTRANT",          "_THREAD_SAFE", "__EXTENSIONS__",
        "__USE_MINGW_ANSI_STDIO", "WIN32_LEAN_AND_MEAN", "_TIME_BITS"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return name[0] == '_' && (ends_with(name, strlen(name), "_SOURCE") ||
                              starts_with(name, "_LARGEFILE") || starts_with(name, "__STDC_"));
}

static bool is_feature_directive(const struct world *world, const struct directive *directive)
{
    return (directive->kind == DIRECTIVE_DEFINE || directive->kind == DIRECTIVE_UNDEF) &&
           is_feature_macro(name_text(&world->names, directive->name));
}

/* What stands between the quotes or brackets of an #include. */
static const char *included(const struct source *source, const struct directive *directive,
                            size_t *length)
{
    const struct token *last = &source->tokens.at[directive->end - 1];
    const struct token *first = &source->tokens.at[directive->first];
    const char *text = source->text + first->at;
    const char *end = source->text + last->at + last->length;
    while (text < end && *text != '"' && *text != '<')
        text++;
    const char *stop = text < end ? text + 1 : text;
    while (stop < end && *stop != '"' && *stop != '>')
        stop++;
    *length = text < stop ? (size_t)(stop - text - 1) : 0;
    return text < end ? text + 1 : text;
}

static bool has_feature_macros(const struct world *world, const struct source *source)
{
    for (size_t i = 0; i < source->directives.count; i++)
        if (is_feature_directive(world, &source->directives.at[i]))
            return true;
    return false;
}

/* A header that must come first: it defines feature-test macros. */
static bool sets_features(const struct world *world, const struct source *source,
                          const struct directive *directive)
{
    size_t length;
    const char *name = included(source, directive, &length);
    if (ends_with(name, length, "config.h") || ends_with(name, length, "prefix.h"))
        return true;
    const char *slash = memrchr(name, '/', length);
    const char *base = slash ? slash + 1 : name;
    size_t base_length = length - (size_t)(base - name);
    for (size_t i = 0; i < world->sources.count; i++) {
        const struct source *other = world->sources.at[i];
        size_t path_length = strlen(other->path);
        if (path_length >= base_length && other->lexed && other != source &&
            memcmp(other->path + path_length - base_length, base, base_length) == 0 &&
            (path_length == base_length || other->path[path_length - base_length - 1] == '/') &&
            has_feature_macros(world, other))
            return true;
    }
    return false;
}

static bool includes(const struct source *source, const char *header)
{
    size_t wanted = strlen(header) - 2;
    for (size_t i = 0; i < source->directives.count; i++) {
        size_t length;
        if (source->directives.at[i].kind != DIRECTIVE_INCLUDE)
            continue;
        const char *name = included(source, &source->directives.at[i], &length);
        if (length == wanted && memcmp(name, header + 1, wanted) == 0)
            return true;
    }
    return false;
}

static uint32_t line_behind(const struct source *source, uint32_t offset)
{
    const char *end = memchr(source->text + offset, '\n', source->size - offset);
    return end ? (uint32_t)(end + 1 - source->text) : (uint32_t)source->size;
}

static uint32_t behind_directive(const struct source *source, const struct directive *directive)
{
    const struct token *last = &source->tokens.at[directive->end - 1];
    return line_behind(source, last->at + last->length);
}

static uint32_t line_of_token(const struct source *source, uint32_t token)
{
    uint32_t at = source->tokens.at[token].at;
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return at;
}

/* Index of the #endif of an #if, or of the last directive. */
static size_t endif_of(const struct source *source, size_t index)
{
    int depth = 0;
    for (size_t i = index; i < source->directives.count; i++) {
        depth += source->directives.at[i].kind == DIRECTIVE_IF;
        depth -= source->directives.at[i].kind == DIRECTIVE_ENDIF;
        if (depth == 0)
            return i;
    }
    return source->directives.count - 1;
}

/* #ifndef _GNU_SOURCE / #define _GNU_SOURCE / #endif, with nothing else inside. */
static bool is_feature_group(const struct world *world, const struct source *source, size_t first,
                             size_t end)
{
    bool any = false;
    for (size_t i = first; i <= end; i++) {
        const struct directive *directive = &source->directives.at[i];
        if (i > first && lex_next(source, source->directives.at[i - 1].end, directive->first) !=
                             directive->first)
            return false; /* code in between */
        if (is_feature_directive(world, directive))
            any = true;
        else if (directive->kind != DIRECTIVE_IF && directive->kind != DIRECTIVE_ELSE &&
                 directive->kind != DIRECTIVE_ENDIF)
            return false;
    }
    return any;
}

/* #ifndef X / #define X around the whole file. */
static bool is_guard(const struct source *source, size_t index)
{
    if (index + 1 >= source->directives.count ||
        source->directives.at[index + 1].kind != DIRECTIVE_DEFINE)
        return false;
    name_id name = source->directives.at[index + 1].name;
    bool tested = false;
    for (uint32_t i = source->directives.at[index].first; i < source->directives.at[index].end; i++)
        tested |= source->tokens.at[i].kind == TOKEN_WORD && source->tokens.at[i].value == name;
    size_t end = endif_of(source, index);
    return tested && lex_next(source, source->directives.at[end].end,
                              (uint32_t)source->tokens.count) == source->tokens.count;
}

static uint32_t start_of_text(const struct source *source)
{
    return source->size >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Behind the first comment: a block, or lines of // that follow each other. */
static uint32_t behind_first_comment(const struct source *source, uint32_t *next)
{
    const struct token *tokens = source->tokens.at;
    if (*next >= source->tokens.count || tokens[0].kind != TOKEN_COMMENT)
        return start_of_text(source);
    bool lines = source->text[tokens[0].at + 1] == '/';
    uint32_t behind = line_behind(source, tokens[0].at + tokens[0].length);
    for (*next = 1; *next < source->tokens.count; ++*next) {
        const struct token *token = &tokens[*next];
        bool same_line = token->at < behind;
        if (token->kind != TOKEN_COMMENT ||
            !(same_line || (lines && token->at == behind && source->text[token->at + 1] == '/')))
            break;
        behind = line_behind(source, token->at + token->length);
    }
    if (*next < source->tokens.count && tokens[*next].at < behind)
        return start_of_text(source); /* code on the comment's last line */
    return behind;
}

/* Handles the directive at `index`: the offset behind it when the #include must follow it. */
static bool passes(const struct world *world, const struct source *source, size_t *index,
                   uint32_t *behind)
{
    const struct directive *directive = &source->directives.at[*index];
    if (directive->kind == DIRECTIVE_IF && is_guard(source, *index)) {
        ++*index;
        *behind = behind_directive(source, &source->directives.at[*index]);
    } else if (directive->kind == DIRECTIVE_IF) {
        size_t end = endif_of(source, *index);
        if (!is_feature_group(world, source, *index, end))
            return false;
        *index = end;
        *behind = behind_directive(source, &source->directives.at[end]);
    } else if (is_feature_directive(world, directive) || directive->kind == DIRECTIVE_PRAGMA ||
               (directive->kind == DIRECTIVE_INCLUDE && sets_features(world, source, directive))) {
        *behind = behind_directive(source, directive);
    } else {
        return directive->kind == DIRECTIVE_DEFINE || directive->kind == DIRECTIVE_UNDEF;
    }
    return true;
}

static uint32_t place_of_include(const struct world *world, const struct source *source)
{
    uint32_t next = 0;
    uint32_t behind = behind_first_comment(source, &next);
    uint32_t count = (uint32_t)source->tokens.count;
    for (size_t i = 0; i < source->directives.count; i++) {
        uint32_t token = lex_next(source, next, count);
        if (token >= count || token != source->directives.at[i].first)
            break; /* code */
        if (!passes(world, source, &i, &behind))
            break;
        next = source->directives.at[i].end;
    }
    for (size_t i = 0; i < source->directives.count; i++) {
        const struct directive *directive = &source->directives.at[i];
        uint32_t line = line_of_token(source, directive->first);
        if (line < behind)
            continue;
        bool only_space = directive->kind == DIRECTIVE_INCLUDE;
        for (uint32_t at = behind; at < line; at++)
            only_space &= strchr(" \t\r\n", source->text[at]) != NULL;
        return only_space ? line : behind;
    }
    return behind;
}

void edit_include(const struct world *world, uint32_t source, const char *header,
                  const struct edit_needs *needs, edit_list *edits)
{
    const struct source *of = world->sources.at[source];
    const char *end = source_line_end(of);
    text_buffer text = {0};
    uint32_t at = place_of_include(world, of);
    if (at > 0 && at == of->size && of->text[at - 1] != '\n')
        buffer_print(&text, "%s", end);
    if (needs->errno_h && !includes(of, "<errno.h>"))
        buffer_print(&text, "#include <errno.h>%s", end);
    if (needs->unistd_h && !includes(of, "<unistd.h>"))
        buffer_print(&text, "#include <unistd.h>%s", end);
    if (!includes(of, header))
        buffer_print(&text, "#include %s%s", header, end);
    if (text.count)
        *vector_push(edits) = (struct migrate_line_edit){at, at, text.at};
}
