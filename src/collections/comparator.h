/* SPDX-License-Identifier: MIT */
/*
 * Comparing keys inline. Layer 4.
 *
 * The searches are compiled once for each of three kinds of key, with the kind as a constant; the
 * reverse order of int64 is a sign, and numeric strings are a call.
 */
#ifndef SHALE_COLLECTIONS_COMPARATOR_H
#define SHALE_COLLECTIONS_COMPARATOR_H

#include <stdbool.h>
#include <string.h>

#include <shale/comparator.h>

#include "base/attributes.h"

/* How keys are held. */
enum coll_key_kind { COLL_KEY_INT64, COLL_KEY_STRING, COLL_KEY_POINTER };

static inline enum coll_key_kind coll_key_kind(const struct shale_comparator *comparator)
{
    switch (comparator->kind) {
    case SHALE_COMPARE_NATURAL:
    case SHALE_COMPARE_REVERSE:
        return COLL_KEY_INT64;
    case SHALE_COMPARE_STRING:
    case SHALE_COMPARE_NUMERIC:
        return COLL_KEY_STRING;
    case SHALE_COMPARE_FUNCTION:
        break;
    }
    return COLL_KEY_POINTER;
}

static inline bool coll_comparator_valid(const struct shale_comparator *comparator)
{
    return (unsigned)comparator->kind <= SHALE_COMPARE_FUNCTION &&
           (comparator->kind != SHALE_COMPARE_FUNCTION || comparator->compare);
}

int coll_compare_numeric(struct shale_key left, struct shale_key right);

static SHALE_ALWAYS_INLINE int coll_compare_int64(const struct shale_comparator *comparator,
                                                  int64_t left, int64_t right)
{
    int order = (left > right) - (left < right);
    return comparator->kind == SHALE_COMPARE_REVERSE ? -order : order;
}

static SHALE_ALWAYS_INLINE int coll_compare_bytes(struct shale_key left, struct shale_key right)
{
    size_t shared = left.size < right.size ? left.size : right.size;
    int order = shared ? memcmp(left.pointer, right.pointer, shared) : 0;
    return order ? order : (left.size > right.size) - (left.size < right.size);
}

/* kind is a constant where this is called, and that of the comparator. */
static SHALE_ALWAYS_INLINE int coll_compare(const struct shale_comparator *comparator,
                                            enum coll_key_kind kind, struct shale_key left,
                                            struct shale_key right)
{
    if (kind == COLL_KEY_INT64)
        return coll_compare_int64(comparator, left.number, right.number);
    if (kind == COLL_KEY_POINTER)
        return comparator->compare(left.pointer, right.pointer, comparator->context);
    if (comparator->kind == SHALE_COMPARE_NUMERIC)
        return coll_compare_numeric(left, right);
    return coll_compare_bytes(left, right);
}

/* Only functions may not know. */
static SHALE_ALWAYS_INLINE bool coll_is_unknown(enum coll_key_kind kind, int order)
{
    return kind == COLL_KEY_POINTER && SHALE_UNLIKELY(order == SHALE_COMPARE_UNKNOWN);
}

#endif
