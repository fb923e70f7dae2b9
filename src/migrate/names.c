/* SPDX-License-Identifier: MIT */
/* Identifiers as numbers: an open-addressing table over a list. Layer 1. */
#include "migrate/names.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    return hash;
}

static uint32_t *slot_of(const struct names *names, const char *text, size_t length, uint32_t hash)
{
    for (uint32_t i = hash;; i++) {
        uint32_t *slot = &names->slots[i & (names->slot_count - 1)];
        const struct name *name = &names->list.at[*slot];
        if (*slot == 0 ||
            (name->hash == hash && name->length == length && memcmp(name->text, text, length) == 0))
            return slot;
    }
}

static void rehash(struct names *names, uint32_t slot_count)
{
    free(names->slots);
    names->slots = must_alloc(slot_count * sizeof *names->slots);
    names->slot_count = slot_count;
    for (uint32_t i = 1; i < names->list.count; i++) {
        const struct name *name = &names->list.at[i];
        *slot_of(names, name->text, name->length, name->hash) = i;
    }
}

void names_start(struct names *names)
{
    *names = (struct names){0};
    vector_push(&names->list)->text = must_copy("");
    rehash(names, 1024);
}

void names_finish(struct names *names)
{
    for (size_t i = 0; i < names->list.count; i++)
        free(names->list.at[i].text);
    vector_free(&names->list);
    free(names->slots);
    names->slots = NULL;
}

name_id names_add(struct names *names, const char *text, size_t length)
{
    uint32_t hash = hash_of(text, length);
    uint32_t *slot = slot_of(names, text, length, hash);
    if (*slot)
        return *slot;
    name_id id = (name_id)names->list.count;
    *slot = id;
    *vector_push(&names->list) =
        (struct name){must_copy_bytes(text, length), (uint32_t)length, hash};
    if (names->list.count * 2 > names->slot_count)
        rehash(names, names->slot_count * 2);
    return id;
}

name_id names_find(const struct names *names, const char *text)
{
    size_t length = strlen(text);
    return *slot_of(names, text, length, hash_of(text, length));
}
