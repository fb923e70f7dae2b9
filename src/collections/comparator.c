/* SPDX-License-Identifier: MIT */
/* Comparing keys by the public functions, and the numeric order of strings. Layer 4. */
#include "collections/comparator.h"

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A run of digits: where it begins without its zeros, and how many digits that are. */
struct run {
    const unsigned char *digits;
    size_t length;
    size_t end; /* index behind it */
};

static struct run run_at(const unsigned char *bytes, size_t size, size_t at)
{
    size_t begin = at;
    while (begin < size && bytes[begin] == '0')
        begin++;
    size_t end = begin;
    while (end < size && is_digit(bytes[end]))
        end++;
    return (struct run){bytes + begin, end - begin, end};
}

static int compare_runs(const struct run *left, const struct run *right)
{
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return left->length ? memcmp(left->digits, right->digits, left->length) : 0;
}

/* Keys that differ only in leading zeros still need an order: that of their bytes. */
int coll_compare_numeric(struct shale_key left, struct shale_key right)
{
    const unsigned char *a = left.pointer, *b = right.pointer;
    size_t i = 0, j = 0;
    while (i < left.size && j < right.size) {
        if (is_digit(a[i]) && is_digit(b[j])) {
            struct run one = run_at(a, left.size, i), other = run_at(b, right.size, j);
            int order = compare_runs(&one, &other);
            if (order != 0)
                return order;
            i = one.end;
            j = other.end;
        } else if (a[i] != b[j]) {
            return a[i] < b[j] ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    if (i < left.size || j < right.size)
        return i < left.size ? 1 : -1;
    return coll_compare_bytes(left, right);
}

int shale_compare(const struct shale_comparator *comparator, struct shale_key left,
                  struct shale_key right)
{
    return coll_compare(comparator, coll_key_kind(comparator), left, right);
}

int shale_comparator_equal(const struct shale_comparator *left,
                           const struct shale_comparator *right)
{
    if (left->kind != right->kind)
        return 0;
    return left->kind != SHALE_COMPARE_FUNCTION ||
           (left->compare == right->compare && left->context == right->context);
}
