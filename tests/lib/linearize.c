/* SPDX-License-Identifier: MIT */
/* The search of linearize.h. */
#include "linearize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct configuration {
    uint64_t done; /* operations that have taken effect; 0: a free place of the table */
    struct lin_state state;
};

struct search {
    const struct lin_model *model;
    const struct lin_history *history;
    struct configuration *seen; /* open addressing, a power of two */
    size_t size, used;
};

static uint64_t hash(const struct configuration *configuration)
{
    const uint64_t *words = (const uint64_t *)configuration;
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof *configuration / sizeof *words; i++)
        sum = (sum ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15) + (sum >> 29);
    return sum ^ (sum >> 32);
}

/* The place of a configuration: where it is, or where it would be put. */
static struct configuration *place(struct configuration *table, size_t size,
                                   const struct configuration *wanted)
{
    size_t i = hash(wanted) & (size - 1);
    while (table[i].done != 0 && memcmp(&table[i], wanted, sizeof *wanted) != 0)
        i = (i + 1) & (size - 1);
    return &table[i];
}

static void grow(struct search *search)
{
    size_t size = search->size ? search->size * 2 : 64;
    struct configuration *table = calloc(size, sizeof *table);
    if (!table)
        abort();
    for (size_t i = 0; i < search->size; i++)
        if (search->seen[i].done != 0)
            *place(table, size, &search->seen[i]) = search->seen[i];
    free(search->seen);
    search->seen = table;
    search->size = size;
}

/* False when it was there already. */
static bool remember(struct search *search, const struct configuration *configuration)
{
    if (search->used * 2 >= search->size)
        grow(search);
    struct configuration *found = place(search->seen, search->size, configuration);
    if (found->done != 0)
        return false;
    *found = *configuration;
    search->used++;
    return true;
}

/* What is called before this moment could be next: some operation that is not done returns then. */
static uint64_t first_return(const struct lin_history *history, uint64_t done)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < history->count; i++)
        if (!(done >> i & 1) && history->operations[i].returned < first)
            first = history->operations[i].returned;
    return first;
}

static bool search_from(struct search *search, const struct configuration *from)
{
    const struct lin_history *history = search->history;
    if (from->done == (UINT64_MAX >> (LIN_OPERATIONS_MAX - history->count)))
        return true;
    uint64_t limit = first_return(history, from->done);
    for (size_t i = 0; i < history->count; i++) {
        const struct lin_operation *operation = &history->operations[i];
        if ((from->done >> i & 1) || operation->called > limit)
            continue;
        struct configuration next = *from;
        next.done |= UINT64_C(1) << i;
        if (search->model->step(&next.state, operation) && remember(search, &next) &&
            search_from(search, &next))
            return true;
    }
    return false;
}

bool lin_check(const struct lin_model *model, const struct lin_history *history)
{
    if (history->count > LIN_OPERATIONS_MAX)
        abort();
    if (history->count == 0)
        return true;
    struct search search = {.model = model, .history = history};
    struct configuration start;
    memset(&start, 0, sizeof start);
    if (model->start)
        model->start(&start.state);
    bool good = search_from(&search, &start);
    free(search.seen);
    return good;
}

bool lin_check_by_key(const struct lin_model *model, const struct lin_history *history)
{
    uint64_t checked = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (checked >> i & 1)
            continue;
        struct lin_history one;
        one.count = 0;
        for (size_t j = i; j < history->count; j++)
            if (history->operations[j].key == history->operations[i].key) {
                one.operations[one.count++] = history->operations[j];
                checked |= UINT64_C(1) << j;
            }
        if (!lin_check(model, &one))
            return false;
    }
    return true;
}

void lin_print(const struct lin_model *model, const struct lin_history *history)
{
    uint64_t printed = 0;
    for (size_t n = 0; n < history->count; n++) {
        size_t next = 0;
        uint64_t earliest = UINT64_MAX;
        for (size_t i = 0; i < history->count; i++)
            if (!(printed >> i & 1) && history->operations[i].called < earliest) {
                earliest = history->operations[i].called;
                next = i;
            }
        printed |= UINT64_C(1) << next;
        const struct lin_operation *operation = &history->operations[next];
        printf("# thread %u [%llu, %llu] ", operation->thread,
               (unsigned long long)operation->called, (unsigned long long)operation->returned);
        model->print(operation);
        printf("\n");
    }
}
