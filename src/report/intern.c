/* SPDX-License-Identifier: MIT */
/* Numbers for texts. */
#include "report/intern.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256 };

/* FNV-1a. */
static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    return hash;
}

/* The slot of that text, or the free one where it belongs. */
static uint32_t find(const struct intern *table, const char *text, size_t length, uint32_t hash)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = hash & mask;
    for (;; at = (at + 1) & mask) {
        const struct intern_entry *entry = &table->slots[at];
        bool same = entry->text != NULL && entry->hash == hash && entry->length == length;
        if (entry->text == NULL || (same && memcmp(entry->text, text, length) == 0))
            return at;
    }
}

static bool grow(struct intern *table)
{
    uint32_t slots = table->slot_count == 0 ? FIRST_SLOTS : table->slot_count * 2;
    struct intern old = *table;
    uint32_t *order = reallocarray(table->order, slots / 2, sizeof *order);
    if (order != NULL)
        table->order = order;
    struct intern_entry *grown = calloc(slots, sizeof *grown);
    if (order == NULL || grown == NULL) {
        free(grown);
        return false;
    }
    table->slots = grown;
    table->slot_count = slots;
    for (uint32_t i = 0; i < old.count; i++) {
        const struct intern_entry *entry = &old.slots[order[i]];
        uint32_t at = find(table, entry->text, entry->length, entry->hash);
        table->slots[at] = *entry;
        order[i] = at;
    }
    free(old.slots);
    return true;
}

uint32_t intern_add(struct intern *table, const char *text, size_t length)
{
    if (table->failed || (table->count >= table->slot_count / 2 && !grow(table))) {
        table->failed = true;
        return 0;
    }
    uint32_t hash = hash_of(text, length);
    uint32_t at = find(table, text, length, hash);
    struct intern_entry *entry = &table->slots[at];
    if (entry->text != NULL)
        return entry->number;
    const char *copy = shale_bump_copy_text(&table->memory, text, length);
    if (copy == NULL) {
        table->failed = true;
        return 0;
    }
    *entry = (struct intern_entry){copy, (uint32_t)length, hash, table->count};
    table->order[table->count] = at;
    return table->count++;
}

const char *intern_text(const struct intern *table, uint32_t number)
{
    return table->slots[table->order[number]].text;
}

void intern_free(struct intern *table)
{
    free(table->slots);
    free(table->order);
    shale_bump_release(&table->memory);
    memset(table, 0, sizeof *table);
}
