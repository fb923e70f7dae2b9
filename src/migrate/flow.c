/* SPDX-License-Identifier: MIT */
/* The graph of pointer flow: union-find cells, edges, reachability. Layer 1. */
#include "migrate/flow.h"

#include <stdlib.h>
#include <string.h>

void flow_start(struct flow *flow)
{
    *flow = (struct flow){.slot_count = 4096};
    flow->slots = must_alloc(flow->slot_count * sizeof *flow->slots);
    vector_push(&flow->cells); /* number 0 is none */
}

void flow_finish(struct flow *flow)
{
    vector_free(&flow->cells);
    vector_free(&flow->edges);
    vector_free(&flow->calls);
    free(flow->slots);
    free(flow->out_first);
    free(flow->in_first);
    free(flow->out);
    free(flow->in);
}

cell_id flow_new(struct flow *flow)
{
    cell_id id = (cell_id)flow->cells.count;
    *vector_push(&flow->cells) = (struct cell){.parent = id};
    return id;
}

static uint32_t *slot_of(const struct flow *flow, enum cell_kind kind, uint32_t a, uint32_t b)
{
    uint64_t mixed = (((uint64_t)a << 32 | b) + kind) * 0x9E3779B97F4A7C15ULL;
    for (uint32_t i = (uint32_t)(mixed >> 32);; i++) {
        uint32_t *slot = &flow->slots[i & (flow->slot_count - 1)];
        const struct cell *cell = &flow->cells.at[*slot];
        if (*slot == 0 || (cell->kind == kind && cell->a == a && cell->b == b))
            return slot;
    }
}

static void grow_slots(struct flow *flow)
{
    free(flow->slots);
    flow->slot_count *= 2;
    flow->slots = must_alloc(flow->slot_count * sizeof *flow->slots);
    for (cell_id id = 1; id < flow->cells.count; id++) {
        const struct cell *cell = &flow->cells.at[id];
        if (cell->kind != CELL_PLAIN)
            *slot_of(flow, cell->kind, cell->a, cell->b) = id;
    }
}

cell_id flow_keyed(struct flow *flow, enum cell_kind kind, uint32_t a, uint32_t b)
{
    uint32_t *slot = slot_of(flow, kind, a, b);
    if (*slot)
        return flow_find(flow, *slot);
    cell_id id = flow_new(flow);
    *slot = id;
    struct cell *cell = &flow->cells.at[id];
    cell->kind = (uint8_t)kind;
    cell->a = a;
    cell->b = b;
    cell->stored = kind == CELL_GLOBAL || kind == CELL_FIELD || kind == CELL_SPECIFIC;
    if (++flow->keyed * 2 > flow->slot_count)
        grow_slots(flow);
    return id;
}

cell_id flow_lookup(const struct flow *flow, enum cell_kind kind, uint32_t a, uint32_t b)
{
    return flow_find(flow, *slot_of(flow, kind, a, b));
}

cell_id flow_find(const struct flow *flow, cell_id cell)
{
    while (flow->cells.at[cell].parent != cell) {
        flow->cells.at[cell].parent = flow->cells.at[flow->cells.at[cell].parent].parent;
        cell = flow->cells.at[cell].parent;
    }
    return cell;
}

cell_id flow_pointee(struct flow *flow, cell_id cell)
{
    cell = flow_find(flow, cell);
    if (flow->cells.at[cell].pointee)
        return flow_find(flow, flow->cells.at[cell].pointee);
    cell_id pointee = flow_new(flow);
    flow->cells.at[pointee].stored = true;
    flow->cells.at[cell].pointee = pointee;
    return pointee;
}

void flow_unify(struct flow *flow, cell_id a, cell_id b)
{
    /* A chain of pointees can be as long as the deepest pointer type: no recursion needed. */
    while (a && b) {
        a = flow_find(flow, a);
        b = flow_find(flow, b);
        if (a == b)
            return;
        struct cell *keep = &flow->cells.at[a];
        struct cell *gone = &flow->cells.at[b];
        gone->parent = a;
        keep->stored |= gone->stored;
        cell_id below_a = keep->pointee;
        cell_id below_b = gone->pointee;
        if (!below_a)
            keep->pointee = below_b;
        a = below_a;
        b = below_b;
    }
}

void flow_edge(struct flow *flow, cell_id from, cell_id to)
{
    if (from && to && from != to)
        *vector_push(&flow->edges) = (struct flow_edge){from, to};
}

/* One pass over the edges; whether something changed. */
static bool share_pointees(struct flow *flow)
{
    bool changed = false;
    for (size_t i = 0; i < flow->edges.count; i++) {
        cell_id from = flow_find(flow, flow->edges.at[i].from);
        cell_id to = flow_find(flow, flow->edges.at[i].to);
        cell_id a = flow->cells.at[from].pointee;
        cell_id b = flow->cells.at[to].pointee;
        if (from == to || (!a && !b))
            continue;
        if (!a) {
            flow->cells.at[from].pointee = b;
        } else if (!b) {
            flow->cells.at[to].pointee = a;
        } else if (flow_find(flow, a) == flow_find(flow, b)) {
            continue;
        } else {
            flow_unify(flow, a, b);
        }
        changed = true;
    }
    return changed;
}

/* Edges by one of their ends: first[cell] .. first[cell + 1] in the array that is returned. */
static cell_id *sort_edges(const struct flow *flow, bool by_from, uint32_t **first_of)
{
    size_t cells = flow->cells.count;
    uint32_t *first = must_alloc((cells + 2) * sizeof *first);
    cell_id *ends = must_alloc((flow->edges.count + 1) * sizeof *ends);
    for (size_t i = 0; i < flow->edges.count; i++) {
        const struct flow_edge *edge = &flow->edges.at[i];
        first[flow_find(flow, by_from ? edge->from : edge->to) + 2]++;
    }
    for (size_t i = 2; i < cells + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < flow->edges.count; i++) {
        const struct flow_edge *edge = &flow->edges.at[i];
        cell_id key = flow_find(flow, by_from ? edge->from : edge->to);
        ends[first[key + 1]++] = flow_find(flow, by_from ? edge->to : edge->from);
    }
    free(*first_of);
    *first_of = first;
    return ends;
}

void flow_solve(struct flow *flow)
{
    while (share_pointees(flow))
        ;
    free(flow->out);
    free(flow->in);
    flow->out = sort_edges(flow, true, &flow->out_first);
    flow->in = sort_edges(flow, false, &flow->in_first);
}

void flow_reach(const struct flow *flow, cell_id start, bool forward, uint32_t *marks,
                uint32_t mark, cell_list *found)
{
    const uint32_t *first = forward ? flow->out_first : flow->in_first;
    const cell_id *next = forward ? flow->out : flow->in;
    start = flow_find(flow, start);
    if (marks[start] == mark)
        return;
    marks[start] = mark;
    size_t done = found->count;
    *vector_push(found) = start;
    for (; done < found->count; done++) {
        cell_id cell = found->at[done];
        for (uint32_t i = first[cell]; i < first[cell + 1]; i++)
            if (marks[next[i]] != mark) {
                marks[next[i]] = mark;
                *vector_push(found) = next[i];
            }
    }
}
