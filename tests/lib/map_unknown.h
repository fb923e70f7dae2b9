/* SPDX-License-Identifier: MIT */
/*
 * The ordered maps with a comparison function that cannot always tell: each call is made with 0, 1,
 * 2, ... comparisons before SHALE_COMPARE_UNKNOWN, until it is not cancelled. What a cancelled call
 * leaves behind shows in the model, or in the objects.
 */
#ifndef SHALE_TESTS_MAP_UNKNOWN_H
#define SHALE_TESTS_MAP_UNKNOWN_H

#include "map_crowd.h"

static const struct map_api *asked; /* what patient_api calls */
static _Thread_local int comparisons_left = INT_MAX;
static _Atomic uint64_t cancelled_calls;

static bool may_compare(void)
{
    if (comparisons_left == 0)
        return false;
    comparisons_left--;
    return true;
}

/* Pointer keys that are numbers. */
static int by_address(const void *left, const void *right, void *unused)
{
    if (!may_compare())
        return SHALE_COMPARE_UNKNOWN;
    return ((intptr_t)left > (intptr_t)right) - ((intptr_t)left < (intptr_t)right);
}

static int by_number_if_allowed(const void *left, const void *right, void *unused)
{
    return may_compare() ? by_number(left, right, unused) : SHALE_COMPARE_UNKNOWN;
}

#define PATIENT(function, parameters, arguments)                                                   \
    static int patient_##function parameters                                                       \
    {                                                                                              \
        int result;                                                                                \
        for (int allowed = 0;; allowed++) {                                                        \
            comparisons_left = allowed;                                                            \
            result = asked->function arguments;                                                    \
            comparisons_left = INT_MAX;                                                            \
            if (result != SHALE_ECANCELED)                                                         \
                return result;                                                                     \
            atomic_fetch_add(&cancelled_calls, 1);                                                 \
        }                                                                                          \
    }

PATIENT(get, (void *map, struct shale_key key, uint64_t *value), (map, key, value))
PATIENT(put, (void *map, struct shale_key key, uint64_t value, struct shale_previous *previous),
        (map, key, value, previous))
PATIENT(put_if_absent, (void *map, struct shale_key key, uint64_t value, uint64_t *present),
        (map, key, value, present))
PATIENT(replace, (void *map, struct shale_key key, uint64_t value, uint64_t *old),
        (map, key, value, old))
PATIENT(compare_replace, (void *map, struct shale_key key, uint64_t expected, uint64_t value),
        (map, key, expected, value))
PATIENT(remove, (void *map, struct shale_key key, uint64_t *old), (map, key, old))
PATIENT(compare_remove, (void *map, struct shale_key key, uint64_t expected), (map, key, expected))
PATIENT(compute,
        (void *map, struct shale_key key, shale_compute_function *function, void *context,
         struct shale_previous *previous),
        (map, key, function, context, previous))
PATIENT(first, (void *map, struct shale_entry *entry), (map, entry))
PATIENT(last, (void *map, struct shale_entry *entry), (map, entry))
PATIENT(floor, (void *map, struct shale_key key, struct shale_entry *entry), (map, key, entry))
PATIENT(lower, (void *map, struct shale_key key, struct shale_entry *entry), (map, key, entry))
PATIENT(ceiling, (void *map, struct shale_key key, struct shale_entry *entry), (map, key, entry))
PATIENT(higher, (void *map, struct shale_key key, struct shale_entry *entry), (map, key, entry))
PATIENT(pop_min, (void *map, struct shale_entry *entry), (map, entry))
PATIENT(pop_max, (void *map, struct shale_entry *entry), (map, entry))
PATIENT(scan,
        (void *map, const struct shale_range *range, struct shale_entry *entries, size_t capacity,
         size_t *count),
        (map, range, entries, capacity, count))

/* `api`, asked with patience; the rest is the map's own. */
static struct map_api patient_api(const struct map_api *api)
{
    struct map_api patient = *api;
    asked = api;
    patient.get = patient_get;
    patient.put = patient_put;
    patient.put_if_absent = patient_put_if_absent;
    patient.replace = patient_replace;
    patient.compare_replace = patient_compare_replace;
    patient.remove = patient_remove;
    patient.compare_remove = patient_compare_remove;
    patient.compute = patient_compute;
    patient.first = patient_first;
    patient.last = patient_last;
    patient.floor = patient_floor;
    patient.lower = patient_lower;
    patient.ceiling = patient_ceiling;
    patient.higher = patient_higher;
    patient.pop_min = patient_pop_min;
    patient.pop_max = patient_pop_max;
    patient.scan = patient_scan;
    return patient;
}

/* Threads whose comparisons fail now and then, on objects: nothing is lost, nothing freed twice. */
static void map_stress_of_unknown_orders(const struct map_api *api)
{
    static const enum shale_smr_scheme schemes[] = {SHALE_SMR_EBR, SHALE_SMR_IBR};
    struct map_api patient = patient_api(api);
    for (int i = 0; i < 2; i++)
        for (unsigned keys = 4; keys <= 256; keys *= 64) {
            struct shale_smr *domain = new_domain(schemes[i]);
            struct shale_map_options options = object_options(domain);
            options.comparator.compare = by_number_if_allowed;
            struct crowd crowd = {.api = &patient,
                                  .map = new_map(api, &options),
                                  .keys = keys,
                                  .operations = 1000,
                                  .act = act_in_crowd};
            run_crowd(&crowd, 4);
            api->destroy(crowd.map);
            end_domain(domain);
            assert_int_equal(atomic_load(&live_objects), 0);
        }
    assert_true(atomic_load(&cancelled_calls) > 0);
}

#endif
