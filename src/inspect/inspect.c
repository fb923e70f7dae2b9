/* SPDX-License-Identifier: MIT */
/* Reading the engines that notes lead to. Layer 2. */
#include "inspect/inspect.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shale/error.h>

#include "base/clock.h"
#include "base/os.h"
#include "identify/memory.h"
#include "identify/procfs.h"
#include "inspect/notes.h"
#include "slab/diagnose.h"
#include "slab/fingerprint.h"
#include "slab/survey.h"

enum { SLOTS = 1 << SLAB_SLOT_BITS };

_Static_assert((int)INSPECT_CLASSES_MAX >= (int)SLAB_CLASSES, "every class has room");

static int read_target(const void *context, uint64_t address, void *out, size_t size)
{
    return identify_memory_read(context, address, out, size);
}

/* Keeps the threads that come by; one that finds no memory is left out. */
static void keep_thread(void *context, const struct slab_thr *thr)
{
    struct inspect_engine *engine = context;
    size_t count = engine->thread_count;
    struct shale_stats_thread *more = engine->threads;
    if ((count & (count - 1)) == 0)
        more = realloc(engine->threads, (count == 0 ? 1 : 2 * count) * sizeof *more);
    if (more == NULL)
        return;
    engine->threads = more;
    slab_publish_thread(thr, &engine->threads[engine->thread_count++]);
}

/* Keeps the epochs that come by; one that finds no memory is left out. */
static void keep_epoch(void *context, const struct slab_epoch_head *head,
                       const struct slab_epoch_stats *stats)
{
    struct inspect_engine *engine = context;
    size_t count = engine->epoch_count;
    struct shale_stats_epoch *more = engine->epochs;
    if ((count & (count - 1)) == 0)
        more = realloc(engine->epochs, (count == 0 ? 1 : 2 * count) * sizeof *more);
    if (more == NULL)
        return;
    engine->epochs = more;
    slab_publish_epoch(head, stats, &engine->epochs[engine->epoch_count++]);
}

static bool is_map(const struct slab_map *map)
{
    return map->magic == SLAB_MAP_MAGIC && memchr(map->release, '\0', sizeof map->release) != NULL;
}

static int survey(const struct identify_memory *memory, const struct slab_map *map,
                  struct inspect_engine *engine)
{
    struct slab_stats stats;
    struct slab_source source = {.read = read_target,
                                 .context = memory,
                                 .map = map,
                                 .follow = true,
                                 .thread = keep_thread,
                                 .thread_context = engine,
                                 .slots = calloc(SLOTS, sizeof(struct slab_epoch_stats)),
                                 .slot_count = SLOTS,
                                 .epoch = keep_epoch,
                                 .epoch_context = engine};
    if (source.slots == NULL)
        return SHALE_ENOMEM;
    int error = slab_survey(&source, &stats);
    free(source.slots);
    if (error != 0)
        return error;
    engine->reservation = stats.reservation;
    engine->reserved_bytes = stats.reserved_bytes;
    engine->started = stats.range_bytes != 0;
    slab_publish(&stats, &engine->stats);
    engine->class_count = SLAB_CLASSES;
    for (size_t i = 0; i < SLAB_CLASSES; i++)
        slab_publish_class(&stats.classes[i], &engine->classes[i]);
    return 0;
}

/* False: what the note leads to is no map, in a file that is mapped as data, say. */
static bool read_engine(const struct identify_memory *memory, const struct inspect_note *note,
                        struct inspect_engine *engine, int *error)
{
    struct slab_map map;
    if (identify_memory_read(memory, note->map, &map, sizeof map) != 0 || !is_map(&map))
        return false;
    snprintf(engine->object, sizeof engine->object, "%s", note->object);
    memcpy(engine->release, map.release, sizeof engine->release);
    engine->readable = map.version == SLAB_MAP_VERSION && map.bytes == sizeof map &&
                       map.fingerprint == SLAB_FINGERPRINT;
    *error = engine->readable ? survey(memory, &map, engine) : 0;
    return true;
}

static int read_engines(const struct identify_memory *memory, char *maps,
                        struct inspect_report *report)
{
    struct inspect_note notes[INSPECT_ENGINES_MAX];
    size_t count = inspect_find_notes(memory, maps, notes, INSPECT_ENGINES_MAX);
    int error = 0;
    if (count == 0)
        return 0;
    report->engines = calloc(count, sizeof *report->engines);
    if (report->engines == NULL)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count && error == 0; i++)
        if (read_engine(memory, &notes[i], &report->engines[report->engine_count], &error))
            report->engine_count++;
    return error;
}

static void add_line(struct inspect_resident *sums, const char *line)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {{"Rss:", offsetof(struct inspect_resident, resident)},
                  {"AnonHugePages:", offsetof(struct inspect_resident, huge)},
                  {"LazyFree:", offsetof(struct inspect_resident, lazy)},
                  {"Swap:", offsetof(struct inspect_resident, swapped)},
                  {"Locked:", offsetof(struct inspect_resident, locked)}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        unsigned long long kib;
        size_t length = strlen(fields[i].name);
        uint64_t *sum = (uint64_t *)(void *)((char *)sums + fields[i].offset);
        if (strncmp(line, fields[i].name, length) == 0 && sscanf(line + length, "%llu", &kib) == 1)
            *sum += kib << 10;
    }
}

/* A mapping belongs to the engine in whose reservation it begins. */
static struct inspect_engine *engine_at(struct inspect_report *report, uint64_t address)
{
    for (size_t i = 0; i < report->engine_count; i++)
        if (address - report->engines[i].reservation < report->engines[i].reserved_bytes)
            return &report->engines[i];
    return NULL;
}

/* Without smaps the figures stay zero: they are beside the others. */
static void read_resident(pid_t pid, struct inspect_report *report)
{
    int status = 0;
    size_t size;
    struct inspect_engine *engine = NULL;
    char *text = identify_process_file(pid, "smaps", &size, &status);
    char *rest = text;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned long long first;
        unsigned long long end;
        if (sscanf(line, "%llx-%llx ", &first, &end) == 2)
            engine = engine_at(report, first);
        else if (engine != NULL)
            add_line(&engine->resident, line);
    }
    free(text);
}

static int read_rss(pid_t pid, struct inspect_report *report)
{
    int status = 0;
    size_t size;
    unsigned long long pages = 0;
    char *text = identify_process_file(pid, "statm", &size, &status);
    if (text == NULL)
        return status;
    if (sscanf(text, "%*u %llu", &pages) == 1)
        report->rss_bytes = pages * shale_os_page_size();
    free(text);
    return 0;
}

static int read_memory(pid_t pid, struct inspect_report *report)
{
    struct identify_memory memory;
    int status = 0;
    size_t size;
    int error = identify_memory_open(pid, &memory);
    if (error != 0)
        return error;
    char *maps = identify_process_file(pid, "maps", &size, &status);
    error = maps ? read_engines(&memory, maps, report) : status;
    free(maps);
    if (error == 0)
        read_resident(pid, report);
    identify_memory_close(&memory);
    return error != 0 ? error : read_rss(pid, report);
}

/* Ended or executed another program meanwhile: what was read is of nobody. */
static int check_same(pid_t pid, const struct identify_process *before, int error)
{
    struct identify_process after;
    int status = identify_process_read(pid, &after);
    bool same = status == 0 && identify_process_same(before, &after) && !after.zombie;
    identify_process_free(&after);
    return same ? error : SHALE_EGONE;
}

int inspect_process(pid_t pid, struct inspect_report *report)
{
    struct identify_process process;
    *report = (struct inspect_report){.pid = pid, .time_ns = shale_clock_monotonic_ns()};
    int error = identify_process_read(pid, &process);
    if (error == 0 && process.zombie)
        error = SHALE_EGONE;
    if (error == 0)
        snprintf(report->command, sizeof report->command, "%s", process.command);
    if (error == 0 && !process.kernel_thread)
        error = check_same(pid, &process, read_memory(pid, report));
    identify_process_free(&process);
    return error;
}

size_t inspect_diagnose(const struct inspect_engine *engine, uint64_t epoch_age_ns,
                        struct shale_finding *found, size_t room)
{
    struct slab_symptoms symptoms = {&engine->stats, engine->epochs, engine->epoch_count,
                                     epoch_age_ns};
    struct slab_findings findings = {found, room, 0};
    if (engine->readable)
        slab_diagnose(&symptoms, &findings);
    return findings.count;
}

void inspect_free(struct inspect_report *report)
{
    for (size_t i = 0; i < report->engine_count; i++) {
        free(report->engines[i].threads);
        free(report->engines[i].epochs);
    }
    free(report->engines);
    report->engines = NULL;
    report->engine_count = 0;
}
