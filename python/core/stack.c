/* SPDX-License-Identifier: MIT */
/* The type LockFreeStack of _core. */
#include "core.h"

#include <structmember.h>

#include <shale/stack.h>

struct stack {
    PyObject_HEAD struct shale_stack *stack;
    struct core_state *state;
    PyObject *weak_references;
    atomic_llong length;
};

static PyObject *stack_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct stack *self = (struct stack *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->state = core_state_of(type);
    struct shale_stack_options options = {.domain = core_domain(self->state)};
    int result = options.domain ? shale_stack_create(&options, &self->stack) : SHALE_ENOMEM;
    if (result == 0)
        return (PyObject *)self;
    core_raise(self->state, result);
    Py_DECREF(self);
    return NULL;
}

static PyObject *stack_push(PyObject *object, PyObject *item)
{
    struct stack *self = (struct stack *)object;
    int result = shale_stack_push(self->stack, core_word(Py_NewRef(item)));
    if (result != 0) {
        Py_DECREF(item);
        return core_raise(self->state, result);
    }
    atomic_fetch_add_explicit(&self->length, 1, memory_order_relaxed);
    Py_RETURN_NONE;
}

/* NULL without an exception: it is empty. */
static PyObject *take(struct stack *self)
{
    uint64_t item;
    int result = shale_stack_try_pop(self->stack, &item);
    if (result != 0)
        return result == SHALE_EEMPTY ? NULL : core_raise(self->state, result);
    atomic_fetch_sub_explicit(&self->length, 1, memory_order_relaxed);
    core_retired(self->state, 1);
    return core_word_pointer(item);
}

static PyObject *stack_pop(PyObject *object, PyObject *unused)
{
    PyObject *item = take((struct stack *)object);
    if (!item && !PyErr_Occurred())
        PyErr_SetString(PyExc_IndexError, "pop from an empty stack");
    return item;
}

static PyObject *stack_try_pop(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *item = count <= 1 ? take((struct stack *)object) : NULL;
    if (count > 1)
        return PyErr_Format(PyExc_TypeError, "try_pop() takes at most 1 argument, not %zd", count);
    if (item || PyErr_Occurred())
        return item;
    return Py_NewRef(count == 1 ? arguments[0] : Py_None);
}

static Py_ssize_t stack_length(PyObject *object)
{
    long long length =
        atomic_load_explicit(&((struct stack *)object)->length, memory_order_relaxed);
    return length < 0 ? 0 : (Py_ssize_t)length;
}

static int stack_true(PyObject *object)
{
    return stack_length(object) > 0;
}

static int stack_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int stack_clear(PyObject *object)
{
    struct stack *self = (struct stack *)object;
    PyObject *item;
    while (self->stack && (item = take(self)))
        Py_DECREF(item);
    PyErr_Clear();
    return 0;
}

static void stack_dealloc(PyObject *object)
{
    struct stack *self = (struct stack *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references)
        PyObject_ClearWeakRefs(object);
    stack_clear(object);
    shale_stack_destroy(self->stack);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef stack_methods[] = {
    {"push", stack_push, METH_O, "push(item, /)\n--\n\nPuts an item on top. O(1), lock-free."},
    {"pop", stack_pop, METH_NOARGS,
     "pop()\n--\n\nTakes the item on top; IndexError where there is none. O(1), lock-free."},
    {"try_pop", (PyCFunction)(void (*)(void))stack_try_pop, METH_FASTCALL,
     "try_pop(default=None, /)\n--\n\nTakes the item on top, or gives the default."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef stack_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stack, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot stack_slots[] = {
    {Py_tp_new, stack_new},       {Py_tp_dealloc, stack_dealloc}, {Py_tp_traverse, stack_traverse},
    {Py_tp_clear, stack_clear},   {Py_tp_methods, stack_methods}, {Py_tp_members, stack_members},
    {Py_sq_length, stack_length}, {Py_nb_bool, stack_true},       {0, NULL},
};

PyType_Spec core_stack_spec = {
    .name = "concurrent_collections._core.Stack",
    .basicsize = sizeof(struct stack),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = stack_slots,
};
