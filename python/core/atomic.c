/* SPDX-License-Identifier: MIT */
/*
 * The types AtomicInt64 and AtomicRef of _core. All operations are sequentially consistent.
 *
 * A reference is read in a guard and what was replaced is retired: between the read of the pointer
 * and the reference made from it the object cannot go.
 */
#include "core.h"

/* ---- AtomicInt64 ---- */

struct integer {
    PyObject_HEAD atomic_llong value;
};

static bool parse_int64(PyObject *object, long long *value)
{
    *value = PyLong_AsLongLong(object);
    return *value != -1 || !PyErr_Occurred();
}

static PyObject *integer_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"value", NULL};
    long long value = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|L:AtomicInt64", names, &value))
        return NULL;
    struct integer *self = (struct integer *)type->tp_alloc(type, 0);
    if (self)
        atomic_init(&self->value, value);
    return (PyObject *)self;
}

static atomic_llong *integer_of(PyObject *self)
{
    return &((struct integer *)self)->value;
}

static PyObject *integer_load(PyObject *self, PyObject *unused)
{
    return PyLong_FromLongLong(atomic_load(integer_of(self)));
}

static PyObject *integer_store(PyObject *self, PyObject *object)
{
    long long value;
    if (!parse_int64(object, &value))
        return NULL;
    atomic_store(integer_of(self), value);
    Py_RETURN_NONE;
}

static PyObject *integer_exchange(PyObject *self, PyObject *object)
{
    long long value;
    return parse_int64(object, &value)
               ? PyLong_FromLongLong(atomic_exchange(integer_of(self), value))
               : NULL;
}

static PyObject *integer_fetch_add(PyObject *self, PyObject *object)
{
    long long value;
    return parse_int64(object, &value)
               ? PyLong_FromLongLong(atomic_fetch_add(integer_of(self), value))
               : NULL;
}

static PyObject *integer_fetch_sub(PyObject *self, PyObject *object)
{
    long long value;
    return parse_int64(object, &value)
               ? PyLong_FromLongLong(atomic_fetch_sub(integer_of(self), value))
               : NULL;
}

static PyObject *integer_increment(PyObject *self, PyObject *unused)
{
    /* In unsigned: a wrap is defined, as it is for the atomic addition. */
    return PyLong_FromLongLong(
        (long long)((unsigned long long)atomic_fetch_add(integer_of(self), 1) + 1));
}

static PyObject *integer_decrement(PyObject *self, PyObject *unused)
{
    return PyLong_FromLongLong(
        (long long)((unsigned long long)atomic_fetch_sub(integer_of(self), 1) - 1));
}

static PyObject *integer_compare_exchange(PyObject *self, PyObject *arguments)
{
    long long expected, value;
    if (!PyArg_ParseTuple(arguments, "LL:compare_exchange", &expected, &value))
        return NULL;
    return PyBool_FromLong(atomic_compare_exchange_strong(integer_of(self), &expected, value));
}

static PyObject *integer_number(PyObject *self)
{
    return integer_load(self, NULL);
}

static PyObject *integer_repr(PyObject *self)
{
    return PyUnicode_FromFormat("AtomicInt64(%lld)", (long long)atomic_load(integer_of(self)));
}

static void plain_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef integer_methods[] = {
    {"load", integer_load, METH_NOARGS, "load()\n--\n\nThe value."},
    {"store", integer_store, METH_O, "store(value, /)\n--\n\nSets the value."},
    {"exchange", integer_exchange, METH_O,
     "exchange(value, /)\n--\n\nSets the value and returns the one before."},
    {"fetch_add", integer_fetch_add, METH_O,
     "fetch_add(number, /)\n--\n\nAdds, wrapping around at 2**63, and returns the value before."},
    {"fetch_sub", integer_fetch_sub, METH_O,
     "fetch_sub(number, /)\n--\n\nSubtracts, wrapping around, and returns the value before."},
    {"increment", integer_increment, METH_NOARGS,
     "increment()\n--\n\nAdds one and returns the new value."},
    {"decrement", integer_decrement, METH_NOARGS,
     "decrement()\n--\n\nSubtracts one and returns the new value."},
    {"compare_exchange", integer_compare_exchange, METH_VARARGS,
     "compare_exchange(expected, value, /)\n--\n\n"
     "Sets the value if it is `expected`; whether it did."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot integer_slots[] = {
    {Py_tp_doc, "AtomicInt64(value=0)\n--\n\n"
                "A 64-bit integer that threads change without a lock. Each method is one atomic\n"
                "step, sequentially consistent, wait-free."},
    {Py_tp_new, integer_new},
    {Py_tp_dealloc, plain_dealloc},
    {Py_tp_methods, integer_methods},
    {Py_tp_repr, integer_repr},
    {Py_nb_int, integer_number},
    {Py_nb_index, integer_number},
    {0, NULL},
};

PyType_Spec core_integer_spec = {
    .name = "concurrent_collections.AtomicInt64",
    .basicsize = sizeof(struct integer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = integer_slots,
};

/* ---- AtomicRef ---- */

struct reference {
    PyObject_HEAD _Atomic(uintptr_t) object; /* a reference */
    struct core_state *state;
};

/* NULL with an exception: the thread cannot be attached. */
static struct shale_smr_thread *enter(struct reference *self)
{
    struct shale_smr *domain = core_domain(self->state);
    struct shale_smr_thread *guard = domain ? shale_smr_enter(domain) : NULL;
    if (domain && !guard)
        PyErr_NoMemory();
    return guard;
}

/* Room for the retirement of what a change is going to replace. */
static struct shale_smr_thread *enter_to_change(struct reference *self)
{
    struct shale_smr_thread *guard = enter(self);
    if (guard && shale_smr_reserve(guard, 1) != 0) {
        shale_smr_exit(guard);
        PyErr_NoMemory();
        guard = NULL;
    }
    return guard;
}

static void leave_after_change(struct reference *self, struct shale_smr_thread *guard,
                               uintptr_t old)
{
    int result = shale_smr_retire(guard, (void *)old, 0, 0, core_drop, NULL);
    shale_smr_exit(guard);
    if (result == 0)
        core_retired(self->state, 1);
}

static PyObject *reference_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"value", NULL};
    PyObject *value = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:AtomicRef", names, &value))
        return NULL;
    struct reference *self = (struct reference *)type->tp_alloc(type, 0);
    if (self) {
        self->state = core_state_of(type);
        atomic_store(&self->object, (uintptr_t)Py_NewRef(value));
    }
    return (PyObject *)self;
}

static PyObject *reference_get(PyObject *object, PyObject *unused)
{
    struct reference *self = (struct reference *)object;
    struct shale_smr_thread *guard = enter(self);
    if (!guard)
        return NULL;
    PyObject *value = Py_NewRef((PyObject *)shale_smr_load(guard, &self->object));
    shale_smr_exit(guard);
    return value;
}

static PyObject *reference_exchange(PyObject *object, PyObject *value)
{
    struct reference *self = (struct reference *)object;
    struct shale_smr_thread *guard = enter_to_change(self);
    if (!guard)
        return NULL;
    uintptr_t old = atomic_exchange(&self->object, (uintptr_t)Py_NewRef(value));
    PyObject *result = Py_NewRef((PyObject *)old);
    leave_after_change(self, guard, old);
    return result;
}

static PyObject *reference_set(PyObject *self, PyObject *value)
{
    PyObject *old = reference_exchange(self, value);
    if (!old)
        return NULL;
    Py_DECREF(old);
    Py_RETURN_NONE;
}

static PyObject *reference_compare_exchange(PyObject *object, PyObject *arguments)
{
    struct reference *self = (struct reference *)object;
    PyObject *expected, *value;
    if (!PyArg_ParseTuple(arguments, "OO:compare_exchange", &expected, &value))
        return NULL;
    struct shale_smr_thread *guard = enter_to_change(self);
    if (!guard)
        return NULL;
    uintptr_t old = (uintptr_t)expected;
    Py_INCREF(value);
    bool changed = atomic_compare_exchange_strong(&self->object, &old, (uintptr_t)value);
    if (changed) {
        leave_after_change(self, guard, old);
    } else {
        shale_smr_exit(guard);
        Py_DECREF(value);
    }
    return PyBool_FromLong(changed);
}

static PyObject *reference_repr(PyObject *self)
{
    PyObject *value = reference_get(self, NULL);
    PyObject *text = value ? PyUnicode_FromFormat("AtomicRef(%R)", value) : NULL;
    Py_XDECREF(value);
    return text;
}

static int reference_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct reference *self = (struct reference *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT((PyObject *)atomic_load(&self->object));
    return 0;
}

/* A reference is never NULL for its users: None takes the place. */
static int reference_clear(PyObject *object)
{
    struct reference *self = (struct reference *)object;
    PyObject *old = (PyObject *)atomic_exchange(&self->object, (uintptr_t)Py_NewRef(Py_None));
    Py_XDECREF(old);
    return 0;
}

static void reference_dealloc(PyObject *object)
{
    struct reference *self = (struct reference *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_XDECREF((PyObject *)atomic_load(&self->object));
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef reference_methods[] = {
    {"get", reference_get, METH_NOARGS, "get()\n--\n\nThe object."},
    {"set", reference_set, METH_O, "set(object, /)\n--\n\nSets the object."},
    {"exchange", reference_exchange, METH_O,
     "exchange(object, /)\n--\n\nSets the object and returns the one before."},
    {"compare_exchange", reference_compare_exchange, METH_VARARGS,
     "compare_exchange(expected, object, /)\n--\n\n"
     "Sets the object if it is `expected`, the same object and not only an equal one; whether it\n"
     "did."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reference_slots[] = {
    {Py_tp_doc, "AtomicRef(object=None)\n--\n\n"
                "A reference that threads change without a lock. Each method is one atomic step,\n"
                "sequentially consistent, lock-free."},
    {Py_tp_new, reference_new},
    {Py_tp_dealloc, reference_dealloc},
    {Py_tp_traverse, reference_traverse},
    {Py_tp_clear, reference_clear},
    {Py_tp_methods, reference_methods},
    {Py_tp_repr, reference_repr},
    {0, NULL},
};

PyType_Spec core_reference_spec = {
    .name = "concurrent_collections.AtomicRef",
    .basicsize = sizeof(struct reference),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = reference_slots,
};
