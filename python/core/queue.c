/* SPDX-License-Identifier: MIT */
/*
 * The types Queue and Ring of _core: an unbounded and a bounded first-in-first-out queue.
 *
 * Waiting gives the interpreter's lock up and looks for signals now and then. What join() waits for
 * is counted here, in stripes, so that putting stays cheap; the waiting is in queues.py.
 */
#include "core.h"

#include <structmember.h>
#include <time.h>

#include <shale/queue.h>
#include <shale/ring.h>

/* The functions of either C queue; put of the unbounded one never waits. */
struct queue_functions {
    int (*put)(void *queue, uint64_t item, uint64_t timeout_ns);
    int (*get)(void *queue, uint64_t timeout_ns, uint64_t *item);
    int (*put_many)(void *queue, const uint64_t *items, size_t count, size_t *done);
    int (*get_many)(void *queue, uint64_t *items, size_t count, size_t *done);
    void (*shutdown)(void *queue);
    size_t (*length)(void *queue);
    void (*destroy)(void *queue);
};

enum { QUEUE_STRIPES = 16, QUEUE_LINE = 64 };

struct stripe {
    _Alignas(QUEUE_LINE) atomic_llong unfinished;
};

struct queue {
    PyObject_HEAD const struct queue_functions *functions;
    void *queue;
    struct core_state *state;
    Py_ssize_t capacity; /* 0: no bound */
    PyObject *weak_references;
    struct stripe *stripes;
};

/* ---- both as one ---- */

static int queue_put(void *queue, uint64_t item, uint64_t timeout_ns)
{
    return shale_queue_put(queue, item);
}

static int queue_get(void *queue, uint64_t timeout_ns, uint64_t *item)
{
    return timeout_ns == 0 ? shale_queue_try_get(queue, item)
                           : shale_queue_get(queue, timeout_ns, item);
}

static int queue_put_many(void *queue, const uint64_t *items, size_t count, size_t *done)
{
    return shale_queue_put_many(queue, items, count, done);
}

static int queue_get_many(void *queue, uint64_t *items, size_t count, size_t *done)
{
    return shale_queue_get_many(queue, items, count, done);
}

static void queue_shutdown(void *queue)
{
    shale_queue_shutdown(queue);
}

static size_t queue_length(void *queue)
{
    return shale_queue_length(queue);
}

static void queue_destroy(void *queue)
{
    shale_queue_destroy(queue);
}

static const struct queue_functions unbounded = {queue_put,      queue_get,      queue_put_many,
                                                 queue_get_many, queue_shutdown, queue_length,
                                                 queue_destroy};

static int ring_put(void *ring, uint64_t item, uint64_t timeout_ns)
{
    return timeout_ns == 0 ? shale_ring_try_put(ring, item)
                           : shale_ring_put(ring, item, timeout_ns);
}

static int ring_get(void *ring, uint64_t timeout_ns, uint64_t *item)
{
    return timeout_ns == 0 ? shale_ring_try_get(ring, item)
                           : shale_ring_get(ring, timeout_ns, item);
}

static int ring_put_many(void *ring, const uint64_t *items, size_t count, size_t *done)
{
    return shale_ring_put_many(ring, items, count, done);
}

static int ring_get_many(void *ring, uint64_t *items, size_t count, size_t *done)
{
    return shale_ring_get_many(ring, items, count, done);
}

static void ring_shutdown(void *ring)
{
    shale_ring_shutdown(ring);
}

static size_t ring_length(void *ring)
{
    return shale_ring_length(ring);
}

static void ring_destroy(void *ring)
{
    shale_ring_destroy(ring);
}

static const struct queue_functions bounded = {
    ring_put, ring_get, ring_put_many, ring_get_many, ring_shutdown, ring_length, ring_destroy};

/* ---- what join() waits for ---- */

static void count_unfinished(struct queue *self, long long change)
{
    struct stripe *stripe = &self->stripes[PyThread_get_thread_ident() / 4096 % QUEUE_STRIPES];
    atomic_fetch_add(&stripe->unfinished, change);
}

static long long unfinished(const struct queue *self)
{
    long long sum = 0;
    for (int i = 0; i < QUEUE_STRIPES; i++)
        sum += atomic_load(&self->stripes[i].unfinished);
    return sum;
}

/* ---- waiting ---- */

enum { SLICE_NS = 50 * 1000 * 1000 }; /* between two looks for signals */

/* Until when a call waits. */
struct patience {
    bool forever;
    int64_t end_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* block and timeout as queue.Queue takes them. False with an exception. */
static bool parse_patience(PyObject *block, PyObject *timeout, struct patience *patience)
{
    *patience = (struct patience){.forever = true};
    int blocks = block ? PyObject_IsTrue(block) : 1;
    if (blocks < 0)
        return false;
    if (!blocks) {
        patience->forever = false;
    } else if (timeout && timeout != Py_None) {
        double seconds = PyFloat_AsDouble(timeout);
        if (seconds == -1 && PyErr_Occurred())
            return false;
        if (!(seconds >= 0)) {
            PyErr_SetString(PyExc_ValueError, "'timeout' must be a non-negative number");
            return false;
        }
        patience->forever = seconds > 9e9;
        patience->end_ns = patience->forever ? 0 : now_ns() + (int64_t)(seconds * 1e9);
    }
    return true;
}

/* Nanoseconds of the next slice; 0: the time is over. */
static uint64_t next_slice(const struct patience *patience)
{
    if (patience->forever)
        return SLICE_NS;
    int64_t left = patience->end_ns == 0 ? 0 : patience->end_ns - now_ns();
    return left <= 0 ? 0 : left < SLICE_NS ? (uint64_t)left : SLICE_NS;
}

/* Waits in slices without the interpreter's lock; `item` is put, or gotten where `put` is false. */
static int wait_for(struct queue *self, bool put, uint64_t *item, const struct patience *patience)
{
    int result = SHALE_ETIMEOUT;
    uint64_t slice;
    while (result == SHALE_ETIMEOUT && (slice = next_slice(patience)) > 0) {
        Py_BEGIN_ALLOW_THREADS result = put ? self->functions->put(self->queue, *item, slice)
                                            : self->functions->get(self->queue, slice, item);
        Py_END_ALLOW_THREADS if (result == SHALE_ETIMEOUT &&
                                 PyErr_CheckSignals() != 0) return SHALE_ECANCELED;
    }
    return result;
}

/* ---- one item ---- */

static PyObject *raise_state(struct queue *self, int result)
{
    switch (result) {
    case SHALE_EFULL:
    case SHALE_EEMPTY:
    case SHALE_ETIMEOUT:
        break;
    case SHALE_ESHUTDOWN:
        PyErr_SetString(self->state->shutdown, "the queue was shut down: no more items come in");
        return NULL;
    default:
        return core_raise(self->state, result);
    }
    PyErr_SetNone(result == SHALE_EFULL ? self->state->full : self->state->empty);
    return NULL;
}

/* name(…, block=True, timeout=None): *patience from what comes behind the first `first`. */
static bool parse_waiting(const char *name, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *names, Py_ssize_t first, struct patience *patience)
{
    PyObject *given[2] = {NULL, NULL};
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
    if (count < first || count > first + 2) {
        PyErr_Format(PyExc_TypeError, "%s() takes from %zd to %zd arguments, not %zd", name, first,
                     first + 2, count);
        return false;
    }
    for (Py_ssize_t i = first; i < count; i++)
        given[i - first] = arguments[i];
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *word = PyTuple_GET_ITEM(names, i);
        int which = PyUnicode_CompareWithASCIIString(word, "block") == 0     ? 0
                    : PyUnicode_CompareWithASCIIString(word, "timeout") == 0 ? 1
                                                                             : -1;
        if (which < 0 || given[which]) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected or repeated argument %R", name,
                         word);
            return false;
        }
        given[which] = arguments[count + i];
    }
    return parse_patience(given[0], given[1], patience);
}

static PyObject *method_put(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *names)
{
    struct queue *self = (struct queue *)object;
    struct patience patience = {.forever = true};
    if ((count != 1 || names) && !parse_waiting("put", arguments, count, names, 1, &patience))
        return NULL;
    uint64_t item = core_word(Py_NewRef(arguments[0]));
    count_unfinished(self, 1); /* before: who gets it may be done with it at once */
    int result = self->functions->put(self->queue, item, 0);
    if (result == SHALE_EFULL)
        result = wait_for(self, true, &item, &patience);
    if (result == 0)
        Py_RETURN_NONE;
    count_unfinished(self, -1);
    Py_DECREF(arguments[0]);
    return raise_state(self, result == SHALE_ETIMEOUT ? SHALE_EFULL : result);
}

static PyObject *method_get(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *names)
{
    struct queue *self = (struct queue *)object;
    struct patience patience = {.forever = true};
    uint64_t item;
    if ((count != 0 || names) && !parse_waiting("get", arguments, count, names, 0, &patience))
        return NULL;
    int result = self->functions->get(self->queue, 0, &item);
    if (result == SHALE_EEMPTY)
        result = wait_for(self, false, &item, &patience);
    return result == 0 ? core_word_pointer(item) : raise_state(self, result);
}

static PyObject *method_put_nowait(PyObject *object, PyObject *item)
{
    PyObject *arguments[] = {item, Py_False};
    return method_put(object, arguments, 2, NULL);
}

static PyObject *method_get_nowait(PyObject *object, PyObject *unused)
{
    PyObject *arguments[] = {Py_False};
    return method_get(object, arguments, 1, NULL);
}

/* ---- many items ---- */

enum { BATCH = 256 };

/* Puts references of what lies at `items`, as far as there is room: how many, or -1. */
static Py_ssize_t put_batch(struct queue *self, PyObject *const *items, Py_ssize_t count)
{
    uint64_t words[BATCH];
    size_t done = 0;
    for (Py_ssize_t i = 0; i < count; i++)
        words[i] = core_word(Py_NewRef(items[i]));
    count_unfinished(self, count);
    int result = self->functions->put_many(self->queue, words, (size_t)count, &done);
    if (result != 0)
        done = 0;
    count_unfinished(self, (long long)done - count);
    for (Py_ssize_t i = (Py_ssize_t)done; i < count; i++)
        Py_DECREF(items[i]);
    if (result == 0 || result == SHALE_EFULL)
        return (Py_ssize_t)done;
    raise_state(self, result);
    return -1;
}

static PyObject *method_put_many(PyObject *object, PyObject *iterable)
{
    struct queue *self = (struct queue *)object;
    PyObject *items = PySequence_Tuple(iterable);
    if (!items)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(items), all = 0, done = 1;
    while (done > 0 && all < count) {
        Py_ssize_t batch = count - all < BATCH ? count - all : BATCH;
        done = put_batch(self, &PyTuple_GET_ITEM(items, all), batch);
        all += done > 0 ? done : 0;
    }
    Py_DECREF(items);
    return done < 0 && all == 0 ? NULL : (PyErr_Clear(), PyLong_FromSsize_t(all));
}

static bool append_items(PyObject *list, const uint64_t *words, size_t count)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good = good && PyList_Append(list, core_word_pointer(words[i])) == 0;
        Py_DECREF((PyObject *)core_word_pointer(words[i]));
    }
    return good;
}

/* Up to `max` items, without waiting. */
static PyObject *method_get_many(PyObject *object, PyObject *number)
{
    struct queue *self = (struct queue *)object;
    Py_ssize_t max = PyNumber_AsSsize_t(number, PyExc_OverflowError);
    PyObject *list = max == -1 && PyErr_Occurred() ? NULL : PyList_New(0);
    bool good = list != NULL;
    int result = 0;
    while (good && result == 0 && max > 0) {
        uint64_t words[BATCH];
        size_t done = 0;
        result = self->functions->get_many(self->queue, words,
                                           max < BATCH ? (size_t)max : (size_t)BATCH, &done);
        if (result == 0)
            good = append_items(list, words, done);
        max -= (Py_ssize_t)done;
    }
    if (good && result != 0 && result != SHALE_EEMPTY && result != SHALE_ESHUTDOWN)
        good = core_raise(self->state, result) != NULL;
    if (!good)
        Py_CLEAR(list);
    return list;
}

/* ---- states ---- */

static PyObject *method_qsize(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;
    return PyLong_FromSize_t(self->functions->length(self->queue));
}

static PyObject *method_shutdown(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;
    self->functions->shutdown(self->queue);
    Py_RETURN_NONE;
}

static PyObject *method_unfinished(PyObject *object, PyObject *unused)
{
    return PyLong_FromLongLong(unfinished((struct queue *)object));
}

/* One task less; how many are left. */
static PyObject *method_finish(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;
    if (unfinished(self) <= 0)
        return PyErr_Format(PyExc_ValueError, "task_done() called too many times");
    count_unfinished(self, -1);
    return PyLong_FromLongLong(unfinished(self));
}

static PyObject *method_maxsize(PyObject *object, void *unused)
{
    return PyLong_FromSsize_t(((struct queue *)object)->capacity);
}

/* ---- life ---- */

static struct queue *new_queue(PyTypeObject *type)
{
    struct queue *self = (struct queue *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->state = core_state_of(type);
    self->stripes = aligned_alloc(QUEUE_LINE, QUEUE_STRIPES * sizeof *self->stripes);
    if (!self->stripes) {
        Py_DECREF(self);
        PyErr_NoMemory();
        return NULL;
    }
    for (int i = 0; i < QUEUE_STRIPES; i++)
        atomic_init(&self->stripes[i].unfinished, 0);
    return self;
}

static PyObject *finish_new(struct queue *self, int result, const struct queue_functions *functions)
{
    if (result == 0) {
        self->functions = functions;
        return (PyObject *)self;
    }
    core_raise(self->state, result);
    Py_DECREF(self);
    return NULL;
}

static PyObject *unbounded_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct queue *self = new_queue(type);
    struct shale_queue_options options = {.destroy_item = NULL};
    struct shale_queue *queue;
    if (!self)
        return NULL;
    options.domain = core_domain(self->state);
    if (!options.domain) {
        Py_DECREF(self);
        return NULL;
    }
    int result = shale_queue_create(&options, &queue);
    self->queue = result == 0 ? queue : NULL;
    return finish_new(self, result, &unbounded);
}

static PyObject *bounded_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"maxsize", NULL};
    Py_ssize_t maxsize;
    struct shale_ring *ring;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "n:FastQueue", names, &maxsize))
        return NULL;
    if (maxsize <= 0 || maxsize > (Py_ssize_t)1 << 31)
        return PyErr_Format(PyExc_ValueError,
                            "maxsize is from 1 to 2**31, not %zd; LockFreeQueue has no bound",
                            maxsize);
    struct queue *self = new_queue(type);
    if (!self)
        return NULL;
    int result =
        shale_ring_create(&(struct shale_ring_options){.capacity = (size_t)maxsize}, &ring);
    self->queue = result == 0 ? ring : NULL;
    if (result == 0)
        self->capacity = (Py_ssize_t)shale_ring_capacity(ring);
    return finish_new(self, result, &bounded);
}

/* Takes everything out; the last user does that. */
static void empty(struct queue *self)
{
    uint64_t word;
    while (self->queue && self->functions->get(self->queue, 0, &word) == 0)
        Py_DECREF((PyObject *)core_word_pointer(word));
}

/*
 * What is in a queue cannot be looked at without taking it out, so a cycle through a queue is not
 * found by the garbage collector; the documentation says so.
 */
static int queue_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    return 0;
}

static int queue_clear(PyObject *object)
{
    empty((struct queue *)object);
    return 0;
}

static void queue_dealloc(PyObject *object)
{
    struct queue *self = (struct queue *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references)
        PyObject_ClearWeakRefs(object);
    empty(self);
    if (self->queue)
        self->functions->destroy(self->queue);
    free(self->stripes);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef queue_methods[] = {
    {"put", (PyCFunction)(void (*)(void))method_put, METH_FASTCALL | METH_KEYWORDS,
     "put(item, block=True, timeout=None)\n--\n\n"
     "Puts an item at the end, waiting for room where the queue has a bound. Full, ShutDown."},
    {"get", (PyCFunction)(void (*)(void))method_get, METH_FASTCALL | METH_KEYWORDS,
     "get(block=True, timeout=None)\n--\n\n"
     "Takes the oldest item out, waiting for one. Empty; ShutDown when it is shut down and empty."},
    {"put_nowait", method_put_nowait, METH_O, "put_nowait(item, /)\n--\n\nput(item, block=False)."},
    {"get_nowait", method_get_nowait, METH_NOARGS, "get_nowait()\n--\n\nget(block=False)."},
    {"put_many", method_put_many, METH_O,
     "put_many(items, /)\n--\n\n"
     "Puts items at the end, in their order, as many as there is room for; how many. Items of\n"
     "other threads may come in between. Cheaper than one by one."},
    {"get_many", method_get_many, METH_O,
     "get_many(max, /)\n--\n\nUp to `max` of the oldest items as a list; does not wait."},
    {"qsize", method_qsize, METH_NOARGS, "qsize()\n--\n\nItems inside, exact while nobody works."},
    {"_shutdown", method_shutdown, METH_NOARGS, NULL},
    {"_unfinished", method_unfinished, METH_NOARGS, NULL},
    {"_finish", method_finish, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef queue_getset[] = {
    {"maxsize", method_maxsize, NULL, "The most items that fit; 0: no bound.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef queue_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct queue, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define QUEUE_SLOTS(new)                                                                           \
    {                                                                                              \
        {Py_tp_new, new}, {Py_tp_dealloc, queue_dealloc}, {Py_tp_traverse, queue_traverse},        \
            {Py_tp_clear, queue_clear}, {Py_tp_methods, queue_methods},                            \
            {Py_tp_getset, queue_getset}, {Py_tp_members, queue_members}, {0, NULL},               \
    }

static PyType_Slot unbounded_slots[] = QUEUE_SLOTS(unbounded_new);
static PyType_Slot bounded_slots[] = QUEUE_SLOTS(bounded_new);

PyType_Spec core_queue_spec = {
    .name = "concurrent_collections._core.Queue",
    .basicsize = sizeof(struct queue),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = unbounded_slots,
};

PyType_Spec core_ring_spec = {
    .name = "concurrent_collections._core.Ring",
    .basicsize = sizeof(struct queue),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bounded_slots,
};
