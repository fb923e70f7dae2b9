/* SPDX-License-Identifier: MIT */
/*
 * Settings of allocators that trade memory, time and threads against each other. Layer 5.
 *
 * A candidate that fails by its figures is tried again with those that may mend it (remedies);
 * `shale tune` searches all of them, and combinations, for the best.
 */
#ifndef SHALE_GATE_SETTINGS_H
#define SHALE_GATE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum { SETTING_VARIABLES_MAX = 6, SETTING_TEXT_MAX = 320 };

struct setting {
    char name[96];               /* "no huge pages" */
    char text[SETTING_TEXT_MAX]; /* "A=1 B=2": variables, apart by blanks */
};

/*
 * Those of that allocator, in the order to try them.
 *
 * @param allocator      the name that is proven: "mimalloc".
 * @param remedies_only  those that are for speed alone are left out.
 * @return  how many.
 */
size_t settings_of(const char *allocator, bool remedies_only, struct setting *settings, size_t max);

/*
 * One setting of two: their variables together; of MALLOC_CONF, which holds a list, the entries.
 *
 * @return  false, *out untouched, where both set the same thing, or it would be too long.
 */
bool setting_combine(const struct setting *left, const struct setting *right, struct setting *out);

/*
 * Takes "A=1 B=2" as a user wrote it.
 *
 * @return  false for what is no list of NAME=VALUE, or too long.
 */
bool setting_parse(const char *text, struct setting *out);

/*
 * The variables of a setting, apart.
 *
 * @param storage    gets the text, cut.
 * @param variables  gets "K=V" that point into storage, and NULL behind them.
 * @return  how many.
 */
size_t setting_variables(const struct setting *setting, char storage[SETTING_TEXT_MAX],
                         const char *variables[SETTING_VARIABLES_MAX + 1]);

#endif
