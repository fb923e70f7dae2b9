/* SPDX-License-Identifier: MIT */
/*
 * How keys compare.
 *
 * Exact int, bool, float, str, bytes and tuples of them are compared in place. For all other keys
 * the comparison is Python code, which must not run inside a guard: the search is cancelled
 * (SHALE_COMPARE_UNKNOWN), the two keys are compared outside, the answer is remembered for the rest
 * of the call, and the search begins again. A search of n comparisons so runs the user's code n
 * times, as always, and passes the nodes before them again.
 *
 *     struct comparing comparing;
 *     comparing_start(&comparing, map);
 *     do
 *         result = COMPARING(&comparing, shale_skiplist_get(...));
 *     while (comparing_again(&comparing, result));
 *     comparing_end(&comparing);
 *
 * When that ends with SHALE_ECANCELED, an exception is set.
 */
#ifndef CONCURRENT_COLLECTIONS_ORDER_H
#define CONCURRENT_COLLECTIONS_ORDER_H

#include "core.h"

enum order_kind {
    ORDER_NATURAL,
    ORDER_REVERSE,
    ORDER_NUMERIC,
    ORDER_STRING,
    ORDER_FUNCTION,
    ORDER_C_FUNCTION
};

typedef int order_c_function(PyObject *left, PyObject *right);

/* A Comparator. Never changes. */
struct comparator {
    PyObject_HEAD enum order_kind kind;
    PyObject *function;           /* ORDER_FUNCTION, and what ORDER_C_FUNCTION was made from */
    order_c_function *c_function; /* ORDER_C_FUNCTION */
};

/* The order of a map: the context of its C comparator. */
struct order {
    const struct comparator *how;
    bool keyed; /* keys are struct keyed */
};

/* A key with the value it is sorted by, where a map has a key function. */
struct keyed {
    PyObject_HEAD PyObject *key;
    PyObject *sort;
};

enum { COMPARING_SLOTS = 64 };

struct answer {
    PyObject *left, *right; /* referenced */
    int order;
};

/* The comparisons of one call. */
struct comparing {
    struct comparing *outer; /* of this thread, whose comparison called us */
    PyObject *owner;         /* the map; borrowed */
    const struct order *order;
    PyObject *left, *right; /* what could not be told; referenced */
    size_t count, size;     /* of answers: an open table, empty until needed */
    struct answer *answers;
    struct answer few[COMPARING_SLOTS];
};

void comparing_start(struct comparing *comparing, PyObject *owner, const struct order *order);
void comparing_end(struct comparing *comparing);

/* The call that compares, in which no Python code may run. */
#define COMPARING(comparing, call) (comparing_enter(comparing), comparing_leave(call))

void comparing_enter(struct comparing *comparing);
int comparing_leave(int result);

/* Was the call cancelled, and is now known what it could not tell? */
bool comparing_again(struct comparing *comparing, int result);

/* Is a comparison of this map running further up in this thread? */
bool comparing_inside(const PyObject *owner);

/* The function of the maps' C comparators; `context` is a struct order. */
int order_compare(const void *left, const void *right, void *context);

/* Can this be a key at all? For new keys it must also compare with itself. False: an exception. */
bool order_accepts(const struct comparator *how, PyObject *key, bool is_new);

/* The comparator for `cmp`: NULL or None, a Comparator, or a callable. New reference. */
struct comparator *order_comparator(struct core_state *state, PyObject *cmp);

#endif
