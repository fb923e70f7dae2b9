/* SPDX-License-Identifier: MIT */
/*
 * The loop over a map's operations, for a file that has defined map_get(), map_put() and
 * map_remove() as inline functions that return whether the key was there (or was new, for a put).
 */
#ifndef BENCH_COLLECTIONS_MAP_LOOP_H
#define BENCH_COLLECTIONS_MAP_LOOP_H

#include "peer.h"

static uint64_t map_run(void *map, const uint64_t *ops, size_t count)
{
    uint64_t done = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t key = op_key(ops[i]);
        switch (op_kind(ops[i])) {
        case OP_GET:
            done += map_get(map, key);
            break;
        case OP_PUT:
            done += map_put(map, key);
            break;
        case OP_REMOVE:
            done += map_remove(map, key);
        }
    }
    return done;
}

#endif
