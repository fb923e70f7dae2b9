/* SPDX-License-Identifier: MIT */
/*
 * Keys of the ordered collections, and the orders they can be kept in.
 *
 * A key is one of three kinds, and a collection holds keys of the one kind its comparator is for:
 *
 *   int64    an integer, kept by value
 *   string   bytes with a length, copied into the collection; compared as unsigned bytes, a
 *            prefix before what it begins
 *   pointer  a pointer of the program, kept as it is; only with a function to compare
 *
 * Comparators of one meaning compare equal with shale_comparator_equal(). Threads: values without
 * state; a function must be safe from any thread at the same time, must give a total order that
 * never changes, and runs inside a guard of the collection's domain: it must not wait. Where
 * the order is for others to say, it returns SHALE_COMPARE_UNKNOWN.
 */
#ifndef SHALE_COMPARATOR_H
#define SHALE_COMPARATOR_H

#include <limits.h>

#include <shale/collections.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Use the functions below; which member counts follows from the comparator. */
struct shale_key {
    __extension__ union { /* without a name: C11, or any gcc and clang */
        int64_t number;
        const void *pointer; /* to the bytes of a string, or a pointer key itself */
    };
    size_t size; /* in bytes, of a string; 0 otherwise */
};

static inline struct shale_key shale_key_int64(int64_t number)
{
    struct shale_key key;
    key.number = number;
    key.size = 0;
    return key;
}

/* The bytes need to live only as long as the call they are passed to. */
static inline struct shale_key shale_key_bytes(const void *bytes, size_t size)
{
    struct shale_key key;
    key.pointer = bytes;
    key.size = size;
    return key;
}

static inline struct shale_key shale_key_string(const char *text)
{
    return shale_key_bytes(text, __builtin_strlen(text));
}

static inline struct shale_key shale_key_pointer(const void *pointer)
{
    return shale_key_bytes(pointer, 0);
}

enum shale_comparator_kind {
    SHALE_COMPARE_NATURAL, /* int64, the least first */
    SHALE_COMPARE_REVERSE, /* int64, the greatest first */
    SHALE_COMPARE_STRING,  /* strings by their bytes */
    SHALE_COMPARE_NUMERIC, /* strings: runs of decimal digits by their value, the rest by bytes */
    SHALE_COMPARE_FUNCTION,
};

/*
 * What a function returns that cannot tell here and now: to compare the two it would have to wait,
 * or to call what may fail. The call of the collection ends with SHALE_ECANCELED and has changed
 * nothing; the caller finds out how the two compare, outside, and calls again.
 */
#define SHALE_COMPARE_UNKNOWN INT_MIN

/*
 * Less than, equal to or greater than 0, as `left` comes before, is, or comes after `right`; or
 * SHALE_COMPARE_UNKNOWN.
 */
typedef int shale_compare_function(const void *left, const void *right, void *context);

struct shale_comparator {
    enum shale_comparator_kind kind;
    shale_compare_function *compare; /* SHALE_COMPARE_FUNCTION only */
    void *context;                   /* for compare */
};

/*
 * Compares two keys of the comparator's kind, as the collections do.
 *
 * @param comparator  a kind of the list; SHALE_COMPARE_FUNCTION with a function.
 * @return  negative, 0 or positive; SHALE_COMPARE_UNKNOWN: the function said so.
 * Threads: safe. Signals: as safe as the function. Cost: inline code, memcmp(), or the function.
 * Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_compare(const struct shale_comparator *comparator,
                                        struct shale_key left, struct shale_key right);

/*
 * Do two comparators give the same order?
 *
 * @return  1 for the same kind and, of functions, the same function and context; else 0.
 * Threads, signals: safe. Since: 0.1.0
 */
SHALE_COLLECTIONS_API int shale_comparator_equal(const struct shale_comparator *left,
                                                 const struct shale_comparator *right);

#ifdef __cplusplus
}
#endif
#endif
