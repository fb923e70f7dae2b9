/* SPDX-License-Identifier: MIT */
/* How keys compare, and the type Comparator: see order.h. */
#include "order.h"

#include <string.h>

#include <shale/comparator.h>

/* ---- in place ---- */

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static bool is_int(PyObject *object)
{
    return PyLong_CheckExact(object) || PyBool_Check(object);
}

/* The interpreter's own comparison of two built-in objects: no code of a user's. */
static int compare_builtin(PyObject *left, PyObject *right)
{
    int less = PyObject_RichCompareBool(left, right, Py_LT);
    int equal = less == 0 ? PyObject_RichCompareBool(left, right, Py_EQ) : 0;
    if (less >= 0 && equal >= 0)
        return less ? -1 : !equal;
    PyErr_Clear(); /* no memory: outside, the exception comes again */
    return SHALE_COMPARE_UNKNOWN;
}

static int compare_ints(PyObject *left, PyObject *right)
{
    int left_over, right_over;
    long long a = PyLong_AsLongLongAndOverflow(left, &left_over);
    long long b = PyLong_AsLongLongAndOverflow(right, &right_over);
    if (left_over || right_over)
        return left_over == right_over ? compare_builtin(left, right)
                                       : sign(left_over - right_over);
    return (a > b) - (a < b);
}

static int compare_floats(PyObject *left, PyObject *right)
{
    double a = PyFloat_AS_DOUBLE(left), b = PyFloat_AS_DOUBLE(right);
    return (a > b) - (a < b);
}

static int compare_bytes(PyObject *left, PyObject *right)
{
    struct shale_comparator bytes = {.kind = SHALE_COMPARE_STRING};
    return sign(shale_compare(
        &bytes, shale_key_bytes(PyBytes_AS_STRING(left), (size_t)PyBytes_GET_SIZE(left)),
        shale_key_bytes(PyBytes_AS_STRING(right), (size_t)PyBytes_GET_SIZE(right))));
}

static int compare_here(PyObject *left, PyObject *right, int depth);

/* The first elements that differ tell; a tuple comes after its beginnings. */
static int compare_tuples(PyObject *left, PyObject *right, int depth)
{
    Py_ssize_t a = PyTuple_GET_SIZE(left), b = PyTuple_GET_SIZE(right);
    for (Py_ssize_t i = 0; i < a && i < b; i++) {
        int order = compare_here(PyTuple_GET_ITEM(left, i), PyTuple_GET_ITEM(right, i), depth - 1);
        if (order != 0)
            return order;
    }
    return (a > b) - (a < b);
}

static int compare_here(PyObject *left, PyObject *right, int depth)
{
    if (is_int(left) && is_int(right))
        return compare_ints(left, right);
    if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right))
        return sign(PyUnicode_Compare(left, right));
    if (PyFloat_CheckExact(left) && PyFloat_CheckExact(right))
        return compare_floats(left, right);
    if ((PyFloat_CheckExact(left) && is_int(right)) || (is_int(left) && PyFloat_CheckExact(right)))
        return compare_builtin(left, right);
    if (PyBytes_CheckExact(left) && PyBytes_CheckExact(right))
        return compare_bytes(left, right);
    if (depth > 0 && PyTuple_CheckExact(left) && PyTuple_CheckExact(right))
        return compare_tuples(left, right, depth);
    return SHALE_COMPARE_UNKNOWN;
}

/* Strings with runs of digits by their value; order_accepts() made their UTF-8. */
static int compare_numeric(PyObject *left, PyObject *right)
{
    struct shale_comparator numeric = {.kind = SHALE_COMPARE_NUMERIC};
    Py_ssize_t left_size, right_size;
    const char *a = PyUnicode_AsUTF8AndSize(left, &left_size);
    const char *b = PyUnicode_AsUTF8AndSize(right, &right_size);
    return sign(shale_compare(&numeric, shale_key_bytes(a, (size_t)left_size),
                              shale_key_bytes(b, (size_t)right_size)));
}

enum { TUPLES_DEEP = 8 };

static int compare_as(const struct comparator *how, PyObject *left, PyObject *right)
{
    int order;
    switch (how->kind) {
    case ORDER_NATURAL:
        return compare_here(left, right, TUPLES_DEEP);
    case ORDER_REVERSE:
        order = compare_here(left, right, TUPLES_DEEP);
        return order == SHALE_COMPARE_UNKNOWN ? order : -order;
    case ORDER_NUMERIC:
        return compare_numeric(left, right);
    case ORDER_STRING:
        return sign(PyUnicode_Compare(left, right));
    case ORDER_FUNCTION:
    case ORDER_C_FUNCTION:
        break;
    }
    return SHALE_COMPARE_UNKNOWN;
}

/* ---- outside: false with an exception ---- */

static bool compare_by_less(PyObject *left, PyObject *right, int *order)
{
    int less = PyObject_RichCompareBool(left, right, Py_LT);
    int greater = less == 0 ? PyObject_RichCompareBool(right, left, Py_LT) : 0;
    if (less < 0 || greater < 0)
        return false;
    *order = less ? -1 : greater;
    return true;
}

static bool compare_by_function(PyObject *function, PyObject *left, PyObject *right, int *order)
{
    PyObject *arguments[] = {left, right};
    PyObject *result = PyObject_Vectorcall(function, arguments, 2, NULL);
    if (!result)
        return false;
    PyObject *zero = PyLong_FromLong(0);
    bool done = zero && compare_by_less(result, zero, order);
    Py_XDECREF(zero);
    Py_DECREF(result);
    return done;
}

static bool compare_outside(const struct comparator *how, PyObject *left, PyObject *right,
                            int *order)
{
    if (how->kind == ORDER_FUNCTION)
        return compare_by_function(how->function, left, right, order);
    if (how->kind == ORDER_C_FUNCTION) {
        *order = sign(how->c_function(left, right));
        return !PyErr_Occurred();
    }
    if (!compare_by_less(left, right, order))
        return false;
    *order = how->kind == ORDER_REVERSE ? -*order : *order;
    return true;
}

/* ---- what may be a key ---- */

static bool has_nan(PyObject *key, int depth)
{
    if (PyFloat_Check(key))
        return PyFloat_AS_DOUBLE(key) != PyFloat_AS_DOUBLE(key);
    bool found = false;
    if (depth > 0 && PyTuple_CheckExact(key))
        for (Py_ssize_t i = 0; !found && i < PyTuple_GET_SIZE(key); i++)
            found = has_nan(PyTuple_GET_ITEM(key, i), depth - 1);
    return found;
}

static bool accepts_text(const struct comparator *how, PyObject *key)
{
    if (!PyUnicode_CheckExact(key)) {
        PyErr_Format(PyExc_TypeError, "keys of Comparator.%s() are str, not %.100s",
                     how->kind == ORDER_NUMERIC ? "numeric" : "string", Py_TYPE(key)->tp_name);
        return false;
    }
    return how->kind != ORDER_NUMERIC || PyUnicode_AsUTF8(key) != NULL;
}

bool order_accepts(const struct comparator *how, PyObject *key, bool is_new)
{
    int order;
    if (how->kind == ORDER_NUMERIC || how->kind == ORDER_STRING)
        return accepts_text(how, key);
    if (has_nan(key, TUPLES_DEEP)) {
        PyErr_SetString(PyExc_ValueError, "NaN has no place in an order and cannot be a key");
        return false;
    }
    if (!is_new || compare_as(how, key, key) != SHALE_COMPARE_UNKNOWN)
        return true;
    return compare_outside(how, key, key, &order);
}

/* ---- a call with its comparisons ---- */

static _Thread_local struct comparing *current;   /* inside a guard */
static _Thread_local struct comparing *outermost; /* whose comparisons run outside now */

void comparing_start(struct comparing *comparing, PyObject *owner, const struct order *order)
{
    comparing->owner = owner;
    comparing->order = order;
    comparing->left = NULL;
    comparing->count = comparing->size = 0;
    comparing->answers = comparing->few;
}

static void drop_answers(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->size; i++) {
        Py_XDECREF(comparing->answers[i].left);
        Py_XDECREF(comparing->answers[i].right);
    }
    if (comparing->answers != comparing->few)
        PyMem_Free(comparing->answers);
}

void comparing_end(struct comparing *comparing)
{
    if (comparing->size > 0)
        drop_answers(comparing);
}

void comparing_enter(struct comparing *comparing)
{
    current = comparing;
}

int comparing_leave(int result)
{
    current = NULL;
    return result;
}

bool comparing_inside(const PyObject *owner)
{
    for (const struct comparing *outer = outermost; outer; outer = outer->outer)
        if (outer->owner == owner)
            return true;
    return false;
}

/* The slot of a pair: its own, or the free one where it would be. */
static struct answer *find_answer(struct answer *answers, size_t size, const void *left,
                                  const void *right)
{
    size_t hash = (core_word(left) >> 4) * 31 + (core_word(right) >> 4);
    for (size_t i = hash % size;; i = (i + 1) % size)
        if (!answers[i].left || (answers[i].left == left && answers[i].right == right))
            return &answers[i];
}

static bool make_room(struct comparing *comparing)
{
    if (comparing->size == 0) {
        memset(comparing->few, 0, sizeof comparing->few);
        comparing->size = COMPARING_SLOTS;
    }
    if (2 * comparing->count < comparing->size)
        return true;
    size_t size = 2 * comparing->size;
    struct answer *grown = PyMem_Calloc(size, sizeof *grown);
    if (!grown) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < comparing->size; i++) {
        const struct answer *answer = &comparing->answers[i];
        if (answer->left)
            *find_answer(grown, size, answer->left, answer->right) = *answer;
    }
    if (comparing->answers != comparing->few)
        PyMem_Free(comparing->answers);
    comparing->answers = grown;
    comparing->size = size;
    return true;
}

static PyObject *sorted_by(const struct order *order, PyObject *kept)
{
    return order->keyed ? ((struct keyed *)kept)->sort : kept;
}

/* What was found out before, or the question to be found out. */
static int look_up(struct comparing *call, PyObject *left, PyObject *right)
{
    if (call->size > 0) {
        const struct answer *answer = find_answer(call->answers, call->size, left, right);
        if (answer->left)
            return answer->order;
    }
    if (!call->left) { /* the first one counts; what is only tidied may meet more */
        call->left = Py_NewRef(left);
        call->right = Py_NewRef(right);
    }
    return SHALE_COMPARE_UNKNOWN;
}

int order_compare(const void *left, const void *right, void *context)
{
    const struct order *order = context;
    PyObject *a = (PyObject *)left, *b = (PyObject *)right;
    if (a == b)
        return 0;
    int found = compare_as(order->how, sorted_by(order, a), sorted_by(order, b));
    /* Outside of calls there are the end of a map and the garbage collector's look at it. */
    return found == SHALE_COMPARE_UNKNOWN && current ? look_up(current, a, b) : found;
}

static bool find_out(struct comparing *comparing, int *order)
{
    PyObject *left = sorted_by(comparing->order, comparing->left);
    PyObject *right = sorted_by(comparing->order, comparing->right);
    comparing->outer = outermost;
    outermost = comparing;
    bool done = !Py_EnterRecursiveCall(" while keys are compared");
    if (done) {
        done = compare_outside(comparing->order->how, left, right, order);
        Py_LeaveRecursiveCall();
    }
    outermost = comparing->outer;
    return done;
}

static void forget_question(struct comparing *comparing)
{
    Py_CLEAR(comparing->left);
    Py_CLEAR(comparing->right);
}

bool comparing_again(struct comparing *comparing, int result)
{
    int order;
    if (!comparing->left)
        return false;
    if (result != SHALE_ECANCELED || !make_room(comparing) || !find_out(comparing, &order)) {
        forget_question(comparing);
        return false;
    }
    *find_answer(comparing->answers, comparing->size, comparing->left, comparing->right) =
        (struct answer){comparing->left, comparing->right, order};
    comparing->left = comparing->right = NULL; /* the answer's now */
    comparing->count++;
    return true;
}

/* ---- the type Comparator ---- */

static struct comparator *make_comparator(PyTypeObject *type, enum order_kind kind,
                                          PyObject *function)
{
    struct comparator *comparator = PyObject_GC_New(struct comparator, type);
    if (comparator) {
        comparator->kind = kind;
        comparator->function = Py_XNewRef(function);
        comparator->c_function = NULL;
        PyObject_GC_Track(comparator);
    }
    return comparator;
}

struct comparator *order_comparator(struct core_state *state, PyObject *cmp)
{
    if (!cmp || cmp == Py_None)
        return make_comparator(state->comparator_type, ORDER_NATURAL, NULL);
    if (Py_IS_TYPE(cmp, state->comparator_type))
        return (struct comparator *)Py_NewRef(cmp);
    if (PyCallable_Check(cmp))
        return make_comparator(state->comparator_type, ORDER_FUNCTION, cmp);
    PyErr_Format(PyExc_TypeError,
                 "cmp must be a Comparator or a function of two keys that returns a number, "
                 "not %.100s; for a function of one key use key=",
                 Py_TYPE(cmp)->tp_name);
    return NULL;
}

static PyObject *comparator_natural(PyObject *type, PyObject *unused)
{
    return (PyObject *)make_comparator((PyTypeObject *)type, ORDER_NATURAL, NULL);
}

static PyObject *comparator_reverse(PyObject *type, PyObject *unused)
{
    return (PyObject *)make_comparator((PyTypeObject *)type, ORDER_REVERSE, NULL);
}

static PyObject *comparator_numeric(PyObject *type, PyObject *unused)
{
    return (PyObject *)make_comparator((PyTypeObject *)type, ORDER_NUMERIC, NULL);
}

static PyObject *comparator_string(PyObject *type, PyObject *unused)
{
    return (PyObject *)make_comparator((PyTypeObject *)type, ORDER_STRING, NULL);
}

/* The address of a C function: a capsule's, or that of a ctypes function. 0 with an exception. */
static uintptr_t function_address(PyObject *function)
{
    if (PyCapsule_CheckExact(function))
        return (uintptr_t)PyCapsule_GetPointer(function, PyCapsule_GetName(function));
    PyObject *ctypes = PyImport_ImportModule("ctypes");
    PyObject *cast = ctypes ? PyObject_GetAttrString(ctypes, "c_void_p") : NULL;
    PyObject *pointer = cast ? PyObject_CallMethod(ctypes, "cast", "OO", function, cast) : NULL;
    PyObject *value = pointer ? PyObject_GetAttrString(pointer, "value") : NULL;
    uintptr_t address = value && value != Py_None ? (uintptr_t)PyLong_AsVoidPtr(value) : 0;
    Py_XDECREF(value);
    Py_XDECREF(pointer);
    Py_XDECREF(cast);
    Py_XDECREF(ctypes);
    if (address == 0)
        PyErr_SetString(PyExc_TypeError,
                        "from_cfunc() takes a ctypes function or a capsule with the address of "
                        "an int function(PyObject *left, PyObject *right)");
    return address;
}

static PyObject *comparator_from_cfunc(PyObject *type, PyObject *function)
{
    uintptr_t address = function_address(function);
    if (address == 0)
        return NULL;
    struct comparator *comparator =
        make_comparator((PyTypeObject *)type, ORDER_C_FUNCTION, function);
    if (comparator)
        comparator->c_function = (order_c_function *)address;
    return (PyObject *)comparator;
}

static const char *const kind_names[] = {"natural", "reverse",  "numeric",
                                         "string",  "function", "cfunc"};

static PyObject *comparator_kind(PyObject *self, void *unused)
{
    return PyUnicode_FromString(kind_names[((struct comparator *)self)->kind]);
}

static PyObject *comparator_function(PyObject *self, void *unused)
{
    PyObject *function = ((struct comparator *)self)->function;
    return Py_NewRef(function ? function : Py_None);
}

static PyObject *comparator_repr(PyObject *self)
{
    const struct comparator *comparator = (const struct comparator *)self;
    if (comparator->kind == ORDER_FUNCTION)
        return PyUnicode_FromFormat("<Comparator of %R>", comparator->function);
    if (comparator->kind == ORDER_C_FUNCTION)
        return PyUnicode_FromFormat("Comparator.from_cfunc(%R)", comparator->function);
    return PyUnicode_FromFormat("Comparator.%s()", kind_names[comparator->kind]);
}

static PyObject *comparator_compare(PyObject *self, PyObject *other, int operation)
{
    if (!Py_IS_TYPE(other, Py_TYPE(self)) || (operation != Py_EQ && operation != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    const struct comparator *a = (const struct comparator *)self;
    const struct comparator *b = (const struct comparator *)other;
    bool equal = a->kind == b->kind && a->c_function == b->c_function &&
                 (a->kind != ORDER_FUNCTION || a->function == b->function);
    return PyBool_FromLong(equal == (operation == Py_EQ));
}

static Py_hash_t comparator_hash(PyObject *self)
{
    const struct comparator *comparator = (const struct comparator *)self;
    uint64_t word = comparator->kind == ORDER_FUNCTION ? core_word(comparator->function)
                                                       : core_word((void *)comparator->c_function);
    return (Py_hash_t)((word >> 4) + (uint64_t)comparator->kind);
}

/* A named order is found again by its name; a function is pickled as itself. */
static PyObject *comparator_reduce(PyObject *self, PyObject *unused)
{
    const struct comparator *comparator = (const struct comparator *)self;
    if (comparator->kind == ORDER_C_FUNCTION) {
        PyErr_SetString(PyExc_TypeError, "a Comparator of a C function cannot be pickled");
        return NULL;
    }
    PyObject *type = (PyObject *)Py_TYPE(self);
    if (comparator->kind == ORDER_FUNCTION)
        return Py_BuildValue("O(O)", type, comparator->function);
    PyObject *make = PyObject_GetAttrString(type, kind_names[comparator->kind]);
    return make ? Py_BuildValue("N()", make) : NULL;
}

static PyObject *comparator_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"function", NULL};
    PyObject *function;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:Comparator", names, &function))
        return NULL;
    if (!PyCallable_Check(function))
        return PyErr_Format(PyExc_TypeError, "Comparator() takes a function of two keys");
    return (PyObject *)make_comparator(type, ORDER_FUNCTION, function);
}

static int comparator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct comparator *)self)->function);
    return 0;
}

static int comparator_clear(PyObject *self)
{
    return 0; /* never changes; whoever else is in its cycle breaks it */
}

static void comparator_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((struct comparator *)self)->function);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef comparator_methods[] = {
    {"natural", comparator_natural, METH_NOARGS | METH_CLASS,
     "natural()\n--\n\nThe order of `<`. The default."},
    {"reverse", comparator_reverse, METH_NOARGS | METH_CLASS,
     "reverse()\n--\n\nThe order of `<`, the greatest first."},
    {"numeric", comparator_numeric, METH_NOARGS | METH_CLASS,
     "numeric()\n--\n\nStrings with runs of digits by their value: 'a9' comes before 'a10'."},
    {"string", comparator_string, METH_NOARGS | METH_CLASS,
     "string()\n--\n\nStrings by their code points; other keys are refused."},
    {"from_cfunc", comparator_from_cfunc, METH_O | METH_CLASS,
     "from_cfunc(function)\n--\n\n"
     "The order of a C function, int function(PyObject *left, PyObject *right), as a ctypes\n"
     "function or a capsule. It is called with the interpreter's lock where there is one, and may\n"
     "set an exception."},
    {"__reduce__", comparator_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef comparator_getset[] = {
    {"kind", comparator_kind, NULL,
     "'natural', 'reverse', 'numeric', 'string', 'function', 'cfunc'", NULL},
    {"function", comparator_function, NULL, "What it was made from, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot comparator_slots[] = {
    {Py_tp_doc,
     "Comparator(function)\n--\n\n"
     "An order of keys. `function(left, right)` returns a number below, equal to or\n"
     "above 0, as left comes before, is, or comes after right. It is never called while\n"
     "the collection is in the middle of anything, so it may take its time, raise, and\n"
     "look into the same collection; only changing that is an error."},
    {Py_tp_new, comparator_new},
    {Py_tp_dealloc, comparator_dealloc},
    {Py_tp_traverse, comparator_traverse},
    {Py_tp_clear, comparator_clear},
    {Py_tp_methods, comparator_methods},
    {Py_tp_getset, comparator_getset},
    {Py_tp_repr, comparator_repr},
    {Py_tp_richcompare, comparator_compare},
    {Py_tp_hash, comparator_hash},
    {0, NULL},
};

PyType_Spec core_comparator_spec = {
    .name = "concurrent_collections.Comparator",
    .basicsize = sizeof(struct comparator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = comparator_slots,
};
