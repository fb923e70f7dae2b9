/* SPDX-License-Identifier: MIT */
/* The Apache Portable Runtime's pools, children of one root as in a server. */
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_version.h>

static inline void *scope_alloc(void *scope, size_t size)
{
    return apr_palloc(scope, size);
}

#include "body.h"

static void start(void)
{
    if (apr_initialize() != APR_SUCCESS)
        bench_die("start APR");
}

static void *open_pool(void)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        bench_die("make a pool");
    return pool;
}

static void close_pool(void *scope, struct object *list)
{
    (void)list;
    apr_pool_destroy(scope);
}

static void *clear(void *scope, struct object *list)
{
    (void)list;
    apr_pool_clear(scope);
    return scope;
}

const struct subject subject_apr_pool = {.name = "apr-pool",
                                         .allocator = "-",
                                         .version = APR_VERSION_STRING,
                                         .start = start,
                                         .open = open_pool,
                                         .fill = fill,
                                         .close = close_pool,
                                         .again = clear,
                                         .alloc = alloc_one};
