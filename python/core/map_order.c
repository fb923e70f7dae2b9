/* SPDX-License-Identifier: MIT */
/* The maps' methods by order: ends, neighbours, iterators. Items are pairs, or None for none. */
#include "map.h"

/* A pair of an entry that was handed out with its references. */
static PyObject *make_item(const struct map *self, const struct shale_entry *entry)
{
    PyObject *kept = (PyObject *)entry->key.pointer;
    PyObject *value = core_word_pointer(entry->value);
    PyObject *item = PyTuple_Pack(2, map_user_key(self, kept), value);
    Py_DECREF(kept);
    Py_DECREF(value);
    return item;
}

/* The item, or None; pops raise KeyError in the Python layer. */
static PyObject *end_item(PyObject *object, bool change, bool at_first)
{
    struct map *self = (struct map *)object;
    const struct map_functions *functions = self->functions;
    struct shale_entry entry;
    int result;
    if (!(change ? map_may_change(self) : map_is_there(self)))
        return NULL;
    int (*function)(void *map, struct shale_entry *entry) =
        change ? (at_first ? functions->pop_min : functions->pop_max)
               : (at_first ? functions->first : functions->last);
    MAP_CALL(self, result, function(self->map, &entry));
    if (result == SHALE_ENOENT)
        Py_RETURN_NONE;
    if (result != 0)
        return core_raise(self->state, result);
    if (change)
        core_retired(self->state, 2);
    return make_item(self, &entry);
}

PyObject *map_first(PyObject *self, PyObject *unused)
{
    return end_item(self, false, true);
}

PyObject *map_last(PyObject *self, PyObject *unused)
{
    return end_item(self, false, false);
}

PyObject *map_pop_first(PyObject *self, PyObject *unused)
{
    return end_item(self, true, true);
}

PyObject *map_pop_last(PyObject *self, PyObject *unused)
{
    return end_item(self, true, false);
}

static PyObject *near_item(PyObject *object, PyObject *key,
                           int (*function)(void *map, struct shale_key key,
                                           struct shale_entry *entry))
{
    struct map *self = (struct map *)object;
    struct shale_entry entry;
    PyObject *probe = map_make_key(self, key, false);
    int result;
    if (!probe)
        return NULL;
    MAP_CALL(self, result, function(self->map, map_c_key(probe), &entry));
    Py_DECREF(probe);
    if (result == SHALE_ENOENT)
        Py_RETURN_NONE;
    return result == 0 ? make_item(self, &entry) : core_raise(self->state, result);
}

PyObject *map_floor(PyObject *self, PyObject *key)
{
    return near_item(self, key, ((struct map *)self)->functions->floor);
}

PyObject *map_lower(PyObject *self, PyObject *key)
{
    return near_item(self, key, ((struct map *)self)->functions->lower);
}

PyObject *map_ceiling(PyObject *self, PyObject *key)
{
    return near_item(self, key, ((struct map *)self)->functions->ceiling);
}

PyObject *map_higher(PyObject *self, PyObject *key)
{
    return near_item(self, key, ((struct map *)self)->functions->higher);
}

/* ---- iterating ---- */

PyObject *map_iter(PyObject *self)
{
    return walk_new((struct map *)self, WALK_KEYS, NULL, NULL, 0);
}

PyObject *map_reversed(PyObject *self, PyObject *unused)
{
    return walk_new((struct map *)self, WALK_KEYS, NULL, NULL, SHALE_RANGE_REVERSE);
}

/* A bound as a kept key; *error tells NULL for none from an exception. */
static PyObject *make_bound(struct map *self, PyObject *bound, bool *error)
{
    if (*error || bound == Py_None)
        return NULL;
    PyObject *kept = map_make_key(self, bound, false);
    *error = !kept;
    return kept;
}

/* walk(part, lo, hi, inclusive_lo, inclusive_hi, reverse); None is no bound. */
PyObject *map_walk(PyObject *object, PyObject *arguments)
{
    struct map *self = (struct map *)object;
    int part, with_low, with_high, reverse;
    PyObject *low, *high;
    if (!PyArg_ParseTuple(arguments, "iOOppp:_walk", &part, &low, &high, &with_low, &with_high,
                          &reverse))
        return NULL;
    bool error = !map_is_there(self);
    PyObject *from = make_bound(self, low, &error);
    PyObject *to = make_bound(self, high, &error);
    if (error) {
        Py_XDECREF(from);
        return NULL;
    }
    unsigned flags = (with_low ? 0U : SHALE_RANGE_FROM_EXCLUSIVE) |
                     (with_high ? 0U : SHALE_RANGE_TO_EXCLUSIVE) |
                     (reverse ? SHALE_RANGE_REVERSE : 0U);
    return walk_new(self, (enum walk_part)part, from, to, flags);
}
