/* SPDX-License-Identifier: MIT */
/* The functions of either ordered map as a table, so that one test serves both. */
#ifndef SHALE_TESTS_MAP_API_H
#define SHALE_TESTS_MAP_API_H

#include <shale/map.h>

struct map_api {
    const char *name;
    int (*create)(const struct shale_map_options *options, void **map);
    void (*destroy)(void *map);
    int (*get)(void *map, struct shale_key key, uint64_t *value);
    int (*put)(void *map, struct shale_key key, uint64_t value, struct shale_previous *previous);
    int (*put_if_absent)(void *map, struct shale_key key, uint64_t value, uint64_t *present);
    int (*replace)(void *map, struct shale_key key, uint64_t value, uint64_t *old);
    int (*compare_replace)(void *map, struct shale_key key, uint64_t expected, uint64_t value);
    int (*remove)(void *map, struct shale_key key, uint64_t *old);
    int (*compare_remove)(void *map, struct shale_key key, uint64_t expected);
    int (*compute)(void *map, struct shale_key key, shale_compute_function *function, void *context,
                   struct shale_previous *previous);
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
    int (*visit)(void *map, const struct shale_range *range, shale_visit_function *visit,
                 void *context);
    int (*visit_alone)(void *map, shale_visit_function *visit, void *context);
    int (*snapshot)(void *map, const struct shale_range *range, struct shale_snapshot **snapshot);
    size_t (*length)(const void *map);
    struct shale_smr *(*domain)(const void *map);
};

#define MAP_FORWARD(T, function, parameters, arguments)                                            \
    static int T##_api_##function parameters                                                       \
    {                                                                                              \
        return shale_##T##_##function arguments;                                                   \
    }

/* Defines `static const struct map_api T_api`. */
#define MAP_API(T)                                                                                 \
    static int T##_api_create(const struct shale_map_options *options, void **map)                 \
    {                                                                                              \
        struct shale_##T *made;                                                                    \
        int result = shale_##T##_create(options, &made);                                           \
        if (result == 0)                                                                           \
            *map = made;                                                                           \
        return result;                                                                             \
    }                                                                                              \
    static void T##_api_destroy(void *map)                                                         \
    {                                                                                              \
        shale_##T##_destroy(map);                                                                  \
    }                                                                                              \
    static size_t T##_api_length(const void *map)                                                  \
    {                                                                                              \
        return shale_##T##_length(map);                                                            \
    }                                                                                              \
    static struct shale_smr *T##_api_domain(const void *map)                                       \
    {                                                                                              \
        return shale_##T##_domain(map);                                                            \
    }                                                                                              \
    MAP_FORWARD(T, get, (void *m, struct shale_key k, uint64_t *v), (m, k, v))                     \
    MAP_FORWARD(T, put, (void *m, struct shale_key k, uint64_t v, struct shale_previous *p),       \
                (m, k, v, p))                                                                      \
    MAP_FORWARD(T, put_if_absent, (void *m, struct shale_key k, uint64_t v, uint64_t *p),          \
                (m, k, v, p))                                                                      \
    MAP_FORWARD(T, replace, (void *m, struct shale_key k, uint64_t v, uint64_t *o), (m, k, v, o))  \
    MAP_FORWARD(T, compare_replace, (void *m, struct shale_key k, uint64_t e, uint64_t v),         \
                (m, k, e, v))                                                                      \
    MAP_FORWARD(T, remove, (void *m, struct shale_key k, uint64_t *o), (m, k, o))                  \
    MAP_FORWARD(T, compare_remove, (void *m, struct shale_key k, uint64_t e), (m, k, e))           \
    MAP_FORWARD(T, compute,                                                                        \
                (void *m, struct shale_key k, shale_compute_function *f, void *c,                  \
                 struct shale_previous *p),                                                        \
                (m, k, f, c, p))                                                                   \
    MAP_FORWARD(T, first, (void *m, struct shale_entry *e), (m, e))                                \
    MAP_FORWARD(T, last, (void *m, struct shale_entry *e), (m, e))                                 \
    MAP_FORWARD(T, floor, (void *m, struct shale_key k, struct shale_entry *e), (m, k, e))         \
    MAP_FORWARD(T, lower, (void *m, struct shale_key k, struct shale_entry *e), (m, k, e))         \
    MAP_FORWARD(T, ceiling, (void *m, struct shale_key k, struct shale_entry *e), (m, k, e))       \
    MAP_FORWARD(T, higher, (void *m, struct shale_key k, struct shale_entry *e), (m, k, e))        \
    MAP_FORWARD(T, pop_min, (void *m, struct shale_entry *e), (m, e))                              \
    MAP_FORWARD(T, pop_max, (void *m, struct shale_entry *e), (m, e))                              \
    MAP_FORWARD(                                                                                   \
        T, scan,                                                                                   \
        (void *m, const struct shale_range *r, struct shale_entry *e, size_t n, size_t *c),        \
        (m, r, e, n, c))                                                                           \
    MAP_FORWARD(T, visit,                                                                          \
                (void *m, const struct shale_range *r, shale_visit_function *f, void *c),          \
                (m, r, f, c))                                                                      \
    MAP_FORWARD(T, visit_alone, (void *m, shale_visit_function *v, void *c), (m, v, c))            \
    MAP_FORWARD(T, snapshot, (void *m, const struct shale_range *r, struct shale_snapshot **s),    \
                (m, r, s))                                                                         \
    static const struct map_api T##_api = {#T,                                                     \
                                           T##_api_create,                                         \
                                           T##_api_destroy,                                        \
                                           T##_api_get,                                            \
                                           T##_api_put,                                            \
                                           T##_api_put_if_absent,                                  \
                                           T##_api_replace,                                        \
                                           T##_api_compare_replace,                                \
                                           T##_api_remove,                                         \
                                           T##_api_compare_remove,                                 \
                                           T##_api_compute,                                        \
                                           T##_api_first,                                          \
                                           T##_api_last,                                           \
                                           T##_api_floor,                                          \
                                           T##_api_lower,                                          \
                                           T##_api_ceiling,                                        \
                                           T##_api_higher,                                         \
                                           T##_api_pop_min,                                        \
                                           T##_api_pop_max,                                        \
                                           T##_api_scan,                                           \
                                           T##_api_visit,                                          \
                                           T##_api_visit_alone,                                    \
                                           T##_api_snapshot,                                       \
                                           T##_api_length,                                         \
                                           T##_api_domain}

#endif
