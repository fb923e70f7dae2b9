/* SPDX-License-Identifier: MIT */
/*
 * Either ordered map under all operations on four keys, and its model: two subjects of each, one
 * whose operations are on one key (checked key by key) and one with the operations by order.
 *
 * Domains live as long as the program: even seeds use intervals with a new era for every birth, odd
 * ones epochs, both with bags of one node, so that memory is reclaimed as early as it may be.
 */
#include <shale/skiplist.h>
#include <shale/treemap.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "map_api.h"

enum { GET, PUT, ABSENT, REPLACE, CAS, REMOVE, CAS_REMOVE, COMPUTE, ONE_KEY };
enum { FIRST = ONE_KEY, LAST, FLOOR, LOWER, CEILING, HIGHER, POP_MIN, POP_MAX, ALL };
enum { KEYS = 4 };

MAP_API(skiplist);
MAP_API(treemap);

static const struct map_api *api;
static void *map;
static struct shale_smr *domains[2];
static uint64_t start_seed; /* its lowest bits: which keys are there at the beginning */

static void make_domain(uint64_t which)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    options.scheme = which == 0 ? SHALE_SMR_IBR : SHALE_SMR_EBR;
    options.flags = SHALE_SMR_CHECK_RETIRES;
    options.bag_size = 1;
    options.era_frequency = 1;
    if (!domains[which] && shale_smr_create(&options, &domains[which]) != 0)
        abort();
}

static void make(uint64_t seed)
{
    make_domain(seed % 2);
    struct shale_map_options options = {.domain = domains[seed % 2]};
    if (api->create(&options, &map) != 0)
        abort();
    for (uint64_t i = 0; i < KEYS; i++)
        if (seed >> i & 1 && api->put(map, shale_key_int64((int64_t)i), i + 1, NULL) != 0)
            abort();
}

static void make_skiplist(uint64_t seed)
{
    api = &skiplist_api;
    start_seed = seed;
    make(seed);
}

static bool retired_once(void)
{
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    struct shale_smr *domain = domains[start_seed % 2];
    return shale_smr_stats_snapshot(domain, &stats) == 0 && stats.refused_retires_count == 0;
}

static void make_treemap(uint64_t seed)
{
    api = &treemap_api;
    start_seed = seed;
    make(seed);
}

/* The length agrees with what is there, and nothing was retired twice. What is broken is left
 * alone: to destroy it could take for ever. */
static bool end(void)
{
    size_t length = api->length(map), count = 0;
    struct shale_entry entries[2 * KEYS];
    bool good =
        retired_once() && api->scan(map, NULL, entries, 2 * KEYS, &count) == 0 && count == length;
    for (size_t i = 1; i < count; i++)
        good = good && entries[i - 1].key.number < entries[i].key.number;
    if (!good)
        return false;
    api->destroy(map);
    return retired_once();
}

static enum shale_compute_action increment(struct shale_key key, const uint64_t *current,
                                           uint64_t *value, void *context)
{
    if (current && *current % 3 == 0)
        return SHALE_COMPUTE_REMOVE;
    *value = current ? *current + 1 : 1;
    return SHALE_COMPUTE_PUT;
}

static void act_on_key(struct lin_operation *op)
{
    struct shale_key key = shale_key_int64((int64_t)op->key);
    struct shale_previous previous = {0};
    switch (op->code) {
    case GET:
        op->result = api->get(map, key, &op->out);
        break;
    case PUT:
        op->result = api->put(map, key, op->in, &previous);
        op->out = previous.existed ? previous.value : 0;
        break;
    case ABSENT:
        op->result = api->put_if_absent(map, key, op->in, &op->out);
        break;
    case REPLACE:
        op->result = api->replace(map, key, op->in, &op->out);
        break;
    case CAS:
        op->result = api->compare_replace(map, key, op->in2, op->in);
        break;
    case REMOVE:
        op->result = api->remove(map, key, &op->out);
        break;
    case CAS_REMOVE:
        op->result = api->compare_remove(map, key, op->in2);
        break;
    default:
        op->result = api->compute(map, key, increment, NULL, &previous);
        op->out = previous.existed ? previous.value : 0;
    }
}

static void act_by_order(struct lin_operation *op)
{
    int (*const by_key[])(void *, struct shale_key, struct shale_entry *) = {
        api->floor, api->lower, api->ceiling, api->higher};
    int (*const ends[])(void *, struct shale_entry *) = {api->first, api->last, api->pop_min,
                                                         api->pop_max};
    struct shale_entry entry = {.value = 0};
    if (op->code >= FLOOR && op->code <= HIGHER)
        op->result = by_key[op->code - FLOOR](map, shale_key_int64((int64_t)op->key), &entry);
    else
        op->result =
            ends[op->code < FLOOR ? op->code - FIRST : op->code - POP_MIN + 2](map, &entry);
    op->in = (uint64_t)entry.key.number;
    op->out = entry.value;
}

static void act(struct lin_operation *op, uint64_t *random, unsigned codes)
{
    op->code = (int)pct_below(random, codes);
    op->key = pct_below(random, KEYS);
    op->in = 1 + pct_below(random, 5);
    op->in2 = 1 + pct_below(random, 5);
    if (op->code < ONE_KEY)
        act_on_key(op);
    else
        act_by_order(op);
}

static void act_one_key(struct lin_operation *op, unsigned thread, uint64_t *random)
{
    act(op, random, ONE_KEY);
}

static void act_all(struct lin_operation *op, unsigned thread, uint64_t *random)
{
    act(op, random, ALL);
}

/* ---- the model: words[key] is the value, 0 none ---- */

static void start(struct lin_state *state)
{
    for (uint64_t i = 0; i < KEYS; i++)
        state->words[i] = start_seed >> i & 1 ? i + 1 : 0;
}

static bool step_change(uint64_t *value, const struct lin_operation *op)
{
    uint64_t old = *value;
    switch (op->code) {
    case PUT:
        *value = op->in;
        return op->result == 0 && op->out == old;
    case ABSENT:
        if (old)
            return op->result == SHALE_EEXIST && op->out == old;
        *value = op->in;
        return op->result == 0;
    case REPLACE:
        if (!old)
            return op->result == SHALE_ENOENT;
        *value = op->in;
        return op->result == 0 && op->out == old;
    default:
        if (!old || old != op->in2)
            return op->result == (old ? SHALE_EEXIST : SHALE_ENOENT);
        *value = op->code == CAS ? op->in : 0;
        return op->result == 0;
    }
}

static bool step_key(uint64_t *value, const struct lin_operation *op)
{
    uint64_t old = *value;
    switch (op->code) {
    case GET:
        return op->result == (old ? 0 : SHALE_ENOENT) && (!old || op->out == old);
    case REMOVE:
        *value = 0;
        return op->result == (old ? 0 : SHALE_ENOENT) && (!old || op->out == old);
    case COMPUTE:
        *value = old && old % 3 == 0 ? 0 : old + 1;
        return op->out == old && op->result == (*value ? 0 : SHALE_ENOENT);
    default:
        return step_change(value, op);
    }
}

/* The key that an operation by order should give, -1 for none. */
static int wanted(const uint64_t *values, const struct lin_operation *op)
{
    int key = (int)op->key, from = 0, to = KEYS;
    if (op->code == FLOOR || op->code == LOWER)
        to = op->code == FLOOR ? key + 1 : key;
    if (op->code == CEILING || op->code == HIGHER)
        from = op->code == CEILING ? key : key + 1;
    bool least = op->code == FIRST || op->code == CEILING || op->code == HIGHER;
    int found = -1;
    for (int i = from; i < to; i++)
        if (values[i] && (found < 0 || !least))
            found = i;
    return found;
}

/* A pop gives some entry that is there: which one it was is said of an earlier moment. */
static bool step_pop(uint64_t *values, const struct lin_operation *op)
{
    if (op->result == SHALE_ENOENT)
        return !values[0] && !values[1] && !values[2] && !values[3];
    if (op->result != 0 || op->in >= KEYS || values[op->in] != op->out || op->out == 0)
        return false;
    values[op->in] = 0;
    return true;
}

static bool step(struct lin_state *state, const struct lin_operation *op)
{
    if (op->code < ONE_KEY)
        return step_key(&state->words[op->key], op);
    if (op->code >= POP_MIN)
        return step_pop(state->words, op);
    int key = wanted(state->words, op);
    if (key < 0)
        return op->result == SHALE_ENOENT;
    return op->result == 0 && op->in == (uint64_t)key; /* the value may be a later one */
}

static void print(const struct lin_operation *op)
{
    static const char *const names[] = {
        "get",   "put",  "put_if_absent", "replace", "cas",     "remove", "cas_remove", "compute",
        "first", "last", "floor",         "lower",   "ceiling", "higher", "pop_min",    "pop_max"};
    printf("%s key %llu, in %llu %llu, out %llu: %s", names[op->code], (unsigned long long)op->key,
           (unsigned long long)op->in, (unsigned long long)op->in2, (unsigned long long)op->out,
           shale_strerror(op->result));
}

static const struct lin_model model = {.start = start, .step = step, .print = print};

const struct subject skiplist_subject = {.name = "skiplist",
                                         .model = &model,
                                         .by_key = true,
                                         .threads = 3,
                                         .operations = 6,
                                         .points = 20,
                                         .make = make_skiplist,
                                         .act = act_one_key,
                                         .end = end};

const struct subject skiplist_order_subject = {.name = "skiplist by order",
                                               .model = &model,
                                               .threads = 3,
                                               .operations = 5,
                                               .points = 20,
                                               .make = make_skiplist,
                                               .act = act_all,
                                               .end = end};

const struct subject treemap_subject = {.name = "treemap",
                                        .model = &model,
                                        .by_key = true,
                                        .threads = 3,
                                        .operations = 6,
                                        .points = 20,
                                        .make = make_treemap,
                                        .act = act_one_key,
                                        .end = end};

const struct subject treemap_order_subject = {.name = "treemap by order",
                                              .model = &model,
                                              .threads = 3,
                                              .operations = 5,
                                              .points = 20,
                                              .make = make_treemap,
                                              .act = act_all,
                                              .end = end};

void map_subjects_end(void)
{
    shale_smr_destroy(domains[0]);
    shale_smr_destroy(domains[1]);
    domains[0] = domains[1] = NULL;
}
