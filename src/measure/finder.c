/* SPDX-License-Identifier: MIT */
/* Listing the allocators of this machine and choosing the one that is meant. Layer 4. */
#define _GNU_SOURCE
#include "measure/finder.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify/catalog.h"
#include "measure/finder_internal.h"

const char *finder_source_name(enum finder_source source)
{
    static const char *const names[] = {
        [FINDER_BUILT_IN] = "built-in", [FINDER_PATH] = "path",   [FINDER_OWN] = "own",
        [FINDER_SYSTEM] = "system",     [FINDER_LOCAL] = "local", [FINDER_PEERS] = "peers",
        [FINDER_GIVEN] = "given",
    };
    return names[source];
}

static void free_item(struct finder_allocator *item)
{
    free((void *)item->name);
    free((void *)item->version);
    free((void *)item->path);
    free((void *)item->reason);
}

void finder_free(struct finder_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free_item(&list->items[i]);
    free(list->items);
    *list = (struct finder_list){NULL};
}

/* What a search looks for, and what it has found. */
struct search {
    struct finder_list *list;
    const char *name; /* NULL: all */
};

static bool is_listed(const struct finder_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].path && strcmp(list->items[i].path, path) == 0)
            return true;
    return false;
}

static int visit(const char *path, enum finder_source source, void *context)
{
    const struct search *search = context;
    char real[PATH_MAX];
    if (source != FINDER_PATH && identify_is_debugging_file(path))
        return 0;
    if (search->name) {
        const struct identify_allocator *known = identify_allocator_by_file(path);
        if (!known || strcmp(known->name, search->name) != 0)
            return 0;
    }
    if (!realpath(path, real) || is_listed(search->list, real))
        return 0;
    return finder_inspect(real, source, search->list);
}

static int compare_for_list(const void *left, const void *right)
{
    const struct finder_allocator *a = left;
    const struct finder_allocator *b = right;
    if ((a->source == FINDER_BUILT_IN) != (b->source == FINDER_BUILT_IN))
        return a->source == FINDER_BUILT_IN ? -1 : 1;
    int order = strcmp(a->name, b->name);
    if (order == 0)
        order = (a->reason != NULL) - (b->reason != NULL);
    if (order == 0)
        order = strverscmp(b->version, a->version);
    if (order == 0)
        order = (int)a->rank - (int)b->rank;
    return order ? order : strcmp(a->path, b->path);
}

/* SHALE_ALLOCATOR_PATH, then what came with this program, the system's folders, the rest. */
static int precedence(enum finder_source source)
{
    if (source == FINDER_PATH)
        return 0;
    if (source == FINDER_OWN)
        return 1;
    return source == FINDER_SYSTEM ? 2 : 3;
}

static int compare_for_choice(const void *left, const void *right)
{
    const struct finder_allocator *a = left;
    const struct finder_allocator *b = right;
    int order = (a->reason != NULL) - (b->reason != NULL);
    if (order == 0)
        order = precedence(a->source) - precedence(b->source);
    return order ? order : compare_for_list(left, right);
}

int finder_scan(struct finder_list *list)
{
    struct search search = {.list = list};
    *list = (struct finder_list){NULL};
    int result = finder_add_system(list);
    if (result == 0)
        result = finder_walk(visit, &search);
    if (result < 0) {
        finder_free(list);
        return result;
    }
    qsort(list->items, list->count, sizeof *list->items, compare_for_list);
    return 0;
}

/* Frees the list and says why nothing of it is meant. */
static int refuse(struct finder_list *list, int error, char *reason, size_t size,
                  const char *format, ...) SHALE_PRINTF(5, 6);

static int refuse(struct finder_list *list, int error, char *reason, size_t size,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, size, format, arguments);
    va_end(arguments);
    finder_free(list);
    return error;
}

/* Leaves the i-th alone in the list. */
static void keep_only(struct finder_list *list, size_t kept)
{
    struct finder_allocator chosen = list->items[kept];
    list->items[kept] = list->items[0];
    list->items[0] = chosen;
    while (list->count > 1)
        free_item(&list->items[--list->count]);
}

/* The one entry of the list, unless it cannot be loaded. */
static int accept(struct finder_list *list, char *reason, size_t size)
{
    const struct finder_allocator *only = &list->items[0];
    if (!only->reason)
        return 0;
    return refuse(list, SHALE_ENOTSUP, reason, size, "%s cannot be preloaded here: %s",
                  only->source == FINDER_GIVEN ? "it" : only->path, only->reason);
}

static int find_file(const char *path, struct finder_list *list, char *reason, size_t size)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return refuse(list, SHALE_ENOENT, reason, size, "cannot open '%s': %s", path,
                      strerror(errno));
    int result = finder_inspect(real, FINDER_GIVEN, list);
    if (result < 0)
        return refuse(list, result, reason, size, "%s", shale_strerror(result));
    return accept(list, reason, size);
}

static size_t add_text(char *text, size_t size, size_t used, const char *addition)
{
    if (used + strlen(addition) < size)
        used += (size_t)snprintf(text + used, size - used, "%s", addition);
    return used;
}

static void known_names(char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++) {
        used = add_text(text, size, used, used ? ", " : "");
        used = add_text(text, size, used, entry->name);
    }
}

static void found_versions(const struct finder_list *list, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const char *version = list->items[i].version;
        if (i > 0 && strcmp(version, list->items[i - 1].version) == 0)
            continue;
        used = add_text(text, size, used, used ? ", " : "");
        used = add_text(text, size, used, *version ? version : "one of unknown version");
    }
}

static int nothing_found(const struct identify_allocator *known, char *reason, size_t size)
{
    if (!known->sonames[0])
        snprintf(reason, size,
                 "it looks for errors and is no allocator to choose; to run under it "
                 "all the same, give the path of its library");
    else if (known->debian_package)
        snprintf(reason, size,
                 "no %s is found on this machine; install it (Debian: %s), or name its folder in "
                 "SHALE_ALLOCATOR_PATH",
                 known->name, known->debian_package);
    else
        snprintf(reason, size,
                 "no %s is found on this machine; name its folder in SHALE_ALLOCATOR_PATH",
                 known->name);
    return SHALE_ENOENT;
}

static int choose(struct finder_list *list, const char *name, const char *version, char *reason,
                  size_t size)
{
    char found[256];
    qsort(list->items, list->count, sizeof *list->items, compare_for_choice);
    for (size_t i = 0; i < list->count; i++) {
        if (version && !identify_version_fits(list->items[i].version, version))
            continue;
        keep_only(list, i);
        return accept(list, reason, size);
    }
    qsort(list->items, list->count, sizeof *list->items, compare_for_list);
    found_versions(list, found, sizeof found);
    return refuse(list, SHALE_ENOENT, reason, size,
                  "%s %s is not found on this machine; there is %s", name, version, found);
}

static int find_named(const struct identify_allocator *known, const char *version,
                      struct finder_list *list, char *reason, size_t size)
{
    struct search search = {.list = list, .name = known->name};
    bool system = known == &identify_allocators[0];
    int result = system ? finder_add_system(list) : finder_walk(visit, &search);
    if (result < 0)
        return refuse(list, result, reason, size, "%s", shale_strerror(result));
    if (list->count == 0)
        return nothing_found(known, reason, size);
    return choose(list, known->name, version, reason, size);
}

int finder_find(const char *request, struct finder_list *list, char *reason, size_t reason_size)
{
    char name[64];
    char names[256];
    const char *version;
    *list = (struct finder_list){NULL};
    if (strchr(request, '/'))
        return find_file(request, list, reason, reason_size);
    identify_split_name(request, name, sizeof name, &version);
    const struct identify_allocator *known = identify_allocator_by_name(name);
    if (!known) {
        known_names(names, sizeof names);
        if (strcmp(name, "slab") == 0) /* what the front door calls it */
            return refuse(list, SHALE_ENOENT, reason, reason_size,
                          "the slab engine as a library is called 'shale'");
        return refuse(list, SHALE_ENOENT, reason, reason_size,
                      "'%s' is no allocator that is known here; known are %s, or give the path of "
                      "a library with a slash in it",
                      name, names);
    }
    return find_named(known, version, list, reason, reason_size);
}
