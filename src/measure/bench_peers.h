/* SPDX-License-Identifier: MIT */
/*
 * What the suites `collections` and `epochs` compare: what their programs list with --peers. Each
 * is a column of the benchmark, in place of an allocator. Layer 4.
 *
 * A line is "NAME VERSION PATTERN SUMMARY". A peer that is a part of an allocator, or that is
 * malloc itself, has "@ALLOCATOR" or "@*" for a version: it gets a column for each of that name
 * that this machine has, which is preloaded and proven, and the column's name ends in its version.
 */
#ifndef SHALE_MEASURE_BENCH_PEERS_H
#define SHALE_MEASURE_BENCH_PEERS_H

#include "measure/bench_suite.h"

/* The program of a suite that compares peers; NULL: it compares allocators. */
const char *bench_peers_program(const char *suite);

/* What the columns point to. */
struct bench_peers {
    char *text; /* the list, cut into words */
    struct finder_list allocators;
    struct finder_allocator *items;
    struct bench_allocator *columns;
    size_t count;
};

/*
 * Lists the peers that this machine has.
 *
 * @param program  of the suite.
 * @param wanted   names; NULL ends; NULL: all of them.
 * @param reason  gets why not, on error.
 * @return  0; SHALE_ENOENT: the program is missing or a wanted peer is; SHALE_ENOMEM; an error of
 *          bench_execute().
 * Ownership: bench_peers_free().
 */
SHALE_NODISCARD int bench_peers_list(const char *program, const char *const *wanted,
                                     const struct bench_settings *settings,
                                     struct bench_peers *peers, char *reason, size_t reason_size);

void bench_peers_free(struct bench_peers *peers);

#endif
