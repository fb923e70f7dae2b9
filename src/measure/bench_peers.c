/* SPDX-License-Identifier: MIT */
/* The libraries that the suite `collections` compares. Layer 4. */
#define _GNU_SOURCE
#include "measure/bench_peers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

void bench_peers_free(struct bench_peers *peers)
{
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

/* "NAME VERSION PATTERN SUMMARY"; "-" is no version. */
static void add_line(struct bench_peers *peers, char *line)
{
    char *name = cut_word(&line), *version = cut_word(&line), *fits = cut_word(&line);
    if (!fits)
        return;
    struct finder_allocator *item = &peers->items[peers->count];
    *item = (struct finder_allocator){.name = name,
                                      .version = strcmp(version, "-") == 0 ? "" : version,
                                      .source = FINDER_BUILT_IN};
    struct bench_allocator *column = &peers->columns[peers->count++];
    *column = (struct bench_allocator){.found = item, .fits = fits};
    snprintf(column->label, sizeof column->label, "%s", name);
}

static int make_columns(struct bench_peers *peers)
{
    size_t lines = 1;
    for (const char *at = peers->text; (at = strchr(at, '\n')); at++)
        lines++;
    peers->items = calloc(lines, sizeof *peers->items);
    peers->columns = calloc(lines, sizeof *peers->columns);
    if (!peers->items || !peers->columns)
        return SHALE_ENOMEM;
    char *rest = peers->text;
    for (char *line; (line = strsep(&rest, "\n"));)
        add_line(peers, line);
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
static int select_wanted(struct bench_peers *peers, const char *const *wanted, char *reason,
                         size_t reason_size)
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
                     BENCH_PEERS_PROGRAM);
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

int bench_peers_list(const char *const *wanted, const struct bench_settings *settings,
                     struct bench_peers *peers, char *reason, size_t reason_size)
{
    char program[PATH_SIZE];
    *peers = (struct bench_peers){0};
    snprintf(reason, reason_size, "%s", shale_strerror(SHALE_ENOMEM));
    int result = bench_ask(BENCH_PEERS_PROGRAM, "--peers", settings, program, sizeof program,
                           &peers->text, reason, reason_size);
    if (result == 0)
        result = make_columns(peers);
    if (result == 0 && wanted)
        result = select_wanted(peers, wanted, reason, reason_size);
    if (result != 0)
        bench_peers_free(peers);
    return result;
}
