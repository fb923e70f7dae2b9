/* SPDX-License-Identifier: MIT */
/*
 * An ordered map as a lock-free skip list.
 *
 * Order: every function that reads or changes one key is linearizable; so are the keys that those
 * for the first, last and nearest entry give. Of pops and scans it is said there. A value put is
 * seen, with all that was written before, by who gets it. Progress: lock-free, whatever threads are
 * stopped and wherever; a thread that is stopped inside holds back memory as its domain's scheme
 * says. Threads: all functions but create and destroy from any thread at once. Signals: none in a
 * handler. Fork: a child has a copy of its own and goes on with it, as <shale/smr.h> says of
 * domains. Cost: for n entries, about 2 log2(n) comparisons a search; an allocation for a new key,
 * of 24 + 8 bytes for int64 keys and 8 more with a probability of 1/2, 1/4, ...; no allocation to
 * replace. Backwards each step of a scan is a search.
 */
#ifndef SHALE_SKIPLIST_H
#define SHALE_SKIPLIST_H

#include <shale/map.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_skiplist;

/*
 * Makes an empty map.
 *
 * @param options  copied; NULL: all zero.
 * @return  0; SHALE_EINVAL: an unknown comparator, or key functions without pointer keys;
 *          SHALE_ENOMEM.
 * Ownership: the caller's, until shale_skiplist_destroy().
 * Cost: some KiB. Since: 0.1.0
 * Example: examples/ordered_index.c
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_create(const struct shale_map_options *options, struct shale_skiplist **map);

/*
 * Frees a map, calling the destroy functions once for each entry left; of a domain of its own also
 * for what was given up before. NULL is allowed.
 * Threads: no other call may run or follow, and no guard of a domain of its own be open.
 * Cost: the entries. Since: 0.1.0
 */
SHALE_COLLECTIONS_API void shale_skiplist_destroy(struct shale_skiplist *map);

/* The domain whose guards protect what is handed out. Since: 0.1.0 */
SHALE_COLLECTIONS_API struct shale_smr *shale_skiplist_domain(const struct shale_skiplist *map);

/*
 * Reads the value of a key; `value` may be NULL.
 *
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: the thread cannot be attached to the domain.
 * Cost: see the top. Since: 0.1.0
 * Example: examples/ordered_index.c
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_get(struct shale_skiplist *map, struct shale_key key, uint64_t *value);

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
shale_skiplist_put(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                   struct shale_previous *previous);

/*
 * Adds a key that is not there.
 *
 * @param present  gets the value that is there with SHALE_EEXIST; may be NULL.
 * @return  0; SHALE_EEXIST; SHALE_ERANGE; SHALE_ENOMEM. Nothing changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_put_if_absent(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                             uint64_t *present);

/*
 * Sets the value of a key that is there.
 *
 * @param old  gets the value before; may be NULL.
 * @return  0; SHALE_ENOENT; SHALE_ERANGE; SHALE_ENOMEM. Nothing changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_replace(struct shale_skiplist *map, struct shale_key key, uint64_t value,
                       uint64_t *old);

/*
 * Sets the value of a key that is there with the value `expected`.
 *
 * @return  0; SHALE_ENOENT; SHALE_EEXIST: with another value; SHALE_ERANGE; SHALE_ENOMEM. Nothing
 *          changed unless 0. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_compare_replace(struct shale_skiplist *map, struct shale_key key, uint64_t expected,
                               uint64_t value);

/*
 * Removes a key.
 *
 * @param old  gets its value; may be NULL.
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_remove(struct shale_skiplist *map, struct shale_key key, uint64_t *old);

/* Removes a key that has the value `expected`; else as shale_skiplist_compare_replace(). */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_compare_remove(struct shale_skiplist *map, struct shale_key key, uint64_t expected);

/*
 * Lets a function decide on a key's value, atomically: it is called again when the value changed
 * meanwhile. It runs inside a guard, holding no lock.
 *
 * @param previous  gets what was there before; may be NULL.
 * @return  0: there is a value now; SHALE_ENOENT: there is none; SHALE_ERANGE; SHALE_ENOMEM:
 * nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_compute(struct shale_skiplist *map, struct shale_key key,
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
shale_skiplist_first(struct shale_skiplist *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_last(struct shale_skiplist *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_floor(struct shale_skiplist *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_lower(struct shale_skiplist *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_ceiling(struct shale_skiplist *map, struct shale_key key, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_higher(struct shale_skiplist *map, struct shale_key key, struct shale_entry *entry);

/*
 * Removes the first or last entry. It was that at a moment of the call and goes at a later one: an
 * entry that is put beyond it in between stays. No entry is given out twice.
 *
 * @return  0; SHALE_ENOENT; SHALE_ENOMEM: nothing changed. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_pop_min(struct shale_skiplist *map, struct shale_entry *entry);
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_pop_max(struct shale_skiplist *map, struct shale_entry *entry);

/*
 * Copies entries of a range in order, as many as fit, inside one guard. Weakly consistent: what is
 * there all the time is found, what is put or removed meanwhile may be; no key comes twice.
 *
 * @param range  NULL: everything.
 * @param count  gets how many; fewer than `capacity`: the range has ended.
 * @return  0; SHALE_ENOMEM. Cost: see the top. Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_scan(struct shale_skiplist *map, const struct shale_range *range,
                    struct shale_entry *entries, size_t capacity, size_t *count);

/*
 * Visits the entries of a range in order, as weakly consistent as shale_skiplist_scan(). The guard
 * is left and entered again after every 256 entries, unless the caller is in one, or pointer keys
 * have a destroy but no hold function. Nothing is held for the visitor.
 *
 * @return  0; what the visitor returned; SHALE_ENOMEM: not all were visited. Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_skiplist_visit(struct shale_skiplist *map,
                                               const struct shale_range *range,
                                               shale_visit_function *visit, void *context);

/*
 * Copies the entries of a range, as weakly consistent as shale_skiplist_visit(). Keys and values
 * are held; without hold functions pointers in it are only as good as their own lives.
 *
 * @return  0; SHALE_ENOMEM. Ownership: shale_snapshot_destroy(), before the map's destruction.
 * Since: 0.1.0
 */
SHALE_COLLECTIONS_API SHALE_COLLECTIONS_NODISCARD int
shale_skiplist_snapshot(struct shale_skiplist *map, const struct shale_range *range,
                        struct shale_snapshot **snapshot);

/*
 * Visits all entries in order without comparing any keys and without a guard: for garbage
 * collectors, and for whoever has the map alone. Nothing is held for the visitor.
 *
 * @return  0; what the visitor returned.
 * Threads: no other call may run. Cost: the entries. Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_skiplist_visit_alone(struct shale_skiplist *map,
                                                     shale_visit_function *visit, void *context);

/* Entries inside: a sum of counters, exact while no other call runs. Since: 0.1.0 */
SHALE_COLLECTIONS_API size_t shale_skiplist_length(const struct shale_skiplist *map);

#ifdef __cplusplus
}
#endif
#endif
