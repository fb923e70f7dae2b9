/* SPDX-License-Identifier: MIT */
/*
 * What a converted call looks like. Layer 1.
 *
 * Most sites change in their name alone. Three need more, because the layer has no function of the
 * same form:
 *
 *     posix_memalign(&p, a, n)   ((p = shale_alloc_aligned(a, n)) ? 0 : errno)
 *     valloc(n)                  shale_alloc_aligned((size_t)sysconf(_SC_PAGESIZE), n)
 *     realloc(p, 0)              shale_free(p)  or  (shale_free(p), (void *)0)
 */
#include "migrate/edit.h"

#include <stdlib.h>
#include <string.h>

#include "migrate/lex.h"

enum { ARGUMENTS_MAX = 4 };

/* A call's arguments as token indexes, comments left out at their ends. */
struct arguments {
    uint32_t count;
    uint32_t first[ARGUMENTS_MAX];
    uint32_t last[ARGUMENTS_MAX];
    uint32_t comma[ARGUMENTS_MAX]; /* behind argument i, or the ')' */
    uint32_t close;
};

static const struct token *token_at(const struct world *world, const struct site *site,
                                    uint32_t token)
{
    return &world->sources.at[site->source]->tokens.at[token];
}

static uint32_t end_of(const struct token *token)
{
    return token->at + token->length;
}

static bool end_argument(const struct source *source, struct arguments *arguments, uint32_t first,
                         uint32_t behind)
{
    uint32_t from = lex_next(source, first, behind);
    if (arguments->count == ARGUMENTS_MAX || from == behind)
        return false;
    arguments->first[arguments->count] = from;
    arguments->last[arguments->count] = lex_previous(source, behind - 1, first);
    arguments->comma[arguments->count++] = behind;
    return true;
}

/* false: no whole list of arguments, or a preprocessor line in between. */
static bool read_arguments(const struct world *world, const struct site *site,
                           struct arguments *arguments)
{
    const struct source *source = world->sources.at[site->source];
    *arguments = (struct arguments){0};
    int depth = 0;
    uint32_t first = site->open + 1;
    for (uint32_t i = site->open; i < source->tokens.count; i++) {
        const struct token *token = &source->tokens.at[i];
        if (lex_directive_of(source, i) != site->directive || token_is(token, ';'))
            return false;
        if (token_is(token, '(') || token_is(token, '[') || token_is(token, '{'))
            depth++;
        else if (token_is(token, ')') || token_is(token, ']') || token_is(token, '}'))
            depth--;
        if (depth == 0 || (depth == 1 && token_is(token, ','))) {
            if (!end_argument(source, arguments, first, i))
                return false;
            first = i + 1;
        }
        if (depth == 0) {
            arguments->close = i;
            return true;
        }
    }
    return false;
}

static bool is_word(const struct world *world, const struct site *site, uint32_t token,
                    const char *text)
{
    const struct token *of = token_at(world, site, token);
    return of->kind == TOKEN_WORD && strcmp(name_text(&world->names, of->value), text) == 0;
}

/* Steps over `(void **)` before posix_memalign's pointer. */
static uint32_t skip_cast(const struct world *world, const struct site *site, uint32_t token,
                          uint32_t last)
{
    const struct source *source = world->sources.at[site->source];
    if (!token_is(token_at(world, site, token), '('))
        return token;
    uint32_t inside = lex_next(source, token + 1, last);
    if (!is_word(world, site, inside, "void") && !is_word(world, site, inside, "char"))
        return token;
    while (token < last && !token_is(token_at(world, site, token), ')'))
        token++;
    return lex_next(source, token + 1, last + 1);
}

static bool is_zero(const struct world *world, const struct site *site,
                    const struct arguments *arguments, uint32_t index)
{
    const struct token *token = token_at(world, site, arguments->first[index]);
    return arguments->first[index] == arguments->last[index] && token->length == 1 &&
           world->sources.at[site->source]->text[token->at] == '0';
}

/* What begins with a parenthesis would become the arguments of a name before it. */
static bool follows_name(const struct world *world, const struct site *site)
{
    const struct source *source = world->sources.at[site->source];
    uint32_t before = site->token;
    do {
        before = before > 0 ? lex_previous(source, before - 1, 0) : UINT32_MAX;
    } while (before != UINT32_MAX && lex_directive_of(source, before) >= 0);
    if (site->directive >= 0 || before == UINT32_MAX)
        return false;
    const struct token *token = &source->tokens.at[before];
    return token->kind == TOKEN_WORD && family_word(&world->families, token->value) == WORD_PLAIN;
}

bool edit_is_possible(const struct world *world, const struct site *site)
{
    struct arguments arguments;
    if (site->family == FAMILY_POSIX_MEMALIGN)
        return site->is_call && read_arguments(world, site, &arguments) && arguments.count == 3 &&
               site->open == site->token + 1 && !follows_name(world, site);
    if (site->family == FAMILY_VALLOC)
        return site->is_call && read_arguments(world, site, &arguments) && arguments.count == 1;
    return true;
}

static void add_edit(edit_list *edits, uint32_t from, uint32_t to, char *text)
{
    *vector_push(edits) = (struct migrate_line_edit){from, to, text};
}

static void edit_posix_memalign(const struct world *world, const struct site *site,
                                edit_list *edits)
{
    const struct source *source = world->sources.at[site->source];
    struct arguments arguments;
    if (!read_arguments(world, site, &arguments))
        return;
    uint32_t first = skip_cast(world, site, arguments.first[0], arguments.last[0]);
    uint32_t last = arguments.last[0];
    if (token_is(token_at(world, site, first), '(') && token_is(token_at(world, site, last), ')') &&
        token_is(token_at(world, site, lex_next(source, first + 1, last)), '&')) {
        first = lex_next(source, first + 1, last);
        last = lex_previous(source, last - 1, first);
    }
    const char *opening = "((";
    const char *closing = "";
    if (token_is(token_at(world, site, first), '&')) {
        first = lex_next(source, first + 1, last + 1);
    } else {
        opening = first == last ? "((*" : "((*(";
        closing = first == last ? "" : ")";
    }
    add_edit(edits, site->at, token_at(world, site, first)->at, must_copy(opening));
    add_edit(edits, end_of(token_at(world, site, last)),
             token_at(world, site, arguments.first[1])->at,
             must_format("%s = %s_alloc_aligned(", closing, world->options->prefix));
    uint32_t end = end_of(token_at(world, site, arguments.close));
    add_edit(edits, end, end, must_copy(") ? 0 : errno)"));
}

static bool is_whole_statement(const struct world *world, const struct site *site, uint32_t close)
{
    const struct source *source = world->sources.at[site->source];
    uint32_t before = site->token ? lex_previous(source, site->token - 1, 0) : NOTHING;
    uint32_t after = lex_next(source, close + 1, (uint32_t)source->tokens.count);
    if (before == NOTHING || after >= source->tokens.count)
        return false;
    const struct token *previous = &source->tokens.at[before];
    return token_is(&source->tokens.at[after], ';') &&
           (token_is(previous, ';') || token_is(previous, '{') || token_is(previous, '}'));
}

static void edit_free_by_realloc(const struct world *world, const struct site *site,
                                 const struct arguments *arguments, edit_list *edits)
{
    bool statement = is_whole_statement(world, site, arguments->close);
    uint32_t end = end_of(token_at(world, site, arguments->close));
    add_edit(edits, site->at, site->at + site->length,
             must_format(statement ? "%s_free" : "(%s_free", world->options->prefix));
    add_edit(edits, end_of(token_at(world, site, arguments->last[0])), end,
             must_copy(statement ? ")" : "), (void *)0)"));
}

void edit_site(const struct world *world, const struct site *site, edit_list *edits,
               struct edit_needs *needs)
{
    const char *prefix = world->options->prefix;
    struct arguments arguments;
    if (site->family == FAMILY_POSIX_MEMALIGN) {
        needs->errno_h = true;
        edit_posix_memalign(world, site, edits);
        return;
    }
    if (site->family == FAMILY_REALLOC && site->is_call &&
        read_arguments(world, site, &arguments) && arguments.count == 2 &&
        is_zero(world, site, &arguments, 1)) {
        edit_free_by_realloc(world, site, &arguments, edits);
        return;
    }
    add_edit(edits, site->at, site->at + site->length,
             must_format("%s_%s", prefix, family_suffix(site->family)));
    if (site->family == FAMILY_VALLOC) {
        needs->unistd_h = true;
        uint32_t inside = end_of(token_at(world, site, site->open));
        add_edit(edits, inside, inside, must_copy("(size_t)sysconf(_SC_PAGESIZE), "));
    }
}

static int compare_edits(const void *left, const void *right)
{
    const struct migrate_line_edit *a = left;
    const struct migrate_line_edit *b = right;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->to < b->to ? -1 : a->to > b->to;
}

char *edit_apply(const struct source *source, edit_list *edits, size_t *size)
{
    qsort(edits->at, edits->count, sizeof *edits->at, compare_edits);
    text_buffer text = {0};
    vector_reserve(&text, source->size + 64 * edits->count);
    uint32_t at = 0;
    for (size_t i = 0; i < edits->count; i++) {
        const struct migrate_line_edit *edit = &edits->at[i];
        buffer_add(&text, source->text + at, edit->from - at);
        buffer_add(&text, edit->text, strlen(edit->text));
        at = edit->to;
    }
    buffer_add(&text, source->text + at, source->size - at);
    *size = text.count;
    return text.at;
}
