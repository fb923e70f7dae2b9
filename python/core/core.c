/* SPDX-License-Identifier: MIT */
/* The module concurrent_collections._core: its state, settings and what it says about itself. */
#include "core.h"

#include <shale/alloc.h>
#include <shale/system.h>

/* ---- errors ---- */

PyObject *core_raise(struct core_state *state, int code)
{
    if (PyErr_Occurred())
        return NULL;
    if (code == SHALE_ENOMEM)
        return PyErr_NoMemory();
    PyErr_Format(PyExc_SystemError, "shale: %s", shale_strerror(code));
    return NULL;
}

/* ---- settings ---- */

static struct core_state *state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

/* _configure(scheme, retire_threshold, reclaim_max): 0 leaves a number as it is, -1 the scheme. */
static PyObject *configure(PyObject *module, PyObject *arguments)
{
    struct core_state *state = state_of(module);
    int scheme;
    unsigned threshold, max;
    if (!PyArg_ParseTuple(arguments, "iII:_configure", &scheme, &threshold, &max))
        return NULL;
    if (scheme >= 0 && scheme != state->scheme) {
        if (atomic_load(&state->domain))
            return PyErr_Format(PyExc_RuntimeError,
                                "smr_scheme cannot change once a collection was made; set it "
                                "before, or by CONCURRENT_COLLECTIONS_SMR_SCHEME");
        state->scheme = scheme;
    }
    state->retire_threshold = threshold ? threshold : state->retire_threshold;
    state->reclaim_max = max ? max : state->reclaim_max;
    return Py_BuildValue("iII", state->scheme, state->retire_threshold, state->reclaim_max);
}

static PyObject *reclaim(PyObject *module, PyObject *unused)
{
    return PyLong_FromSize_t(core_reclaim(state_of(module)));
}

/* ---- what can be known ---- */

static PyObject *smr_stats(PyObject *module, PyObject *unused)
{
    struct shale_smr *domain = core_domain(state_of(module));
    struct shale_smr_stats stats = SHALE_SMR_STATS_INIT;
    if (!domain)
        return NULL;
    int result = shale_smr_stats_snapshot(domain, &stats);
    if (result != 0)
        return core_raise(state_of(module), result);
    return Py_BuildValue(
        "{sIsOsIsKsKsKsKsKsKsKsKsKsK}", "scheme", stats.scheme, "asymmetric",
        stats.asymmetric ? Py_True : Py_False, "thread_count", stats.thread_count, "era", stats.era,
        "oldest_lag", stats.oldest_lag, "retired_count", stats.retired_count, "reclaimed_count",
        stats.reclaimed_count, "limbo_count", stats.limbo_count, "limbo_bytes", stats.limbo_bytes,
        "scan_count", stats.scan_count, "stall_count", stats.stall_count, "over_cap_count",
        stats.over_cap_count, "orphaned_count", stats.orphaned_count);
}

static PyObject *system_info(PyObject *module, PyObject *unused)
{
    struct shale_system system = SHALE_SYSTEM_INIT;
    int result;
    Py_BEGIN_ALLOW_THREADS result = shale_system_info(&system);
    Py_END_ALLOW_THREADS if (result != 0) return core_raise(state_of(module), result);
    return Py_BuildValue("{sssssssIsssKsKsKsI}", "backend", system.backend, "backend_version",
                         system.backend_version, "shale_version", system.shale_version, "verified",
                         system.verified, "serving", system.serving, "page_bytes",
                         system.page_bytes, "memory_total_bytes", system.memory_total_bytes,
                         "memory_available_bytes", system.memory_available_bytes, "cpu_count",
                         system.cpu_count);
}

static PyObject *alloc_stats_enable(PyObject *module, PyObject *on)
{
    int enable = PyObject_IsTrue(on);
    if (enable < 0)
        return NULL;
    return PyBool_FromLong(shale_alloc_stats_enable(enable) == 0);
}

static PyObject *alloc_stats(PyObject *module, PyObject *unused)
{
    struct shale_alloc_stats stats;
    if (shale_alloc_stats_snapshot(&stats) != 0)
        Py_RETURN_NONE; /* not compiled in */
    return Py_BuildValue("{sKsKsKsKsK}", "alloc_count", stats.alloc_count, "free_count",
                         stats.free_count, "alloc_bytes", stats.alloc_bytes, "free_bytes",
                         stats.free_bytes, "current_allocated", stats.current_allocated);
}

static PyObject *alloc_stats_reset(PyObject *module, PyObject *unused)
{
    shale_alloc_stats_reset();
    Py_RETURN_NONE;
}

/* ---- the module ---- */

static bool add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **type)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type && (!name || PyModule_AddObjectRef(module, name, (PyObject *)*type) == 0);
}

static bool add_types(PyObject *module, struct core_state *state)
{
    return add_type(module, &core_comparator_spec, "Comparator", &state->comparator_type) &&
           add_type(module, &core_skiplist_spec, "SkipListMap", &state->skiplist_type) &&
           add_type(module, &core_treemap_spec, "TreeMap", &state->treemap_type) &&
           add_type(module, &core_queue_spec, "Queue", &state->queue_type) &&
           add_type(module, &core_ring_spec, "Ring", &state->ring_type) &&
           add_type(module, &core_stack_spec, "Stack", &state->stack_type) &&
           add_type(module, &core_integer_spec, "AtomicInt64", &state->integer_type) &&
           add_type(module, &core_reference_spec, "AtomicRef", &state->reference_type) &&
           add_type(module, &core_walk_spec, NULL, &state->walk_type) &&
           add_type(module, &core_keyed_spec, NULL, &state->keyed_type);
}

/* The exceptions of the standard library's queue; ShutDown is there from 3.13 on. */
static bool add_exceptions(PyObject *module, struct core_state *state)
{
    PyObject *queue = PyImport_ImportModule("queue");
    if (!queue)
        return false;
    state->empty = PyObject_GetAttrString(queue, "Empty");
    state->full = PyObject_GetAttrString(queue, "Full");
    state->shutdown = PyObject_GetAttrString(queue, "ShutDown");
    if (!state->shutdown && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        state->shutdown = PyErr_NewExceptionWithDoc(
            "concurrent_collections.ShutDown",
            "A put on, or a get from, a queue that is shut down.", NULL, NULL);
    }
    Py_DECREF(queue);
    return state->empty && state->full && state->shutdown &&
           PyModule_AddObjectRef(module, "Empty", state->empty) == 0 &&
           PyModule_AddObjectRef(module, "Full", state->full) == 0 &&
           PyModule_AddObjectRef(module, "ShutDown", state->shutdown) == 0;
}

static int core_exec(PyObject *module)
{
    struct core_state *state = state_of(module);
    atomic_init(&state->domain, NULL);
    state->scheme = SHALE_SMR_IBR;
    state->retire_threshold = 64;
    state->reclaim_max = 128;
    return add_types(module, state) && add_exceptions(module, state) ? 0 : -1;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct core_state *state = state_of(module);
    PyTypeObject *types[] = {state->comparator_type, state->skiplist_type, state->treemap_type,
                             state->walk_type,       state->queue_type,    state->ring_type,
                             state->stack_type,      state->integer_type,  state->reference_type,
                             state->keyed_type};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        Py_VISIT(types[i]);
    Py_VISIT(state->empty);
    Py_VISIT(state->full);
    Py_VISIT(state->shutdown);
    return 0;
}

static int core_clear(PyObject *module)
{
    struct core_state *state = state_of(module);
    Py_CLEAR(state->comparator_type);
    Py_CLEAR(state->skiplist_type);
    Py_CLEAR(state->treemap_type);
    Py_CLEAR(state->walk_type);
    Py_CLEAR(state->queue_type);
    Py_CLEAR(state->ring_type);
    Py_CLEAR(state->stack_type);
    Py_CLEAR(state->integer_type);
    Py_CLEAR(state->reference_type);
    Py_CLEAR(state->keyed_type);
    Py_CLEAR(state->empty);
    Py_CLEAR(state->full);
    Py_CLEAR(state->shutdown);
    return 0;
}

static void core_free(void *module)
{
    core_end_domain(state_of(module));
    core_clear(module);
}

static PyMethodDef core_methods[] = {
    {"_configure", configure, METH_VARARGS, NULL},
    {"_reclaim", reclaim, METH_NOARGS, NULL},
    {"_smr_stats", smr_stats, METH_NOARGS, NULL},
    {"_system_info", system_info, METH_NOARGS, NULL},
    {"_alloc_stats_enable", alloc_stats_enable, METH_O, NULL},
    {"_alloc_stats", alloc_stats, METH_NOARGS, NULL},
    {"_alloc_stats_reset", alloc_stats_reset, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#ifdef Py_MOD_PER_INTERPRETER_GIL_SUPPORTED
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_MOD_GIL_NOT_USED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "The C part of concurrent_collections; not for direct use.",
    .m_size = sizeof(struct core_state),
    .m_methods = core_methods,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
