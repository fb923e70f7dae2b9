/* SPDX-License-Identifier: MIT */
/* Shale's epochs: slab and region. */
#include <shale/epoch.h>
#include <shale/version.h>

static inline void *scope_alloc(void *scope, size_t size)
{
    return shale_epoch_alloc((shale_epoch)(uintptr_t)scope, size);
}

#include "body.h"

static void *open_as(enum shale_epoch_kind kind)
{
    struct shale_epoch_options options = {.kind = kind, .policy = SHALE_EPOCH_RETAIN};
    shale_epoch epoch;
    if (shale_epoch_open(&options, &epoch) != 0)
        bench_die("open an epoch");
    return (void *)(uintptr_t)epoch;
}

static void *open_slab(void)
{
    return open_as(SHALE_EPOCH_SLAB);
}

static void *open_region(void)
{
    return open_as(SHALE_EPOCH_REGION);
}

/* Deferred: a later call ends it. */
static void close_epoch(void *scope, struct object *list)
{
    (void)list;
    int error = shale_epoch_close((shale_epoch)(uintptr_t)scope, SHALE_EPOCH_DISCARD, 0);
    if (error != 0 && error != SHALE_EDEFERRED)
        bench_die("close an epoch");
}

static void free_one(void *scope, void *object)
{
    (void)scope;
    shale_epoch_free(object);
}

static void purge(void)
{
    (void)shale_reclaim(UINT64_MAX, 0);
}

const struct subject subject_shale_slab = {.name = "shale-slab",
                                           .allocator = "-",
                                           .version = SHALE_VERSION_STRING,
                                           .open = open_slab,
                                           .fill = fill,
                                           .close = close_epoch,
                                           .alloc = alloc_one,
                                           .free = free_one,
                                           .purge = purge};

const struct subject subject_shale_region = {.name = "shale-region",
                                             .allocator = "-",
                                             .version = SHALE_VERSION_STRING,
                                             .open = open_region,
                                             .fill = fill,
                                             .close = close_epoch,
                                             .alloc = alloc_one,
                                             .purge = purge};
