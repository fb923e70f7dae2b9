/* SPDX-License-Identifier: MIT */
/*
 * Judges the sites by whose memory reaches them. Layer 1.
 *
 * Every site that frees, resizes or measures a block is followed backwards to all that can have
 * made the block. Sites and makers that meet form one group, and a group is converted as a whole or
 * kept as a whole, so that no block is ever made by one allocator and freed by the other:
 *
 *     made here only (or unknown)       converted      malloc ... free
 *     made by libc only                 kept           getline ... free
 *     made by code outside only         review         readline ... free
 *     kept by libc (setvbuf)            kept
 *     anything mixed                    review, and all of it stays
 *
 * A block made here that nothing here frees is converted too, unless all that happens to it is
 * seen and it ends outside: passed to, or returned to, code that is not in the given paths.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/parse.h"

struct group {
    bool heap; /* a site that makes blocks */
    bool libc;
    bool outside;
    bool front;
    bool held;
    bool stays;     /* a site that cannot be converted for reasons of its own */
    uint32_t first; /* site that stays */
    uint32_t libc_maker;
    uint32_t outside_maker;
    uint32_t holder;
};

struct owners {
    struct world *world;
    struct analysis analysis;
    uint32_t *parent;    /* union-find over sites, then makers, then holders */
    uint32_t *site_of;   /* by cell: site number + 1 that makes what the cell holds */
    uint32_t *maker_of;  /* by cell: maker number + 1 */
    uint32_t *escape_of; /* by cell: escape number + 1 */
    uint32_t *marks;
    uint32_t mark;
    bool *freed; /* by site: some free here can reach it */
    struct group *groups;
    cell_list found;
};

static uint32_t root_of(const struct owners *owners, uint32_t item)
{
    while (owners->parent[item] != item)
        item = owners->parent[item] = owners->parent[owners->parent[item]];
    return item;
}

static void join(const struct owners *owners, uint32_t a, uint32_t b)
{
    owners->parent[root_of(owners, b)] = root_of(owners, a);
}

static uint32_t site_count(const struct owners *owners)
{
    return (uint32_t)owners->world->sites.count;
}

static uint32_t maker_item(const struct owners *owners, uint32_t maker)
{
    return site_count(owners) + maker;
}

static uint32_t holder_item(const struct owners *owners, uint32_t holder)
{
    return site_count(owners) + (uint32_t)owners->analysis.makers.count + holder;
}

/* ---- calls through pointers ---- */

static void connect_call(struct owners *owners, const struct flow_call *call,
                         const struct cell *target)
{
    struct flow *flow = &owners->analysis.flow;
    if (target->b == UINT32_MAX) { /* the address of malloc, free ... itself */
        const struct site *site = &owners->world->sites.at[target->a];
        if (call->count > 0)
            flow_edge(flow, call->arguments[0], site->taker);
        flow_edge(flow, site->cell, call->result);
        return;
    }
    for (uint32_t i = 0; i < call->count; i++)
        flow_edge(flow, call->arguments[i],
                  flow_keyed(flow, CELL_PARAMETER, target->a, target->b * 64 + i));
    flow_edge(flow, flow_keyed(flow, CELL_RESULT, target->a, target->b), call->result);
}

/* Once more edges: what function values reach a callee adds the call's arguments and result. */
static void connect_calls(struct owners *owners)
{
    struct flow *flow = &owners->analysis.flow;
    uint32_t *marks = must_alloc(flow->cells.count * sizeof *marks);
    size_t calls = flow->calls.count;
    for (size_t i = 0; i < calls; i++) {
        struct flow_call call = flow->calls.at[i];
        owners->found.count = 0;
        flow_reach(flow, call.callee, false, marks, (uint32_t)i + 1, &owners->found);
        for (size_t k = 0; k < owners->found.count; k++) {
            struct cell cell = flow->cells.at[owners->found.at[k]];
            if (cell.kind == CELL_FUNCTION)
                connect_call(owners, &call, &cell);
        }
    }
    free(marks);
    flow_solve(flow);
}

/* ---- groups ---- */

static void reach(struct owners *owners, cell_id start, bool forward)
{
    owners->found.count = 0;
    flow_reach(&owners->analysis.flow, start, forward, owners->marks, ++owners->mark,
               &owners->found);
}

/* Joins an item with all sites and makers whose blocks can reach a cell. */
static void join_makers(struct owners *owners, uint32_t item, cell_id cell)
{
    reach(owners, cell, false);
    for (size_t i = 0; i < owners->found.count; i++) {
        cell_id id = owners->found.at[i];
        if (owners->site_of[id]) {
            join(owners, item, owners->site_of[id] - 1);
            owners->freed[owners->site_of[id] - 1] = true;
        }
        if (owners->maker_of[id])
            join(owners, item, maker_item(owners, owners->maker_of[id] - 1));
    }
}

/* Entries of one table of functions are used together. */
static void join_tables(const struct owners *owners)
{
    const struct world *world = owners->world;
    const struct site *entry = NULL;
    for (size_t i = 0; i < world->sites.count; i++) {
        const struct site *site = &world->sites.at[i];
        if (!site->table)
            continue;
        if (entry && site->source == entry->source && site->table == entry->table)
            join(owners, (uint32_t)(entry - world->sites.at), (uint32_t)(site - world->sites.at));
        entry = site;
    }
}

static bool in_table(const struct analysis *analysis, uint32_t function)
{
    for (size_t i = 0; i < analysis->pairs.count; i++)
        if (analysis->pairs.at[i].first == function || analysis->pairs.at[i].second == function)
            return true;
    return false;
}

/*
 * So are the functions of one table (an allocator's methods), even where it is not seen how they
 * are called: a block that one of them makes is freed by another.
 */
static void join_methods(const struct owners *owners)
{
    const struct analysis *analysis = &owners->analysis;
    size_t functions = owners->world->functions.count;
    uint32_t *first = must_alloc((functions + 1) * sizeof *first); /* site + 1 */
    uint32_t *group = must_alloc((functions + 1) * sizeof *group);
    for (uint32_t i = 0; i < functions; i++)
        group[i] = i;
    for (size_t i = 0; i < analysis->pairs.count; i++) {
        uint32_t a = analysis->pairs.at[i].first;
        uint32_t b = analysis->pairs.at[i].second;
        while (group[a] != a)
            a = group[a] = group[group[a]];
        while (group[b] != b)
            b = group[b] = group[group[b]];
        group[b] = a;
    }
    for (size_t i = 0; i < analysis->uses.count; i++) {
        uint32_t of = analysis->uses.at[i].function;
        bool alone = group[of] == of;
        while (group[of] != of)
            of = group[of];
        if (first[of])
            join(owners, first[of] - 1, analysis->uses.at[i].site);
        else if (!alone || in_table(analysis, of))
            first[of] = analysis->uses.at[i].site + 1;
    }
    free(first);
    free(group);
}

static bool is_convertible(const struct site *site)
{
    return site->class == MIGRATE_CONVERTED;
}

/* Text, names of other things and the like take no part. */
static bool takes_part(const struct site *site)
{
    return site->cell != 0 || site->table != 0;
}

static bool makes_blocks(const struct site *site)
{
    return (family_makes(site->family) && site->family != FAMILY_REALLOC &&
            site->family != FAMILY_REALLOCARRAY) ||
           site->family == FAMILY_POSIX_MEMALIGN;
}

static void fill_groups(const struct owners *owners)
{
    const struct world *world = owners->world;
    for (uint32_t i = 0; i < world->sites.count; i++) {
        const struct site *site = &world->sites.at[i];
        if (!takes_part(site))
            continue;
        struct group *group = &owners->groups[root_of(owners, i)];
        group->heap |= makes_blocks(site);
        if (!is_convertible(site) && !group->stays) {
            group->stays = true;
            group->first = i;
        }
    }
    for (uint32_t i = 0; i < owners->analysis.makers.count; i++) {
        struct group *group = &owners->groups[root_of(owners, maker_item(owners, i))];
        if (owners->analysis.makers.at[i].kind == MAKER_NONE)
            continue;
        if (owners->analysis.makers.at[i].kind == MAKER_FRONT) {
            group->front = true;
        } else if (owners->analysis.makers.at[i].kind == MAKER_LIBC) {
            group->libc_maker = group->libc ? group->libc_maker : i;
            group->libc = true;
        } else {
            group->outside_maker = group->outside ? group->outside_maker : i;
            group->outside = true;
        }
    }
    for (uint32_t i = 0; i < owners->analysis.holders.count; i++) {
        struct group *group = &owners->groups[root_of(owners, holder_item(owners, i))];
        group->held = true;
        group->holder = i;
    }
}

/* ---- verdicts ---- */

static char *place_text(const struct world *world, name_id name, uint32_t source, uint32_t token)
{
    uint32_t line;
    uint32_t column;
    const struct source *of = world->sources.at[source];
    source_position(of, of->tokens.at[token].at, &line, &column);
    return must_format("%s() at %s:%u", name_text(&world->names, name), of->path, line);
}

static char *maker_text(const struct owners *owners, uint32_t maker)
{
    const struct maker *of = &owners->analysis.makers.at[maker];
    return place_text(owners->world, of->name, of->source, of->token);
}

static char *site_text(const struct owners *owners, uint32_t site)
{
    const struct site *of = &owners->world->sites.at[site];
    const struct token *token = &owners->world->sources.at[of->source]->tokens.at[of->token];
    return place_text(owners->world, token->value, of->source, of->token);
}

static void judge(struct site *site, enum migrate_rule rule, const char *detail)
{
    site->rule = rule;
    site->class = migrate_rules[rule].class;
    site->flagged = migrate_rules[rule].flagged;
    free(site->detail);
    site->detail = detail ? must_copy(detail) : NULL;
}

/* All parties of a mixed group, for the reason. */
static char *parties(const struct owners *owners, const struct group *group)
{
    text_buffer text = {0};
    char *part = NULL;
    if (group->libc) {
        part = maker_text(owners, group->libc_maker);
        buffer_print(&text, "%s", part);
        free(part);
    }
    if (group->outside) {
        part = maker_text(owners, group->outside_maker);
        buffer_print(&text, "%s%s", text.count ? ", " : "", part);
        free(part);
    }
    if (group->stays) {
        part = site_text(owners, group->first);
        buffer_print(&text, "%s%s, which stays", text.count ? ", " : "", part);
        free(part);
    }
    if (group->held)
        buffer_print(&text, "%s%s", text.count ? ", " : "", "a function of libc that keeps it");
    buffer_print(&text, "%s", group->heap ? "; and blocks made here" : "");
    return text.at;
}

static void judge_group(const struct owners *owners, struct site *site, const struct group *group)
{
    unsigned kinds = group->libc + group->outside + (group->heap || group->front) + group->stays;
    char *detail = NULL;
    if (site->rule == MIGRATE_RULE_TABLE && group->stays) {
        detail = site_text(owners, group->first);
        judge(site, MIGRATE_RULE_TABLE_LIBC, detail);
    } else if (group->stays || (kinds > 1 && (group->libc || group->outside)) ||
               (group->held && (group->libc || group->outside))) {
        detail = parties(owners, group);
        judge(site, MIGRATE_RULE_MIXED, detail);
    } else if (group->libc) {
        detail = maker_text(owners, group->libc_maker);
        judge(site, MIGRATE_RULE_LIBC_OWNED, detail);
    } else if (group->outside) {
        detail = maker_text(owners, group->outside_maker);
        judge(site, MIGRATE_RULE_FOREIGN, detail);
    } else if (group->held) {
        const struct holder *holder = &owners->analysis.holders.at[group->holder];
        detail = place_text(owners->world, holder->name, holder->source, holder->token);
        judge(site, MIGRATE_RULE_HELD_BY_LIBC, detail);
    }
    free(detail);
}

/* ---- blocks that nothing here frees ---- */

/* Whether some function that is visible outside frees a parameter: the outside may call it. */
static bool outside_can_free(struct owners *owners)
{
    const struct flow *flow = &owners->analysis.flow;
    const struct world *world = owners->world;
    for (size_t i = 0; i < world->sites.count; i++) {
        if (!family_takes(world->sites.at[i].family) || !world->sites.at[i].taker)
            continue;
        reach(owners, world->sites.at[i].taker, false);
        for (size_t k = 0; k < owners->found.count; k++) {
            const struct cell *cell = &flow->cells.at[owners->found.at[k]];
            if (cell->kind == CELL_PARAMETER && cell->b < 64) /* of no static function */
                return true;
        }
    }
    return false;
}

/* A result that leaves: of a function that nothing here calls, but that others can see. */
static const struct function *leaving_result(const struct owners *owners, const struct cell *cell)
{
    if (cell->kind != CELL_RESULT || cell->b != 0)
        return NULL;
    const struct function *function = index_function(owners->world, NOTHING, cell->a);
    return function && !function->called ? function : NULL;
}

/* Whether the function's address was given to code outside: its callers are there. */
static bool is_callback(struct owners *owners, const struct cell *result)
{
    const struct flow *flow = &owners->analysis.flow;
    cell_id address = flow_lookup(flow, CELL_FUNCTION, result->a, result->b);
    if (!address)
        return false;
    reach(owners, address, true);
    for (size_t i = 0; i < owners->found.count; i++)
        if (flow->cells.at[owners->found.at[i]].kind == CELL_OUTSIDE)
            return true;
    return false;
}

static void judge_unfreed(struct owners *owners, struct site *site, bool outside_frees)
{
    const struct flow *flow = &owners->analysis.flow;
    const struct escape *escape = NULL;
    const struct function *leaving = NULL;
    const struct cell *callback = NULL;
    reach(owners, site->cell, true);
    for (size_t i = 0; i < owners->found.count; i++) {
        const struct cell *cell = &flow->cells.at[owners->found.at[i]];
        if (cell->stored)
            return; /* it lives on in some structure: whoever frees it is not known */
        if (cell->kind == CELL_OUTSIDE)
            continue;
        if (!escape && owners->escape_of[owners->found.at[i]])
            escape = &owners->analysis.escapes.at[owners->escape_of[owners->found.at[i]] - 1];
        leaving = leaving ? leaving : leaving_result(owners, cell);
        if (cell->kind == CELL_RESULT)
            callback = cell;
    }
    if (escape) {
        char *detail = place_text(owners->world, escape->name, escape->source, escape->token);
        judge(site, MIGRATE_RULE_ESCAPES, detail);
        free(detail);
    } else if (callback && is_callback(owners, callback)) {
        judge(site, MIGRATE_RULE_CALLBACK_RESULT, name_text(&owners->world->names, callback->a));
    } else if (leaving && !outside_frees &&
               strcmp(name_text(&owners->world->names, leaving->name), "main") != 0) {
        char *detail = must_format("returned by %s(), which nothing here calls",
                                   name_text(&owners->world->names, leaving->name));
        judge(site, MIGRATE_RULE_ESCAPES, detail);
        free(detail);
    }
}

/* ---- all of it ---- */

static void start(struct owners *owners)
{
    const struct world *world = owners->world;
    const struct analysis *analysis = &owners->analysis;
    size_t items = world->sites.count + analysis->makers.count + analysis->holders.count;
    size_t cells = analysis->flow.cells.count;
    owners->parent = must_alloc(items * sizeof *owners->parent);
    for (uint32_t i = 0; i < items; i++)
        owners->parent[i] = i;
    owners->groups = must_alloc(items * sizeof *owners->groups);
    owners->freed = must_alloc(world->sites.count * sizeof *owners->freed);
    owners->site_of = must_alloc(cells * sizeof *owners->site_of);
    owners->maker_of = must_alloc(cells * sizeof *owners->maker_of);
    owners->escape_of = must_alloc(cells * sizeof *owners->escape_of);
    owners->marks = must_alloc(cells * sizeof *owners->marks);
    for (uint32_t i = 0; i < world->sites.count; i++)
        if (world->sites.at[i].cell)
            owners->site_of[flow_find(&analysis->flow, world->sites.at[i].cell)] = i + 1;
    for (uint32_t i = 0; i < analysis->makers.count; i++)
        owners->maker_of[flow_find(&analysis->flow, analysis->makers.at[i].cell)] = i + 1;
    for (uint32_t i = 0; i < analysis->escapes.count; i++)
        owners->escape_of[flow_find(&analysis->flow, analysis->escapes.at[i].cell)] = i + 1;
}

static void finish(struct owners *owners)
{
    free(owners->parent);
    free(owners->groups);
    free(owners->freed);
    free(owners->site_of);
    free(owners->maker_of);
    free(owners->escape_of);
    free(owners->marks);
    vector_free(&owners->found);
    analysis_finish(&owners->analysis);
}

static void judge_all(struct owners *owners)
{
    struct world *world = owners->world;
    bool outside_frees = outside_can_free(owners);
    for (uint32_t i = 0; i < world->sites.count; i++) {
        struct site *site = &world->sites.at[i];
        if (!is_convertible(site) || !takes_part(site))
            continue;
        judge_group(owners, site, &owners->groups[root_of(owners, i)]);
        if (is_convertible(site) && !owners->freed[i] && site->is_call && makes_blocks(site))
            judge_unfreed(owners, site, outside_frees);
    }
}

void owners_judge(struct world *world)
{
    struct owners owners = {.world = world};
    parse_world(&owners.analysis, world);
    flow_solve(&owners.analysis.flow);
    connect_calls(&owners);
    connect_calls(&owners); /* functions that come out of such calls */
    start(&owners);
    for (uint32_t i = 0; i < world->sites.count; i++)
        if (world->sites.at[i].taker)
            join_makers(&owners, i, world->sites.at[i].taker);
    for (uint32_t i = 0; i < owners.analysis.holders.count; i++)
        join_makers(&owners, holder_item(&owners, i), owners.analysis.holders.at[i].cell);
    join_tables(&owners);
    join_methods(&owners);
    fill_groups(&owners);
    judge_all(&owners);
    finish(&owners);
}
