/* SPDX-License-Identifier: MIT */
/*
 * Where pointers can flow: a graph of cells, insensitive to the order of statements. Layer 1.
 *
 * A cell stands for everything that a variable, parameter, result or member of one name can hold.
 * An edge says that what one cell holds can get into another. What a cell points to is a cell too;
 * when a value flows, both sides point to the same (one-level flow: directed for values, unified
 * below), which makes out-parameters and arrays of pointers work without a points-to analysis.
 * Members are told apart by name, or by record and name where the compiler told us (meaning.c).
 */
#ifndef SHALE_MIGRATE_FLOW_H
#define SHALE_MIGRATE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "migrate/vector.h"

typedef uint32_t cell_id; /* 0: no cell */

enum cell_kind {
    CELL_PLAIN,     /* a local variable or an intermediate value */
    CELL_PARAMETER, /* key: name of the function, scope and index */
    CELL_RESULT,
    CELL_GLOBAL,
    CELL_FIELD,
    CELL_FUNCTION, /* the address of a function of the world */
    CELL_OUTSIDE,  /* all functions outside the world whose names begin alike */
    CELL_SPECIFIC, /* thread-specific data */
};

struct cell {
    cell_id parent; /* union-find; itself when it is the one to use */
    cell_id pointee;
    uint8_t kind;
    bool stored; /* is a member, a global or what something points to: it outlives a call */
    uint32_t a;  /* the key */
    uint32_t b;
};

struct flow_edge {
    cell_id from;
    cell_id to;
};

/* A call through a pointer: which function it means is known once values have flowed. */
struct flow_call {
    cell_id callee;
    cell_id arguments[6];
    uint32_t count;
    cell_id result;
};

struct flow {
    VECTOR(struct cell) cells;
    VECTOR(struct flow_edge) edges;
    VECTOR(struct flow_call) calls;
    uint32_t *slots; /* keyed cells, open addressing */
    uint32_t slot_count;
    uint32_t keyed;
    /* After flow_solve: the edges out of and into each cell. */
    uint32_t *out_first;
    uint32_t *in_first;
    cell_id *out;
    cell_id *in;
};

void flow_start(struct flow *flow);
void flow_finish(struct flow *flow);

cell_id flow_new(struct flow *flow);
/* The cell of that key, made when there is none. */
cell_id flow_keyed(struct flow *flow, enum cell_kind kind, uint32_t a, uint32_t b);
/* 0: there is none. */
cell_id flow_lookup(const struct flow *flow, enum cell_kind kind, uint32_t a, uint32_t b);
cell_id flow_find(const struct flow *flow, cell_id cell);
cell_id flow_pointee(struct flow *flow, cell_id cell);
void flow_unify(struct flow *flow, cell_id a, cell_id b);
void flow_edge(struct flow *flow, cell_id from, cell_id to);

/* Lets pointees agree along edges and sorts the edges; to be called again after more edges. */
void flow_solve(struct flow *flow);

/*
 * All cells that `start` flows into (forward) or that flow into it, itself included.
 *
 * @param marks  by cell, the caller's: those marked with `mark` are taken as seen.
 * @param found  gets them, in the order of discovery.
 */
typedef VECTOR(cell_id) cell_list;
void flow_reach(const struct flow *flow, cell_id start, bool forward, uint32_t *marks,
                uint32_t mark, cell_list *found);

#endif
