/* SPDX-License-Identifier: MIT */
/*
 * The ordered maps as Python types: what map.c, map_order.c, keyed.c and walk.c share.
 *
 * Keys and values are references; a key with a key function is a struct keyed.
 */
#ifndef CONCURRENT_COLLECTIONS_MAP_H
#define CONCURRENT_COLLECTIONS_MAP_H

#include "order.h"

/* The functions of either C map. */
struct map_functions {
    const char *backend;
    int (*create)(const struct shale_map_options *options, void **map);
    void (*destroy)(void *map);
    int (*get)(void *map, struct shale_key key, uint64_t *value);
    int (*put)(void *map, struct shale_key key, uint64_t value, struct shale_previous *previous);
    int (*put_if_absent)(void *map, struct shale_key key, uint64_t value, uint64_t *present);
    int (*replace)(void *map, struct shale_key key, uint64_t value, uint64_t *old);
    int (*compare_replace)(void *map, struct shale_key key, uint64_t expected, uint64_t value);
    int (*remove)(void *map, struct shale_key key, uint64_t *old);
    int (*compare_remove)(void *map, struct shale_key key, uint64_t expected);
    int (*first)(void *map, struct shale_entry *entry);
    int (*last)(void *map, struct shale_entry *entry);
    int (*floor)(void *map, struct shale_key key, struct shale_entry *entry);
    int (*lower)(void *map, struct shale_key key, struct shale_entry *entry);
    int (*ceiling)(void *map, struct shale_key key, struct shale_entry *entry);
    int (*higher)(void *map, struct shale_key key, struct shale_entry *entry);
    int (*pop_min)(void *map, struct shale_entry *entry);
    int (*pop_max)(void *map, struct shale_entry *entry);
    int (*scan)(void *map, const struct shale_range *range, struct shale_entry *entries,
                size_t capacity, size_t *count);
    int (*visit_alone)(void *map, shale_visit_function *visit, void *context);
    size_t (*length)(const void *map);
};

extern const struct map_functions map_skiplist_functions, map_treemap_functions;

struct map {
    PyObject_HEAD const struct map_functions *functions;
    void *map; /* NULL: the garbage collector has cleared it */
    struct core_state *state;
    struct comparator *comparator;
    struct order order;     /* by it */
    PyObject *key_function; /* or NULL */
    PyObject *weak_references;
};

/* A key as it is kept or searched for, a new reference; NULL with an exception. */
PyObject *map_make_key(struct map *self, PyObject *key, bool is_new);

/* The user's key of a kept one; borrowed. */
PyObject *map_user_key(const struct map *self, PyObject *kept);

/* False with an exception: the map is no more. */
bool map_is_there(const struct map *self);

/* The same for a change, which a comparison of the map's own keys may not make. */
bool map_may_change(struct map *self);

static inline struct shale_key map_c_key(PyObject *kept)
{
    return shale_key_pointer(kept);
}

/* A struct keyed; NULL with an exception. */
PyObject *keyed_new(struct map *self, PyObject *key, bool is_new);

/* Calls a function of the map until its comparisons are known. */
#define MAP_CALL(self, result, call)                                                               \
    do {                                                                                           \
        struct comparing comparing_;                                                               \
        comparing_start(&comparing_, (PyObject *)(self), &(self)->order);                          \
        do                                                                                         \
            (result) = COMPARING(&comparing_, call);                                               \
        while (comparing_again(&comparing_, result));                                              \
        comparing_end(&comparing_);                                                                \
    } while (0)

/* Methods of map_order.c. */
PyObject *map_first(PyObject *self, PyObject *unused);
PyObject *map_last(PyObject *self, PyObject *unused);
PyObject *map_pop_first(PyObject *self, PyObject *unused);
PyObject *map_pop_last(PyObject *self, PyObject *unused);
PyObject *map_floor(PyObject *self, PyObject *key);
PyObject *map_lower(PyObject *self, PyObject *key);
PyObject *map_ceiling(PyObject *self, PyObject *key);
PyObject *map_higher(PyObject *self, PyObject *key);
PyObject *map_iter(PyObject *self);
PyObject *map_reversed(PyObject *self, PyObject *unused);
PyObject *map_walk(PyObject *object, PyObject *arguments);

enum walk_part { WALK_KEYS, WALK_VALUES, WALK_ITEMS };

/* An iterator over a range. The bounds are kept keys or NULL; a reference of each is taken over. */
PyObject *walk_new(struct map *map, enum walk_part part, PyObject *from, PyObject *to,
                   unsigned flags);

#endif
