/* SPDX-License-Identifier: MIT */
/*
 * An ordered map as a B+ tree with optimistic readers: the faster and smaller of the two maps.
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

/*
 * Makes an empty map.
 *
 * @param options  copied; NULL: all zero.
 * @return  0; SHALE_EINVAL: an unknown comparator, or key functions without pointer keys;
 *          SHALE_ENOMEM.
 * Ownership: the caller's, until shale_treemap_destroy().
 * Cost: some KiB. Since: 0.1.0
 * Example: examples/ordered_queue.c
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_create(const struct shale_map_options *options, struct shale_treemap **map);

/*
 * Frees a map, calling the destroy functions once for each entry left; of a domain of its own also
 * for what was given up before. NULL is allowed.
 * Threads: no other call may run or follow, and no guard of a domain of its own be open.
 * Cost: the entries. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_treemap_destroy(struct shale_treemap *map);

/* The domain whose guards protect what is handed out. Since: 0.1.0 */
SHALE_COLLECTIONS_API struct shale_smr *shale_treemap_domain(const struct shale_treemap *map);

/*
 * Reads the value of a key; `value` may be NULL.
 *
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: the thread cannot be attached to the domain.
 * Cost: see the top. Since: 0.1.0
 * Example: examples/ordered_queue.c
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_get(struct shale_treemap *map, struct shale_key key, uint64_t *value);

/*
 * Sets the value of a key, which may be new.
 *
 * @param previous  gets what was there before; may be NULL. A pointer key that existed stays the
 *                  caller's, and the map keeps the one it has.
 * @return  0; SHALE_ERANGE: SHALE_MAP_RESERVED; SHALE_ENOMEM: nothing changed, and the key and
 *          value stay the caller's.
 * Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_put(struct shale_treemap *map, struct shale_key key, uint64_t value,
                  struct shale_previous *previous);

/*
 * Adds a key that is not there.
 *
 * @param present  gets the value that is there with SHALE_EEXIST; may be NULL.
 * @return  0; SHALE_EEXIST; SHALE_ERANGE; SHALE_ENOMEM. Nothing changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_put_if_absent(struct shale_treemap *map, struct shale_key key, uint64_t value,
                            uint64_t *present);

/*
 * Sets the value of a key that is there.
 *
 * @param old  gets the value before; may be NULL.
 * @return  0; SHALE_ENOENT; SHALE_ERANGE; SHALE_ENOMEM. Nothing changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_replace(struct shale_treemap *map, struct shale_key key, uint64_t value,
                      uint64_t *old);

/*
 * Sets the value of a key that is there with the value `expected`.
 *
 * @return  0; SHALE_ENOENT; SHALE_EEXIST: with another value; SHALE_ERANGE; SHALE_ENOMEM. Nothing
 *          changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compare_replace(struct shale_treemap *map, struct shale_key key, uint64_t expected,
                              uint64_t value);

/*
 * Removes a key.
 *
 * @param old  gets its value; may be NULL.
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_remove(struct shale_treemap *map, struct shale_key key, uint64_t *old);

/* Removes a key that has the value `expected`; else as shale_treemap_compare_replace(). */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compare_remove(struct shale_treemap *map, struct shale_key key, uint64_t expected);

/*
 * Lets a function decide on a key's value, atomically: it is called again when the value changed
 * meanwhile. It runs inside a guard, holding no lock.
 *
 * @param previous  gets what was there before; may be NULL.
 * @return  0: there is a value now; SHALE_ENOENT: there is none; SHALE_ERANGE; SHALE_ENOMEM:
 * nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_compute(struct shale_treemap *map, struct shale_key key,
                      shale_compute_function *function, void *context,
                      struct shale_previous *previous);

/*
 * The first and the last entry, and the one nearest to a key: the greatest at most (floor) or
 * before it (lower), the least at least (ceiling) or after it (higher).
 *
 * The key is the right one at a moment of the call; the value is what it had then or later in the
 * call.
 *
 * @return  0; SHALE_ENOENT: there is none; SHALE_ENOMEM. Since: 0.1.0
 */
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

/*
 * Removes the first or last entry. It was that at a moment of the call and goes at a later one: an
 * entry that is put beyond it in between stays. No entry is given out twice.
 *
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_pop_min(struct shale_treemap *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_pop_max(struct shale_treemap *map, struct shale_entry *entry);

/*
 * Copies entries of a range in order, as many as fit, inside one guard. Weakly consistent: what is
 * there all the time is found, what is put or removed meanwhile may be; no key comes twice.
 *
 * @param range  NULL: everything.
 * @param count  gets how many; fewer than `capacity`: the range has ended.
 * @return  0; SHALE_ENOMEM. Cost: see the top. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_scan(struct shale_treemap *map, const struct shale_range *range,
                   struct shale_entry *entries, size_t capacity, size_t *count);

/*
 * Visits the entries of a range in order, as weakly consistent as shale_treemap_scan(). The guard
 * is left and entered again after every 256 entries, unless the caller is in one, or pointer keys
 * have a destroy but no hold function. Nothing is held for the visitor.
 *
 * @return  0; what the visitor returned; SHALE_ENOMEM: not all were visited. Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_treemap_visit(struct shale_treemap *map,
                                              const struct shale_range *range,
                                              shale_visit_function *visit, void *context);

/*
 * Copies the entries of a range, as weakly consistent as shale_treemap_visit(). Keys and values are
 * held; without hold functions pointers in it are only as good as their own lives.
 *
 * @return  0; SHALE_ENOMEM. Ownership: shale_snapshot_destroy(), before the map's destruction.
 * Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_treemap_snapshot(struct shale_treemap *map, const struct shale_range *range,
                       struct shale_snapshot **snapshot);

/* Entries inside: a sum of counters, exact while no other call runs. Since: 0.1.0 */
SHALE_COLLECTIONS_API size_t shale_treemap_length(const struct shale_treemap *map);

#ifdef __cplusplus
}
#endif
#endif
