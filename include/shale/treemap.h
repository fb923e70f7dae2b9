/* SPDX-License-Identifier: MIT */
/*
 * An ordered map as a B+ tree with optimistic readers: the faster and smaller of the two maps. Its
 * functions are those of <shale/skiplist.h> by another name, and mean the same.
 *
 * Order: every function that reads or changes one key is linearizable; so are the keys that those
 * for the first, last and nearest entry give. Of pops and scans it is said there. A value put is
 * seen, with all that was written before, by who gets it. Progress: readers write nothing shared
 * and take no lock, but start again when a node changed under them; writers lock the leaf they
 * change, and its parent when they split or merge. So a thread that is stopped in the middle of a
 * change makes others wait who come to that leaf: not lock-free, and free of deadlock. Where
 * threads can be stopped at any moment (real-time priorities, debuggers) take <shale/skiplist.h>.
 * Threads: all functions but create and destroy from any thread at once. Signals: none in a
 * handler. Fork: a child has a copy of its own; it may use it if no other thread was inside a call
 * that changes the map. Cost: for n entries, log2(n) comparisons a search in three or four nodes;
 * an allocation for every 30 or so new int64 keys, and one for each new key of another kind; no
 * allocation to replace.
 */
#ifndef SHALE_TREEMAP_H
#define SHALE_TREEMAP_H

#include <shale/map.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_treemap;

/* As shale_skiplist_create(). Since: 0.1.0 Example: examples/ordered_queue.c */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_create(const struct shale_map_options *options, struct shale_treemap **map);

/* As shale_skiplist_destroy(). Since: 0.1.0 */
SHALE_COLLECTIONS_API void shale_treemap_destroy(struct shale_treemap *map);

/* The domain whose guards protect what is handed out. Since: 0.1.0 */
SHALE_COLLECTIONS_API struct shale_smr *shale_treemap_domain(const struct shale_treemap *map);

/* As shale_skiplist_get(). Since: 0.1.0 Example: examples/ordered_queue.c */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_get(struct shale_treemap *map, struct shale_key key, uint64_t *value);

/* As shale_skiplist_put(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_put(struct shale_treemap *map, struct shale_key key, uint64_t value,
                  struct shale_previous *previous);

/* As shale_skiplist_put_if_absent(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_put_if_absent(struct shale_treemap *map, struct shale_key key, uint64_t value,
                            uint64_t *present);

/* As shale_skiplist_replace(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_replace(struct shale_treemap *map, struct shale_key key, uint64_t value,
                      uint64_t *old);

/* As shale_skiplist_compare_replace(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compare_replace(struct shale_treemap *map, struct shale_key key, uint64_t expected,
                              uint64_t value);

/* As shale_skiplist_remove(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_remove(struct shale_treemap *map, struct shale_key key, uint64_t *old);

/* Removes a key that has the value `expected`; else as shale_treemap_compare_replace(). */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compare_remove(struct shale_treemap *map, struct shale_key key, uint64_t expected);

/* As shale_skiplist_compute(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compute(struct shale_treemap *map, struct shale_key key,
                      shale_compute_function *function, void *context,
                      struct shale_previous *previous);

/* As shale_skiplist_first(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_first(struct shale_treemap *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int shale_treemap_last(struct shale_treemap *map,
                                                                         struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_floor(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_lower(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_ceiling(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_higher(struct shale_treemap *map, struct shale_key key, struct shale_entry *entry);

/* As shale_skiplist_pop_min(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_pop_min(struct shale_treemap *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_pop_max(struct shale_treemap *map, struct shale_entry *entry);

/* As shale_skiplist_scan(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_scan(struct shale_treemap *map, const struct shale_range *range,
                   struct shale_entry *entries, size_t capacity, size_t *count);

/* As shale_skiplist_visit(). Since: 0.1.0 */
SHALE_COLLECTIONS_API int shale_treemap_visit(struct shale_treemap *map,
                                              const struct shale_range *range,
                                              shale_visit_function *visit, void *context);

/* As shale_skiplist_snapshot(). Since: 0.1.0 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_snapshot(struct shale_treemap *map, const struct shale_range *range,
                       struct shale_snapshot **snapshot);

/*
 * Visits all entries in order without comparing any keys and without a guard: for garbage
 * collectors, and for whoever has the map alone. Nothing is held for the visitor.
 *
 * @return  0; what the visitor returned.
 * Threads: no other call may run. Cost: the entries. Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_treemap_visit_alone(struct shale_treemap *map,
                                                    shale_visit_function *visit, void *context);

/* Entries inside: a sum of counters, exact while no other call runs. Since: 0.1.0 */
SHALE_COLLECTIONS_API size_t shale_treemap_length(const struct shale_treemap *map);

#ifdef __cplusplus
}
#endif
#endif
