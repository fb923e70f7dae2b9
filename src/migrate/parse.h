/* SPDX-License-Identifier: MIT */
/*
 * Reads functions and macros as flows of pointers. Layer 1.
 *
 * A tolerant reader of C without headers: it takes statements and expressions apart as far as
 * pointers move in them (assignments, calls, returns, initializers, members, conditionals) and
 * steps over what it does not know. All branches of conditionals are read, one after the other.
 */
#ifndef SHALE_MIGRATE_PARSE_H
#define SHALE_MIGRATE_PARSE_H

#include "migrate/flow.h"
#include "migrate/types.h"
#include "migrate/world.h"

/* Who makes a block, beside the sites. */
enum maker_kind {
    MAKER_NONE,    /* left out of the account */
    MAKER_LIBC,    /* a function of the C library */
    MAKER_OUTSIDE, /* code outside the world */
    MAKER_FRONT,   /* the layer itself, already converted */
};

struct maker {
    enum maker_kind kind;
    cell_id cell;
    name_id name;
    uint32_t source;
    uint32_t token;
};

/* Who keeps a block without freeing it: setvbuf, putenv. */
struct holder {
    cell_id cell;
    name_id name;
    uint32_t source;
    uint32_t token;
};

/* A function in which a site is called. */
struct site_use {
    uint32_t function;
    uint32_t site;
};

/* Two functions that stand next to each other in one table: they work on the same blocks. */
struct table_pair {
    uint32_t first;
    uint32_t second;
};

/* A value that goes to code outside the world. */
struct escape {
    cell_id cell;
    name_id name;
    uint32_t source;
    uint32_t token;
};

/* What an expression gives: what a cell holds, or a cell's address. */
struct value {
    cell_id cell;   /* 0: nothing that matters */
    name_id record; /* of what it is or points to; 0: not known */
    uint8_t levels; /* of pointers in what the cell holds, + 1; 0: not known */
    bool address;
    bool function; /* the cell holds a function's address: & of it is the same */
};

/* The value of a thing of that type in that cell: nothing for a number or a record itself. */
static inline struct value value_of(cell_id cell, struct type type)
{
    bool none = type.plain && type.stars == 0;
    return (struct value){.cell = none ? 0 : cell,
                          .record = type.record,
                          .levels = type.plain ? (uint8_t)(type.stars + 1) : 0};
}

/* A variable or parameter in scope, or a macro's parameter with its argument. */
struct local {
    name_id name;
    struct value value;
    bool type;    /* a macro's argument that is a type */
    name_id word; /* of a macro's argument that is one word: it can name a member */
    uint32_t depth;
};

struct analysis {
    struct world *world;
    struct flow flow;
    VECTOR(struct maker) makers;
    VECTOR(struct holder) holders;
    VECTOR(struct escape) escapes;
    VECTOR(struct site_use) uses; /* by function, as they are read */
    VECTOR(struct table_pair) pairs;
    VECTOR(unsigned char) plain_field; /* by name: used where the record is not known */
    VECTOR(name_id) fields;            /* names of members known by record, "record.field" */
    size_t sites_met;                  /* calls of sites so far */
    size_t expanded;                   /* tokens of macros read so far */
};

struct parser {
    struct analysis *analysis;
    struct world *world;
    struct flow *flow;
    struct stream stream;
    uint32_t position;
    uint32_t end;
    uint32_t nesting;
    bool unevaluated;                /* inside sizeof, or only declarations are wanted */
    const struct function *function; /* that is read, or NULL */
    bool declaring;                  /* the pass that only collects the types of variables */
    uint32_t depth;                  /* of blocks */
    uint32_t home;       /* the source that is read, also while a macro of another is expanded */
    uint32_t expansions; /* macros within macros */
    cell_id result;      /* where `return` flows to */
    struct value last_expression;
    VECTOR(struct local) locals;
};

enum { CALL_ARGUMENTS_MAX = 24, NESTING_MAX = 200 };

/* The analysis of a world whose sites have been found. */
void parse_world(struct analysis *analysis, struct world *world);
void analysis_finish(struct analysis *analysis);

/* parse.c */
struct value parse_expression(struct parser *parser); /* with commas */
struct value parse_assignment(struct parser *parser);
/* Whether the word at that position begins a type. */
bool begins_type(const struct parser *parser, uint32_t position);
struct value parse_initializer(struct parser *parser, cell_id target, name_id record);
/* The innermost meaning of a name in this function or file, or NULL. */
const struct local *parse_lookup(const struct parser *parser, name_id name);
struct value value_join(struct parser *parser, struct value left, struct value right);
void value_assign(struct parser *parser, cell_id target, struct value value);
struct value field_value(struct parser *parser, name_id record, uint32_t position);

/* call.c */
struct value call_by_name(struct parser *parser, uint32_t name_position,
                          const struct value *arguments, const uint32_t *starts, uint32_t count);
struct value call_by_value(struct parser *parser, struct value callee,
                           const struct value *arguments, uint32_t count);
/* The cell of a name that is not called: a function's address, a site's, a variable. */
struct value name_value(struct parser *parser, uint32_t position);
cell_id parameter_cell(struct flow *flow, const struct function *function, uint32_t index);
cell_id result_cell(struct flow *flow, const struct function *function);
uint32_t function_scope(const struct function *function);
/* The cell that a pointer points to, or 0. */
cell_id target_of(struct parser *parser, struct value pointer);

/* library.c */
/* A new cell for what the function of the name at that position makes. */
cell_id maker_cell(struct parser *parser, enum maker_kind kind, uint32_t position);
struct value library_call(struct parser *parser, uint32_t position, const struct value *arguments,
                          const uint32_t *starts, uint32_t count);
/*
 * Adds what libc would give where the world has a function or macro (NULL) of that name. It may be
 * there for systems that lack vasprintf(); elsewhere the call is libc's, and so is the block. Only
 * a static function under no condition leaves no doubt.
 */
struct value library_join(struct parser *parser, uint32_t position, const struct function *function,
                          const struct value *arguments, const uint32_t *starts, uint32_t count,
                          struct value value);

/* statement.c */
/* From '{' behind its '}', or without a '{' to the parser's end; sets last_expression. */
void parse_block(struct parser *parser);

#endif
