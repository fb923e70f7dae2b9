/* SPDX-License-Identifier: MIT */
/* What the suites of peers compare. Layer 4. */
#define _GNU_SOURCE
#include "measure/bench_peers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

const char *bench_peers_program(const char *suite)
{
    static const char *const programs[][2] = {{"collections", "collections-bench"},
                                              {"epochs", "epochs-bench"}};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i][0], suite) == 0)
            return programs[i][1];
    return NULL;
}

void bench_peers_free(struct bench_peers *peers)
{
    finder_free(&peers->allocators);
    free(peers->text);
    free(peers->items);
    free(peers->columns);
    *peers = (struct bench_peers){0};
}

/* The next word of a line; NULL at its end. */
static char *cut_word(char **rest)
{
    return *rest ? strsep(rest, " ") : NULL;
}

static struct bench_allocator *add_column(struct bench_peers *peers, const char *name,
                                          const char *fits, const struct finder_allocator *found)
{
    struct bench_allocator *column = &peers->columns[peers->count++];
    *column = (struct bench_allocator){.found = found, .fits = fits, .peer = name};
    return column;
}

/* Of several files of one name and version the first is taken. */
static bool is_first(const struct finder_list *list, size_t index)
{
    const struct finder_allocator *item = &list->items[index];
    for (size_t i = 0; i < index; i++)
        if (!list->items[i].reason && strcmp(list->items[i].name, item->name) == 0 &&
            strcmp(list->items[i].version, item->version) == 0)
            return false;
    return !item->reason;
}

static void add_for_each(struct bench_peers *peers, const char *name, const char *fits,
                         const char *allocator)
{
    const struct finder_list *list = &peers->allocators;
    bool any = strcmp(allocator, "*") == 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct finder_allocator *found = &list->items[i];
        if (!is_first(list, i) || (!any && strcmp(found->name, allocator) != 0))
            continue;
        struct bench_allocator *column = add_column(peers, name, fits, found);
        column->preloaded = true;
        snprintf(column->label, sizeof column->label, "%.24s@%.20s%s%.16s", name,
                 any ? found->name : found->version, any && found->version[0] ? "-" : "",
                 any ? found->version : "");
    }
}

static void add_line(struct bench_peers *peers, size_t index, char *line)
{
    char *name = cut_word(&line), *version = cut_word(&line), *fits = cut_word(&line);
    if (!fits)
        return;
    if (version[0] == '@') {
        add_for_each(peers, name, fits, version + 1);
        return;
    }
    struct finder_allocator *item = &peers->items[index];
    *item = (struct finder_allocator){.name = name,
                                      .version = strcmp(version, "-") == 0 ? "" : version,
                                      .source = FINDER_BUILT_IN};
    struct bench_allocator *column = add_column(peers, name, fits, item);
    snprintf(column->label, sizeof column->label, "%s", name);
}

static int make_columns(struct bench_peers *peers)
{
    size_t lines = 1;
    for (const char *at = peers->text; (at = strchr(at, '\n')); at++)
        lines++;
    if (strstr(peers->text, " @") && finder_scan(&peers->allocators) != 0)
        return SHALE_ENOMEM;
    peers->items = calloc(lines, sizeof *peers->items);
    peers->columns = calloc(lines * (peers->allocators.count + 1), sizeof *peers->columns);
    if (!peers->items || !peers->columns)
        return SHALE_ENOMEM;
    char *rest = peers->text;
    size_t index = 0;
    for (char *line; (line = strsep(&rest, "\n")); index++)
        add_line(peers, index, line);
    return 0;
}

static const struct bench_allocator *find(const struct bench_peers *peers, const char *name)
{
    for (size_t i = 0; i < peers->count; i++)
        if (strcmp(peers->columns[i].label, name) == 0)
            return &peers->columns[i];
    return NULL;
}

/* Keeps the wanted ones, in the order in which they were asked for. */
static int select_wanted(struct bench_peers *peers, const char *program, const char *const *wanted,
                         char *reason, size_t reason_size)
{
    size_t count = 0;
    while (wanted[count])
        count++;
    struct bench_allocator *chosen = calloc(count + 1, sizeof *chosen);
    if (!chosen)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct bench_allocator *found = find(peers, wanted[i]);
        if (!found) {
            snprintf(reason, reason_size, "there is no peer '%s' here; try '%s --peers'", wanted[i],
                     program);
            free(chosen);
            return SHALE_ENOENT;
        }
        chosen[i] = *found;
    }
    free(peers->columns);
    peers->columns = chosen;
    peers->count = count;
    return 0;
}

int bench_peers_list(const char *program, const char *const *wanted,
                     const struct bench_settings *settings, struct bench_peers *peers, char *reason,
                     size_t reason_size)
{
    char path[PATH_SIZE];
    *peers = (struct bench_peers){0};
    snprintf(reason, reason_size, "%s", shale_strerror(SHALE_ENOMEM));
    int result = bench_ask(program, "--peers", settings, path, sizeof path, &peers->text, reason,
                           reason_size);
    if (result == 0)
        result = make_columns(peers);
    if (result == 0 && wanted)
        result = select_wanted(peers, program, wanted, reason, reason_size);
    if (result != 0)
        bench_peers_free(peers);
    return result;
}
