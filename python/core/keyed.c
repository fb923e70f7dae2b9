/* SPDX-License-Identifier: MIT */
/* Keys with a sort value, for maps with a key function: made once for each call, kept in the map.
 */
#include "map.h"

PyObject *keyed_new(struct map *self, PyObject *key, bool is_new)
{
    PyObject *sort = PyObject_CallOneArg(self->key_function, key);
    if (!sort || !order_accepts(self->comparator, sort, is_new)) {
        Py_XDECREF(sort);
        return NULL;
    }
    struct keyed *keyed = PyObject_GC_New(struct keyed, self->state->keyed_type);
    if (!keyed) {
        Py_DECREF(sort);
        return NULL;
    }
    keyed->key = Py_NewRef(key);
    keyed->sort = sort;
    PyObject_GC_Track(keyed);
    return (PyObject *)keyed;
}

static int keyed_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct keyed *)self)->key);
    Py_VISIT(((struct keyed *)self)->sort);
    return 0;
}

static int keyed_clear(PyObject *self)
{
    return 0; /* the map that has it lets go of it; searches rely on both */
}

static void keyed_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_DECREF(((struct keyed *)self)->key);
    Py_DECREF(((struct keyed *)self)->sort);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot keyed_slots[] = {
    {Py_tp_dealloc, keyed_dealloc},
    {Py_tp_traverse, keyed_traverse},
    {Py_tp_clear, keyed_clear},
    {0, NULL},
};

PyType_Spec core_keyed_spec = {
    .name = "concurrent_collections._core.Keyed",
    .basicsize = sizeof(struct keyed),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = keyed_slots,
};
