/* SPDX-License-Identifier: MIT */
/*
 * Ordered sets over both maps: shale_skipset of <shale/skiplist.h>, shale_treeset of
 * <shale/treemap.h>.
 *
 * A set is a map whose values are 0; everything said there of a key holds here (order, progress,
 * threads, what is handed out). All functions are inline and cost what the map's cost; the map's
 * destroy_value and hold_value are not used. Since: 0.1.0
 *
 *   int    NAME_create(options, &set)      0, SHALE_EINVAL, SHALE_ENOMEM
 *   void   NAME_destroy(set)
 *   int    NAME_add(set, key)              0, SHALE_EEXIST, SHALE_ENOMEM; an added pointer key is
 *                                          the set's from then on
 *   int    NAME_remove(set, key)           0, SHALE_ENOENT, SHALE_ENOMEM
 *   int    NAME_contains(set, key)         0, SHALE_ENOENT, SHALE_ENOMEM
 *   int    NAME_first, _last(set, &key)    0, SHALE_ENOENT, SHALE_ENOMEM
 *   int    NAME_floor, _lower, _ceiling, _higher(set, key, &found)    the same
 *   int    NAME_pop_min, _pop_max(set, &key)                          the same
 *   int    NAME_scan, _visit, _snapshot    as the map's: entries with the value 0
 *   size_t NAME_length(set)
 *   struct shale_smr *NAME_domain(set)
 */
#ifndef SHALE_SET_H
#define SHALE_SET_H

#include <shale/skiplist.h>
#include <shale/treemap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One key out of a set: the map's function gives an entry. */
#define SHALE_SET_END(set, map, function)                                                          \
    static inline int shale_##set##_##function(struct shale_##set *object, struct shale_key *key)  \
    {                                                                                              \
        struct shale_entry entry;                                                                  \
        int result = shale_##map##_##function((struct shale_##map *)object, &entry);               \
        if (result == 0)                                                                           \
            *key = entry.key;                                                                      \
        return result;                                                                             \
    }

#define SHALE_SET_NEAR(set, map, function)                                                         \
    static inline int shale_##set##_##function(struct shale_##set *object, struct shale_key key,   \
                                               struct shale_key *found)                            \
    {                                                                                              \
        struct shale_entry entry;                                                                  \
        int result = shale_##map##_##function((struct shale_##map *)object, key, &entry);          \
        if (result == 0)                                                                           \
            *found = entry.key;                                                                    \
        return result;                                                                             \
    }

/* Defines struct shale_SET (never completed) and its functions over struct shale_MAP. */
#define SHALE_SET_DEFINE(set, map)                                                                 \
    struct shale_##set;                                                                            \
    static inline int shale_##set##_create(const struct shale_map_options *options,                \
                                           struct shale_##set **made)                              \
    {                                                                                              \
        struct shale_##map *object;                                                                \
        int result = shale_##map##_create(options, &object);                                       \
        if (result == 0)                                                                           \
            *made = (struct shale_##set *)object;                                                  \
        return result;                                                                             \
    }                                                                                              \
    static inline void shale_##set##_destroy(struct shale_##set *object)                           \
    {                                                                                              \
        shale_##map##_destroy((struct shale_##map *)object);                                       \
    }                                                                                              \
    static inline int shale_##set##_add(struct shale_##set *object, struct shale_key key)          \
    {                                                                                              \
        return shale_##map##_put_if_absent((struct shale_##map *)object, key, 0, NULL);            \
    }                                                                                              \
    static inline int shale_##set##_remove(struct shale_##set *object, struct shale_key key)       \
    {                                                                                              \
        return shale_##map##_remove((struct shale_##map *)object, key, NULL);                      \
    }                                                                                              \
    static inline int shale_##set##_contains(struct shale_##set *object, struct shale_key key)     \
    {                                                                                              \
        return shale_##map##_get((struct shale_##map *)object, key, NULL);                         \
    }                                                                                              \
    SHALE_SET_END(set, map, first)                                                                 \
    SHALE_SET_END(set, map, last)                                                                  \
    SHALE_SET_END(set, map, pop_min)                                                               \
    SHALE_SET_END(set, map, pop_max)                                                               \
    SHALE_SET_NEAR(set, map, floor)                                                                \
    SHALE_SET_NEAR(set, map, lower)                                                                \
    SHALE_SET_NEAR(set, map, ceiling)                                                              \
    SHALE_SET_NEAR(set, map, higher)                                                               \
    static inline int shale_##set##_scan(                                                          \
        struct shale_##set *object, const struct shale_range *range, struct shale_entry *entries,  \
        size_t capacity, size_t *count)                                                            \
    {                                                                                              \
        return shale_##map##_scan((struct shale_##map *)object, range, entries, capacity, count);  \
    }                                                                                              \
    static inline int shale_##set##_visit(struct shale_##set *object,                              \
                                          const struct shale_range *range,                         \
                                          shale_visit_function *visit, void *context)              \
    {                                                                                              \
        return shale_##map##_visit((struct shale_##map *)object, range, visit, context);           \
    }                                                                                              \
    static inline int shale_##set##_snapshot(struct shale_##set *object,                           \
                                             const struct shale_range *range,                      \
                                             struct shale_snapshot **snapshot)                     \
    {                                                                                              \
        return shale_##map##_snapshot((struct shale_##map *)object, range, snapshot);              \
    }                                                                                              \
    static inline size_t shale_##set##_length(const struct shale_##set *object)                    \
    {                                                                                              \
        return shale_##map##_length((const struct shale_##map *)object);                           \
    }                                                                                              \
    static inline struct shale_smr *shale_##set##_domain(const struct shale_##set *object)         \
    {                                                                                              \
        return shale_##map##_domain((const struct shale_##map *)object);                           \
    }

SHALE_SET_DEFINE(skipset, skiplist)
SHALE_SET_DEFINE(treeset, treemap)

#undef SHALE_SET_DEFINE
#undef SHALE_SET_END
#undef SHALE_SET_NEAR

#ifdef __cplusplus
}
#endif
#endif
