/* SPDX-License-Identifier: MIT */
/* <shale/stats.h> and <shale/diagnose.h>. Layer 2: a preload has an engine too, and must not answer
 * for libshale's. */
#include <shale/stats.h>

#include <string.h>

#include <shale/diagnose.h>
#include <shale/epoch.h>
#include <shale/error.h>

#include "base/os.h"
#include "slab/diagnose.h"
#include "slab/survey.h"

/* What release 0.1.0 knew: no caller can have less. */
enum {
    FIRST_GLOBAL = offsetof(struct shale_stats, foreign_ignored) + sizeof(uint64_t),
    FIRST_CLASS = offsetof(struct shale_stats_class, slabs) + sizeof(uint64_t),
    FIRST_EPOCH = offsetof(struct shale_stats_epoch, label) + SHALE_EPOCH_LABEL_MAX,
    FIRST_FINDING = offsetof(struct shale_finding, text) + 208,
    FIRST_THREAD = offsetof(struct shale_stats_thread, misuses) + sizeof(uint64_t),
};

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

static bool is_way(int how)
{
    return how == SHALE_STATS_APPROXIMATE || how == SHALE_STATS_EXACT;
}

SHALE_EXPORT int shale_stats_global(struct shale_stats *stats, int how)
{
    struct slab_stats found;
    struct shale_stats whole;
    if (stats == NULL || stats->struct_size < FIRST_GLOBAL || !is_way(how))
        return SHALE_EINVAL;
    int error = slab_stats_take(&found, how == SHALE_STATS_EXACT, NULL);
    if (error != 0)
        return error;
    slab_publish(&found, &whole);
    whole.struct_size = (uint32_t)smaller(stats->struct_size, sizeof whole);
    memcpy(stats, &whole, whole.struct_size);
    return SHALE_OK;
}

SHALE_EXPORT int shale_stats_classes(struct shale_stats_class *classes, size_t struct_size,
                                     size_t *count, int how)
{
    struct slab_stats found;
    if (count == NULL || (classes == NULL && *count != 0) || struct_size < FIRST_CLASS ||
        !is_way(how))
        return SHALE_EINVAL;
    int error = slab_stats_take(&found, how == SHALE_STATS_EXACT, NULL);
    if (error != 0)
        return error;
    for (size_t i = 0; i < smaller(*count, SLAB_CLASSES); i++) {
        struct shale_stats_class class;
        slab_publish_class(&found.classes[i], &class);
        memcpy((char *)classes + i * struct_size, &class, smaller(struct_size, sizeof class));
    }
    *count = SLAB_CLASSES;
    return SHALE_OK;
}

/* Epochs that find room, and the sums by slot that they are made from. */
struct epochs {
    char *out;
    size_t struct_size;
    size_t room;
    size_t found;
};

static void add_epoch(void *context, const struct slab_epoch_head *head,
                      const struct slab_epoch_stats *stats)
{
    struct epochs *epochs = context;
    struct shale_stats_epoch epoch;
    if (epochs->found++ >= epochs->room)
        return;
    slab_publish_epoch(head, stats, &epoch);
    memcpy(epochs->out + (epochs->found - 1) * epochs->struct_size, &epoch,
           smaller(epochs->struct_size, sizeof epoch));
}

/* Memory for `count` entries of `size` bytes that nobody's malloc is asked for. */
static int map_table(size_t count, size_t size, void **table, size_t *bytes)
{
    *bytes = SHALE_ALIGN_UP(count * size, shale_os_page_size());
    return shale_os_map(*bytes, 0, table);
}

static int take_epochs(struct epochs *epochs, struct slab_stats *stats, int how)
{
    void *slots;
    size_t bytes;
    uint32_t count = 1u << SLAB_SLOT_BITS;
    int error = map_table(count, sizeof(struct slab_epoch_stats), &slots, &bytes);
    if (error != 0)
        return error;
    struct slab_source source = {
        .slots = slots, .slot_count = count, .epoch = add_epoch, .epoch_context = epochs};
    error = slab_stats_take(stats, how == SHALE_STATS_EXACT, &source);
    (void)shale_os_release(slots, bytes);
    return error;
}

SHALE_EXPORT int shale_stats_epochs(struct shale_stats_epoch *epochs, size_t struct_size,
                                    size_t *count, int how)
{
    struct slab_stats found;
    if (count == NULL || (epochs == NULL && *count != 0) || struct_size < FIRST_EPOCH ||
        !is_way(how))
        return SHALE_EINVAL;
    struct epochs into = {(char *)epochs, struct_size, *count, 0};
    int error = take_epochs(&into, &found, how);
    if (error == 0)
        *count = into.found;
    return error;
}

/* With what was found copied to the caller, as large as he knows it. */
static void judge(const struct slab_symptoms *symptoms, char *out, size_t struct_size,
                  struct slab_findings *findings)
{
    slab_diagnose(symptoms, findings);
    for (size_t i = 0; out != NULL && i < smaller(findings->count, findings->room); i++)
        memcpy(out + i * struct_size, &findings->found[i],
               smaller(struct_size, sizeof(struct shale_finding)));
}

SHALE_EXPORT int shale_diagnose(const struct shale_diagnose_options *options,
                                struct shale_finding *findings, size_t struct_size, size_t *count)
{
    struct slab_stats found;
    struct shale_stats stats;
    void *table;
    void *list = NULL;
    size_t table_bytes;
    size_t list_bytes = 0;
    size_t room = 1u << SLAB_SLOT_BITS;
    if (count == NULL || (findings == NULL && *count != 0) || struct_size < FIRST_FINDING)
        return SHALE_EINVAL;
    int error = map_table(room, sizeof(struct shale_stats_epoch), &table, &table_bytes);
    if (error != 0)
        return error;
    struct epochs epochs = {table, sizeof(struct shale_stats_epoch), room, 0};
    error = take_epochs(&epochs, &found, SHALE_STATS_APPROXIMATE);
    if (error == 0)
        error = map_table(*count + 1, sizeof(struct shale_finding), &list, &list_bytes);
    if (error == 0) {
        struct slab_findings into = {list, *count, 0};
        slab_publish(&found, &stats);
        judge(&(struct slab_symptoms){&stats, table, smaller(epochs.found, room),
                                      options != NULL ? options->epoch_age_ns : 0},
              (char *)findings, struct_size, &into);
        *count = into.count;
        (void)shale_os_release(list, list_bytes);
    }
    (void)shale_os_release(table, table_bytes);
    return error;
}

struct room {
    char *threads;
    size_t struct_size;
    size_t room;
    size_t found;
};

static void add_thread(void *context, const struct slab_thr *thr)
{
    struct room *room = context;
    struct shale_stats_thread thread;
    if (room->found++ >= room->room)
        return;
    slab_publish_thread(thr, &thread);
    memcpy(room->threads + (room->found - 1) * room->struct_size, &thread,
           smaller(room->struct_size, sizeof thread));
}

SHALE_EXPORT int shale_stats_threads(struct shale_stats_thread *threads, size_t struct_size,
                                     size_t *count, int how)
{
    struct slab_stats found;
    if (count == NULL || (threads == NULL && *count != 0) || struct_size < FIRST_THREAD ||
        !is_way(how))
        return SHALE_EINVAL;
    struct room room = {(char *)threads, struct_size, *count, 0};
    struct slab_source source = {.thread = add_thread, .thread_context = &room};
    int error = slab_stats_take(&found, how == SHALE_STATS_EXACT, &source);
    if (error == 0)
        *count = room.found;
    return error;
}
