/* SPDX-License-Identifier: MIT */
/*
 * The closed world: all files of the given paths, what they define, and every site found. Layer 1.
 *
 * The steps, each in its own file: tree.c lists files; pool.c reads and lexes them (in parallel)
 * and lets the compiler tell what it knows (meaning.c); index.c finds functions, macros and types;
 * site.c finds sites and judges them by their place in the text; parse.c turns functions into a
 * graph of how pointers flow (flow.c); owner.c judges the sites by whose memory reaches them;
 * edit.c makes the edits; journal.c writes them.
 */
#ifndef SHALE_MIGRATE_WORLD_H
#define SHALE_MIGRATE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "migrate/family.h"
#include "migrate/migrate.h"
#include "migrate/names.h"
#include "migrate/source.h"
#include "migrate/vector.h"

/* A sequence of tokens without comments: a file's code, or one directive. */
struct stream {
    const struct source *source;
    uint32_t source_index;
    const uint32_t *at; /* token indexes */
    uint32_t count;
    long directive; /* index in source->directives, or -1: code */
};

struct function {
    name_id name;
    uint32_t source;
    uint32_t start;   /* of the whole definition */
    uint32_t name_at; /* positions in the code stream */
    uint32_t open;    /* the parameter list's parentheses */
    uint32_t close;
    uint32_t body; /* its '{' */
    uint32_t end;  /* its '}', or the stream's end */
    bool is_static;
    bool ambiguous; /* other files define a function of that name: other programs of the tree */
    bool called;    /* by name, anywhere in the world */
    uint32_t parameters;
    uint32_t first_parameter; /* in world.parameters; their types are known once declared is set */
    bool declared;
};

/* What a declaration tells (types.h). */
struct type {
    name_id record; /* the struct or union it is, points to or is an array of; 0: not known */
    bool plain;     /* the base is known: a number, a record or void */
    uint8_t stars;  /* levels of pointers and arrays above the base */
    bool known;
    uint32_t home; /* of a variable: the only .c file that declares it, + 1; 0: a header, several */
};

struct type_list {
    struct type *at;
    size_t count;
    size_t room;
};

enum { MACRO_PARAMETERS_MAX = 32 };

struct macro {
    name_id name;
    uint32_t source;
    uint32_t directive;
    bool function_like;
    uint32_t parameters;
    name_id parameter[MACRO_PARAMETERS_MAX];
    uint32_t pasted;         /* bit i: parameter i stands next to # or ## */
    VECTOR(uint32_t) tokens; /* of the whole directive, without comments */
    uint32_t body;           /* position in tokens */
};

enum { NOTHING = UINT32_MAX };

struct site {
    uint32_t source;
    uint32_t token;
    uint32_t at; /* offset and length in the file: the token's, or a part of a comment or string */
    uint32_t length;
    enum family family;
    enum migrate_rule rule;
    enum migrate_class class;
    bool flagged;
    bool is_call;
    bool inactive;
    uint32_t open; /* token index of a call's '(' */
    long directive;
    uint32_t table; /* token of the '{' of the table it is an entry of, + 1; else 0 */
    uint32_t cell;  /* in the flow graph, 0: none */
    uint32_t taker; /* the cell that flows into its first argument */
    char *detail;   /* ends the reason: owned, may be NULL */
};

struct world {
    const struct migrate_options *options;
    struct names names;
    struct family_table families;
    struct source_list sources;
    VECTOR(struct function) functions; /* by source, then by place */
    VECTOR(struct macro) macros;
    VECTOR(uint32_t)
    function_of;                /* by name: index + 1 of the last definition; chain in next_same */
    VECTOR(uint32_t) next_same; /* by function */
    VECTOR(uint32_t) macro_of;  /* by name: index + 1 */
    VECTOR(uint32_t) next_macro;
    VECTOR(unsigned char) is_type;     /* by name: a typedef of the world */
    VECTOR(unsigned char) is_variable; /* by name: a function pointer at file level */
    struct type_list typedefs;         /* by name */
    VECTOR(name_id) field_at;          /* by the name "record.#3": the field of that position */
    struct type_list fields;           /* by the name "record.field" */
    struct type_list variables;        /* by name: at file level */
    struct type_list parameters;       /* of functions, from function.first_parameter on */
    struct type_list results;          /* by name: of functions, also only declared ones */
    VECTOR(struct site) sites;         /* by source and offset */
    bool has_database;
};

/* index.c */
void index_source(struct world *world, uint32_t source);
/* The function whose body holds that position of the source's code, or NULL. */
struct function *index_function_at(const struct world *world, uint32_t source, uint32_t position);
/* The definition that a call in that source means, or NULL. */
struct function *index_function(const struct world *world, uint32_t source, name_id name);
/* Whether it is defined under some #if, that of an include guard not counted. */
bool index_is_conditional(const struct world *world, const struct function *function);
struct macro *index_macro(const struct world *world, name_id name);
bool index_is_type(const struct world *world, name_id name);
/* Position of the partner of the bracket at `position`, forward or backward, or NOTHING. */
uint32_t stream_partner(const struct stream *stream, uint32_t position);
struct stream world_code(const struct world *world, uint32_t source);

/* site.c */
void sites_find(struct world *world, uint32_t source);
/* The site of that token, or NULL. */
struct site *sites_at(const struct world *world, uint32_t source, uint32_t token);

/* owner.c */
void owners_judge(struct world *world);

static inline const struct token *stream_token(const struct stream *stream, uint32_t position)
{
    static const struct token nothing = {.kind = TOKEN_COMMENT};
    return position < stream->count ? &stream->source->tokens.at[stream->at[position]] : &nothing;
}

static inline bool stream_is(const struct stream *stream, uint32_t position, uint32_t punctuation)
{
    return token_is(stream_token(stream, position), punctuation);
}

/* The name at that position, 0 when it is no word. */
static inline name_id stream_word(const struct stream *stream, uint32_t position)
{
    const struct token *token = stream_token(stream, position);
    return token->kind == TOKEN_WORD ? token->value : 0;
}

static inline enum word_kind stream_word_kind(const struct world *world,
                                              const struct stream *stream, uint32_t position)
{
    name_id name = stream_word(stream, position);
    return name ? family_word(&world->families, name) : WORD_PLAIN;
}

#endif
