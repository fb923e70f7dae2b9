/* SPDX-License-Identifier: MIT */
/* The types SkipListMap and TreeMap of _core; what is made of these methods is in ordered.py. */
#include "map.h"

#include <structmember.h>

/* ---- keys ---- */

bool map_is_there(const struct map *self)
{
    if (!self->map)
        PyErr_SetString(PyExc_ReferenceError, "the garbage collector has cleared this map");
    return self->map != NULL;
}

PyObject *map_make_key(struct map *self, PyObject *key, bool is_new)
{
    if (!map_is_there(self))
        return NULL;
    if (self->key_function)
        return keyed_new(self, key, is_new);
    return order_accepts(self->comparator, key, is_new) ? Py_NewRef(key) : NULL;
}

PyObject *map_user_key(const struct map *self, PyObject *kept)
{
    return self->key_function ? ((struct keyed *)kept)->key : kept;
}

/* Raises KeyError with the user's key. */
static PyObject *raise_missing(PyObject *key)
{
    PyObject *arguments = PyTuple_Pack(1, key); /* so that a tuple stays one key */
    if (arguments)
        PyErr_SetObject(PyExc_KeyError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

bool map_may_change(struct map *self)
{
    if (!map_is_there(self))
        return false;
    if (comparing_inside((PyObject *)self)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a comparison of its keys changes the map it is made for; change it after "
                        "the call that compares");
        return false;
    }
    return true;
}

/* ---- one key: SHALE_ECANCELED with an exception ---- */

static int get_value(struct map *self, PyObject *key, PyObject **value)
{
    PyObject *probe = map_make_key(self, key, false);
    uint64_t word = 0;
    int result;
    if (!probe)
        return SHALE_ECANCELED;
    MAP_CALL(self, result, self->functions->get(self->map, map_c_key(probe), &word));
    Py_DECREF(probe);
    if (result == 0)
        *value = core_word_pointer(word);
    return result;
}

static int put_value(struct map *self, PyObject *key, PyObject *value)
{
    struct shale_previous previous = {0};
    PyObject *kept = map_may_change(self) ? map_make_key(self, key, true) : NULL;
    int result;
    if (!kept)
        return SHALE_ECANCELED;
    Py_INCREF(value);
    MAP_CALL(self, result,
             self->functions->put(self->map, map_c_key(kept), core_word(value), &previous));
    if (result != 0)
        Py_DECREF(value);
    if (result != 0 || previous.existed)
        Py_DECREF(kept);
    if (result == 0 && previous.existed) {
        Py_DECREF((PyObject *)core_word_pointer(previous.value));
        core_retired(self->state, 1);
    }
    return result;
}

static int remove_value(struct map *self, PyObject *key, PyObject **value)
{
    PyObject *probe = map_may_change(self) ? map_make_key(self, key, false) : NULL;
    uint64_t word = 0;
    int result;
    if (!probe)
        return SHALE_ECANCELED;
    MAP_CALL(self, result, self->functions->remove(self->map, map_c_key(probe), &word));
    Py_DECREF(probe);
    if (result == 0) {
        *value = core_word_pointer(word);
        core_retired(self->state, 2);
    }
    return result;
}

/* ---- as a mapping ---- */

static PyObject *map_subscript(PyObject *object, PyObject *key)
{
    struct map *self = (struct map *)object;
    PyObject *value;
    int result = get_value(self, key, &value);
    if (result == 0)
        return value;
    return result == SHALE_ENOENT ? raise_missing(key) : core_raise(self->state, result);
}

static int map_ass_subscript(PyObject *object, PyObject *key, PyObject *value)
{
    struct map *self = (struct map *)object;
    PyObject *old;
    int result = value ? put_value(self, key, value) : remove_value(self, key, &old);
    if (result == 0 && !value)
        Py_DECREF(old);
    if (result == SHALE_ENOENT)
        raise_missing(key);
    else if (result != 0)
        core_raise(self->state, result);
    return result == 0 ? 0 : -1;
}

static int map_contains(PyObject *object, PyObject *key)
{
    struct map *self = (struct map *)object;
    PyObject *value;
    int result = get_value(self, key, &value);
    if (result == 0)
        Py_DECREF(value);
    else if (result != SHALE_ENOENT)
        core_raise(self->state, result);
    return result == 0 ? 1 : result == SHALE_ENOENT ? 0 : -1;
}

static Py_ssize_t map_length(PyObject *object)
{
    struct map *self = (struct map *)object;
    return map_is_there(self) ? (Py_ssize_t)self->functions->length(self->map) : -1;
}

static bool takes(const char *name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most)
{
    if (count >= least && count <= most)
        return true;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments, not %zd", name, least, most,
                 count);
    return false;
}

static PyObject *map_get(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    PyObject *value;
    if (!takes("get", count, 1, 2))
        return NULL;
    int result = get_value(self, arguments[0], &value);
    if (result == 0)
        return value;
    if (result != SHALE_ENOENT)
        return core_raise(self->state, result);
    return Py_NewRef(count > 1 ? arguments[1] : Py_None);
}

static PyObject *map_pop(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    PyObject *value;
    if (!takes("pop", count, 1, 2))
        return NULL;
    int result = remove_value(self, arguments[0], &value);
    if (result == 0)
        return value;
    if (result != SHALE_ENOENT)
        return core_raise(self->state, result);
    return count > 1 ? Py_NewRef(arguments[1]) : raise_missing(arguments[0]);
}

/* (put, the value that is there) */
static PyObject *map_put_if_absent(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    uint64_t present = 0;
    int result;
    if (!takes("put_if_absent", count, 2, 2))
        return NULL;
    PyObject *value = arguments[1];
    PyObject *kept = map_may_change(self) ? map_make_key(self, arguments[0], true) : NULL;
    if (!kept)
        return NULL;
    Py_INCREF(value);
    MAP_CALL(
        self, result,
        self->functions->put_if_absent(self->map, map_c_key(kept), core_word(value), &present));
    if (result == 0)
        Py_RETURN_NONE;
    Py_DECREF(value);
    Py_DECREF(kept);
    return result == SHALE_EEXIST ? core_word_pointer(present) : core_raise(self->state, result);
}

static PyObject *map_replace(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    uint64_t old = 0;
    int result;
    if (!takes("replace", count, 2, 2))
        return NULL;
    PyObject *value = arguments[1];
    PyObject *probe = map_may_change(self) ? map_make_key(self, arguments[0], false) : NULL;
    if (!probe)
        return NULL;
    Py_INCREF(value);
    MAP_CALL(self, result,
             self->functions->replace(self->map, map_c_key(probe), core_word(value), &old));
    Py_DECREF(probe);
    if (result == 0) {
        core_retired(self->state, 1);
        return core_word_pointer(old);
    }
    Py_DECREF(value);
    return result == SHALE_ENOENT ? raise_missing(arguments[0]) : core_raise(self->state, result);
}

/* replace_if(key, expected, value): by identity, as atomically as the C map does it. */
static PyObject *map_replace_if(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    int result;
    if (!takes("replace_if", count, 3, 3))
        return NULL;
    PyObject *expected = arguments[1], *value = arguments[2];
    PyObject *probe = map_may_change(self) ? map_make_key(self, arguments[0], false) : NULL;
    if (!probe)
        return NULL;
    Py_INCREF(value);
    MAP_CALL(self, result,
             self->functions->compare_replace(self->map, map_c_key(probe), core_word(expected),
                                              core_word(value)));
    Py_DECREF(probe);
    if (result != 0)
        Py_DECREF(value);
    if (result == 0)
        core_retired(self->state, 1);
    else if (result != SHALE_ENOENT && result != SHALE_EEXIST)
        return core_raise(self->state, result);
    return PyBool_FromLong(result == 0);
}

/* remove_if(key, expected): by identity. */
static PyObject *map_remove_if(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct map *self = (struct map *)object;
    int result;
    if (!takes("remove_if", count, 2, 2))
        return NULL;
    PyObject *probe = map_may_change(self) ? map_make_key(self, arguments[0], false) : NULL;
    if (!probe)
        return NULL;
    MAP_CALL(self, result,
             self->functions->compare_remove(self->map, map_c_key(probe), core_word(arguments[1])));
    Py_DECREF(probe);
    if (result == 0)
        core_retired(self->state, 2);
    else if (result != SHALE_ENOENT && result != SHALE_EEXIST)
        return core_raise(self->state, result);
    return PyBool_FromLong(result == 0);
}

/* ---- life ---- */

static int start_map(struct map *self, PyObject *cmp)
{
    struct shale_smr *domain = core_domain(self->state);
    self->comparator = domain ? order_comparator(self->state, cmp) : NULL;
    if (!self->comparator)
        return -1;
    self->order = (struct order){self->comparator, self->key_function != NULL};
    struct shale_map_options options = {
        .comparator = {SHALE_COMPARE_FUNCTION, order_compare, &self->order},
        .domain = domain,
        .destroy_key = core_drop,
        .destroy_value = core_drop,
        .hold_key = core_hold,
        .hold_value = core_hold,
    };
    int result = self->functions->create(&options, &self->map);
    if (result != 0)
        core_raise(self->state, result);
    return result;
}

static PyObject *new_map(PyTypeObject *type, PyObject *keywords,
                         const struct map_functions *functions)
{
    PyObject *cmp = keywords ? PyDict_GetItemString(keywords, "cmp") : NULL;
    PyObject *key = keywords ? PyDict_GetItemString(keywords, "key") : NULL;
    if (key && key != Py_None && !PyCallable_Check(key))
        return PyErr_Format(PyExc_TypeError, "key must be a function of a key, not %.100s",
                            Py_TYPE(key)->tp_name);
    struct map *self = (struct map *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->state = core_state_of(type);
    self->functions = functions;
    self->key_function = key && key != Py_None ? Py_NewRef(key) : NULL;
    if (start_map(self, cmp) != 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *skiplist_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    return new_map(type, keywords, &map_skiplist_functions);
}

static PyObject *treemap_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    return new_map(type, keywords, &map_treemap_functions);
}

/* ---- the garbage collector ---- */

struct look {
    visitproc visit;
    void *argument;
    int result;
};

static int look_at_entry(const struct shale_entry *entry, void *context)
{
    struct look *look = context;
    visitproc visit = look->visit;
    look->result = visit((PyObject *)entry->key.pointer, look->argument);
    if (look->result == 0)
        look->result = visit(core_word_pointer(entry->value), look->argument);
    return look->result;
}

static int map_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct map *self = (struct map *)object;
    struct look look = {visit, arg, 0};
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->comparator);
    Py_VISIT(self->key_function);
    if (self->map) /* the collector has stopped all other threads */
        (void)self->functions->visit_alone(self->map, look_at_entry, &look);
    return look.result;
}

static int map_clear_references(PyObject *object)
{
    struct map *self = (struct map *)object;
    void *map = self->map;
    self->map = NULL;
    if (map)
        self->functions->destroy(map);
    Py_CLEAR(self->key_function);
    return 0;
}

static void map_dealloc(PyObject *object)
{
    struct map *self = (struct map *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references)
        PyObject_ClearWeakRefs(object);
    map_clear_references(object);
    Py_XDECREF(self->comparator);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *map_comparator(PyObject *self, void *unused)
{
    return Py_NewRef(((struct map *)self)->comparator);
}

static PyObject *map_key_function(PyObject *self, void *unused)
{
    PyObject *function = ((struct map *)self)->key_function;
    return Py_NewRef(function ? function : Py_None);
}

static PyObject *map_backend(PyObject *self, void *unused)
{
    return PyUnicode_FromString(((struct map *)self)->functions->backend);
}

static PyMethodDef map_methods[] = {
    {"get", (PyCFunction)(void (*)(void))map_get, METH_FASTCALL,
     "get(key, default=None, /)\n--\n\n"
     "The value of a key, or the default. O(log n), lock-free."},
    {"pop", (PyCFunction)(void (*)(void))map_pop, METH_FASTCALL,
     "pop(key[, default], /)\n--\n\n"
     "Removes a key and returns its value; the default, or KeyError, where there is none. Of two\n"
     "threads only one gets it. O(log n)."},
    {"_put_if_absent", (PyCFunction)(void (*)(void))map_put_if_absent, METH_FASTCALL, NULL},
    {"replace", (PyCFunction)(void (*)(void))map_replace, METH_FASTCALL,
     "replace(key, value, /)\n--\n\n"
     "Sets the value of a key that is there and returns the one before; KeyError otherwise.\n"
     "Atomic. O(log n)."},
    {"_replace_if", (PyCFunction)(void (*)(void))map_replace_if, METH_FASTCALL, NULL},
    {"_remove_if", (PyCFunction)(void (*)(void))map_remove_if, METH_FASTCALL, NULL},
    {"_first", map_first, METH_NOARGS, NULL},
    {"_last", map_last, METH_NOARGS, NULL},
    {"_pop_first", map_pop_first, METH_NOARGS, NULL},
    {"_pop_last", map_pop_last, METH_NOARGS, NULL},
    {"_floor", map_floor, METH_O, NULL},
    {"_lower", map_lower, METH_O, NULL},
    {"_ceiling", map_ceiling, METH_O, NULL},
    {"_higher", map_higher, METH_O, NULL},
    {"_walk", map_walk, METH_VARARGS, NULL},
    {"__reversed__", map_reversed, METH_NOARGS, "The keys, the last first."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef map_getset[] = {
    {"comparator_type", map_comparator, NULL, "The Comparator that orders the keys.", NULL},
    {"key_function", map_key_function, NULL, "What was given as `key`, or None.", NULL},
    {"backend_type", map_backend, NULL, "'skiplist' or 'treemap'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef map_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct map, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define MAP_SLOTS(new)                                                                             \
    {                                                                                              \
        {Py_tp_new, new}, {Py_tp_dealloc, map_dealloc}, {Py_tp_traverse, map_traverse},            \
            {Py_tp_clear, map_clear_references}, {Py_tp_methods, map_methods},                     \
            {Py_tp_getset, map_getset}, {Py_tp_members, map_members}, {Py_tp_iter, map_iter},      \
            {Py_tp_hash, PyObject_HashNotImplemented}, {Py_mp_subscript, map_subscript},           \
            {Py_mp_ass_subscript, map_ass_subscript}, {Py_mp_length, map_length},                  \
            {Py_sq_contains, map_contains}, {0, NULL},                                             \
    }

static PyType_Slot skiplist_slots[] = MAP_SLOTS(skiplist_new);
static PyType_Slot treemap_slots[] = MAP_SLOTS(treemap_new);

PyType_Spec core_skiplist_spec = {
    .name = "concurrent_collections._core.SkipListMap",
    .basicsize = sizeof(struct map),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = skiplist_slots,
};

PyType_Spec core_treemap_spec = {
    .name = "concurrent_collections._core.TreeMap",
    .basicsize = sizeof(struct map),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = treemap_slots,
};
