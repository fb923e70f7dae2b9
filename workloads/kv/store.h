/* SPDX-License-Identifier: MIT */
/*
 * Keys and values, in the order of the keys: a skip list whose values are blocks of the front door
 * that go back through its reclamation. All functions from any thread.
 */
#ifndef WORKLOADS_KV_STORE_H
#define WORKLOADS_KV_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

struct store;

struct store_info {
    size_t keys;
    uint64_t value_bytes; /* of values that are there */
    uint64_t limbo_bytes; /* given up and not reclaimed yet */
    uint64_t reclaimed;   /* nodes and values, ever */
};

/* Looks at an entry, whose bytes are good during the call only; false ends the visit. */
typedef bool store_visitor(struct resp_word key, struct resp_word value, void *context);

struct store *store_open(void); /* NULL: no memory */
void store_close(struct store *store);

/* False: no memory, and nothing changed. */
bool store_set(struct store *store, struct resp_word key, struct resp_word value);

/* Calls the visitor for the key; false: it is not there. */
bool store_get(struct store *store, struct resp_word key, store_visitor *visit, void *context);

/* False: it was not there. */
bool store_remove(struct store *store, struct resp_word key);

/* Visits at most `limit` entries between two keys, both included; NULL is no bound. */
void store_range(struct store *store, const struct resp_word *from, const struct resp_word *to,
                 size_t limit, store_visitor *visit, void *context);

/* Removes what is there now. */
void store_clear(struct store *store);

/* Reclaims what the calling thread gave up, where no other thread is looking at it. */
void store_tidy(struct store *store);

void store_read_info(const struct store *store, struct store_info *info);

#endif
