/* SPDX-License-Identifier: MIT */
/*
 * Is a history of concurrent operations linearizable? The search of Wing and Gong with Lowe's
 * memory of configurations that were seen.
 *
 * An operation took effect at one moment between its call and its return. The search looks for an
 * order of all operations that heeds those spans and that a sequential model accepts. A history has
 * at most 64 operations: the set of those that are done is a word. Objects that are independent
 * (the keys of a map) are checked one by one, which is just as strict.
 */
#ifndef SHALE_TESTS_LINEARIZE_H
#define SHALE_TESTS_LINEARIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIN_OPERATIONS_MAX = 64, LIN_WORDS_MAX = 16 };

struct lin_operation {
    uint64_t called; /* moments of one clock, all different */
    uint64_t returned;
    int code; /* what it is, to the model */
    int result;
    uint64_t key;
    uint64_t in, in2, out;
    unsigned thread;
};

/* The state of a model; all zero at the beginning unless `start` fills it. */
struct lin_state {
    uint64_t words[LIN_WORDS_MAX];
};

struct lin_model {
    void (*start)(struct lin_state *state); /* may be NULL */
    /* Applies the operation if its results are right in this state, else returns false. */
    bool (*step)(struct lin_state *state, const struct lin_operation *operation);
    void (*print)(const struct lin_operation *operation);
};

struct lin_history {
    struct lin_operation operations[LIN_OPERATIONS_MAX];
    size_t count;
};

/* True when it is linearizable; ends the program when there are too many operations. */
bool lin_check(const struct lin_model *model, const struct lin_history *history);

/* Checks the operations of each key alone. */
bool lin_check_by_key(const struct lin_model *model, const struct lin_history *history);

/* One operation a line, in the order of their calls, as TAP diagnostics. */
void lin_print(const struct lin_model *model, const struct lin_history *history);

#endif
