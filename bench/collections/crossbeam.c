/* SPDX-License-Identifier: MIT */
/*
 * crossbeam's collections, from the library that `./x bench` has cargo build beside this program;
 * without cargo, or without the registry, they are left out.
 */
#include <dlfcn.h>
#include <limits.h>

#include "peer.h"

static void nothing(void *collection)
{
}

static struct map_peer map = {.attach = nothing, .detach = nothing};
static struct queue_peer queue = {.attach = nothing, .detach = nothing};
static struct queue_peer ring = {.attach = nothing, .detach = nothing};

const struct peer peer_crossbeam_map = {
    "crossbeam_skipmap", "-", "map-*", "crossbeam's SkipMap", &map, NULL, NULL};
const struct peer peer_crossbeam_queue = {
    "crossbeam_segqueue", "-", "queue-*", "crossbeam's SegQueue", NULL, &queue, NULL};
const struct peer peer_crossbeam_ring = {
    "crossbeam_arrayqueue", "-", "queue-[!f]*", "crossbeam's ArrayQueue", NULL, &ring, NULL};

bool crossbeam_open(void)
{
    char path[PATH_MAX];
    if (!beside_program("crossbeam/release/libcollections_crossbeam.so", path, sizeof path))
        return false;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"crossbeam_map_make", &map.make},         {"crossbeam_map_run", &map.run},
        {"crossbeam_segqueue_make", &queue.make},  {"crossbeam_segqueue_put", &queue.put},
        {"crossbeam_segqueue_get", &queue.get},    {"crossbeam_segqueue_pairs", &queue.pairs},
        {"crossbeam_arrayqueue_make", &ring.make}, {"crossbeam_arrayqueue_put", &ring.put},
        {"crossbeam_arrayqueue_get", &ring.get},   {"crossbeam_arrayqueue_pairs", &ring.pairs},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return false;
        *(void **)functions[i].place = function;
    }
    return true;
}
