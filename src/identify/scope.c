/* SPDX-License-Identifier: MIT */
/* Which objects were there at startup, and which of those were preloaded. Layer 1; part of the
 * self-check. */
#include "identify/modules.h"

#include <stdlib.h>
#include <string.h>

/* musl's C library and its dynamic linker are one file, which programs need as libc.so. */
static bool is_named(const struct identify_module *module, const char *name)
{
    if (strncmp(name, "libc.", 5) == 0 && strncmp(identify_module_name(module), "ld-musl", 7) == 0)
        return true;
    return strcmp(module->soname, name) == 0 || strcmp(module->path, name) == 0 ||
           strcmp(identify_module_name(module), name) == 0;
}

/* Marks what `module` needs, by name, in its own namespace; returns the last index marked. */
static size_t mark_needed(struct identify_modules *modules, size_t index, bool *reached)
{
    const struct identify_module *module = &modules->items[index];
    size_t last = index;
    for (size_t i = 0; i < module->dynamic.needed_count; i++) {
        char name[256];
        if (identify_module_string(module, module->dynamic.needed[i], name, sizeof name) != 0)
            continue;
        for (size_t j = 0; j < modules->count; j++) {
            if (modules->items[j].space != module->space || !is_named(&modules->items[j], name))
                continue;
            reached[j] = true;
            if (j > last)
                last = j;
        }
    }
    return last;
}

/*
 * dlopen appends to the list, so all that stands before the last object that the executable needs
 * was there at startup; what nothing needs there was preloaded. A preloaded library's own needs
 * come last, so each round may widen the range; every round marks one more object or is the last.
 */
void identify_modules_mark_scope(struct identify_modules *modules)
{
    bool *reached = calloc(modules->count, sizeof *reached);
    bool *asked = calloc(modules->count, sizeof *asked);
    size_t last = 0;
    if (reached && asked && modules->count > 0)
        reached[0] = true;
    for (bool more = reached && asked; more;) {
        more = false;
        for (size_t i = 0; i < modules->count; i++) {
            bool known = reached[i] || (i <= last && modules->items[i].space == 0);
            if (!known || asked[i])
                continue;
            asked[i] = more = true;
            size_t end = mark_needed(modules, i, reached);
            if (end > last)
                last = end;
        }
    }
    for (size_t i = 0; reached && i < modules->count; i++) {
        struct identify_module *module = &modules->items[i];
        module->startup = i <= last && module->space == 0;
        module->preloaded = module->startup && !reached[i] && module->soname[0] != '\0' &&
                            strncmp(module->soname, "linux-vdso", 10) != 0 &&
                            strncmp(module->soname, "ld-linux", 8) != 0;
    }
    free(reached);
    free(asked);
}
