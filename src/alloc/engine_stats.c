/* SPDX-License-Identifier: MIT */
/* <shale/stats.h>. Layer 2: a preload has an engine too, and must not answer for libshale's. */
#include <shale/stats.h>

#include <string.h>

#include <shale/error.h>

#include "slab/survey.h"

/* What release 0.1.0 knew: no caller can have less. */
enum {
    FIRST_GLOBAL = offsetof(struct shale_stats, foreign_ignored) + sizeof(uint64_t),
    FIRST_CLASS = offsetof(struct shale_stats_class, slabs) + sizeof(uint64_t),
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
