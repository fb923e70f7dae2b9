/* SPDX-License-Identifier: MIT */
/* The functions of both C maps as tables of one type. */
#include "map.h"

#include <shale/skiplist.h>
#include <shale/treemap.h>

#define FORWARD(T, function, parameters, arguments)                                                \
    static int T##_##function parameters                                                           \
    {                                                                                              \
        return shale_##T##_##function arguments;                                                   \
    }

#define NEAREST(T, function)                                                                       \
    FORWARD(T, function, (void *map, struct shale_key key, struct shale_entry *entry),             \
            (map, key, entry))

#define AT_END(T, function)                                                                        \
    FORWARD(T, function, (void *map, struct shale_entry *entry), (map, entry))

#define MAP_FUNCTIONS(T)                                                                           \
    static int T##_create(const struct shale_map_options *options, void **map)                     \
    {                                                                                              \
        struct shale_##T *made;                                                                    \
        int result = shale_##T##_create(options, &made);                                           \
        if (result == 0)                                                                           \
            *map = made;                                                                           \
        return result;                                                                             \
    }                                                                                              \
    static void T##_destroy(void *map)                                                             \
    {                                                                                              \
        shale_##T##_destroy(map);                                                                  \
    }                                                                                              \
    static size_t T##_length(const void *map)                                                      \
    {                                                                                              \
        return shale_##T##_length(map);                                                            \
    }                                                                                              \
    FORWARD(T, get, (void *map, struct shale_key key, uint64_t *value), (map, key, value))         \
    FORWARD(T, put,                                                                                \
            (void *map, struct shale_key key, uint64_t value, struct shale_previous *previous),    \
            (map, key, value, previous))                                                           \
    FORWARD(T, put_if_absent,                                                                      \
            (void *map, struct shale_key key, uint64_t value, uint64_t *present),                  \
            (map, key, value, present))                                                            \
    FORWARD(T, replace, (void *map, struct shale_key key, uint64_t value, uint64_t *old),          \
            (map, key, value, old))                                                                \
    FORWARD(T, compare_replace,                                                                    \
            (void *map, struct shale_key key, uint64_t expected, uint64_t value),                  \
            (map, key, expected, value))                                                           \
    FORWARD(T, remove, (void *map, struct shale_key key, uint64_t *old), (map, key, old))          \
    FORWARD(T, compare_remove, (void *map, struct shale_key key, uint64_t expected),               \
            (map, key, expected))                                                                  \
    AT_END(T, first)                                                                               \
    AT_END(T, last)                                                                                \
    AT_END(T, pop_min)                                                                             \
    AT_END(T, pop_max)                                                                             \
    NEAREST(T, floor)                                                                              \
    NEAREST(T, lower)                                                                              \
    NEAREST(T, ceiling)                                                                            \
    NEAREST(T, higher)                                                                             \
    FORWARD(T, scan,                                                                               \
            (void *map, const struct shale_range *range, struct shale_entry *entries,              \
             size_t capacity, size_t *count),                                                      \
            (map, range, entries, capacity, count))                                                \
    FORWARD(T, visit_alone, (void *map, shale_visit_function *visit, void *context),               \
            (map, visit, context))                                                                 \
    const struct map_functions map_##T##_functions = {.backend = #T,                               \
                                                      .create = T##_create,                        \
                                                      .destroy = T##_destroy,                      \
                                                      .get = T##_get,                              \
                                                      .put = T##_put,                              \
                                                      .put_if_absent = T##_put_if_absent,          \
                                                      .replace = T##_replace,                      \
                                                      .compare_replace = T##_compare_replace,      \
                                                      .remove = T##_remove,                        \
                                                      .compare_remove = T##_compare_remove,        \
                                                      .first = T##_first,                          \
                                                      .last = T##_last,                            \
                                                      .floor = T##_floor,                          \
                                                      .lower = T##_lower,                          \
                                                      .ceiling = T##_ceiling,                      \
                                                      .higher = T##_higher,                        \
                                                      .pop_min = T##_pop_min,                      \
                                                      .pop_max = T##_pop_max,                      \
                                                      .scan = T##_scan,                            \
                                                      .visit_alone = T##_visit_alone,              \
                                                      .length = T##_length}

MAP_FUNCTIONS(skiplist);
MAP_FUNCTIONS(treemap);
