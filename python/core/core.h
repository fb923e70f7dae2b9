/* SPDX-License-Identifier: MIT */
/*
 * concurrent_collections._core: what its files share. Layer 6, on the public headers of Shale only.
 *
 *     core.c     the module, its state, settings            order.c   how keys compare
 *     reclaim.c  references that wait for the last guard    map*.c    both ordered maps
 *     queue.c    the queue and the ring                     walk.c    iterators over a map
 *     stack.c    the stack                                  atomic.c  AtomicInt64, AtomicRef
 *
 * The rules, which hold with the global interpreter lock and without it:
 *   - No code of the user runs inside a guard: no comparison of theirs (order.h), no destructor
 *     (reclaim.c), and nothing that may switch threads.
 *   - A reference that a container holds is dropped by way of the reclamation domain only; so
 * inside a guard an object that was found can simply be referenced.
 *   - All state is the module's: subinterpreters share nothing.
 */
#ifndef CONCURRENT_COLLECTIONS_CORE_H
#define CONCURRENT_COLLECTIONS_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shale/map.h>
#include <shale/smr.h>

struct core_state {
    PyTypeObject *comparator_type, *skiplist_type, *treemap_type, *walk_type, *queue_type,
        *ring_type, *stack_type, *integer_type, *reference_type, *keyed_type;
    PyObject *empty, *full; /* queue.Empty, queue.Full */
    PyObject *shutdown;     /* queue.ShutDown, or our own before 3.13 */
    /* Made with the first collection; from then on the settings are fixed. */
    _Atomic(struct shale_smr *) domain;
    int scheme; /* enum shale_smr_scheme */
    uint32_t retire_threshold;
    uint32_t reclaim_max; /* nodes in one go; at most CORE_RECLAIM_MAX */
};

enum { CORE_RECLAIM_MAX = 1024 };

extern struct PyModuleDef core_module;

static inline struct core_state *core_state_of(PyTypeObject *type)
{
    return PyModule_GetState(PyType_GetModuleByDef(type, &core_module));
}

static inline void *core_word_pointer(uint64_t word)
{
    return (void *)(uintptr_t)word;
}

static inline uint64_t core_word(const void *object)
{
    return (uint64_t)(uintptr_t)object;
}

/* The Python exception of a SHALE_E* code, where none is set yet. Returns NULL. */
PyObject *core_raise(struct core_state *state, int code);

/* ---- reclaim.c ---- */

/* The module's domain, made at the first call. NULL with an exception. */
struct shale_smr *core_domain(struct core_state *state);

/* For the containers' options: reference, and give a reference up. */
void core_hold(void *object, void *unused);
void core_drop(void *object, void *unused);

/* To be called outside guards after an operation that may have retired `count` references. */
void core_retired(struct core_state *state, unsigned count);

/* Drops all references that no guard holds up; how many nodes. */
size_t core_reclaim(struct core_state *state);

/* Drops what is left and ends the domain, at the end of the module. */
void core_end_domain(struct core_state *state);

/* ---- types, added to the module by core.c ---- */

extern PyType_Spec core_comparator_spec, core_keyed_spec, core_skiplist_spec, core_treemap_spec,
    core_walk_spec, core_queue_spec, core_ring_spec, core_stack_spec, core_integer_spec,
    core_reference_spec;

#endif
