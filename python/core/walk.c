/* SPDX-License-Identifier: MIT */
/*
 * Iterators over a map: batches of entries, each scanned behind the last one's key.
 *
 * Weakly consistent: what is there all the time comes, what is put or removed meanwhile may come;
 * no key twice, and never an error because the map changed. One iterator is for one thread at a
 * time; where two use it, each entry still goes to one of them.
 */
#include "map.h"

enum { WALK_BATCH = 64, WALK_FIRST_BATCH = 8 };

struct walk {
    PyObject_HEAD struct map *map; /* NULL: over */
    enum walk_part part;
    PyObject *from, *to; /* kept keys or NULL: what is left */
    unsigned flags;      /* enum shale_range_flags */
    size_t next, count, capacity;
    atomic_flag busy;
    struct shale_entry entries[WALK_BATCH]; /* from next to count: referenced */
};

PyObject *walk_new(struct map *map, enum walk_part part, PyObject *from, PyObject *to,
                   unsigned flags)
{
    struct walk *self =
        map_is_there(map) ? PyObject_GC_New(struct walk, map->state->walk_type) : NULL;
    if (!self) {
        Py_XDECREF(from);
        Py_XDECREF(to);
        return NULL;
    }
    self->map = (struct map *)Py_NewRef((PyObject *)map);
    self->part = part;
    self->from = from;
    self->to = to;
    self->flags = flags;
    self->next = self->count = 0;
    self->capacity = WALK_FIRST_BATCH; /* `for ... break` should not pay for more */
    atomic_flag_clear(&self->busy);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static void drop_entries(struct walk *self)
{
    size_t next = self->next, count = self->count;
    self->next = self->count = 0;
    for (size_t i = next; i < count; i++) {
        Py_DECREF((PyObject *)self->entries[i].key.pointer);
        Py_DECREF((PyObject *)core_word_pointer(self->entries[i].value));
    }
}

/* What is left lies behind the last entry of the batch. */
static void move_bound(struct walk *self)
{
    PyObject *last = Py_NewRef((PyObject *)self->entries[self->count - 1].key.pointer);
    if (self->flags & SHALE_RANGE_REVERSE) {
        self->flags |= SHALE_RANGE_TO_EXCLUSIVE;
        Py_XSETREF(self->to, last);
    } else {
        self->flags |= SHALE_RANGE_FROM_EXCLUSIVE;
        Py_XSETREF(self->from, last);
    }
}

/* The next batch; false at the end or with an exception. */
static bool fill(struct walk *self)
{
    struct map *map = self->map;
    struct shale_key from = shale_key_pointer(self->from), to = shale_key_pointer(self->to);
    struct shale_range range = {self->from ? &from : NULL, self->to ? &to : NULL, self->flags};
    size_t count = 0;
    int result;
    if (!map_is_there(map))
        return false;
    MAP_CALL(map, result,
             map->functions->scan(map->map, &range, self->entries, self->capacity, &count));
    if (result != 0) {
        core_raise(map->state, result);
        return false;
    }
    self->next = 0;
    self->count = count;
    if (count == self->capacity) {
        move_bound(self);
        self->capacity = WALK_BATCH;
    } else {
        self->capacity = 0; /* nothing behind this batch */
    }
    return count > 0;
}

static PyObject *make_result(const struct walk *self, const struct shale_entry *entry)
{
    PyObject *kept = (PyObject *)entry->key.pointer;
    PyObject *value = core_word_pointer(entry->value);
    PyObject *key = map_user_key(self->map, kept);
    PyObject *result = self->part == WALK_KEYS     ? Py_NewRef(key)
                       : self->part == WALK_VALUES ? Py_NewRef(value)
                                                   : PyTuple_Pack(2, key, value);
    Py_DECREF(kept);
    Py_DECREF(value);
    return result;
}

static PyObject *next_result(struct walk *self)
{
    if (!self->map)
        return NULL;
    if (self->next == self->count && (self->capacity == 0 || !fill(self))) {
        if (!PyErr_Occurred())
            Py_CLEAR(self->map);
        return NULL;
    }
    struct shale_entry entry = self->entries[self->next++];
    return make_result(self, &entry);
}

static PyObject *walk_next(PyObject *object)
{
    struct walk *self = (struct walk *)object;
    if (atomic_flag_test_and_set_explicit(&self->busy, memory_order_acquire))
        return PyErr_Format(PyExc_RuntimeError, "another thread is using this iterator, or a "
                                                "comparison that it made; give each its own");
    PyObject *result = next_result(self);
    atomic_flag_clear_explicit(&self->busy, memory_order_release);
    return result;
}

static int walk_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct walk *self = (struct walk *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->map);
    Py_VISIT(self->from);
    Py_VISIT(self->to);
    for (size_t i = self->next; i < self->count; i++) {
        Py_VISIT((PyObject *)self->entries[i].key.pointer);
        Py_VISIT((PyObject *)core_word_pointer(self->entries[i].value));
    }
    return 0;
}

static int walk_clear(PyObject *object)
{
    struct walk *self = (struct walk *)object;
    drop_entries(self);
    Py_CLEAR(self->map);
    Py_CLEAR(self->from);
    Py_CLEAR(self->to);
    return 0;
}

static void walk_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    walk_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyType_Slot walk_slots[] = {
    {Py_tp_doc, "An iterator over a map, weakly consistent; see the map's class."},
    {Py_tp_dealloc, walk_dealloc},
    {Py_tp_traverse, walk_traverse},
    {Py_tp_clear, walk_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, walk_next},
    {0, NULL},
};

PyType_Spec core_walk_spec = {
    .name = "concurrent_collections._core.Walk",
    .basicsize = sizeof(struct walk),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = walk_slots,
};
