/* SPDX-License-Identifier: MIT */
/*
 * References that wait for the last guard.
 *
 * The domain reclaims in polls only, and a poll hands its references to an array: they are dropped
 * after it, when no guard and no list of the domain is in the middle of anything. A destructor may
 * then do what it likes, also use the container it came from.
 */
#include "core.h"

struct drain {
    size_t count;
    PyObject *objects[CORE_RECLAIM_MAX];
};

static _Thread_local struct drain *draining;
static _Thread_local unsigned retired; /* references, since the last poll */

void core_hold(void *object, void *unused)
{
    Py_INCREF((PyObject *)object);
}

/* Outside a poll: a container ends, and what is in it goes with it. */
void core_drop(void *object, void *unused)
{
    if (draining && draining->count < CORE_RECLAIM_MAX)
        draining->objects[draining->count++] = object;
    else
        Py_DECREF((PyObject *)object);
}

/* A node has at most one reference of each record, so `max` records fit. */
static size_t drain(struct shale_smr *domain, size_t max)
{
    struct drain drained;
    drained.count = 0;
    struct drain *outer = draining;
    draining = &drained;
    size_t count = shale_smr_poll(domain, max);
    draining = outer;
    for (size_t i = 0; i < drained.count; i++)
        Py_DECREF(drained.objects[i]);
    return count;
}

void core_retired(struct core_state *state, unsigned count)
{
    retired += count;
    if (retired < state->retire_threshold)
        return;
    retired = 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    drain(atomic_load_explicit(&state->domain, memory_order_acquire), state->reclaim_max);
    PyErr_Restore(type, value, traceback);
}

size_t core_reclaim(struct core_state *state)
{
    struct shale_smr *domain = atomic_load_explicit(&state->domain, memory_order_acquire);
    size_t all = 0, count;
    unsigned looks = 0; /* an era has to pass before what is new in limbo is free */
    while (domain && looks < 4) {
        count = drain(domain, CORE_RECLAIM_MAX);
        all += count;
        looks = count > 0 ? 0 : looks + 1;
    }
    return all;
}

struct shale_smr *core_domain(struct core_state *state)
{
    struct shale_smr *domain = atomic_load_explicit(&state->domain, memory_order_acquire);
    if (domain)
        return domain;
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    struct shale_smr *made;
    options.scheme = (uint32_t)state->scheme;
    options.flags = SHALE_SMR_RECLAIM_IN_POLL;
    int result = shale_smr_create(&options, &made);
    if (result != 0) {
        core_raise(state, result);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&state->domain, &domain, made))
        return made;
    shale_smr_destroy(made);
    return domain;
}

void core_end_domain(struct core_state *state)
{
    core_reclaim(state);
    struct shale_smr *domain = atomic_exchange(&state->domain, NULL);
    if (domain)
        shale_smr_destroy(domain);
}
