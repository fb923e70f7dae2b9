/* SPDX-License-Identifier: MIT */
/*
 * Finds every place that speaks of the malloc family and judges it by its place in the text.
 * Layer 1.
 *
 * This is syntax alone: a call, a member, a label, a string. Whose memory passes there is judged
 * later (owner.c), and only for what is found convertible here.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/lex.h"
#include "migrate/place.h"
#include "migrate/world.h"

static void add_site(struct world *world, const struct place *place, enum migrate_rule rule)
{
    const struct stream *stream = place->stream;
    const struct token *token = stream_token(stream, place->position);
    struct site *site = vector_push(&world->sites);
    *site = (struct site){.source = stream->source_index,
                          .token = stream->at[place->position],
                          .at = token->at,
                          .length = token->length,
                          .family = place->family,
                          .rule = rule,
                          .class = migrate_rules[rule].class,
                          .flagged = migrate_rules[rule].flagged,
                          .directive = stream->directive,
                          .open = NOTHING};
    if (rule == MIGRATE_RULE_TABLE ||
        (rule == MIGRATE_RULE_NO_COUNTERPART && place_in_initializer(place)))
        site->table = stream->at[stream_opener(stream, place->position)] + 1;
    if (stream_is(stream, place->position + 1, '(')) {
        site->is_call = true;
        site->open = stream->at[place->position + 1];
    } else if (place_is_wrapped_call(place)) {
        site->is_call = true;
        site->open = stream->at[place->position + 2];
    }
}

static enum migrate_rule rule_of_value(const struct place *place)
{
    if (!family_fits_pointer(place->family))
        return MIGRATE_RULE_NO_COUNTERPART;
    return place_in_initializer(place) ? MIGRATE_RULE_TABLE : MIGRATE_RULE_POINTER;
}

static enum migrate_rule rule_of_use(const struct place *place)
{
    if (place->family == FAMILY_ALLOCA)
        return MIGRATE_RULE_ALLOCA;
    if (place->family == FAMILY_LIBC_ITSELF)
        return MIGRATE_RULE_LIBC_ITSELF;
    if (place_is_call(place)) {
        if (!family_suffix(place->family))
            return MIGRATE_RULE_NO_COUNTERPART;
        return place->stream->directive >= 0 ? MIGRATE_RULE_MACRO : MIGRATE_RULE_CALL;
    }
    if (!place_is_plain_value(place))
        return MIGRATE_RULE_NOT_FUNCTION;
    return rule_of_value(place);
}

/* A name of the family that a declaration hides: from there to the end of its block or file. */
struct hidden {
    uint32_t from;
    uint32_t to;
    name_id name;
};

struct finder {
    struct world *world;
    VECTOR(struct hidden) hidden;
};

static bool is_hidden(const struct finder *finder, const struct place *place)
{
    if (place->stream->directive >= 0)
        return false;
    for (size_t i = 0; i < finder->hidden.count; i++) {
        const struct hidden *hidden = &finder->hidden.at[i];
        if (hidden->name == place->name && hidden->from <= place->position &&
            place->position <= hidden->to)
            return true;
    }
    return false;
}

/* A declaration in code: a parameter hides to its function's end, a prototype's nothing at all. */
static void hide(struct finder *finder, const struct place *place)
{
    const struct stream *stream = place->stream;
    uint32_t open = stream_opener(stream, place->position);
    while (open != NOTHING && !stream_is(stream, open, '{')) {
        if (place->function && open == place->function->open) {
            *vector_push(&finder->hidden) =
                (struct hidden){place->position, place->function->end, place->name};
            return;
        }
        bool own_parenthesis = stream_is(stream, open + 1, '*');
        open = stream_opener(stream, open);
        if (!own_parenthesis && (open == NOTHING || !place->function))
            return;
    }
    uint32_t to = open == NOTHING ? stream->count : stream_partner(stream, open);
    *vector_push(&finder->hidden) = (struct hidden){place->position, to, place->name};
}

static enum migrate_rule rule_by_database(const struct place *place)
{
    const struct token *token = stream_token(place->stream, place->position);
    const struct meaning *meaning = source_meaning(place->stream->source, token->at);
    if (meaning && meaning->kind == MEANING_VARIABLE)
        return MIGRATE_RULE_LOCAL;
    return meaning && meaning->kind == MEANING_FIELD ? MIGRATE_RULE_MEMBER : MIGRATE_RULE_COUNT;
}

static enum migrate_rule rule_in_code(struct finder *finder, const struct place *place)
{
    enum migrate_rule rule = place_rule(place);
    if ((rule == MIGRATE_RULE_LOCAL || rule == MIGRATE_RULE_DECLARATOR) &&
        place->stream->directive < 0)
        hide(finder, place);
    if (rule == MIGRATE_RULE_COUNT)
        rule = rule_by_database(place);
    if (rule == MIGRATE_RULE_COUNT && is_hidden(finder, place))
        rule = MIGRATE_RULE_LOCAL;
    return rule == MIGRATE_RULE_COUNT ? rule_of_use(place) : rule;
}

static enum migrate_rule rule_in_directive(struct finder *finder, const struct place *place)
{
    const struct stream *stream = place->stream;
    const struct directive *directive = &stream->source->directives.at[stream->directive];
    bool defines_it = directive->name == place->name && place->position == 2;
    switch (directive->kind) {
    case DIRECTIVE_DEFINE:
        return defines_it ? MIGRATE_RULE_DEFINES_NAME : rule_in_code(finder, place);
    case DIRECTIVE_UNDEF:
    case DIRECTIVE_IF:
    case DIRECTIVE_ELSE:
        return MIGRATE_RULE_TESTED;
    case DIRECTIVE_PRAGMA:
        return MIGRATE_RULE_PRAGMA;
    default:
        return MIGRATE_RULE_COUNT;
    }
}

/* #define strdup _strdup: another system's name of the same function, and no allocator of its own.
 */
static bool is_platform_name(const struct place *place)
{
    const struct stream *stream = place->stream;
    const char *other = name_text(&place->world->names, stream_word(stream, place->position + 1));
    return stream->directive >= 0 && stream->count == place->position + 2 && other[0] == '_' &&
           strcmp(other + 1, name_text(&place->world->names, place->name)) == 0 &&
           (place->family == FAMILY_STRDUP || place->family == FAMILY_STRNDUP);
}

static void scan_stream(struct finder *finder, const struct stream *stream)
{
    struct world *world = finder->world;
    for (uint32_t i = 0; i < stream->count; i++) {
        name_id name = stream_word(stream, i);
        enum family family = name ? family_of(&world->families, &world->names, name) : FAMILY_NONE;
        if (family == FAMILY_NONE)
            continue;
        struct place place = {
            .world = world, .stream = stream, .position = i, .name = name, .family = family};
        if (stream->directive < 0)
            place.function = index_function_at(world, stream->source_index, i);
        enum migrate_rule rule = stream->directive < 0 ? rule_in_code(finder, &place)
                                                       : rule_in_directive(finder, &place);
        if (rule != MIGRATE_RULE_COUNT)
            add_site(world, &place, rule);
        if ((rule == MIGRATE_RULE_DEFINITION || rule == MIGRATE_RULE_DEFINES_NAME) &&
            !is_platform_name(&place))
            world->sources.at[stream->source_index]->defines_allocator = true;
    }
}

static void scan_directive(struct finder *finder, uint32_t source, long index)
{
    const struct source *of = finder->world->sources.at[source];
    const struct directive *directive = &of->directives.at[index];
    VECTOR(uint32_t) tokens = {0};
    for (uint32_t i = directive->first; i < directive->end; i++)
        if (of->tokens.at[i].kind != TOKEN_COMMENT)
            *vector_push(&tokens) = i;
    struct stream stream = {of, source, tokens.at, (uint32_t)tokens.count, index};
    scan_stream(finder, &stream);
    vector_free(&tokens);
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

/* The word of the family that text has at `at`, followed by '(': its length, or 0. */
static uint32_t family_call_at(const struct world *world, const char *text, uint32_t at,
                               uint32_t end, enum family *family)
{
    uint32_t stop = at;
    while (stop < end && is_word_byte(text[stop]))
        stop++;
    uint32_t next = stop;
    while (next < end && text[next] == ' ')
        next++;
    if (stop - at < 4 || stop - at > 20 || next == end || text[next] != '(')
        return 0;
    char word[24];
    memcpy(word, text + at, stop - at);
    word[stop - at] = '\0';
    name_id name = names_find(&world->names, word);
    *family = name ? family_of(&world->families, &world->names, name) : FAMILY_NONE;
    return *family == FAMILY_NONE ? 0 : stop - at;
}

/* Calls spelled out in a comment or a string: nothing to rewrite, but somebody may want to know. */
static void scan_text(struct world *world, uint32_t source, uint32_t token)
{
    const struct source *of = world->sources.at[source];
    const struct token *where = &of->tokens.at[token];
    enum migrate_rule rule =
        where->kind == TOKEN_COMMENT ? MIGRATE_RULE_COMMENT : MIGRATE_RULE_STRING;
    uint32_t end = where->at + where->length;
    for (uint32_t at = where->at; at < end; at++) {
        if (at > where->at && is_word_byte(of->text[at - 1]))
            continue;
        enum family family;
        uint32_t length = family_call_at(world, of->text, at, end, &family);
        if (length)
            *vector_push(&world->sites) = (struct site){.source = source,
                                                        .token = token,
                                                        .at = at,
                                                        .length = length,
                                                        .family = family,
                                                        .rule = rule,
                                                        .class = migrate_rules[rule].class,
                                                        .directive = -1,
                                                        .open = NOTHING};
    }
}

static int compare_sites(const void *left, const void *right)
{
    const struct site *a = left;
    const struct site *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

void sites_find(struct world *world, uint32_t source)
{
    const struct source *of = world->sources.at[source];
    struct finder finder = {.world = world};
    size_t first = world->sites.count;
    struct stream code = world_code(world, source);
    scan_stream(&finder, &code);
    for (size_t i = 0; i < of->directives.count; i++)
        scan_directive(&finder, source, (long)i);
    for (uint32_t i = 0; i < of->tokens.count; i++)
        if (of->tokens.at[i].kind == TOKEN_COMMENT || of->tokens.at[i].kind == TOKEN_LITERAL)
            scan_text(world, source, i);
    vector_free(&finder.hidden);
    if (world->sites.count > first)
        qsort(world->sites.at + first, world->sites.count - first, sizeof(struct site),
              compare_sites);
}

struct site *sites_at(const struct world *world, uint32_t source, uint32_t token)
{
    const struct site wanted = {.source = source,
                                .at = world->sources.at[source]->tokens.at[token].at};
    if (world->sites.count == 0)
        return NULL;
    return bsearch(&wanted, world->sites.at, world->sites.count, sizeof wanted, compare_sites);
}
