/* SPDX-License-Identifier: MIT */
/*
 * The libraries that the suite `collections` compares: what `collections-bench --peers` lists. Each
 * is a column of the benchmark, in place of an allocator. Layer 4.
 */
#ifndef SHALE_MEASURE_BENCH_PEERS_H
#define SHALE_MEASURE_BENCH_PEERS_H

#include "measure/bench_suite.h"

#define BENCH_PEERS_PROGRAM "collections-bench"

/* What the columns point to. */
struct bench_peers {
    char *text; /* the list, cut into words */
    struct finder_allocator *items;
    struct bench_allocator *columns;
    size_t count;
};

/*
 * Lists the peers that this machine has.
 *
 * @param wanted  names; NULL ends; NULL: all of them.
 * @param reason  gets why not, on error.
 * @return  0; SHALE_ENOENT: the program is missing or a wanted peer is; SHALE_ENOMEM; an error of
 *          bench_execute().
 * Ownership: bench_peers_free().
 */
SHALE_NODISCARD int bench_peers_list(const char *const *wanted,
                                     const struct bench_settings *settings,
                                     struct bench_peers *peers, char *reason, size_t reason_size);

void bench_peers_free(struct bench_peers *peers);

#endif
